/**
 * What may be asked of a policy while mail comes in, and how it is answered: at once, or later. The
 * idea: an answer never throws; whatever a handler does is one of four things. Knows no session, no
 * message and no handler's code.
 */
import type { Rejection } from './reject.ts';

/** Handlers at the edge, those of sessions in the order in which they meet them. */
export const RECEPTION_HANDLERS = [
  'smtp_server_get_dynamic_parameters',
  'smtp_server_connection_accepted',
  'smtp_server_ehlo',
  'smtp_server_auth_plain',
  'smtp_server_mail_from',
  'smtp_server_rcpt_to',
  'smtp_server_data',
  'smtp_server_split_transaction',
  'smtp_server_message_received',
  'smtp_server_rewrite_response',
  'http_message_generated',
  'get_ndr_config',
  'ndr_message_generated',
] as const;

/** The name of a handler at the edge. */
export type ReceptionHandler = (typeof RECEPTION_HANDLERS)[number];

/** A question to the handlers of one name. */
export interface ReceptionCall<T> {
  readonly handler: ReceptionHandler;
  readonly args: readonly unknown[];
  /** What is asked about, for sentences. */
  readonly about: string;
  /** Reads an answer; throws what is wrong with it. */
  readonly read: (raw: unknown) => T;
}

/** What came of it; a fault is told already. */
export type Heard<T> =
  | { readonly kind: 'answer'; readonly value: T }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'refused'; readonly rejection: Rejection }
  | { readonly kind: 'fault' };

/** The policy as sessions ask it. */
export interface ReceptionAsker {
  /** Whether any part of the policy has the handler. */
  hears(handler: ReceptionHandler): boolean;
  /** Asks; a promise only where a handler gave one. Never throws, never rejects. */
  hear<T>(call: ReceptionCall<T>): Heard<T> | Promise<Heard<T>>;
  /** Asks a handler that must answer at once; a promise of it is a fault. */
  hearNow<T>(call: ReceptionCall<T>): Heard<T>;
  /** A handler failed in a way that only the asker saw, like by never answering. */
  tell(handler: ReceptionHandler, sentence: string): void;
}
