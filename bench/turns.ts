/**
 * The question: how many small turns does the engine make a second while the log is in memory? A
 * turn takes one message, as small as turns get, and each is committed by itself; its queue is
 * suspended, so nothing is sent and nothing but the turn is measured. The passes come one after
 * the other over a backlog that grows, and the first has the program still cold.
 */
import { parseArgs } from 'node:util';
import { describeMachine } from './machine.ts';

const { values } = parseArgs({
  options: {
    turns: { type: 'string', default: '30000' },
    passes: { type: 'string', default: '5' },
    /** The program as it is shipped: sources run through a loader that makes them slower. */
    from: { type: 'string', default: '../dist' },
  },
});
const TURNS = Number(values.turns);
const NEVER = Number.MAX_SAFE_INTEGER;
const DAY_MS = 86_400_000;
/** Body, commit and answer of a message come within this, ms of the world. */
const APART_MS = 4;

const { World } = (await import(
  `${values.from}/testing/world/world.js`
)) as typeof import('../src/testing/world/world.ts');

const world = await World.start({
  seed: 1,
  limits: { reapMs: 60_000, snapshotMsMax: NEVER, snapshotRecordsMax: NEVER },
  reader: { read: () => {}, hear: () => {} },
});
for (const host of world.net.hosts.values()) host.answers = 'never';
world.submit(['u@a.test']);
await world.runFor(1_000);
const until = world.now + DAY_MS;
world.command({ kind: 'queue.suspend', queue: 'a.test', until, why: 'nothing is to be sent' });
await world.runFor(1_000);

const { counts } = world.engine.core.turns;
const passes: { turns: number; commits: number; turnsPerCpuSecond: number }[] = [];
for (let pass = 0; pass < Number(values.passes); pass += 1) {
  const before = { ...counts };
  const began = process.cpuUsage();
  for (let count = 0; count < TURNS; count += 1) {
    world.submit(['u@a.test']);
    await world.runFor(APART_MS);
  }
  const { user, system } = process.cpuUsage(began);
  const turns = counts.turns - before.turns;
  const turnsPerCpuSecond = Math.round((turns * 1e6) / (user + system));
  passes.push({ turns, commits: counts.commits - before.commits, turnsPerCpuSecond });
}

const { loadavg } = await import('node:os');
const [load = 0] = loadavg();
const at = new Date().toISOString();
const machine = { at, ...describeMachine(new URL('..', import.meta.url).pathname), load };
process.stdout.write(`${JSON.stringify({ ...machine, smallTurns: passes })}\n`);
