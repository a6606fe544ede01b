/**
 * Reads the log of a simulated day along and keeps figures instead of records: by hour, domain,
 * site, source and reply. The one idea: a record is read once and let go; of living messages the
 * acceptance stays, for the engine may read it back, so memory follows the mail that waits and not
 * the mail there was. Knows no policy and judges nothing.
 */
import { domainOf } from '../../domain/address.ts';
import { Recent } from '../../domain/recent.ts';
import type { AttemptBody, DeferredBody } from '../../events/attempt.ts';
import type { MemoryStore } from '../../events/memory-log.ts';
import type { AcceptedBody, EndedBody, OfferedBody, UnsettledBody } from '../../events/message.ts';
import type { SuspendedBody } from '../../events/source.ts';
import type { StoredRecord } from '../../ports/ports.ts';
import type { EndKind } from '../world/witness.ts';
import { ENDS } from '../world/witness.ts';
import { Replies } from './replies.ts';
import type { Figures } from './tally.ts';
import { RouteTally, Tally } from './tally.ts';

/** More are counted together under `OTHERS`. */
export const NAMES_MAX = 10_000;
/** The name of all that have none of their own. */
export const OTHERS = '(others)';
/** Different sentences of the engine that are counted; more are not told. */
const SAID_MAX = 50;
/** Connections that are known again: the last half of them at least, by their offers. */
const LINKS_MAX = 131_072;
const HOUR_MS = 3_600_000;

interface Living {
  readonly acceptedAt: number;
  readonly position: number;
  readonly domain: Tally;
  left: number;
}

/** A source's times out of rotation. */
export interface Suspensions {
  times: number;
  ms: number;
  since: number | undefined;
}

/** One hour, and what was queued at its end. */
export interface HourFigures extends Figures {
  readonly hour: number;
}

/** Figures of a log that is being written. */
export class DayLedger {
  readonly total = new Tally();
  readonly domains = new Map<string, Tally>();
  readonly sites = new Map<string, RouteTally>();
  readonly sources = new Map<string, RouteTally>();
  readonly suspensions = new Map<string, Suspensions>();
  readonly replies = new Replies();
  readonly hours: HourFigures[] = [];
  /** How often the engine told its operator what, in the order of the first times. */
  readonly said = new Map<string, number>();
  /** Recipients that have not ended. */
  queued = 0;
  messages = 0;
  records = 0;
  readonly #living = new Map<string, Living>();
  readonly #links = new Recent<true>(LINKS_MAX);
  readonly #startAt: number;
  #hour = new Tally();
  #cursor = 0;

  constructor(startAt: number) {
    this.#startAt = startAt;
  }

  /** Takes in what became durable since, and lets it go. */
  read({ records }: MemoryStore): void {
    for (; this.#cursor < records.length; this.#cursor += 1) {
      const record = records[this.#cursor];
      if (record === undefined) continue;
      this.#closeHours(record.at);
      this.records += 1;
      const isKept = this.#take(record, records);
      if (!isKept) (records as (StoredRecord | undefined)[])[this.#cursor] = undefined;
    }
  }

  /** The engine told its operator something. */
  hear(text: string): void {
    const count = this.said.get(text);
    if (count !== undefined || this.said.size < SAID_MAX) this.said.set(text, (count ?? 0) + 1);
  }

  /** Nothing comes any more; what is out of rotation was so until now. */
  close(at: number): void {
    this.#closeHours(at);
    const isWhole = (at - this.#startAt) % HOUR_MS === 0 && this.hours.length > 0;
    if (!isWhole) this.#closeHour();
    for (const one of this.suspensions.values()) {
      if (one.since !== undefined) one.ms += at - one.since;
      one.since = undefined;
    }
  }

  #closeHours(at: number): void {
    while (at >= this.#startAt + (this.hours.length + 1) * HOUR_MS) this.#closeHour();
  }

  #closeHour(): void {
    this.hours.push({ hour: this.hours.length, ...this.#hour.figures(this.queued) });
    this.#hour = new Tally();
  }

  /** True where the record is to be kept. */
  #take(record: StoredRecord, records: (StoredRecord | undefined)[]): boolean {
    const { type, at } = record;
    if (type === 'source.suspended') return this.#suspend(record);
    if (type === 'source.resumed' || type === 'source.retired') return this.#resume(record);
    if (!type.startsWith('message.')) return false;
    if (type === 'message.accepted') return this.#accept(record);
    const living = this.#living.get(record.stream);
    if (living === undefined) return false;
    const end = ENDS[type];
    if (end !== undefined) this.#end(end, living, record, records);
    else if (type === 'message.offered') this.#offer(JSON.parse(record.body) as OfferedBody, at);
    else if (type === 'message.deferred') {
      this.#defer(living, JSON.parse(record.body) as DeferredBody);
    } else if (type === 'message.unsettled') {
      this.#unsettle(living, JSON.parse(record.body) as UnsettledBody);
    }
    return false;
  }

  #accept({ stream, at, position, body }: StoredRecord): boolean {
    const { to } = JSON.parse(body) as AcceptedBody;
    const domain = tallyOf(this.domains, domainOf(to[0] ?? ''), () => new Tally());
    this.#living.set(stream, { acceptedAt: at, position, domain, left: to.length });
    for (const tally of [this.total, this.#hour, domain]) tally.received += to.length;
    this.queued += to.length;
    this.messages += 1;
    return true;
  }

  #end(
    kind: EndKind,
    living: Living,
    { stream, at, body }: StoredRecord,
    records: (StoredRecord | undefined)[],
  ): void {
    const told = JSON.parse(body) as AttemptBody | EndedBody;
    const count = told.index.length;
    const waitMs = at - living.acceptedAt;
    const tallies = [this.total, this.#hour, living.domain];
    if ('site' in told) {
      tallies.push(this.#route(this.sites, told.site).mail);
      if (told.source !== '') tallies.push(this.#route(this.sources, told.source).mail);
      if (kind === 'bounced') this.replies.note('bounced', told, count);
    }
    for (const tally of tallies) tally.end(kind, count, waitMs);
    this.queued -= count;
    living.left -= count;
    if (living.left > 0) return;
    this.#living.delete(stream);
    records[living.position - 1] = undefined;
  }

  #offer({ source, site, link }: OfferedBody, at: number): void {
    const name = String(link);
    const isNew = this.#links.get(name) === undefined;
    this.#links.set(name, true);
    this.#route(this.sites, site).offer(at, isNew);
    this.#route(this.sources, source).offer(at, isNew);
  }

  #defer(living: Living, told: DeferredBody): void {
    this.replies.note('deferred', told, told.index.length);
    this.#putOff(living, told.index.length, told.site, told.source);
  }

  #unsettle(living: Living, { index, cause, site = '', source = '' }: UnsettledBody): void {
    const count = index?.length ?? living.left;
    this.replies.note('deferred', { code: 0, enhanced: '', text: cause, own: 1 }, count);
    this.#putOff(living, count, site, source);
  }

  #putOff(living: Living, count: number, site: string, source: string): void {
    const tallies = [this.total, this.#hour, living.domain];
    if (site !== '') tallies.push(this.#route(this.sites, site).mail);
    if (source !== '') tallies.push(this.#route(this.sources, source).mail);
    for (const tally of tallies) tally.deferred += count;
  }

  #route(routes: Map<string, RouteTally>, name: string): RouteTally {
    return tallyOf(routes, name, () => new RouteTally());
  }

  #suspend({ stream, at, body }: StoredRecord): boolean {
    const known = this.suspensions.get(stream) ?? { times: 0, ms: 0, since: undefined };
    const { until } = JSON.parse(body) as SuspendedBody;
    if (until > at && known.since === undefined) {
      known.times += 1;
      known.since = at;
    }
    this.suspensions.set(stream, known);
    return false;
  }

  #resume({ stream, at }: StoredRecord): boolean {
    const known = this.suspensions.get(stream);
    if (known?.since === undefined) return false;
    known.ms += at - known.since;
    known.since = undefined;
    return false;
  }
}

function tallyOf<T>(all: Map<string, T>, name: string, make: () => T): T {
  const key = all.has(name) || all.size < NAMES_MAX ? name : OTHERS;
  const known = all.get(key);
  if (known !== undefined) return known;
  const made = make();
  all.set(key, made);
  return made;
}
