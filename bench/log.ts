/**
 * What a record costs in the log, by the size of the turn it travels in.
 * The one idea: the whole way is measured, from `append` on the engine's thread to `durable`, with
 * the CPU time of both threads; run it on a quiet machine, `node --import tsx bench/log.ts [dir]`.
 * Deliberately unknown here: what the engine does with the rest of its time.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteLog } from '../src/events/sqlite-log.ts';
import type { RecordDraft } from '../src/ports/ports.ts';

const TURN_RECORDS = [1, 8, 32, 256];
const MEASURED_MS = 3_000;
const WARM_UP_TURNS = 200;
/** The engine prepares a turn while the one before is written. */
const TURNS_AHEAD = 2;
const REPLAYED_RECORDS_MIN = 100_000;

const bodyOf = (number: number): string =>
  JSON.stringify({
    message: number.toString(36).padStart(26, '0'),
    queue: `tenant-${number % 9}@campaign-${number % 31}.example`,
    recipients: [`user-${number}@host-${number % 500}.example`],
    attempt: 1,
    source: `ip-${number % 4}`,
    peer: '192.0.2.25',
    reply: '250 2.0.0 Ok: queued as 4VxG2k3Zl1z9sRh',
    text: 'x'.repeat(100),
  });

interface Figures {
  readonly records: number;
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly mainMs: number;
  readonly commitMs: number[];
}

const measure = async (dir: string, turnRecords: number): Promise<Figures> => {
  let settled: () => void = () => {};
  const commitMs: number[] = [];
  let isMeasuring = false;
  const opened = await openSqliteLog({
    dir,
    listener: {
      durable: (_turn, ms) => {
        if (isMeasuring) commitMs.push(ms);
        settled();
      },
      failed: (fault) => {
        throw new Error(fault.cause);
      },
    },
  });
  let { lastPosition: position, lastTurn: turn } = opened.recovery;
  const drafts = makeDrafts(turnRecords);
  let ahead = 0;
  const appendOne = async (): Promise<void> => {
    opened.log.append({ turn: ++turn, at: Date.now(), position: position + 1, drafts });
    position += drafts.length;
    ahead++;
    if (ahead < TURNS_AHEAD) return;
    await new Promise<void>((done) => {
      settled = done;
    });
    ahead--;
  };
  for (let count = 0; count < WARM_UP_TURNS; count++) await appendOne();
  isMeasuring = true;
  const first = position;
  const began = performance.now();
  const cpu = process.cpuUsage();
  const loop = performance.eventLoopUtilization();
  while (performance.now() - began < MEASURED_MS) await appendOne();
  const used = process.cpuUsage(cpu);
  const { active } = performance.eventLoopUtilization(loop);
  const wallMs = performance.now() - began;
  await new Promise<void>((done) => opened.log.close(done));
  const cpuMs = (used.user + used.system) / 1_000;
  return { records: position - first, wallMs, cpuMs, mainMs: active, commitMs };
};

const makeDrafts = (count: number): RecordDraft[] =>
  Array.from({ length: count }, (_, index) => ({
    stream: `queue:tenant-${index % 9}@host-${index % 500}.example`,
    type: 'message.delivered',
    version: 1,
    body: bodyOf(index),
  }));

const quantile = (values: readonly number[], share: number): string => {
  const sorted = [...values].sort((one, other) => one - other);
  return (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(2);
};

const replay = async (dir: string): Promise<void> => {
  const listener = { durable: () => {}, failed: () => {} };
  const { log, recovery } = await openSqliteLog({ dir, listener });
  let records = 0;
  const began = performance.now();
  const cpu = process.cpuUsage();
  await recovery.replay(1, (chunk) => {
    records += chunk.length;
  });
  const seconds = (performance.now() - began) / 1_000;
  const used = process.cpuUsage(cpu);
  await new Promise<void>((done) => log.close(done));
  const micros = ((used.user + used.system) / records).toFixed(1);
  const note = records < REPLAYED_RECORDS_MIN ? ' (too few to tell)' : '';
  console.log(
    `replay, every record checked: ${Math.round(records / seconds)} records/s, ` +
      `${micros} us CPU a record, ${records} records${note}, ${recovery.reports.length} reports`,
  );
};

const main = async (): Promise<void> => {
  const dir = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'waybill-bench-'));
  console.log(`body ${bodyOf(1).length} bytes`);
  console.log(
    'records/turn  records/s  turns/s  CPU us/record  main us/record  commit ms p50 p99 max',
  );
  for (const turnRecords of TURN_RECORDS) {
    const { records, wallMs, cpuMs, mainMs, commitMs } = await measure(dir, turnRecords);
    const cells = [
      String(turnRecords).padStart(12),
      String(Math.round(records / (wallMs / 1_000))).padStart(10),
      String(Math.round(commitMs.length / (wallMs / 1_000))).padStart(8),
      ((cpuMs * 1_000) / records).toFixed(1).padStart(14),
      ((mainMs * 1_000) / records).toFixed(1).padStart(15),
      `          ${quantile(commitMs, 0.5)} ${quantile(commitMs, 0.99)} ${quantile(commitMs, 1)}`,
    ];
    console.log(cells.join(' '));
  }
  await replay(dir);
  rmSync(dir, { recursive: true });
};

await main();
