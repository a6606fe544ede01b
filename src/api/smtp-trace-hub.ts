/**
 * Those who watch SMTP conversations, and what each is sent. The one idea: nobody is waited for; a
 * watcher whose line is full loses events, and hears how many as soon as there is room again.
 * Deliberately unknown here: HTTP, and what sessions do.
 */
import type { TraceFilter } from '../domain/trace-filter.ts';
import type { Clock } from '../ports/ports.ts';
import type { SmtpTrace, TraceMeta, TracePayload } from '../ports/smtp-trace.ts';
import type { Timers } from '../ports/timers.ts';

/** The line to one watcher. */
export interface WatcherLine {
  /** Octets handed over that have not left yet. */
  readonly waitingBytes: number;
  /** `left` is called when the text has been handed to the system. */
  send(text: string, left: () => void): void;
}

/** Somebody who watches, until `leave`. */
export interface Watcher {
  /** Says what it wants to see; until then what happens is kept for it. */
  want(filter: TraceFilter): void;
  leave(): void;
}

/** Octets that may wait for one watcher: some seconds of a busy server. */
export const WATCHER_BYTES_MAX = 8 * 1024 * 1024;
/** Watchers of one side at once; each costs the main thread a text an event. */
export const WATCHERS_MAX = 16;
/** Events kept for a watcher that has not said yet what it wants. */
export const KEPT_EVENTS_MAX = 1_024;

interface Happening {
  readonly meta: TraceMeta | null;
  readonly payload: TracePayload;
  readonly when: string;
}

const LINE_END = /\r\n?|\n/;

/** Data of more than one line as their first line and their length; all else as it is. */
export function abbreviate(payload: TracePayload, direction: 'Read' | 'Write'): unknown {
  const text = typeof payload === 'string' ? undefined : Object.entries(payload)[0];
  if (text?.[0] !== direction || typeof text[1] !== 'string') return payload;
  const data: string = text[1];
  const end = data.search(LINE_END);
  const isOneLine = end < 0 || data.slice(end).replace(LINE_END, '') === '';
  if (isOneLine) return payload;
  const snippet = data.slice(0, end);
  return { [`Abbreviated${direction}`]: { snippet, len: Buffer.byteLength(data) } };
}

class OneWatcher implements Watcher {
  readonly #line: WatcherLine;
  readonly #clock: Clock;
  readonly #left: () => void;
  #filter: TraceFilter | undefined;
  #kept: Happening[] = [];
  #missed = 0;

  constructor(line: WatcherLine, clock: Clock, left: (who: OneWatcher) => void) {
    this.#line = line;
    this.#clock = clock;
    this.#left = () => left(this);
  }

  want(filter: TraceFilter): void {
    this.#filter = filter;
    const kept = this.#kept;
    this.#kept = [];
    for (const happening of kept) this.take(happening);
  }

  leave(): void {
    this.#left();
  }

  take(happening: Happening): void {
    if (this.#filter === undefined) {
      if (this.#kept.length < KEPT_EVENTS_MAX) this.#kept.push(happening);
      else this.#missed += 1;
    } else if (happening.meta === null || this.#filter.passes(happening.meta)) {
      if (this.#line.waitingBytes >= WATCHER_BYTES_MAX) this.#missed += 1;
      else {
        this.#tellMissed();
        this.#send(happening);
      }
    }
  }

  /** Told where they are missing: before what comes next, or when the line is empty. */
  #tellMissed(): void {
    if (this.#missed === 0 || this.#filter === undefined) return;
    const message = `${this.#missed} events were missed: this line is too slow for them`;
    this.#missed = 0;
    const when = whenOf(this.#clock);
    this.#send({ meta: null, payload: { Diagnostic: { level: 'ERROR', message } }, when });
  }

  #send({ meta, payload, when }: Happening): void {
    const direction = this.#filter?.abbreviates;
    const shown = direction === undefined ? payload : abbreviate(payload, direction);
    this.#line.send(JSON.stringify({ conn_meta: meta, payload: shown, when }), () => {
      if (this.#line.waitingBytes === 0) this.#tellMissed();
    });
  }
}

const whenOf = (clock: Clock): string => new Date(clock.now()).toISOString();

/** The watchers of one side. */
export class SmtpTraceHub implements SmtpTrace {
  readonly #clock: Clock;
  readonly #watchers = new Set<OneWatcher>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isWatched(): boolean {
    return this.#watchers.size > 0;
  }

  note(meta: TraceMeta, payload: TracePayload): void {
    const when = whenOf(this.#clock);
    for (const watcher of this.#watchers) watcher.take({ meta, payload, when });
  }

  /** Takes somebody in; undefined where there are WATCHERS_MAX already. */
  enter(line: WatcherLine): Watcher | undefined {
    if (this.#watchers.size >= WATCHERS_MAX) return undefined;
    const watcher = new OneWatcher(line, this.#clock, (who) => this.#watchers.delete(who));
    this.#watchers.add(watcher);
    return watcher;
  }
}

/** The hubs of a daemon. */
export interface SmtpTraces {
  /** Our conversations with those we deliver to. */
  readonly client: SmtpTraceHub;
  /** Those of clients with our listeners. */
  readonly server: SmtpTraceHub;
  /** Bounds the wait for what a watcher wants. */
  readonly after: Timers['after'];
}

/** Hubs without watchers. */
export const createSmtpTraces = (clock: Clock, { after }: Timers): SmtpTraces => ({
  client: new SmtpTraceHub(clock),
  server: new SmtpTraceHub(clock),
  after,
});
