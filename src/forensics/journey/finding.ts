/**
 * From what an operator has in hand to messages, newest first and a page at a time. The one idea:
 * all leads of a key are followed together, in the order of the log, so a position tells where the
 * next page begins; and work is counted, so that a page of a key with millions of messages costs
 * what one of a key with hundreds does.
 * Deliberately unknown here: what became of the messages.
 */
import { eventsToEnd } from './journey.ts';
import type { FoundBy, Lead } from './leads.ts';
import { firstPositionOf, idLead, isOfTenant, leadsOf, tenantLead } from './leads.ts';
import type { LogEvent, LogLook } from './log-look.ts';
import { standingOf } from './standing.ts';
import type { TimeSpan } from './stretch.ts';

/** Messages of one page. */
export const MATCHES_MAX = 100;
/** Records looked at for one page. */
const PAGE_LOOKS_MAX = 5_000;
/** Records looked at behind a full page, to say exactly how many more there are. */
const REST_LOOKS_MAX = 100;
/** What it counts for to ask all of the log behind a message that has not ended. */
const LIVING_LOOKS = 20;

/** What is asked; at least one of key and tenant. Times in ms, both ends within. */
export interface JourneyQuestion {
  readonly key?: string | undefined;
  readonly tenant?: string | undefined;
  readonly from?: number | undefined;
  readonly upto?: number | undefined;
  /** The next page: what an answer said of where it goes on. */
  readonly before?: number | undefined;
}

/** By what a message was found, and a position that none of its events lies before. */
export interface FoundMessage {
  readonly by: readonly FoundBy[];
  readonly from: number;
}

/** What a page does not list. */
export interface Rest {
  /** Messages; `about` is counted in the index alone, `least` by those that were looked at. */
  readonly count: number;
  readonly sure: 'exactly' | 'about' | 'least';
  /** Where the next page begins. */
  readonly before: number;
}

/** Messages by id, newest first. */
export interface Found {
  readonly messages: ReadonlyMap<string, FoundMessage>;
  /** Undefined where all are listed. */
  readonly rest: Rest | undefined;
  /** Whether a message, by its events, was on a page before this one. */
  readonly wasListed: (events: readonly LogEvent[]) => boolean;
}

/** Finds a page of messages. */
export function findMessages(look: LogLook, question: JourneyQuestion): Found {
  const finding = new Finding(look, question);
  finding.run();
  return finding.found();
}

interface Candidate {
  readonly lead: Lead;
  readonly found: LogEvent;
}

class Finding {
  readonly #look: LogLook;
  readonly #question: JourneyQuestion;
  readonly #span: TimeSpan;
  readonly #leads: readonly Lead[];
  readonly #messages = new Map<string, FoundMessage>();
  /** Those that the page has no room for. */
  readonly #others = new Set<string>();
  #left = PAGE_LOOKS_MAX;
  #isCut = false;
  /** Positions from here on are done with. */
  #before: number;

  constructor(look: LogLook, question: JourneyQuestion) {
    const { key, tenant = '', from = 0, upto = Number.MAX_SAFE_INTEGER, before } = question;
    this.#look = look;
    this.#question = question;
    this.#span = { from, upto };
    this.#leads = key === undefined ? [tenantLead(tenant)] : leadsOf(key);
    this.#before = before ?? Number.MAX_SAFE_INTEGER;
  }

  run(): void {
    const { key } = this.#question;
    if (key !== undefined) this.#takeId(idLead(key));
    const range = { upto: this.#before - 1, span: this.#span };
    for (const candidate of inOrder(this.#look, this.#leads, range)) {
      this.#left -= 1;
      if (this.#left < 0) {
        this.#isCut = true;
        return;
      }
      this.#take(candidate);
    }
  }

  #takeId({ by, kind, text, proves }: Lead): void {
    for (const found of this.#look.newest(kind, text)) {
      if (!proves(found)) continue;
      this.#messages.set(found.event.stream, { by: [by], from: firstPositionOf(found) });
      return;
    }
  }

  #take({ lead, found }: Candidate): void {
    const isFull = this.#messages.size >= MATCHES_MAX;
    if (!isFull) this.#before = found.position;
    const { stream } = found.event;
    const known = this.#messages.get(stream);
    if (known?.by.includes(lead.by) === true || !this.#fits(lead, found)) return;
    if (known === undefined && isFull) {
      this.#others.add(stream);
      return;
    }
    this.#messages.set(stream, {
      by: [...(known?.by ?? []), lead.by],
      from: Math.max(known?.from ?? 1, firstPositionOf(found)),
    });
    if (this.#messages.size >= MATCHES_MAX) this.#left = Math.min(this.#left, REST_LOOKS_MAX);
  }

  #fits(lead: Lead, found: LogEvent): boolean {
    if (!this.#isMeant(lead, found)) return false;
    const { key, tenant } = this.#question;
    if (key === undefined || tenant === undefined || isOfTenant(found, tenant)) return true;
    return this.#hadTenant(found, tenant);
  }

  #isMeant(lead: Lead, found: LogEvent): boolean {
    const { from, upto } = this.#span;
    return found.at >= from && found.at <= upto && lead.proves(found);
  }

  /** Whether a message was ever in a queue of the tenant. */
  #hadTenant(found: LogEvent, tenant: string): boolean {
    const message = { id: found.event.stream, from: firstPositionOf(found) };
    const [events = []] = eventsToEnd(this.#look, [message]);
    const isEnded = standingOf(events).state === 'ended';
    this.#left -= events.length + (isEnded ? 0 : LIVING_LOOKS);
    return events.some((one) => isOfTenant(one, tenant));
  }

  found(): Found {
    return {
      messages: this.#messages,
      rest: this.#rest(),
      wasListed: (events) => this.#wasListed(events),
    };
  }

  #rest(): Rest | undefined {
    const before = this.#before;
    const count = this.#others.size;
    const { key, tenant, before: begun } = this.#question;
    // On a later page some of them may be such as were moved, and listed by that already.
    const sure = begun === undefined ? 'exactly' : 'about';
    if (!this.#isCut) return count === 0 ? undefined : { count, sure, before };
    const isFull = this.#messages.size >= MATCHES_MAX;
    // The index cannot tell which entries of a key are of a tenant, or outside of the time.
    if (!isFull || (key !== undefined && tenant !== undefined)) {
      return { count, sure: 'least', before };
    }
    const range = { upto: before - 1, span: this.#span };
    const entries = this.#leads.map((lead) =>
      this.#look.count(lead.kind, lead.text, range, (found) => this.#isMeant(lead, found)),
    );
    return { count: entries.reduce((sum, one) => sum + one, 0), sure: 'about', before };
  }

  #wasListed(events: readonly LogEvent[]): boolean {
    const { before } = this.#question;
    if (before === undefined) return false;
    return events.some(
      (found) => found.position >= before && this.#leads.some((lead) => this.#isMeant(lead, found)),
    );
  }
}

/** Candidates of all leads, newest first. */
function* inOrder(
  look: LogLook,
  leads: readonly Lead[],
  range: { readonly upto: number; readonly span: TimeSpan },
): Generator<Candidate> {
  const heads = leads.map((lead) => ({ lead, rest: look.newest(lead.kind, lead.text, range) }));
  const next = heads.map(({ rest }) => rest.next());
  for (;;) {
    let newest = -1;
    let position = 0;
    for (const [index, { done, value }] of next.entries()) {
      if (done === true || value.position <= position) continue;
      newest = index;
      position = value.position;
    }
    const head = heads[newest];
    if (head === undefined) return;
    yield { lead: head.lead, found: next[newest]?.value as LogEvent };
    next[newest] = head.rest.next();
  }
}
