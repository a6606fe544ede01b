/**
 * What the durable log says of each message, told apart from the books: a reader of its own.
 * The one idea: laws compare this history with what the world saw (answers given, copies received),
 * so an error in the books cannot hide itself. It folds each record once and judges nothing.
 * Deliberately unknown here: the engine's memory.
 */
import type { MemoryStore } from '../../events/memory-log.ts';
import type {
  AcceptedBody,
  AttemptBody,
  OfferedBody,
  UnsettledBody,
} from '../../events/message.ts';
import type { StoredRecord } from '../../ports/ports.ts';

/** How a recipient ended. */
export type EndKind = 'delivered' | 'bounced' | 'expired' | 'cancelled' | 'purged' | 'lost';

/** One recipient's end. */
export interface RecipientEnd {
  readonly kind: EndKind;
  readonly at: number;
  readonly text: string;
}

/** What the log says of one message. */
export interface MessageStory {
  readonly id: string;
  readonly to: readonly string[];
  readonly acceptedAt: number;
  readonly ends: Map<number, RecipientEnd>;
  /** The offer that stands without an outcome. */
  offered: OfferedBody | undefined;
  readonly offers: { readonly at: number; readonly body: OfferedBody }[];
  readonly unsettled: { readonly at: number; readonly body: UnsettledBody }[];
  deferrals: number;
  returns: number;
  isQuarantined: boolean;
}

/** The ends as their records name them. */
export const ENDS: Readonly<Record<string, EndKind>> = {
  'message.delivered': 'delivered',
  'message.bounced': 'bounced',
  'message.expired': 'expired',
  'message.cancelled': 'cancelled',
  'message.purged': 'purged',
  'message.lost': 'lost',
};

/** True when every recipient has come to an end. */
export const isEnded = (story: MessageStory): boolean => story.ends.size === story.to.length;

/** Reads the durable log along. */
export class Witness {
  readonly messages = new Map<string, MessageStory>();
  /** Every record so far, in order. */
  readonly records: StoredRecord[] = [];
  /** Things that cannot be true of a log in good order. */
  readonly oddities: string[] = [];
  #cursor = 0;

  /** Takes in what became durable since. */
  read(store: MemoryStore): void {
    for (; this.#cursor < store.records.length; this.#cursor += 1) {
      const record = store.records[this.#cursor];
      if (record === undefined) this.oddities.push(`position ${this.#cursor + 1} is a hole`);
      else this.#take(record);
    }
  }

  #take(record: StoredRecord): void {
    this.records.push(record);
    if (!record.type.startsWith('message.')) return;
    const body = JSON.parse(record.body) as object;
    if (record.type === 'message.accepted' || record.type === 'message.recovered') {
      this.#accept(record, body as AcceptedBody);
      return;
    }
    const story = this.messages.get(record.stream);
    if (story === undefined) this.#odd(record, 'was never accepted');
    else this.#tell(story, record, body);
  }

  #accept(record: StoredRecord, body: AcceptedBody): void {
    if (this.messages.has(record.stream)) this.#odd(record, 'was accepted before');
    this.messages.set(record.stream, {
      id: record.stream,
      to: body.to,
      acceptedAt: record.at,
      ends: new Map(),
      offered: undefined,
      offers: [],
      unsettled: [],
      deferrals: 0,
      returns: 0,
      isQuarantined: false,
    });
  }

  #tell(story: MessageStory, record: StoredRecord, body: object): void {
    const { at, type } = record;
    const end = ENDS[type];
    if (end !== undefined) {
      const { index, text, to } = body as AttemptBody;
      // An envelope that is not in memory leaves the addresses out; the index always speaks.
      if (to.length > 0 && to.length !== index.length) this.#odd(record, 'names some recipients');
      if (index.length === 0) this.#odd(record, 'ends for nobody');
      for (const one of index) {
        if (story.ends.has(one)) this.#odd(record, `recipient ${one} ended before`);
        if (story.to[one] === undefined) this.#odd(record, `there is no recipient ${one}`);
        const named = to[index.indexOf(one)];
        if (named !== undefined && named !== story.to[one])
          this.#odd(record, `${named} is not ${one}`);
        story.ends.set(one, { kind: end, at, text });
      }
      if (isEnded(story)) story.offered = undefined;
      return;
    }
    if (type === 'message.offered') {
      if (isEnded(story)) this.#odd(record, 'is offered after its end');
      story.offered = body as OfferedBody;
      story.offers.push({ at, body: body as OfferedBody });
      return;
    }
    if (type === 'message.quarantined') story.isQuarantined = true;
    if (/^message\.(?:moved|rebound|scheduled|postponed)$/.test(type)) return;
    if (type === 'message.deferred') story.deferrals += 1;
    if (type === 'message.returned') story.returns += 1;
    if (type === 'message.unsettled') story.unsettled.push({ at, body: body as UnsettledBody });
    story.offered = undefined;
  }

  #odd(record: StoredRecord, what: string): void {
    this.oddities.push(`position ${record.position}, ${record.type} ${record.stream}: ${what}`);
  }
}
