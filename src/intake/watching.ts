/**
 * A client's session as those who watch it see it: lines both ways, what handlers of the policy
 * answered, and what becomes of its messages. Nothing is made while nobody watches; a line that may
 * hold a password comes here already masked.
 * Deliberately unknown here: who watches, sockets, and what lines mean.
 */
import { domainOf } from '../domain/address.ts';
import type { Heard } from '../domain/reception-asker.ts';
import type { SmtpTrace, TraceMeta, TracePayload, TraceValue } from '../ports/smtp-trace.ts';
import type { Received } from './reception.ts';
import type { DomainFinder } from './relaying.ts';

/** One session in the sight of its watchers. */
export class Watching {
  readonly #trace: SmtpTrace | undefined;
  readonly #findMeta: () => TraceMeta;

  /** `trace` absent: nobody ever watches. */
  constructor(trace: SmtpTrace | undefined, findMeta: () => TraceMeta) {
    this.#trace = trace;
    this.#findMeta = findMeta;
  }

  get isOn(): boolean {
    return this.#trace?.isWatched === true;
  }

  tell(what: 'Connected' | 'Closed'): void {
    if (this.isOn) this.#note(what);
  }

  /** A command, without its line end. */
  command(line: string): void {
    if (this.isOn) this.#note({ Read: `${line}\r\n` });
  }

  /** Bytes of a message. */
  data(bytes: Buffer): void {
    if (this.isOn && bytes.length > 0) this.#note({ Read: bytes.toString('utf8') });
  }

  /** A reply, as the library is given it. */
  reply(code: number, text: string | readonly string[] | null | undefined): void {
    if (!this.isOn) return;
    const lines = Array.isArray(text) ? (text as readonly string[]) : [String(text ?? '')];
    for (const [at, line] of lines.entries()) {
      this.#note({ Write: `${code}${at < lines.length - 1 ? '-' : ' '}${line}\r\n` });
    }
  }

  diagnose(level: 'INFO' | 'ERROR', message: string): void {
    if (this.isOn) this.#note({ Diagnostic: { level, message } });
  }

  /** What came of asking a handler. */
  callback(name: string, heard: Heard<unknown>): void {
    if (!this.isOn) return;
    const result = heard.kind === 'answer' ? shown(heard.value) : null;
    this.#note({ Callback: { name, result, error: errorOf(heard) } });
  }

  /** What becomes of the messages of a transaction, before they are stored. */
  disposition({ drafts, discarded }: Received, sender: string, find: DomainFinder): void {
    if (!this.isOn) return;
    const meta = shown(this.#findMeta());
    const queued = drafts.flatMap(({ messages }) => messages);
    for (const message of [...queued, ...discarded]) {
      const { id, to, queue } = message;
      const domain = domainOf(to[0] ?? '');
      const known = find(domain);
      const { log_arf, log_oob } = typeof known === 'object' ? known : NO_REPORTS;
      this.#note({
        MessageDisposition: {
          relay: true,
          log_arf,
          log_oob,
          queue: queue ?? domain,
          meta: message.meta === undefined ? meta : shown(message.meta),
          sender,
          recipient: to.length === 1 ? (to[0] ?? '') : [...to],
          id,
          will_enqueue: !discarded.includes(message),
        },
      });
    }
  }

  #note(payload: TracePayload): void {
    this.#trace?.note(this.#findMeta(), payload);
  }
}

const NO_REPORTS = { log_arf: 'Ignore', log_oob: 'Ignore' } as const;

function errorOf(heard: Heard<unknown>): string | null {
  if (heard.kind === 'refused') return `${heard.rejection.code} ${heard.rejection.text}`;
  return heard.kind === 'fault' ? 'the handler failed' : null;
}

/** What a handler gave as JSON has it; null where JSON cannot. */
function shown(value: unknown): TraceValue {
  try {
    return JSON.parse(JSON.stringify(value) ?? 'null') as TraceValue;
  } catch {
    return null;
  }
}
