/**
 * From the events of a log to attempts: who was reached, over which link, what each phase answered,
 * how long it took. The one idea: it hears events in order and holds only what is under way, each
 * kind of it bounded, so a log of any length is read in the memory of a short one.
 * Deliberately unknown here: what is concluded from attempts.
 */
import type { ModelPhase } from '../models/model.ts';
import type { Verdict } from './verdict.ts';
import { readVerdict } from './verdict.ts';

/** An event as a log has it, its body read. */
export interface FitEvent {
  readonly at: number;
  readonly type: string;
  readonly stream: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Recipients of an attempt that had the same answer. */
export interface Answered {
  readonly to: readonly string[];
  readonly recipients: number;
  /** Undefined: taken. */
  readonly verdict: Verdict | undefined;
}

/** One attempt of a message. */
export interface Attempt {
  readonly site: string;
  /** When its outcome was decided. */
  readonly at: number;
  /** Which attempt of its message it is, from 1. */
  readonly number: number;
  /** `name address:port`; '' where nobody was reached. */
  readonly peer: string;
  readonly tls: string;
  /** Which message of its connection it is, from 1; 0 where there was no connection. */
  readonly ordinal: number;
  /** Links of the site that had a message in hand, this one included. */
  readonly busy: number;
  readonly answered: readonly Answered[];
  /** From MAIL to the last reply; undefined where the log does not say. */
  readonly tookMs: number | undefined;
  /** From being due until MAIL over a new link, where the message waited for nothing else. */
  readonly connectMs: number | undefined;
  /** From the answer before on the same link until this offer, where the message was waiting. */
  readonly gapMs: number | undefined;
}

/** The types of events that are heard. */
export const HEARD_TYPES: readonly string[] = [
  'engine.started',
  'message.accepted',
  'message.offered',
  'message.returned',
  'message.delivered',
  'message.bounced',
  'message.deferred',
  'message.unsettled',
  'message.expired',
  'message.cancelled',
  'message.purged',
];

/** Messages remembered until their first attempt; beyond, the oldest is forgotten. */
const WAITING_MAX = 100_000;
/** Links that are remembered, likewise. */
const LINKS_MAX = 20_000;
/** Attempts under way, likewise. */
const OFFERS_MAX = 100_000;

interface Waiting {
  readonly queue: string;
  readonly at: number;
  /** Nothing of its queue waited when it came. */
  readonly isFirst: boolean;
}

interface Offer {
  readonly site: string;
  readonly ordinal: number;
  readonly busy: number;
  readonly connectMs: number | undefined;
  readonly gapMs: number | undefined;
  readonly link: Link;
}

/** A link: how many messages it had, and since when it has none in hand. */
interface Link {
  ordinal: number;
  freeAt: number | undefined;
}

type Draft = { -readonly [K in keyof Attempt]: Attempt[K] } & {
  readonly answered: Answered[];
  readonly stream: string;
};

const UNSETTLED = 'message.unsettled';
const OUTCOMES = new Set(['message.delivered', 'message.bounced', 'message.deferred']);

/** Hears events and tells attempts. */
export class AttemptReader {
  readonly #tell: (attempt: Attempt) => void;
  readonly #waiting = new Map<string, Waiting>();
  readonly #queues = new Map<string, number>();
  readonly #links = new Map<unknown, Link>();
  readonly #offers = new Map<string, Offer>();
  readonly #busy = new Map<string, number>();
  #draft: Draft | undefined;

  constructor(tell: (attempt: Attempt) => void) {
    this.#tell = tell;
  }

  hear(event: FitEvent): void {
    const { type, stream } = event;
    const isSame = this.#draft?.stream === stream && (OUTCOMES.has(type) || type === UNSETTLED);
    if (!isSame) this.end();
    if (type === 'engine.started') this.#forget();
    else if (type === 'message.accepted') this.#accepted(event);
    else if (type === 'message.offered') this.#offered(event);
    else if (OUTCOMES.has(type) || type === UNSETTLED) this.#settled(event);
    else {
      // Taken back, or ended by hand or age.
      this.#take(stream);
      this.#leave(stream);
    }
  }

  /** Nothing more comes for the attempt at hand. */
  end(): void {
    const draft = this.#draft;
    this.#draft = undefined;
    if (draft === undefined) return;
    this.#leave(draft.stream);
    if (draft.site !== '' && draft.answered.length > 0) this.#tell(draft);
  }

  #forget(): void {
    for (const held of [this.#waiting, this.#queues, this.#links, this.#offers, this.#busy]) {
      held.clear();
    }
  }

  #accepted({ stream, at, body }: FitEvent): void {
    const queue = String(body['queue']);
    const before = this.#queues.get(queue) ?? 0;
    const isDue = Number(body['due'] ?? at) <= at;
    if (!isDue) return;
    this.#queues.set(queue, before + 1);
    this.#waiting.set(stream, { queue, at, isFirst: before === 0 });
    dropOldest(this.#waiting, WAITING_MAX, (oldest) => void this.#take(oldest));
  }

  /** A message waits no more. */
  #take(stream: string): Waiting | undefined {
    const waiting = this.#waiting.get(stream);
    if (waiting === undefined) return undefined;
    this.#waiting.delete(stream);
    const left = (this.#queues.get(waiting.queue) ?? 1) - 1;
    if (left > 0) this.#queues.set(waiting.queue, left);
    else this.#queues.delete(waiting.queue);
    return waiting;
  }

  #offered({ stream, at, body }: FitEvent): void {
    const waiting = this.#take(stream);
    const link = this.#links.get(body['link']) ?? { ordinal: 0, freeAt: undefined };
    link.ordinal += 1;
    const { ordinal, freeAt } = link;
    link.freeAt = undefined;
    // Those in use are the youngest.
    this.#links.delete(body['link']);
    this.#links.set(body['link'], link);
    dropOldest(this.#links, LINKS_MAX);
    const site = String(body['site']);
    const busy = (this.#busy.get(site) ?? 0) + 1;
    this.#busy.set(site, busy);
    const isNew = ordinal === 1 && busy === 1 && waiting?.isFirst === true;
    const connectMs = isNew ? at - waiting.at : undefined;
    const hasWaited = waiting !== undefined && freeAt !== undefined && waiting.at <= freeAt;
    const gapMs = hasWaited ? at - freeAt : undefined;
    this.#offers.set(stream, { site, ordinal, busy, connectMs, gapMs, link });
    dropOldest(this.#offers, OFFERS_MAX, (oldest) => this.#leave(oldest));
  }

  #leave(stream: string): void {
    const offer = this.#offers.get(stream);
    if (offer === undefined) return;
    this.#offers.delete(stream);
    const left = (this.#busy.get(offer.site) ?? 1) - 1;
    if (left > 0) this.#busy.set(offer.site, left);
    else this.#busy.delete(offer.site);
  }

  #settled({ stream, at, type, body }: FitEvent): void {
    this.#take(stream);
    const offer = this.#offers.get(stream);
    const verdict = readVerdict(type, body);
    if (verdict === 'ours') return;
    // Who was reached, but whose offer is not known, would count as first of its link.
    if (verdict?.phase !== 'connect' && offer === undefined) return;
    const index = body['index'] as readonly number[] | undefined;
    const to = (body['to'] as readonly string[] | undefined) ?? [];
    const answered = { to, recipients: index?.length ?? 1, verdict };
    const took = body['took'] as number | undefined;
    this.#draft ??= {
      stream,
      site: String(body['site'] ?? ''),
      at,
      number: Number(body['attempt']),
      peer: String(body['peer'] ?? ''),
      tls: String(body['tls'] ?? ''),
      ordinal: offer?.ordinal ?? 0,
      busy: offer?.busy ?? this.#busy.get(String(body['site'])) ?? 0,
      answered: [],
      tookMs: took,
      connectMs: offer?.connectMs,
      gapMs: offer?.gapMs,
    };
    if (offer !== undefined) offer.link.freeAt = at;
    this.#draft.answered.push(answered);
  }
}

function dropOldest<K, V>(map: Map<K, V>, most: number, drop?: (key: K) => void): void {
  if (map.size <= most) return;
  const [oldest] = map.keys();
  if (oldest === undefined) return;
  if (drop === undefined) map.delete(oldest);
  else drop(oldest);
}

/** The last phase of a session that an attempt came to. */
export const lastPhase = ({ answered }: Attempt): ModelPhase =>
  answered.some(({ verdict }) => verdict === undefined)
    ? 'dot'
    : (answered.at(-1)?.verdict?.phase ?? 'dot');
