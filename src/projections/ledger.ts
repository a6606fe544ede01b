/**
 * The question: did every accepted recipient come to exactly one end, or is it still in the queue?
 * It folds records on its own, apart from the books, so that the two can be held against each
 * other; messages that have ended drop out, so memory follows the living ones only. Does not know
 * where records come from, nor addresses: recipients are counted by their index.
 */
import type { End, LedgerTotals } from '../domain/ledger-totals.ts';
import type { Event } from '../events/catalogue.ts';
import type { Applied } from '../events/define.ts';
import type { AcceptedBody, BodyPlace } from '../events/message.ts';
import type { Difference, LedgerReport, LedgerWatch, UnknownAttempt } from './ledger-report.ts';
import { LISTED_MAX } from './ledger-report.ts';

interface LivingMessage {
  readonly total: number;
  left: number;
  /** Which recipients have ended; only where some have and some have not. */
  ended: Uint8Array | undefined;
  /** The last attempt that was offered, 0 before the first. */
  offeredAttempt: number;
  /** Undefined while no attempt is open. */
  open: { readonly at: number; readonly peer: string } | undefined;
  /** What the watch gave for it. */
  readonly cell: unknown;
  /** Where its body lies; only where that is asked for. */
  body: BodyPlace | undefined;
}

/** What a ledger does besides counting. */
export interface LedgerWishes {
  readonly watch?: LedgerWatch<unknown>;
  /** Remembers where the bodies of living messages lie. */
  readonly keepsBodies?: boolean;
}

type EndingBody = { readonly index: readonly number[]; readonly queue?: string | undefined };
type MessageEvent = Extract<Event, { readonly type: `message.${string}` }>;

/** An independent count of a log. */
export class MessageLedger {
  /** True when the log begins with its very first record: then no message can be from before. */
  readonly #isWhole: boolean;
  readonly #watch: LedgerWatch<unknown> | undefined;
  readonly #keepsBodies: boolean;
  readonly #living = new Map<string, LivingMessage>();
  readonly #totals: LedgerTotals = {
    accepted: 0,
    delivered: 0,
    bounced: 0,
    expired: 0,
    removed: 0,
    lost: 0,
  };
  readonly #differences: Difference[] = [];
  readonly #unknown: UnknownAttempt[] = [];
  #messages = 0;
  #offered = 0;
  #deferred = 0;
  #unknownCount = 0;
  #differenceCount = 0;
  #endedFromBefore = 0;

  constructor(isWhole: boolean, { watch, keepsBodies = false }: LedgerWishes = {}) {
    this.#isWhole = isWhole;
    this.#watch = watch;
    this.#keepsBodies = keepsBodies;
  }

  /** Takes the next event; events of other families change nothing. */
  fold(event: Event, applied: Applied): void {
    if (event.type === 'engine.stopped') this.#stopped(applied);
    else if (event.type.startsWith('message.')) this.#foldMessage(event as MessageEvent, applied);
  }

  /** Reports that a record could not be read as an event. */
  differ(applied: Applied, sentence: string): void {
    this.#differenceCount += 1;
    if (this.#differences.length >= LISTED_MAX) return;
    this.#differences.push({ position: applied.position, stream: applied.stream, sentence });
  }

  #foldMessage(event: MessageEvent, applied: Applied): void {
    switch (event.type) {
      case 'message.accepted':
      case 'message.recovered':
        this.#accept(event.body, applied);
        break;
      case 'message.offered':
        this.#offer(event.body.attempt, event.body.peer, applied);
        break;
      case 'message.delivered':
        this.#deliver(event.body, applied);
        break;
      case 'message.bounced':
      case 'message.purged':
        this.#end('bounced', event.body, applied);
        break;
      case 'message.expired':
        this.#end('expired', event.body, applied);
        break;
      case 'message.cancelled':
        this.#end('removed', event.body, applied);
        break;
      case 'message.lost':
        this.#end('lost', event.body, applied);
        break;
      case 'message.deferred':
        this.#deferred += 1;
        this.#closeOffer(applied);
        break;
      case 'message.unsettled':
        this.#unsettle(event.body.attempt, event.body.cause, applied);
        break;
      case 'message.returned':
      case 'message.quarantined':
        this.#closeOffer(applied);
        break;
      case 'message.moved':
        this.#move(event.body.body, applied);
        break;
      case 'message.scheduled':
      case 'message.postponed':
      case 'message.rebound':
        this.#find(applied);
    }
  }

  #accept({ to, queue, body }: AcceptedBody, applied: Applied): void {
    const { stream } = applied;
    const total = to.length;
    if (this.#living.has(stream)) {
      this.differ(applied, 'was accepted although it is in the queue already');
      return;
    }
    if (total === 0) this.differ(applied, 'was accepted for nobody');
    this.#messages += 1;
    this.#totals.accepted += total;
    const cell = this.#watch?.accepted(queue, total, stream);
    const kept = this.#keepsBodies ? body : undefined;
    const fresh = { total, left: total, ended: undefined, offeredAttempt: 0, open: undefined };
    this.#living.set(stream, { ...fresh, cell, body: kept });
  }

  #move(body: BodyPlace, applied: Applied): void {
    const message = this.#find(applied);
    if (message !== undefined && this.#keepsBodies) message.body = body;
  }

  /** The living message an event speaks of; none is a difference, unless history was cut off. */
  #find(applied: Applied): LivingMessage | undefined {
    const message = this.#living.get(applied.stream);
    if (message === undefined && this.#isWhole) {
      this.differ(applied, 'is spoken of but was never accepted, or has ended before');
    }
    return message;
  }

  #offer(attempt: number, peer: string, applied: Applied): void {
    this.#offered += 1;
    const message = this.#find(applied);
    if (message === undefined) return;
    if (message.open !== undefined) this.differ(applied, 'was offered while an offer was open');
    message.offeredAttempt = attempt;
    message.open = { at: applied.at, peer };
  }

  #deliver(body: EndingBody & { readonly attempt: number }, applied: Applied): void {
    const { attempt } = body;
    const message = this.#living.get(applied.stream);
    if (message !== undefined && message.offeredAttempt !== attempt) {
      this.differ(applied, `was delivered in attempt ${attempt}, which was never offered`);
    }
    this.#end('delivered', body, applied);
  }

  #end(as: End, { index, queue = '' }: EndingBody, applied: Applied): void {
    const message = this.#find(applied);
    const about = { stream: applied.stream, queue };
    if (message === undefined) {
      this.#endedFromBefore += index.length;
      // Where the beginning of the log was let go, it may have been accepted there.
      if (this.#isWhole) this.#watch?.ended(undefined, as, index.length, 0, about);
      return;
    }
    message.open = undefined;
    const before = message.left;
    for (const one of index) this.#endOne(message, as, one, applied);
    this.#watch?.ended(message.cell, as, index.length, before - message.left, about);
    if (message.left === 0) this.#living.delete(applied.stream);
  }

  #endOne(message: LivingMessage, as: End, index: number, applied: Applied): void {
    if (index >= message.total) {
      this.differ(applied, `has no recipient number ${index}`);
      return;
    }
    if (message.total > 1) {
      message.ended ??= new Uint8Array(message.total);
      if (message.ended[index] === 1) {
        this.differ(applied, `was ${as} for recipient number ${index}, who had come to an end`);
        return;
      }
      message.ended[index] = 1;
    } else if (message.left === 0) {
      this.differ(applied, `was ${as} twice for its recipient in one record`);
      return;
    }
    message.left -= 1;
    this.#totals[as] += 1;
  }

  #unsettle(attempt: number, cause: string, applied: Applied): void {
    const message = this.#find(applied);
    if (message !== undefined && message.offeredAttempt === 0) {
      this.differ(applied, 'has an attempt of unknown outcome but was never offered');
    }
    const peer = message?.open?.peer ?? '';
    this.#noteUnknown({ message: applied.stream, attempt, at: applied.at, peer, cause });
    if (message !== undefined) message.open = undefined;
  }

  #closeOffer(applied: Applied): void {
    const message = this.#find(applied);
    if (message !== undefined) message.open = undefined;
  }

  #noteUnknown(unknown: UnknownAttempt): void {
    this.#unknownCount += 1;
    this.#unknown.push(unknown);
    if (this.#unknown.length >= 2 * LISTED_MAX) this.#unknown.splice(0, LISTED_MAX);
  }

  /** A stop in good order leaves no offer open; after a crash open offers are to be expected. */
  #stopped(applied: Applied): void {
    for (const [stream, message] of this.#living) {
      if (message.open === undefined) continue;
      this.differ({ ...applied, stream }, 'has an open offer although the engine stopped in order');
    }
  }

  /** Where the bodies of living messages lie, as far as that was remembered. */
  *bodies(): Generator<readonly [stream: string, body: BodyPlace]> {
    for (const [stream, { body }] of this.#living) if (body !== undefined) yield [stream, body];
  }

  /** What was found up to the last record folded. */
  report(): LedgerReport {
    let live = 0;
    const open: UnknownAttempt[] = [];
    for (const [stream, message] of this.#living) {
      live += message.left;
      this.#watch?.living(message.cell, message.left);
      if (message.open === undefined) continue;
      const { at, peer } = message.open;
      const cause = 'the log ends before an outcome';
      open.push({ message: stream, attempt: message.offeredAttempt, at, peer, cause });
    }
    return {
      recipients: { ...this.#totals, live },
      messages: { accepted: this.#messages, live: this.#living.size },
      attempts: {
        offered: this.#offered,
        deferred: this.#deferred,
        unknown: this.#unknownCount + open.length,
        open: open.length,
      },
      endedFromBefore: this.#endedFromBefore,
      differences: this.#differenceCount,
      differencesListed: [...this.#differences],
      unknownListed: [...this.#unknown, ...open].slice(-LISTED_MAX),
    };
  }
}
