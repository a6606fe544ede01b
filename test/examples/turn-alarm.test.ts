/**
 * The alarm of the turns: given a clock that counts, when turns come and go, then the alarm is set
 * where it has to be and nowhere else, and a commit alone is no reason for a turn.
 * Deliberately unknown here: what a turn decides.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from '../../src/actors/registry.ts';
import { Books } from '../../src/domain/books.ts';
import { LIMITS } from '../../src/domain/limits.ts';
import type { Log } from '../../src/ports/ports.ts';
import { Turns } from '../../src/turn.ts';

/** Turns whose clock, log and duties the test holds in hand. */
function makeStage() {
  const stage = { now: 1_000, steady: 0, dueAt: Number.POSITIVE_INFINITY, isEnding: false };
  const armed: { waitMs: number; ring: () => void }[] = [];
  const tasks: (() => void)[] = [];
  const commits: number[] = [];
  const clock = {
    now: () => stage.now,
    steadyMs: () => stage.steady,
    arm: (waitMs: number, ring: () => void) => void armed.push({ waitMs, ring }),
    disarm: () => {},
    soon: (task: () => void) => void tasks.push(task),
  };
  const nothing = (): never => assert.fail('nothing is to happen');
  const log = { append: ({ turn }: { turn: number }) => void commits.push(turn) };
  const turns: Turns<'note' | 'quiet'> = new Turns(
    {
      clock,
      log: log as unknown as Log,
      books: new Books(),
      limits: LIMITS,
      registry: new Registry({
        armAlarm: nothing,
        placeRows: nothing,
        withdrawRows: nothing,
        emptyReadyQueues: nothing,
        offerAgain: nothing,
      }),
      hands: {
        ring: () => {},
        decide: (input) => {
          if (input === 'quiet') return;
          turns.emit({ type: 'engine.stopped', stream: 'engine', body: {} });
        },
        match: () => {},
        admitNow: () => 0,
        nextDueAt: () => stage.dueAt,
        isEnding: () => stage.isEnding,
      },
    },
    { turn: 0, position: 0 },
  );
  const goOn = (): void => {
    for (const task of tasks.splice(0)) task();
  };
  const pass = (ms: number): void => {
    stage.now += ms;
    stage.steady += ms;
  };
  return { stage, armed, commits, turns, goOn, pass };
}

test('an alarm that is set stays as it is while nothing is due earlier', () => {
  const { stage, armed, turns, goOn, pass } = makeStage();
  stage.dueAt = 5_000;
  for (let count = 0; count < 5; count += 1) {
    turns.push('quiet');
    goOn();
    pass(100);
  }
  assert.deepEqual(
    armed.map(({ waitMs }) => waitMs),
    [4_000],
  );
  stage.dueAt = 2_000;
  turns.push('quiet');
  goOn();
  assert.equal(armed.at(-1)?.waitMs, 500, 'something is due earlier');
  assert.equal(turns.counts.turns, 6);
});

test('it is set anew when the clock has jumped, and after it rang', () => {
  const { stage, armed, turns, goOn, pass } = makeStage();
  stage.dueAt = 5_000;
  turns.push('quiet');
  goOn();
  stage.now += 3_000;
  turns.push('quiet');
  goOn();
  assert.equal(armed.at(-1)?.waitMs, 1_000, 'the clock was put on by three seconds');
  pass(1_000);
  armed.at(-1)?.ring();
  goOn();
  assert.equal(armed.length, 3, 'it rang, and what it rang for is still there');
});

test('a commit alone is no reason for a turn', () => {
  const { stage, armed, commits, turns, goOn } = makeStage();
  turns.push('note');
  goOn();
  turns.promise(() => {
    stage.dueAt = 1_500;
  });
  turns.push('note');
  turns.durable(commits[0] as number, 1);
  goOn();
  assert.equal(turns.counts.turns, 2, 'an input that came meanwhile is decided');
  turns.durable(commits[1] as number, 1);
  goOn();
  assert.equal(turns.counts.turns, 2);
  assert.equal(armed.at(-1)?.waitMs, 500, 'what it let go may have set an alarm');
});

test('an engine that is to end has a turn after its last commit', () => {
  const { stage, commits, turns, goOn } = makeStage();
  turns.push('note');
  goOn();
  stage.isEnding = true;
  turns.durable(commits[0] as number, 1);
  goOn();
  assert.equal(turns.counts.turns, 2);
});
