/**
 * Log hooks while the policy is reloaded under load: added, removed, put back, renamed, given other
 * sinks and other batches, with batches under way at receivers that are slow, fail or hang.
 * The one idea: whatever the policy says meanwhile, a hook is its name and its position; so what
 * its receivers hold together is judged as that of one hook that was never touched.
 * Deliberately unknown here: cursors, threads, how readers are replaced.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { HookOptions } from './hook-world.ts';
import { HookWorld } from './hook-world.ts';
import { MoodyReceiver } from './moody-receiver.ts';
import { pause } from './scratch.ts';
import { judgeShipping, sayShipping } from './shipping.ts';

const BATCH = 100;
const RELOADS = 3;

describe('log hooks while the policy is reloaded', () => {
  const run = new HookWorld('hooks-reload');
  const localLogs = [{ name: 'files', log_dir: join(run.folder, 'logs') }];
  const sinks: MoodyReceiver[] = [];
  /** Ids that came for a hook, at whichever receiver, in the order in which they came. */
  const arrived = { main: [] as string[], late: [] as string[], put: [] as string[] };
  let faults = 0;

  const main = (sink: number, more: object = {}): HookOptions => ({
    name: 'main',
    url: sinks[sink]?.url,
    http: { timeout: '2s' },
    batch_size: BATCH,
    ...more,
  });
  const late = (): HookOptions => ({
    name: 'late',
    url: sinks[2]?.url,
    start: 'beginning',
    batch_size: BATCH,
  });
  const put = (): HookOptions => ({
    name: 'put',
    url: sinks[3]?.url,
    start: 'beginning',
    batch_size: BATCH,
  });
  const use = (...hooks: HookOptions[]): Promise<void> => run.reload({ hooks, localLogs });

  before(async () => {
    for (const ids of [arrived.main, arrived.main, arrived.late, arrived.put]) {
      const sink = await MoodyReceiver.open();
      Object.defineProperty(sink, 'arrivals', { value: ids });
      sink.takeMs = 20;
      sinks.push(sink);
    }
    await run.start({ hooks: [main(0), put()], localLogs });
  });
  after(async () => {
    await run.close();
    for (const sink of sinks) await sink.close();
  });

  test('another sink, again and again, while batches are under way', async () => {
    await run.demandMail(50);
    for (let turn = 1; turn <= RELOADS; turn += 1) {
      await use(main(turn % 2), put());
      await run.demandMail(20);
    }
    await run.demandCaughtUp('main', 'put', 'files');
  });

  test('a hook that is added begins at the beginning, others do not notice', async () => {
    await use(main(0), put(), late());
    await run.demandCaughtUp('main', 'put', 'late');
  });

  test('a hook that is taken out goes on where it was when it is put back', async () => {
    await use(main(0), late());
    await run.demandMail(100);
    await use(main(0), put(), late());
    await run.demandCaughtUp('main', 'put', 'late');
  });

  test('a receiver that hangs or fails is exchanged for one that does not', async () => {
    for (const manner of ['hang', 'fail'] as const) {
      const [first] = sinks;
      if (first !== undefined) first.manner = manner;
      if (manner === 'hang') faults += 2;
      await run.demandMail(50);
      await use(main(1), put(), late());
      await run.demandCaughtUp('main');
      if (first !== undefined) first.manner = 'take';
      await use(main(0), put(), late());
    }
  });

  test('a kill right behind a reload', async () => {
    await use(main(1, { batch_size: 30 }), put(), late());
    await run.kill();
    faults += 1;
    await run.startAgain();
    await run.demandCaughtUp('main', 'put', 'late');
    await pause(500);
  });

  test('everything is there, in order', async (t) => {
    await run.settle();
    const wanted = run.wanted();
    for (const name of ['main', 'late', 'put'] as const) {
      const arrivals = arrived[name];
      const verdict = judgeShipping({ wanted, arrivals, batchMax: BATCH, faults });
      t.diagnostic(`${sayShipping(name, verdict)}, ${faults} faults`);
      assert.deepEqual(verdict.breaches.slice(0, 10), [], name);
    }
  });
});
