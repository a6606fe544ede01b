/**
 * A sink of SMTP conversations that keeps what it is told.
 * Deliberately unknown here: who speaks.
 */
import type { SmtpTrace, TraceMeta, TracePayload } from '../../src/ports/smtp-trace.ts';

/** What was shown, in order. */
export class KeptTrace implements SmtpTrace {
  isWatched = true;
  readonly events: [TraceMeta, TracePayload][] = [];

  note(meta: TraceMeta, payload: TracePayload): void {
    this.events.push([meta, payload]);
  }

  /** The texts of one direction, joined. */
  said(direction: 'Read' | 'Write'): string {
    const texts = this.events.flatMap(([, payload]) => {
      const [[key, text] = ['', '']] = typeof payload === 'string' ? [] : Object.entries(payload);
      return key === direction ? [String(text)] : [];
    });
    return texts.join('');
  }

  /** What happened, by name. */
  names(): string[] {
    return this.events.map(([, payload]) =>
      typeof payload === 'string' ? payload : (Object.keys(payload)[0] as string),
    );
  }
}
