/**
 * The figures of one thing that mail passes: a domain, a site, a source, an hour, or the whole run.
 * The one idea: recipients are counted, each once at its end, so that what came in is what ended
 * and what is still there. Knows no log and no time.
 */
import { LatencyTally } from '../../domain/latency.ts';
import type { EndKind } from '../world/witness.ts';

const MINUTE_MS = 60_000;

/** How recipients ended. */
export type Ends = Readonly<Record<EndKind, number>>;

const NONE: Ends = { delivered: 0, bounced: 0, expired: 0, cancelled: 0, purged: 0, lost: 0 };

/** A share of the mail. */
export interface Figures extends Ends {
  readonly received: number;
  /** Neither ended nor gone elsewhere. */
  readonly queued: number;
  /** Times that a recipient was put off by a reply, or by the want of one. */
  readonly deferred: number;
  /** From acceptance to delivery, ms. */
  readonly waitMs: { readonly p50: number; readonly p99: number; readonly longest: number };
}

/** Counts recipients. */
export class Tally {
  received = 0;
  deferred = 0;
  readonly ends: { -readonly [K in EndKind]: number } = { ...NONE };
  readonly #waits = new LatencyTally(1);

  end(kind: EndKind, recipients: number, waitMs: number): void {
    this.ends[kind] += recipients;
    if (kind === 'delivered') this.#waits.add(waitMs, recipients);
  }

  /** `queued` is told where it is not what is left of what this tally has received. */
  figures(
    queued = this.received - Object.values(this.ends).reduce((sum, n) => sum + n, 0),
  ): Figures {
    const waits = this.#waits;
    const { received, deferred } = this;
    const [p50, p99] = [0.5, 0.99].map((q) => waits.quantileMs(q)) as [number, number];
    return { received, ...this.ends, queued, deferred, waitMs: { p50, p99, longest: waits.maxMs } };
  }
}

/** What went over a source or to a site. */
export interface RouteFigures {
  readonly attempts: number;
  readonly delivered: number;
  readonly bounced: number;
  readonly deferred: number;
  /** Connections on which mail was offered. */
  readonly connections: number;
  /** Most attempts within one minute of the clock. */
  readonly busiestMinute: number;
  readonly waitMs: Figures['waitMs'];
}

/** Counts attempts over a source, or to a site. */
export class RouteTally {
  readonly mail = new Tally();
  #attempts = 0;
  #connections = 0;
  #minute = -1;
  #inMinute = 0;
  #busiest = 0;

  offer(at: number, isNewConnection: boolean): void {
    this.#attempts += 1;
    if (isNewConnection) this.#connections += 1;
    const minute = Math.floor(at / MINUTE_MS);
    this.#inMinute = minute === this.#minute ? this.#inMinute + 1 : 1;
    this.#minute = minute;
    this.#busiest = Math.max(this.#busiest, this.#inMinute);
  }

  figures(): RouteFigures {
    const { delivered, bounced, deferred, waitMs } = this.mail.figures();
    return {
      attempts: this.#attempts,
      delivered,
      bounced,
      deferred,
      connections: this.#connections,
      busiestMinute: this.#busiest,
      waitMs,
    };
  }
}
