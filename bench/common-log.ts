/**
 * A log of common messages on disk, for benches that read: each is accepted, offered and delivered,
 * in 500 queues. Deliberately unknown here: what is measured.
 */
import { formatMessageId } from '../src/domain/message-id.ts';
import { flatten } from '../src/events/log-messages.ts';
import { DamageReports } from '../src/events/log-report.ts';
import { LogStore } from '../src/events/log-store.ts';
import type { RecordDraft } from '../src/ports/ports.ts';

/** The node that wrote it. */
export const NODE = '5eed5eed';
/** When it begins, ms since 1970. */
export const AT = 1_790_000_000_000;
const QUEUES = 500;
const TURN_MESSAGES = 64;

const DAY_MS = 86_400_000;

/** A record to be written, its body as an object. */
export const draft = (
  stream: string,
  type: string,
  version: number,
  body: object,
): RecordDraft => ({
  stream,
  type,
  version,
  body: JSON.stringify(body),
});

const queueOf = (number: number): string => `campaign:tenant@host-${number % QUEUES}.example`;

/** The three events of the common message, as the engine writes them. */
function eventsOf(number: number, position: number): RecordDraft[] {
  const id = formatMessageId(AT + number, NODE, number);
  const to = [`user${number}@host-${number % 500}.example`];
  const queue = queueOf(number);
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

/** A log to be written in large segments of which none goes. */
export function openStore(dir: string): LogStore {
  const settings = {
    dir,
    segmentBytesMax: 1 << 28,
    segmentAgeMsMax: DAY_MS,
    keepMs: DAY_MS,
    checkpointPages: 1_000,
    retryMs: 200,
    freeBytesMin: 0,
  };
  return new LogStore(settings, new DamageReports());
}

/** Writes the log of so many messages that were delivered at once, in turns of 64. */
export function writeLog(dir: string, messages: number): void {
  const store = openStore(dir);
  const opened = Array.from({ length: QUEUES }, (_, at) =>
    draft(queueOf(at), 'queue.opened', 2, { answer: '', pool: '' }),
  );
  store.append({ kind: 'append', turn: 1, at: AT, position: 1, cells: flatten(opened) });
  let position = 1 + QUEUES;
  for (let turn = 2, number = 0; number < messages; turn++) {
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
