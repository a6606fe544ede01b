/**
 * How many records of the log a second pass through the feed of the projection thread: read,
 * judged, projected and written as JSON, for one to four readers of the same fields. By the CPU it
 * takes, garbage included, so that neighbours do not count.
 *   node --max-semi-space-size=64 --import tsx bench/feed.ts [messages] [readers,readers…]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLogTail } from '../src/events/log-tail.ts';
import { createTimers } from '../src/ports/node/timers.ts';
import { createFacts } from '../src/projections/acceptances.ts';
import { Feed } from '../src/projections/feed.ts';
import { nodeIdOf } from '../src/projections/log-record/fields.ts';
import { project } from '../src/projections/log-record/project.ts';
import { NODE, writeLog } from './common-log.ts';

const LOOK_RECORDS = 1_000;

function pass(dir: string, readers: number): void {
  const log = openLogTail({ dir });
  const facts = createFacts(log, nodeIdOf(NODE));
  const timers = createTimers();
  const unfit = (): never => {
    throw new Error('a record could not be projected');
  };
  const feed = new Feed({ log, timers, project: (record) => project(record, facts), unfit });
  const capture = { meta: ['X-*'], headers: [] };
  const sources = Array.from({ length: readers }, () => feed.source({ capture }));
  const cursors = sources.map(() => 0);
  const end = log.upto();
  let records = 0;
  let chars = 0;
  const cpu = process.cpuUsage();
  while (cursors.some((cursor) => cursor < end)) {
    for (const [index, source] of sources.entries()) {
      const span = source.read(cursors[index] as number, LOOK_RECORDS);
      for (const { record } of span.records) {
        chars += source.textOf(record).length;
        records += 1;
      }
      cursors[index] = span.upto;
    }
  }
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (user + system) / 1e6;
  log.close();
  const perSecond = Math.round(records / seconds);
  const events = Math.round(end / seconds);
  const mb = Math.round(process.memoryUsage().rss / 1e6);
  console.log(
    `${readers} readers: ${perSecond} records a CPU second in all, ` +
      `${Math.round(perSecond / readers)} each; ` +
      `${events} events; ${Math.round(chars / records)} octets a record; RSS ${mb} MB`,
  );
}

const messages = Number(process.argv[2] ?? 100_000);
const dir = mkdtempSync(join(tmpdir(), 'waybill-bench-'));
try {
  writeLog(dir, messages);
  for (const readers of (process.argv[3] ?? '1,1,2,4').split(',').map(Number)) pass(dir, readers);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
