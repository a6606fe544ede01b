/**
 * What a policy may answer: every handler declared once, with what it is asked and what it gives.
 * Names are the reference's, so that knowledge and data files carry over; the names of options come
 * from the tables that read them. It does not know how handlers are called, or when.
 */
import type { POOL_OPTIONS, SOURCE_OPTIONS } from '../domain/options-egress.ts';
import type { LISTENER_OPTIONS } from '../domain/options-listener.ts';
import type { PATH_OPTIONS } from '../domain/options-path.ts';
import type { QUEUE_OPTIONS } from '../domain/options-queue.ts';

/** A value as operators write it: what JSON and TOML can hold. */
export type OptionValue =
  | string
  | number
  | boolean
  | readonly OptionValue[]
  | { readonly [name: string]: OptionValue | undefined };

/** Options by the names of a table; values are checked when they are read. */
export type OptionsOf<Table> = { readonly [Name in keyof Table]?: OptionValue | undefined };

/** What setup is told about an SMTP listener. */
export type SmtpListenerOptions = OptionsOf<typeof LISTENER_OPTIONS>;
/** How a queue retries, expires and routes. */
export type QueueOptions = OptionsOf<typeof QUEUE_OPTIONS>;
/** Which sources a pool has, and their weights. */
export type PoolOptions = OptionsOf<typeof POOL_OPTIONS>;
/** From where, and through what, a source sends. */
export type SourceOptions = OptionsOf<typeof SOURCE_OPTIONS>;
/** How one source may talk to one site. */
export type PathOptions = OptionsOf<typeof PATH_OPTIONS>;

/** What `init` may set up. */
export interface Setup {
  smtpListener(options: SmtpListenerOptions): void;
  /** Not available in this version: refused with a sentence. */
  httpListener(options: Readonly<Record<string, OptionValue>>): void;
  /** Not available in this version: refused with a sentence. */
  logHook(options: Readonly<Record<string, OptionValue>>): void;
}

/** The handlers. One that answers undefined leaves the answer to the next part. */
export interface Handlers {
  init(setup: Setup): void;
  get_queue_config(
    domain: string,
    tenant: string | undefined,
    campaign: string | undefined,
    routing_domain: string | undefined,
  ): QueueOptions | undefined;
  get_egress_pool(name: string): PoolOptions | undefined;
  get_egress_source(name: string): SourceOptions | undefined;
  get_egress_path_config(
    routing_domain: string,
    source_name: string,
    site_name: string,
  ): PathOptions | undefined;
}

/** The name of a handler. */
export type HandlerName = keyof Handlers;

/** One part of a policy: some handlers. */
export type PolicyPart = Partial<Handlers>;

/** Every handler with its sentence. */
export const HANDLERS: Readonly<Record<HandlerName, string>> = {
  init: 'sets up listeners, once, at the start',
  get_queue_config: 'says how a queue retries, expires and routes',
  get_egress_pool: 'says which sources a pool has',
  get_egress_source: 'says from where a source sends',
  get_egress_path_config: 'says how a source may talk to a site',
};

/** Handlers of the reference that have no place here yet. */
export const HANDLERS_ABSENT: readonly string[] = [
  'pre_init',
  'validate_config',
  'get_listener_domain',
  'throttle_insert_ready_queue',
  'requeue_message',
  'rebind_message',
  'smtp_server_connection_accepted',
  'smtp_server_ehlo',
  'smtp_server_mail_from',
  'smtp_server_rcpt_to',
  'smtp_server_data',
  'smtp_server_message_received',
  'http_message_generated',
  'should_enqueue_log_record',
];
