/**
 * Two hooks, of which one has a receiver that never answers: the other one and the mail go on as if
 * nothing were, and the daemon's memory stays as it is.
 * Deliberately unknown here: what the hook that hangs does meanwhile.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { HookWorld } from './hook-world.ts';
import { MoodyReceiver } from './moody-receiver.ts';
import { isFullRun, pause } from './scratch.ts';
import { judgeShipping, sayShipping } from './shipping.ts';

const BATCH = 100;
/** Until the heap of a young process has found its size. */
const WARM_MS = 10_000;
const RUN_MS = isFullRun() ? 180_000 : 24_000;
const LOOK_MS = 500;
/** A worker's heap of young objects alone may grow by this much and more, whatever it does. */
const GROWTH_BYTES_MAX = 192 * 1024 * 1024;
/** On a busy machine everything takes longer; a hook that hangs takes it all. */
const STILL_MS_MAX = 15_000;

describe('a receiver that hangs for the whole run', () => {
  const run = new HookWorld('hooks-hang');
  let silent: MoodyReceiver;
  let sound: MoodyReceiver;

  before(async () => {
    silent = await MoodyReceiver.open();
    sound = await MoodyReceiver.open();
    silent.manner = 'hang';
    const hooks = [
      { name: 'silent', url: silent.url, batch_size: BATCH, http: { timeout: '10m' } },
      { name: 'sound', url: sound.url, batch_size: BATCH },
    ];
    await run.start({ hooks });
  });
  after(async () => {
    await run.close();
    await silent.close();
    await sound.close();
  });

  test('mail and the other hook go on, memory is flat', async (t) => {
    await run.demandMail(100);
    await pause(WARM_MS);
    const from = { messages: run.promised, records: sound.arrivals.length };
    const memory: number[] = [];
    let stillMs = 0;
    let moved = { at: performance.now(), arrivals: sound.arrivals.length };
    const inHand = new Set<number>();
    for (const end = performance.now() + RUN_MS; performance.now() < end; await pause(LOOK_MS)) {
      memory.push(residentBytes(run.workerPids));
      const arrivals = sound.arrivals.length;
      if (arrivals > moved.arrivals) moved = { at: performance.now(), arrivals };
      stillMs = Math.max(stillMs, performance.now() - moved.at);
      inHand.add((await run.view('silent')).ready);
    }
    const [first, last] = [lowest(memory.slice(0, 10)), lowest(memory.slice(-10))];
    const messages = run.promised - from.messages;
    const records = sound.arrivals.length - from.records;
    t.diagnostic(
      `${messages} messages and ${records} records in ${RUN_MS / 1_000} s, still for ` +
        `${Math.round(stillMs)} ms at most; ` +
        `${megabytes(first)} MB at first, ${megabytes(last)} MB at last`,
    );
    assert.ok(records >= messages, 'the other hook ships what mail makes');
    assert.ok(stillMs <= STILL_MS_MAX, `the other hook stood still for ${stillMs} ms`);
    await run.demandCaughtUp('sound');
    assert.ok(last - first < GROWTH_BYTES_MAX, `${megabytes(first)} MB became ${megabytes(last)}`);
    assert.equal(inHand.size, 1, `the hook that waits reads no further: ${[...inHand]}`);
    const view = await run.view('silent');
    assert.equal(silent.heard.length, 1, 'one batch is under way, and no other');
    assert.ok(view.lag_records > records, 'what it does not take waits in the log');
  });

  test('what waited goes as soon as it answers', async (t) => {
    silent.manner = 'take';
    // The batch that nobody answered ends with its connection.
    await silent.line.begin('reset');
    await silent.line.heal();
    await run.settle();
    for (const [name, { arrivals }] of Object.entries({ silent, sound })) {
      const verdict = judgeShipping({ wanted: run.wanted(), arrivals, batchMax: BATCH, faults: 1 });
      t.diagnostic(sayShipping(name, verdict));
      assert.deepEqual(verdict.breaches, [], name);
    }
    assert.equal(new Set(sound.arrivals).size, sound.arrivals.length, 'it never broke');
  });
});

/** Memory that processes hold, octets. */
const residentBytes = (pids: readonly number[]): number =>
  pids.reduce((sum, pid) => {
    const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return sum + Number(kilobytes) * 1_024;
  }, 0);

// What a collector has not yet come to is no growth.
const lowest = (values: readonly number[]): number => Math.min(...values);

const megabytes = (bytes: number): number => Math.round(bytes / 1024 ** 2);
