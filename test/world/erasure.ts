/**
 * A data directory with history for tests of erasure: mail to some people, with every kind of
 * outcome and the words that receivers say; bodies in their store, a dead letter, two snapshots and
 * an index of journeys. The one idea: everything comes from a seed, so a failure is told again.
 * Deliberately unknown here: what is erased, and what is expected.
 */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatBodyHeader } from '../../src/domain/body-header.ts';
import { formatMessageId } from '../../src/domain/message-id.ts';
import type { Prng } from '../../src/domain/prng.ts';
import { createRandom } from '../../src/domain/prng.ts';
import { encodeBooks } from '../../src/domain/snapshot.ts';
import type { Event } from '../../src/events/catalogue.ts';
import { encode } from '../../src/events/codec.ts';
import { LogPast } from '../../src/events/log-past.ts';
import { findLogPlace } from '../../src/events/log-place.ts';
import { openLogPicture } from '../../src/events/log-tail.ts';
import { JourneyIndex } from '../../src/forensics/journey/journey-index.ts';
import { openRunFolder } from '../../src/forensics/journey/run-files.ts';
import { JOURNEY_FOLDER } from '../../src/forensics/reading.ts';
import { Rebuild } from '../../src/forensics/rebuild.ts';
import { openBodies } from '../../src/ports/node/bodies.ts';
import type { BodyRef } from '../../src/ports/ports.ts';
import { openStore } from '../contracts/log-store-place.ts';

/** When the history begins. */
export const BEGIN_AT = 1_700_000_000_000;
const NODE = '0a0b0c0d';
const TURN_MS = 60_000;

/** People, some of whose addresses are parts of others. */
export const PEOPLE = [
  'ann@example.com',
  'joann@example.com',
  'ann@example.com.au',
  'Bob.Smith@example.org',
  'zoë@bücher.example',
  'tenant@example.net',
] as const;

/** A history to be made. */
export interface Wish {
  readonly seed: number;
  readonly messages: number;
  /** Who still has mail on its way at the end. */
  readonly living?: string;
}

const say = (to: string): string =>
  `<${to}>: no such user, see https://r.example/?u=${encodeURIComponent(to)} or call the owner`;

const attempt = (queue: string, to: string, index: number) => ({
  to: [to],
  index: [index],
  attempt: 1,
  source: 'ip-1',
  site: 'mx.example.com',
  peer: '192.0.2.1:25',
  took: 40,
  tls: '',
  queue: queue,
  pool: 'pool',
  session: '11111111-2222-4333-8444-555555555555',
});

const refused = (to: string, code: number) => ({
  code,
  enhanced: `${Math.floor(code / 100)}.1.1`,
  text: say(to),
  command: `RCPT TO:<${to}>`,
});

/** How one recipient ends; the last may be left alive. */
const outcomes = (
  stream: string,
  queue: string,
  to: string,
  index: number,
  fate: number,
): Event[] => {
  const tried = attempt(queue, to, index);
  const ended = { to: [to], index: [index], text: `nobody reached ${to}`, queue, attempts: 1 };
  const deferred = { ...tried, ...refused(to, 450), attempts: 1, due: BEGIN_AT };
  if (fate === 0) {
    const body = { ...tried, code: 250, enhanced: '2.0.0', text: `ok for ${to}` };
    return [{ type: 'message.delivered', stream, body }];
  }
  if (fate === 1) {
    return [{ type: 'message.bounced', stream, body: { ...tried, ...refused(to, 550) } }];
  }
  const first: Event = { type: 'message.deferred', stream, body: deferred };
  if (fate === 2) return [first, { type: 'message.expired', stream, body: ended }];
  return [first, { type: 'message.cancelled', stream, body: ended }];
};

class History {
  readonly #wish: Wish;
  readonly #random: Prng;
  readonly turns: Event[][] = [];
  readonly #queues = new Set<string>();
  #number = 0;

  constructor(wish: Wish) {
    this.#wish = wish;
    this.#random = createRandom(wish.seed);
  }

  pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random.uniform() * from.length)] as T;
  }

  queueOf(to: string): string {
    // A tenant may be called as somebody's local part is: that is a queue's name, and nobody's.
    const queue = `${this.pick(['tenant', 'ann', 'other'])}@${to.slice(to.lastIndexOf('@') + 1)}`;
    if (this.#queues.has(queue)) return queue;
    this.#queues.add(queue);
    this.turns.push([{ type: 'queue.opened', stream: queue, body: { answer: 'a', pool: 'pool' } }]);
    return queue;
  }

  /** Who a message is for, and its id; written down by `add` when its body is there. */
  next(): { readonly id: string; readonly to: readonly string[]; readonly isLiving: boolean } {
    this.#number += 1;
    const { messages, living } = this.#wish;
    const isLiving = living !== undefined && this.#number === messages;
    const first = isLiving ? living : this.pick(PEOPLE);
    const domain = first.slice(first.lastIndexOf('@'));
    const others = [
      `friend${this.#number}${domain}`,
      `${first.slice(0, -domain.length)}.x${domain}`,
    ];
    const to = this.#random.uniform() < 0.4 ? [others[0] as string, first] : [first];
    if (this.#random.uniform() < 0.2) to.push(others[1] as string);
    const id = formatMessageId(BEGIN_AT + this.#number, NODE, this.#number);
    return { id, to, isLiving };
  }

  add(id: string, to: readonly string[], isLiving: boolean, ref: BodyRef): void {
    const queue = this.queueOf(to[0] as string);
    const [first = ''] = to;
    const body = {
      queue,
      from: `bounces+${to.at(-1)?.replace('@', '=')}@news.example`,
      to,
      body: [ref.segment, ref.offset, ref.length, ref.sum] as const,
      service: 'smtp',
      peer: '198.51.100.7:2525',
      helo: 'client.example',
      headers: { To: `Some Name <${first}>`, Subject: `for ${first}` },
      meta: { campaign: 'spring', name: 'Some Name' },
    };
    this.turns.push([{ type: 'message.accepted', stream: id, body }]);
    if (isLiving) return;
    const site = { source: 'ip-1', site: 'mx.example.com', peer: '192.0.2.1:25' };
    to.forEach((one, index) => {
      const fate = Math.floor(this.#random.uniform() * 4);
      const offered = { attempt: index + 1, ...site, link: 1 };
      this.turns.push([{ type: 'message.offered', stream: id, body: offered }]);
      this.turns.push(outcomes(id, queue, one, index, fate));
    });
    if (this.#random.uniform() < 0.3) this.#refuse(first);
  }

  #refuse(to: string): void {
    const body = {
      peer: '198.51.100.9:99',
      helo: 'x',
      code: 550,
      enhanced: '5.7.1',
      text: `not for ${to}`,
      command: `RCPT TO:<${to.toUpperCase()}>`,
      session: 's',
      to,
    };
    this.turns.push([{ type: 'reception.refused', stream: '127.0.0.1:25', body }]);
  }
}

const bodyOf = (to: readonly string[]): string =>
  `From: shop@news.example\r\nTo: Some Name <${to[0]}>\r\nSubject: hello\r\n\r\n` +
  `Dear ${to.join(' and ')},\r\n${'x'.repeat(3000)}\r\n`;

/** Makes it; nothing is open afterwards. */
export const makeHistory = async (dir: string, wish: Wish): Promise<void> => {
  const history = new History(wish);
  const bodies = await openBodies({ dir: join(dir, 'bodies'), segmentBytes: 128 * 1024 });
  bodies.settle();
  for (let made = 0; made < wish.messages; made += 1) {
    const { id, to, isLiving } = history.next();
    const header = formatBodyHeader({
      from: 'shop@news.example',
      messages: [{ id, to }],
      at: BEGIN_AT,
      peer: 'p',
      helo: 'h',
      isEightBit: false,
      smtpUtf8: false,
    });
    const ref = await new Promise<BodyRef>((resolve) =>
      bodies.write(header, [Buffer.from(bodyOf(to))], (outcome) => resolve(outcome as BodyRef)),
    );
    bodies.refer(ref.segment, 1, ref.length);
    history.add(id, to, isLiving, ref);
  }
  await new Promise<void>((resolve) => bodies.close(resolve));
  const opened = openStore(dir, { segmentBytesMax: 40_000 });
  for (const [turn, events] of history.turns.entries()) {
    opened.append([events.map(encode)], BEGIN_AT + turn * TURN_MS);
    opened.store.writer.sealRetired();
    if (turn % 40 === 39) await opened.store.sealNext();
    if (turn === 60 || turn === 90) await keepSnapshot(dir, opened.store);
  }
  opened.store.close();
  keepCopies(dir);
};

type Store = ReturnType<typeof openStore>['store'];

const keepSnapshot = async (dir: string, store: Store): Promise<void> => {
  const past = new LogPast(dir);
  const { books } = new Rebuild(past, past.last).foldTo(past.last);
  await store.saveSnapshot(past.last, encodeBooks(books));
};

const keepCopies = (dir: string): void => {
  mkdirSync(join(dir, 'hooks'), { recursive: true });
  const record = { type: 'Bounce', recipient: PEOPLE[0], headers: { To: `A <${PEOPLE[0]}>` } };
  const letters = [record, { ...record, recipient: PEOPLE[1], headers: {} }].map((one) =>
    JSON.stringify({ at: 'now', event_id: 'e', position: 1, reason: 'no', record: one }),
  );
  writeFileSync(join(dir, 'hooks', 'webhook.dead.jsonl'), `${letters.join('\n')}\n`);
  const log = openLogPicture(findLogPlace(dir));
  const index = new JourneyIndex(log, openRunFolder(join(dir, JOURNEY_FOLDER)));
  while (index.step(1000));
  index.keep();
  log.close();
};

/** Parts of the index of journeys that were made of records which an order has rewritten. */
export const staleRuns = (dir: string): number => {
  const past = new LogPast(dir);
  const listed = [...past.records({ types: ['erasure.listed'] }, past.first, past.last)];
  const erased = listed.flatMap(
    ({ body }) => (JSON.parse(body) as { positions: number[] }).positions,
  );
  return openRunFolder(join(dir, JOURNEY_FOLDER))
    .load()
    .filter(({ first, last }) => erased.some((one) => first <= one && one <= last)).length;
};

/** Every file of a directory whose bytes hold a text, in any case. */
export const filesWith = (dir: string, text: string): string[] =>
  readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) => {
    const path = join(dir, name);
    if (!statSync(path).isFile()) return false;
    const bytes = readFileSync(path).toString('latin1').toLowerCase();
    const wanted = Buffer.from(text).toString('latin1').toLowerCase();
    // Not as a part of somebody else's address.
    for (let at = bytes.indexOf(wanted); at >= 0; at = bytes.indexOf(wanted, at + 1)) {
      const before = bytes[at - 1] ?? ' ';
      const after = bytes.slice(at + wanted.length, at + wanted.length + 2);
      if (!/[a-z0-9.]/.test(before) && !/^(?:[a-z0-9-]|\.[a-z])/.test(after)) return true;
    }
    return false;
  });
