/**
 * Which records an incident needs: its messages from acceptance to end, their queues and sources
 * from their opening on, the paths between, the answers of the policy that these rest on, and what
 * happened to engine, policy and operators' rules. The one idea: what is chosen folds on its own.
 * Found in several readings of the log, so memory follows the incident. Deliberately unknown here:
 * files, redaction.
 */
import { numberOfMessageId } from '../domain/message-id.ts';
import { decode } from '../events/codec.ts';
import type { StoredRecord } from '../ports/ports.ts';

/** What is asked for. */
export interface Incident {
  readonly message?: string;
  readonly queue?: string;
  /** Ms since 1970, both ends included. */
  readonly from: number;
  readonly upto: number;
}

/** Streams and answers that belong to it. */
export interface Chosen {
  readonly messages: ReadonlySet<string>;
  readonly queues: ReadonlySet<string>;
  readonly sources: ReadonlySet<string>;
  readonly paths: ReadonlySet<string>;
  readonly answers: ReadonlySet<string>;
  /** Whether refusals of clients belong to it: they belong to no message. */
  readonly hasRefusals: boolean;
}

/** Messages in one incident. */
export const MESSAGES_MAX = 1_000_000;

/** The incident is too large; the message says what to narrow. */
export class IncidentTooLarge extends Error {
  override readonly name = 'IncidentTooLarge';
}

/** Reads the whole log once more. */
export type ReadAgain = () => Iterable<StoredRecord>;

type Fields = Readonly<Record<string, unknown>>;

const bodyOf = (record: StoredRecord): Fields => decode(record, true).body as unknown as Fields;

const addText = (to: Set<string>, value: unknown): void => {
  if (typeof value === 'string' && value !== '') to.add(value);
};

const isEntry = ({ type }: StoredRecord): boolean =>
  type === 'message.accepted' || type === 'message.recovered' || type === 'message.rebound';

const findMessages = (read: ReadAgain, incident: Incident): Set<string> => {
  const { message, queue, from, upto } = incident;
  if (message !== undefined) return new Set([message]);
  const inQueue = new Set<string>();
  const found = new Set<string>();
  for (const record of read()) {
    if (record.at > upto) break;
    const { stream } = record;
    if (found.has(stream) || numberOfMessageId(stream) < 0) continue;
    if (queue !== undefined) {
      if (isEntry(record) && bodyOf(record)['queue'] === queue) inQueue.add(stream);
      if (!inQueue.has(stream)) continue;
    }
    if (record.at >= from) found.add(stream);
    if (found.size > MESSAGES_MAX || inQueue.size > MESSAGES_MAX) {
      throw new IncidentTooLarge(
        `more than ${MESSAGES_MAX} messages belong to it; narrow it with --from and --to`,
      );
    }
  }
  return found;
};

/** Finds all that belongs to an incident. */
export const choose = (read: ReadAgain, incident: Incident): Chosen => {
  const messages = findMessages(read, incident);
  const queues = new Set<string>(incident.queue === undefined ? [] : [incident.queue]);
  const sources = new Set<string>();
  const paths = new Set<string>();
  const ways = new Set<string>();
  for (const record of read()) {
    if (record.at > incident.upto) break;
    if (!messages.has(record.stream) || !record.type.startsWith('message.')) continue;
    const { queue, from, source, site } = bodyOf(record);
    addText(queues, queue);
    if (record.type === 'message.rebound') addText(queues, from);
    addText(sources, source);
    if (typeof source === 'string' && typeof site === 'string') ways.add(`${source}->${site}@`);
  }
  const answers = new Set<string>();
  for (const record of read()) {
    if (record.at > incident.upto) break;
    const [family] = record.type.split('.', 1);
    const isPath = family === 'path' && ways.has(wayOf(record.stream));
    if (isPath) paths.add(record.stream);
    const isOurs =
      isPath ||
      (family === 'queue' && queues.has(record.stream)) ||
      (family === 'source' && sources.has(record.stream));
    if (!isOurs) continue;
    const { answer, pool } = bodyOf(record);
    addText(answers, answer);
    addText(answers, pool);
  }
  const hasRefusals = incident.message === undefined && incident.queue === undefined;
  return { messages, queues, sources, paths, answers, hasRefusals };
};

// Up to the protocol: `source->site@smtp_client`.
const wayOf = (ready: string): string => ready.slice(0, ready.lastIndexOf('@') + 1);

const ALWAYS = new Set(['engine', 'log', 'suspension', 'purge', 'rebind', 'operator']);

/** Whether a record is part of what was chosen. */
export const isChosen = (chosen: Chosen, record: StoredRecord, { from }: Incident): boolean => {
  const { type, stream, at } = record;
  const family = type.slice(0, type.indexOf('.'));
  if (ALWAYS.has(family)) return true;
  switch (family) {
    case 'message':
    case 'report':
      return chosen.messages.has(stream);
    case 'queue':
      return chosen.queues.has(stream);
    case 'source':
      return chosen.sources.has(stream);
    case 'path':
      return chosen.paths.has(stream);
    case 'reception':
      return chosen.hasRefusals && at >= from;
    case 'policy':
      return type !== 'policy.answered' || chosen.answers.has(String(bodyOf(record)['key']));
    default:
      return false;
  }
};

/** Makes what was chosen fold on its own where the log's beginning was let go of. */
export class Completing {
  /** Records that were made up, and such as had to be left out. */
  supplied = 0;
  leftOut = 0;
  readonly #open = new Set<string>();
  readonly #accepted = new Set<string>();
  readonly #answered = new Set<string>();
  readonly #findText: (key: string) => string | undefined;

  /** `findText` knows answers from before the first record that is kept. */
  constructor(findText: (key: string) => string | undefined) {
    this.#findText = findText;
  }

  /** The record with what has to stand before it; none where nothing it speaks of is known. */
  complete(record: StoredRecord): StoredRecord[] {
    const { type, stream } = record;
    const family = type.slice(0, type.indexOf('.'));
    const before: StoredRecord[] = [];
    if (type === 'policy.answered') this.#answered.add(String(bodyOf(record)['key']));
    if (family === 'queue' || family === 'source' || family === 'path') {
      const { answer, pool } = bodyOf(record);
      for (const key of [answer, pool]) this.#answer(record, key, before);
    }
    if (family === 'queue' || family === 'source') {
      if (!type.endsWith('.opened')) this.#openOne(record, family, stream, before);
      this.#open.add(`${family} ${stream}`);
      if (type.endsWith('.retired')) this.#open.delete(`${family} ${stream}`);
    }
    if (family !== 'message') return [...before, record];
    if (isEntry(record)) this.#openOne(record, 'queue', String(bodyOf(record)['queue']), before);
    if (type === 'message.accepted' || type === 'message.recovered') this.#accepted.add(stream);
    if (this.#accepted.has(stream)) return [...before, record];
    this.leftOut += 1;
    return [];
  }

  #openOne(
    { turn, at }: StoredRecord,
    family: 'queue' | 'source',
    stream: string,
    before: StoredRecord[],
  ): void {
    const id = `${family} ${stream}`;
    if (this.#open.has(id)) return;
    this.#open.add(id);
    this.supplied += 1;
    const body = family === 'queue' ? { answer: '', pool: '' } : { answer: '' };
    const version = family === 'queue' ? 2 : 1;
    const type = `${family}.opened`;
    before.push({ position: 0, turn, at, stream, type, version, body: JSON.stringify(body) });
  }

  #answer({ turn, at }: StoredRecord, key: unknown, before: StoredRecord[]): void {
    if (typeof key !== 'string' || key === '' || this.#answered.has(key)) return;
    this.#answered.add(key);
    const answer = this.#findText(key);
    if (answer === undefined) return;
    this.supplied += 1;
    const body = JSON.stringify({ key, answer });
    const about = { stream: 'policy', type: 'policy.answered', version: 1 };
    before.push({ position: 0, turn, at, ...about, body });
  }
}
