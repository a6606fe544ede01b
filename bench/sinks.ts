/**
 * How many records a second does a sink ship in batches, one batch at a time, to a receiver on this
 * machine? Usage: node --import tsx bench/sinks.ts [--records N] [--batch N] [--sinks a,b].
 * The one idea: records are prepared before the clock starts, so this is the sink and nothing else.
 * Deliberately unknown here: the log, filters and cursors.
 */
import { parseArgs } from 'node:util';
import type { OutgoingRecord, Sink } from '../src/ports/sink.ts';
import { recordsFrom } from '../test/contracts/sink-records.ts';
import { medianOf } from './machine.ts';
import { BROKER_LANES } from './sinks-brokers.ts';
import { HTTP_LANES } from './sinks-http.ts';

/** A sink towards a receiver of its own. */
export interface SinkLane {
  readonly sink: Sink;
  close(): Promise<void>;
}

/** Every lane by its name. */
const LANES: Readonly<Record<string, () => Promise<SinkLane>>> = { ...HTTP_LANES, ...BROKER_LANES };

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '100000' },
    batch: { type: 'string', default: '500' },
    sinks: { type: 'string', default: Object.keys(LANES).join() },
    rounds: { type: 'string', default: '3' },
  },
});
const [count, size, rounds] = [values.records, values.batch, values.rounds].map(Number);
const never = new AbortController().signal;

function batchesOf(records: readonly OutgoingRecord[], batch: number): OutgoingRecord[][] {
  const batches: OutgoingRecord[][] = [];
  for (let at = 0; at < records.length; at += batch) batches.push(records.slice(at, at + batch));
  return batches;
}

/** One round: records a second, and CPU of this process, µs a record. */
async function measure(sink: Sink, batches: readonly OutgoingRecord[][], records: number) {
  const cpu = process.cpuUsage();
  const from = performance.now();
  for (const batch of batches) {
    const answer = await sink.send(batch, never);
    if (answer.kind === 'failed' || answer.refused.length > 0) {
      throw new Error(`not taken: ${JSON.stringify(answer).slice(0, 300)}`);
    }
  }
  const ms = performance.now() - from;
  const { user, system } = process.cpuUsage(cpu);
  return { perSecond: (records / ms) * 1_000, cpuUs: (user + system) / records };
}

const batches = batchesOf(recordsFrom(1, count ?? 0), size ?? 1);
const bytes = Buffer.byteLength(batches[0]?.[0]?.text ?? '');
console.log(`${count} records of ${bytes} octets in batches of ${size}, ${rounds} rounds`);
for (const name of values.sinks.split(',')) {
  const open = LANES[name];
  if (open === undefined) throw new Error(`no sink '${name}'; there are ${Object.keys(LANES)}`);
  const lane = await open();
  await measure(lane.sink, batches.slice(0, 20), 20 * (size ?? 1));
  const results = [];
  for (let round = 0; round < (rounds ?? 1); round += 1) {
    results.push(await measure(lane.sink, batches, count ?? 0));
  }
  const perSecond = medianOf(results.map((result) => result.perSecond));
  const cpuUs = medianOf(results.map((result) => result.cpuUs));
  console.log(
    `${name.padEnd(16)} ${perSecond.toFixed(0)} records/s, ${cpuUs.toFixed(1)} µs CPU each`,
  );
  await lane.close();
}
