/**
 * The port through which SMTP conversations are shown while somebody watches them.
 * The one idea: whoever speaks asks `isWatched` first, so a conversation that nobody watches makes
 * no text, no object and no call beyond that.
 * Deliberately unknown here: who watches, how, and what they filter out.
 */

/** What JSON can hold. */
export type TraceValue =
  | string
  | number
  | boolean
  | null
  | readonly TraceValue[]
  | { readonly [name: string]: TraceValue | undefined };

/** What is known of a session by the reference's names; values stay until they are overwritten. */
export type TraceMeta = Readonly<Record<string, TraceValue | undefined>>;

/** A word about a session that neither side said. */
export interface TraceDiagnostic {
  readonly level: 'INFO' | 'ERROR';
  readonly message: string;
}

/** What happened, in the form in which it is sent: a word, or an object with one key. */
export type TracePayload =
  | 'BeginSession'
  | 'Connected'
  | 'MessageObtained'
  | 'Closed'
  | { readonly Read: string }
  | { readonly Write: string }
  | { readonly Diagnostic: TraceDiagnostic }
  | {
      readonly Callback: {
        readonly name: string;
        readonly result: TraceValue;
        readonly error: string | null;
      };
    }
  | { readonly MessageDisposition: Readonly<Record<string, TraceValue>> };

/** Where sessions of one direction are shown. */
export interface SmtpTrace {
  /** False: nobody watches, and nothing needs to be made for `note`. */
  readonly isWatched: boolean;
  /** Never waits and never throws; who cannot follow loses events and is told how many. */
  note(meta: TraceMeta, payload: TracePayload): void;
}
