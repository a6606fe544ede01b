/**
 * Law: no acknowledgement, no answer to a command and no final dot leaves before the commit that
 * holds its event. The idea: the world looks into the durable log at the very moment each of them
 * leaves, while commits are slow, disks fill up and processes die between a commit and its knowing
 * of it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from '../../src/actors/input.ts';
import type { Wish, World } from '../../src/testing/world/world.ts';
import { checkAnswer, checkDot } from '../world/judge.ts';
import { runPlays } from '../world/law.ts';

const SAYS: Readonly<Record<Command['kind'], string>> = {
  'suspension.place': 'suspension.placed',
  'suspension.lift': 'suspension.lifted',
  'purge.order': 'purge.ordered',
  'purge.cancel': 'purge.cancelled',
  'rebind.order': 'rebind.ordered',
  'connection.abort': 'operator.acted',
  'act.note': 'operator.acted',
  // A suspension of one queue is a rule of its own, under an id that the wish does not know.
  'queue.suspend': 'suspension.placed',
  'queue.resume': 'suspension.lifted',
  'source.suspend': 'source.suspended',
  'source.resume': 'source.resumed',
  'message.cancel': 'message.cancelled',
  'message.rebind': 'message.rebound',
};

function streamOf(command: Command): string {
  if (command.kind === 'message.rebind') {
    return 'id' in command.which ? command.which.id : command.which.queue;
  }
  if ('queue' in command) return '';
  if ('source' in command) return command.source;
  return 'id' in command ? command.id : 'operator';
}

function checkWish(world: World, { command, refusal, wishedAt }: Wish): void {
  if (refusal !== undefined) return;
  world.witness.read(world.store);
  const stream = streamOf(command);
  const type = SAYS[command.kind];
  const isDurable = world.witness.records.some(
    (record) =>
      record.type === type && (stream === '' || record.stream === stream) && record.at >= wishedAt,
  );
  assert.ok(isDurable, `${command.kind} of ${stream} was confirmed before its commit`);
}

test('nothing is said early', async () => {
  let said = 0;
  let plays = 0;
  await runPlays(
    {
      begin: (world) => {
        plays += 1;
        world.onAnswer = (mail) => checkAnswer(world, mail);
        world.onCommanded = (wish) => checkWish(world, wish);
        world.onDot = (dot) => {
          said += 1;
          checkDot(world, dot);
        };
      },
      each: () => {},
    },
    { hasFaults: true, hasCrashes: true },
  );
  assert.ok(plays > 0, 'there was time for a play');
  if (plays > 20) assert.ok(said > 0, 'the plays have final dots');
});
