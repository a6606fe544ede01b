/**
 * How many records of the log a second pass through the feed of the projection thread: read,
 * judged, projected and written as JSON, for one to four readers of the same fields. By the CPU it
 * takes, garbage included, so that neighbours do not count.
 *   node --max-semi-space-size=64 --import tsx bench/feed.ts [messages] [readers,readers…]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatMessageId } from '../src/domain/message-id.ts';
import { flatten } from '../src/events/log-messages.ts';
import { DamageReports } from '../src/events/log-report.ts';
import { LogStore } from '../src/events/log-store.ts';
import { openLogTail } from '../src/events/log-tail.ts';
import { createTimers } from '../src/ports/node/timers.ts';
import type { RecordDraft } from '../src/ports/ports.ts';
import { createFacts } from '../src/projections/acceptances.ts';
import { Feed } from '../src/projections/feed.ts';
import { nodeIdOf } from '../src/projections/log-record/fields.ts';
import { project } from '../src/projections/log-record/project.ts';

const NODE = '5eed5eed';
const AT = 1_790_000_000_000;
const TURN_MESSAGES = 64;
const LOOK_RECORDS = 1_000;
const DAY_MS = 86_400_000;

const draft = (stream: string, type: string, version: number, body: object): RecordDraft => ({
  stream,
  type,
  version,
  body: JSON.stringify(body),
});

/** The three events of the common message, as the engine writes them. */
function eventsOf(number: number, position: number): RecordDraft[] {
  const id = formatMessageId(AT + number, NODE, number);
  const to = [`user${number}@host-${number % 500}.example`];
  const queue = `campaign:tenant@host-${number % 500}.example`;
  const source = 'ip-1';
  const site = `ip-1->(mx1|mx2).host-${number % 500}.example@smtp_client`;
  const peer = `mx1.host-${number % 500}.example 192.0.2.25:25`;
  const meta = { 'X-Campaign': 'autumn', 'X-Customer': `c${number % 97}` };
  const accepted = {
    queue,
    from: 'bounces@sender.example',
    to,
    body: [number >> 8, number * 12_288, 12_288, 305_419_896],
    service: 'esmtp',
    peer: '192.0.2.7:40000',
    helo: 'client.example',
    session: '5eed0000-7761-4962-a969-6c6c00000000',
    meta,
  };
  const offered = { attempt: 1, source, site, peer, link: number };
  const attempt = { to, index: [0], attempt: 1, source, site, peer, link: number };
  const reply = { code: 250, enhanced: '2.0.0', text: 'Ok: queued as 4F1B2C3D', tls: 'TLSv1.3' };
  const facts = { origin: position, queue, pool: 'pool0', local: '192.0.2.1:50000' };
  return [
    draft(id, 'message.accepted', 2, accepted),
    draft(id, 'message.offered', 1, offered),
    draft(id, 'message.delivered', 2, { ...attempt, ...reply, took: 50, ...facts }),
  ];
}

function writeLog(dir: string, messages: number): void {
  const store = new LogStore(
    {
      dir,
      segmentBytesMax: 1 << 28,
      segmentAgeMsMax: DAY_MS,
      keepMs: DAY_MS,
      checkpointPages: 1_000,
      retryMs: 200,
      freeBytesMin: 0,
    },
    new DamageReports(),
  );
  let position = 1;
  for (let turn = 1, number = 0; number < messages; turn++) {
    const drafts: RecordDraft[] = [];
    const first = position;
    for (let one = 0; one < TURN_MESSAGES; one++, number++) {
      drafts.push(...eventsOf(number, position));
      position += 3;
    }
    const cells = flatten(drafts);
    store.append({ kind: 'append', turn, at: AT + turn, position: first, cells });
    store.writer.tidy();
  }
  store.close();
}

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
