/**
 * What stays of a record when somebody is erased. The one idea: everything that is counted, timed
 * or decided stays as it is (recipients by index, codes, queues, sources, times); addresses become
 * the order's token, and texts about the erased that others wrote go whole, for nobody can tell
 * what is in them. The same record and order always give the same text.
 * Deliberately unknown here: where records lie.
 */
import { CONTENTS, isNameField } from '../forensics/bundle-redact.ts';
import type { Addresses } from './addresses.ts';

/** What stands where a text was. */
export const ERASED_TEXT = '(erased)';

/** Kinds of events that speak of people; policy, queues and sources never do. */
const ABOUT_PEOPLE = new Set(['message', 'ndr', 'reception', 'report', 'generation', 'operator']);
/** Events with a reply, or a reason, about recipients by index. */
const OUTCOMES = new Set(
  ['delivered', 'bounced', 'deferred', 'unsettled', 'expired', 'cancelled', 'purged'].map(
    (what) => `message.${what}`,
  ),
);
const ACCEPTANCES = new Set(['message.accepted', 'message.recovered']);
/** What is said in an outcome, beside its code. */
const SAID = new Set(['text', 'command', 'cause']);

/** A record as far as its text goes. */
export interface Redactable {
  readonly stream: string;
  readonly type: string;
  readonly body: string;
}

type Fields = Record<string, unknown>;

/** Redacts the records of a log, which it is shown in order. */
export class Redaction {
  readonly #addresses: Addresses;
  /** Messages that had an erased recipient: the indexes of these. */
  readonly #messages = new Map<string, ReadonlySet<number>>();

  constructor(addresses: Addresses) {
    this.#addresses = addresses;
  }

  /** Ids of the messages met so far. */
  get messages(): readonly string[] {
    return [...this.#messages.keys()];
  }

  /** The new body, or undefined where nothing has to go. */
  redact({ stream, type, body: text }: Redactable): string | undefined {
    if (!ABOUT_PEOPLE.has(type.slice(0, type.indexOf('.')))) return undefined;
    const body = JSON.parse(text) as Fields;
    if (ACCEPTANCES.has(type)) this.#meet(stream, body);
    const kept: Fields = {};
    for (const [field, value] of Object.entries(body)) {
      kept[field] = isNameField(type, field) ? value : this.#replaced(value);
    }
    const isNamed = JSON.stringify(kept) !== JSON.stringify(body);
    if (isNamed || this.#isTheirs(stream, body)) this.#empty(type, stream, kept);
    const left = JSON.stringify(kept);
    return left === JSON.stringify(body) ? undefined : left;
  }

  #meet(stream: string, { to }: Fields): void {
    const indexes = (to as readonly string[]).flatMap((one, index) =>
      this.#addresses.isOne(one) ? [index] : [],
    );
    if (indexes.length > 0) this.#messages.set(stream, new Set(indexes));
  }

  /** About an erased recipient, or about all of a message that had one. */
  #isTheirs(stream: string, { index }: Fields): boolean {
    const erased = this.#messages.get(stream);
    if (erased === undefined) return false;
    return !Array.isArray(index) || index.some((one) => erased.has(one as number));
  }

  #empty(type: string, stream: string, body: Fields): void {
    const isSaid = OUTCOMES.has(type) && this.#isTheirs(stream, body);
    for (const [field, value] of Object.entries(body)) {
      if (CONTENTS.has(field)) body[field] = emptied(value);
      else if (isSaid && SAID.has(field) && value !== '') body[field] = ERASED_TEXT;
    }
  }

  #replaced(value: unknown): unknown {
    if (typeof value === 'string') return this.#addresses.replacedIn(value);
    if (Array.isArray(value)) return value.map((one) => this.#replaced(one));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(([key, one]) => [
      this.#addresses.replacedIn(key),
      this.#replaced(one),
    ]);
    return Object.fromEntries(entries) as unknown;
  }

  /** A text by itself. */
  redactText(text: string): string {
    return this.#addresses.replacedIn(text);
  }

  /** Anything that is kept of the log elsewhere, such as a dead letter. */
  redactCopy(value: unknown): unknown {
    const copy = this.#replaced(value);
    if (JSON.stringify(copy) === JSON.stringify(value)) return value;
    const { record } = copy as { record?: Fields };
    for (const field of COPIED) {
      if (record?.[field] !== undefined) record[field] = emptied(record[field]);
    }
    return copy;
  }
}

/** Contents of people in public records. */
const COPIED = ['headers', 'meta', 'response', 'feedback_report', 'bounce_classification'] as const;

const emptied = (value: unknown): unknown => {
  if (typeof value === 'string') return value === '' ? '' : ERASED_TEXT;
  if (Array.isArray(value)) return value.map(emptied);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, emptied(one)]));
};
