/**
 * How fast the shipper alone is: a log in memory, a sink that confirms at once, cursors that are
 * durable at once; so it is the chart, the filter and the hand that are measured.
 * `node --import tsx bench/shipper.ts [RECORDS]`; prints records a second and µs a record.
 */
import { createTimers } from '../src/ports/node/timers.ts';
import type { LogRecord } from '../src/projections/log-record/record.ts';
import { RECORD_TYPES } from '../src/projections/log-record/record.ts';
import type { ShipperParts } from '../src/projections/shipper/held.ts';
import { startShipper } from '../src/projections/shipper/shipper.ts';
import type { RecordSource, SourceRecord } from '../src/projections/shipper/surroundings.ts';
import { cursorAt } from '../src/projections/shipper/surroundings.ts';
import { makeRecord } from '../test/world/hook-log.ts';

const RECORDS = Number(process.argv[2] ?? 400_000);

function sourceOf(textOf: (record: LogRecord) => string): RecordSource {
  const records: SourceRecord[] = Array.from({ length: RECORDS }, (_one, index) => ({
    position: index + 1,
    record: makeRecord({ event_id: `event-${index + 1}`, sender: 'news@sender.test' }),
  }));
  return {
    upto: () => RECORDS,
    first: () => 1,
    read: (after, recordsMax) => {
      const upto = Math.min(RECORDS, after + recordsMax);
      return { records: records.slice(after, upto), upto };
    },
    textOf,
    whenMore: () => () => {},
    lastBefore: () => 0,
  };
}

function run(source: RecordSource, batchSize: number): Promise<number> {
  return new Promise((resolve) => {
    const startMs = performance.now();
    let left = RECORDS;
    const parts: ShipperParts = {
      name: 'bench',
      filter: { types: new Set(RECORD_TYPES) },
      batching: { batchSize, minBatchSize: 1, maxBatchLatencyMs: 0 },
      shape: {
        retryIntervalMs: 1_000,
        maxRetryIntervalMs: 1_000,
        maxReady: 10_000,
        connectionLimit: 1,
        maxDeliveriesPerConnection: 0,
        idleTimeoutMs: 5_000,
        systemShutdownTimeoutMs: 1_000,
      },
      disable: {},
      cursor: cursorAt(0),
      isSaved: true,
      source,
      keeper: { save: (_cursor, answered) => answered(), forget: (answered) => answered() },
      letters: { bury: (_letters, answered) => answered() },
      makeSink: () => ({
        send: async (batch) => {
          left -= batch.length;
          if (left === 0)
            setImmediate(() => shipper.stop(() => resolve(performance.now() - startMs)));
          return { kind: 'settled', refused: [] };
        },
        close: async () => {},
      }),
      timers: createTimers(),
      random: { uniform: () => 0.5 },
      tell: () => {},
    };
    const shipper = startShipper(parts, () => {});
  });
}

const ready = sourceOf((record) => record.event_id);
const written = sourceOf((record) => JSON.stringify(record));
for (const [name, source, batchSize] of [
  ['one by one', ready, 1],
  ['batches of 100', ready, 100],
  ['batches of 500', ready, 500],
  ['batches of 500, JSON written', written, 500],
] as const) {
  const ms = await run(source, batchSize);
  const rate = Math.round((RECORDS / ms) * 1_000);
  console.log(`${name}: ${rate} records/s, ${((ms * 1_000) / RECORDS).toFixed(2)} µs a record`);
}
