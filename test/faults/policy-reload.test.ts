/**
 * Edits of a running policy, end to end: a data file, a module and a shaping file are changed while
 * 500 messages a second pass, and each change shows in what arrives, without a refused or lost
 * message and without another worker.
 * Deliberately unknown here: how the change travels inside.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { judgeRun } from './conservation.ts';
import { readLedger } from './ledger.ts';
import { FIRST, PolicyWorld, SHAPE } from './policy-world.ts';
import { promisedOf } from './scenario.ts';
import { makeScratch, until } from './scratch.ts';
import type { Copy, Target } from './target.ts';
import { verifyData } from './verify.ts';

/** An interval of the monitor, a load, a proof, and room for a busy machine. */
const EFFECT_MS_MAX = 20_000;
const DRAIN_MS_MAX = 30_000;
const COPIES_MIN = 20;

interface RunFile {
  readonly pid: number;
  readonly workers: readonly { readonly pid: number }[];
}

const readRun = (data: string): RunFile =>
  JSON.parse(readFileSync(join(data, 'run.json'), 'utf8')) as RunFile;

/** True when enough of what came last fits. */
const isNow = ({ copies }: Target, fits: (copy: Copy) => boolean): boolean =>
  copies.length >= COPIES_MIN && copies.slice(-COPIES_MIN).every(fits);

describe('edits under load', () => {
  const scratch = makeScratch('policy-reload');
  const world = new PolicyWorld(scratch.path);
  const [one, two] = world.targets;
  let workers = '';

  before(async () => {
    await world.prepare();
    await world.start().demandPort();
    workers = JSON.stringify(readRun(world.data).workers);
    assert.match(workers, /"pid":\d+/);
    world.startSending();
  });
  after(async () => {
    await world.close();
    scratch.remove();
  });

  const demand = async (target: Target, fits: (copy: Copy) => boolean): Promise<void> => {
    await until(() => isNow(target, fits), EFFECT_MS_MAX);
    assert.ok(isNow(target, fits), world.daemon.tail);
  };

  test('mail flows as the first files say', () =>
    demand(one, ({ helo }) => helo === 'first.example'));

  test('a changed source is used by live queues', async () => {
    world.edit('sources.toml', FIRST.sources.replace('first.example', 'second.example'));
    await demand(one, ({ helo }) => helo === 'second.example');
  });

  test('a changed shaping file reaches open connections', async () => {
    world.edit('shaping.toml', FIRST.shaping.replace('= 1000', '= 1'));
    const isAlone = (copy: Copy): boolean =>
      one.copies.filter(({ session }) => session === copy.session).length === 1;
    await demand(one, isAlone);
  });

  test('a changed module moves the mail', async () => {
    world.route(1);
    await demand(two, ({ helo }) => helo === 'second.example');
  });

  test('nobody was refused, nothing was lost, no worker was replaced', async () => {
    await world.stopSending();
    const arrived = (): Set<number> =>
      new Set(world.targets.flatMap(({ copies }) => copies.map(({ number }) => number)));
    const promised = promisedOf(world.answers);
    await until(() => arrived().size >= promised.length, DRAIN_MS_MAX);
    assert.equal(JSON.stringify(readRun(world.data).workers), workers);
    const { code } = await world.daemon.stop();
    assert.equal(code, 0, world.daemon.tail);
    assert.deepEqual(
      world.answers.filter(({ kind }) => kind !== 'taken'),
      [],
    );
    const told = verifyData(world.data);
    assert.equal(told.code, 0, told.text);
    const copies = [...one.copies, ...two.copies];
    const ledger = readLedger(world.data);
    const verdict = judgeRun({ answers: world.answers, copies, ledger, shape: SHAPE });
    assert.deepEqual(verdict.breaches, []);
    assert.deepEqual([verdict.queued, verdict.second], [0, 0]);
  });
});
