/**
 * Events of SMTP conversations as lines for people: whose session, how long after it was first
 * seen, what was said, and what became known of the session since its last event. What a filter of
 * ours (only new sessions, only one) leaves out is left out here. Pure; knows no websocket.
 */
import type { Style } from './terminal.ts';
import { harmless } from './terminal.ts';

/** An event as the daemon sends it. */
export interface TraceEvent {
  readonly conn_meta: Readonly<Record<string, unknown>> | null;
  readonly payload: unknown;
  /** RFC 3339. */
  readonly when: string;
}

/** What to show, and how. */
export interface TraceOptions {
  readonly side: 'client' | 'server';
  readonly onlyNew: boolean;
  readonly onlyOne: boolean;
  readonly terse: boolean;
  readonly paint: (style: Style, text: string) => string;
}

/** Sessions remembered at once; the one that was silent longest goes first. */
const SESSIONS_MAX = 10_000;

interface Session {
  readonly firstAt: number;
  readonly meta: Map<string, string>;
}

/** What became of an event. */
export interface TraceShown {
  /** False: it was left out. */
  readonly isShown: boolean;
  readonly lines: readonly string[];
  /** The only session that was wanted has ended. */
  readonly isOver: boolean;
}

const LEFT_OUT: TraceShown = { isShown: false, lines: [], isOver: false };

const BEGINNINGS = { client: 'BeginSession', server: 'Connected' } as const;

/** Who a session is: the reference's keys. */
const keyOf = (side: TraceOptions['side'], meta: Readonly<Record<string, unknown>>): string =>
  side === 'client'
    ? textOf(meta['id'])
    : `${textOf(meta['received_from'])}->${textOf(meta['received_via'])}`;

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? '');

/** Turns events into lines, one after the other. */
export class TraceText {
  readonly #options: TraceOptions;
  readonly #sessions = new Map<string, Session>();
  #only: string | undefined;

  constructor(options: TraceOptions) {
    this.#options = options;
  }

  take({ conn_meta: meta, payload, when }: TraceEvent): TraceShown {
    // Without a session it is a word about the line itself, and always shown.
    if (meta === null) return { isShown: true, lines: this.#say(payload, ''), isOver: false };
    const { side, onlyNew, onlyOne } = this.#options;
    const key = keyOf(side, meta);
    const known = this.#sessions.get(key);
    if (known === undefined && onlyNew && payload !== BEGINNINGS[side]) return LEFT_OUT;
    if (onlyOne) this.#only ??= key;
    if (this.#only !== undefined && this.#only !== key) return LEFT_OUT;
    const session = known ?? this.#open(key, Date.parse(when));
    const elapsedMs = Math.max(0, Date.parse(when) - session.firstAt);
    const head = `[${harmless(key)}] ${formatElapsed(elapsedMs)}`;
    const lines = [...this.#say(payload, head), ...this.#tellChanges(session, meta, head)];
    const isClosed = payload === 'Closed';
    // The last one heard stands last. One of ours may go on at the next host after it was closed.
    this.#sessions.delete(key);
    if (!isClosed || side === 'client') this.#sessions.set(key, session);
    return { isShown: true, lines, isOver: isClosed && onlyOne };
  }

  #open(key: string, firstAt: number): Session {
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size >= SESSIONS_MAX && oldest !== undefined) this.#sessions.delete(oldest);
    const session = { firstAt, meta: new Map<string, string>() };
    this.#sessions.set(key, session);
    return session;
  }

  #tellChanges({ meta }: Session, now: Readonly<Record<string, unknown>>, head: string): string[] {
    const lines: string[] = [];
    const tell = (mark: string, text: string): void => {
      lines.push(this.#options.paint('dim', `${head} ${mark} ${harmless(text)}`));
    };
    for (const [key, value] of Object.entries(now)) {
      const text = textOf(value);
      const before = meta.get(key);
      if (before === text) continue;
      tell(before === undefined ? '+' : '~', `${key} = ${text}`);
      meta.set(key, text);
    }
    for (const key of meta.keys()) {
      if (key in now) continue;
      tell('-', key);
      meta.delete(key);
    }
    return lines;
  }

  #say(payload: unknown, head: string): string[] {
    const lead = head === '' ? '' : `${head} `;
    if (typeof payload === 'string') return [`${lead}=== ${harmless(payload)}`];
    const [kind = '', value] = Object.entries((payload ?? {}) as object)[0] ?? [];
    if (kind === 'Read' || kind === 'Write') return this.#sayData(kind, String(value), lead);
    if (kind === 'AbbreviatedRead' || kind === 'AbbreviatedWrite') {
      const { snippet, len } = value as { readonly snippet: string; readonly len: number };
      return [`${this.#line(kind, snippet, lead)} (${len} bytes in all)`];
    }
    if (kind === 'Diagnostic') {
      const { level, message } = value as { readonly level: string; readonly message: string };
      const text = `${lead}=== ${harmless(level)}: ${harmless(message)}`;
      return [level === 'ERROR' ? this.#options.paint('red', text) : text];
    }
    if (kind === 'MessageDisposition') return sayDisposition(value as object, lead);
    return [`${lead}=== ${harmless(kind)}: ${harmless(textOf(value))}`];
  }

  /** Each line of what was said on one of its own; terse: the first, and how much there is. */
  #sayData(kind: string, text: string, lead: string): string[] {
    const lines = text.split(/\r\n|\r|\n/);
    if (lines.at(-1) === '') lines.pop();
    if (this.#options.terse && lines.length > 1) {
      const bytes = Buffer.byteLength(text);
      return [`${this.#line(kind, lines[0] ?? '', lead)} (${bytes} bytes in all)`];
    }
    return lines.map((line) => this.#line(kind, line, lead));
  }

  #line(kind: string, text: string, lead: string): string {
    const isWritten = kind.endsWith('Write');
    const said = `${isWritten ? '->' : '<-'} ${harmless(text)}`;
    return lead + this.#options.paint(isWritten ? 'green' : 'cyan', said);
  }
}

const sayDisposition = (fields: object, lead: string): string[] =>
  Object.entries(fields).flatMap(([key, value]) => {
    if (key !== 'meta' || typeof value !== 'object' || value === null) {
      return [`${lead}=== ${harmless(`${key}: ${textOf(value)}`)}`];
    }
    return Object.entries(value).map(
      ([name, one]) => `${lead}=== ${harmless(`meta ${name}: ${textOf(one)}`)}`,
    );
  });

const formatElapsed = (ms: number): string =>
  ms < 1000 ? `${ms}ms` : `${(ms / 1000).toFixed(3)}s`;
