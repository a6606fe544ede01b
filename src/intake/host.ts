/**
 * What the intakes ask of the engine: leave to go on, ids, and the word that a message is durable.
 * The one idea: `answered` is the only thing that lets a 250 out, so a promise cannot come early.
 * Deliberately unknown here: SMTP, queues, the log; an intake never learns what becomes of mail.
 */
import type { Captured, CapturedHeaders, CaptureList } from '../domain/capture.ts';
import type { ListenerDomain } from '../domain/options-listener.ts';
import type { ReceptionAsker } from '../domain/reception-asker.ts';
import type { Schedule } from '../domain/schedule.ts';
import type { Event } from '../events/catalogue.ts';
import type { At, BodyRef } from '../ports/ports.ts';

/** What a message consists of, beyond its recipients. */
export interface Letter {
  /** Empty for the null sender. */
  readonly from: string;
  readonly body: BodyRef;
  /** The bytes of the body once more, so that a message sent at once is not read back. */
  readonly chunks: readonly Buffer[];
  readonly bodyBytes: number;
  readonly eightBit: boolean;
}

/** One message of a submission: one recipient, or the recipients of one domain. */
export interface SubmittedMessage {
  readonly id: string;
  readonly to: readonly string[];
  /** The scheduled queue it belongs into; absent: that of the first recipient's domain. */
  readonly queue?: string | undefined;
  /** Where it differs from that of the submission; its body comes with one reference. */
  readonly letter?: Letter | undefined;
  /** Instead of what the submission says. */
  readonly dueAt?: At | undefined;
  readonly schedule?: Schedule | undefined;
  readonly meta?: Captured | undefined;
  readonly headers?: CapturedHeaders | undefined;
}

/** What a report said, to be on record: with the message it is, or instead of one. */
export type ReportNote = Extract<Event, { readonly type: `report.${string}` }>;

/** One mail transaction, its body already durable, on its way into the log. */
export interface Submission extends Letter {
  /** How it came; `ndr` is a report of failure that we wrote. */
  readonly service: 'esmtp' | 'http' | 'ndr';
  /** Address and port of the listener that took it. */
  readonly listener: string;
  readonly messages: readonly SubmittedMessage[];
  readonly smtpUtf8: boolean;
  readonly peer: string;
  readonly helo: string;
  readonly receivedAt: At;
  /** The first attempt is not to be made before; absent: at once. */
  readonly dueAt?: At;
  /** UUID of the session, and TLS of its connection. */
  readonly session?: string | undefined;
  readonly tls?: string | undefined;
  readonly cipher?: string | undefined;
  /** What readers of the log asked for, by name. */
  readonly meta?: Captured | undefined;
  readonly headers?: CapturedHeaders | undefined;
  /** What its messages say, where they are reports. */
  readonly reports?: readonly ReportNote[] | undefined;
}

/** A command that was refused, or a message after its dot. */
export interface RefusedCommand extends Refusal {
  /** Address and port of the listener. */
  readonly listener: string;
  readonly peer: string;
  readonly helo: string;
  readonly session: string;
  /** The offending line. */
  readonly command: string;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly tls?: string | undefined;
  readonly cipher?: string | undefined;
  readonly meta?: Captured | undefined;
}

/** Why mail is not taken now, ready to be said to a client. */
export interface Refusal {
  readonly code: number;
  readonly enhanced: string;
  readonly text: string;
}

/** The engine, as an intake sees it. */
export interface IntakeHost {
  /** Asked at connect, at MAIL and at DATA; a 4xx while a bound of the engine is reached. */
  admit(): Refusal | undefined;
  /** Message ids, 32 hex digits each. */
  allocateIds(count: number): string[];
  /** Calls `answered` once: without a refusal only after the event is durable. */
  submit(submission: Submission, answered: (refusal?: Refusal) => void): void;
  /** Calls `answered` once: without a refusal only after what reports said is durable. */
  takeReports?(reports: readonly ReportNote[], answered: (refusal?: Refusal) => void): void;
  /** What readers of the log want to know of connections and headers; absent: nothing. */
  readonly capture?: CaptureList | undefined;
  /** A UUID for a session. */
  nameSession?(): string;
  /** A client heard this; kept for readers of the log as far as their bound allows. */
  noteRefused?(refused: RefusedCommand): void;
  /** The policy, as sessions ask it; absent: nothing is asked. */
  readonly reception?: ReceptionAsker | undefined;
  /** What the policy says of a domain at this listener; 'failed' when it cannot say. */
  findDomain?(
    domain: string,
    listener: string,
    meta: Readonly<Record<string, string>>,
  ): ListenerDomain | 'failed' | undefined;
}

/** A line for the operator's log. */
export type Log = (level: 'info' | 'warn' | 'error', text: string) => void;
