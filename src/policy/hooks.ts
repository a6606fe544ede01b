/**
 * What a policy may answer: every handler declared once, with what it is asked and what it gives.
 * Names are the reference's, so that knowledge and data files carry over; the names of options come
 * from the tables that read them. It does not know how handlers are called, or when.
 */
import type { AuthAnswer, AuthInfo } from '../domain/auth-info.ts';
import type { DkimSigning } from '../domain/options-dkim.ts';
import type { POOL_OPTIONS, SOURCE_OPTIONS } from '../domain/options-egress.ts';
import type { HTTP_LISTENER_OPTIONS } from '../domain/options-http.ts';
import type {
  DYNAMIC_SETTINGS,
  LISTENER_DOMAIN_OPTIONS,
  LISTENER_OPTIONS,
} from '../domain/options-listener.ts';
import type { PATH_OPTIONS } from '../domain/options-path.ts';
import type { QUEUE_OPTIONS } from '../domain/options-queue.ts';
import type { MessageView } from '../domain/policy-asker.ts';
import type { ConnectionMeta } from '../mail/connection-meta.ts';
import type { EnvelopeAddress, GivenAddress } from '../mail/envelope-address.ts';
import type { Message } from '../mail/message.ts';
import type { LogRecord } from '../projections/log-record/record.ts';
import type { NdrOptions, Setup } from './setup-calls.ts';

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

/** Settings of one session, laid over those of its listener. */
export type DynamicParameters = OptionsOf<typeof DYNAMIC_SETTINGS>;

/** Whether AUTH succeeds, or with which identities. */
export type LoginAnswer = boolean | Partial<AuthInfo>;

/** What a client hears instead; what is left out stays. */
export interface RewrittenResponse {
  readonly status?: number | undefined;
  readonly text?: string | undefined;
}

/** May be given at once or later. */
export type Eventually<T> = T | Promise<T>;

/** What may be relayed for a domain (make_listener_domain). */
export type ListenerDomainOptions = OptionsOf<typeof LISTENER_DOMAIN_OPTIONS>;
/** What setup is told about an HTTP listener. */
export type HttpListenerOptions = OptionsOf<typeof HTTP_LISTENER_OPTIONS>;

/** What was found wrong while a policy was checked; any refusal refuses the version. */
export interface Checks {
  /** `where` names file, table or handler; `fix` says what to do. */
  refuse(where: string, problem: string, fix: string): void;
  warn(where: string, problem: string): void;
  /** Data at `where` names this pool: a part must answer it, or the version is refused. */
  expectPool(name: string, where: string): void;
  /** Data at `where` names this source: a part must answer it, or the version is refused. */
  expectSource(name: string, where: string): void;
  /** Data at `where` has mail signed so: its key must be there, or the version is refused. */
  expectKey(signing: DkimSigning, where: string): void;
}

/** Where a domain's mail goes (no hosts: it takes none), or why that is not known. */
export type MxAnswer =
  | { readonly site_name: string; readonly hosts: readonly string[] }
  | { readonly fault: string };

/** What only the policy-loader lends: the network, and a place for what was learnt there. */
export interface Preparing extends Checks {
  resolveMx(domain: string): Promise<MxAnswer>;
  /** Kept with the version; handlers find it again with `findFact`. */
  keepFact(name: string, fact: OptionValue): void;
}

/** Which scheduled queue a message moves to; what is left out stays, null takes it away. */
export interface QueueChange {
  readonly tenant?: string | null | undefined;
  readonly campaign?: string | null | undefined;
  readonly domain?: string | undefined;
  readonly routing_domain?: string | null | undefined;
  /** Time until the next attempt, in place of the schedule's. */
  readonly delay?: OptionValue | undefined;
}

/** Rates a message must pass on its way into a ready queue: throttle name and `N/period`. */
export interface NamedThrottle {
  readonly name: string;
  readonly rate: string;
}

/** What is said of credentials; undefined leaves it to the next part, and to no after the last. */
export type AuthVerdict = AuthAnswer | undefined | Promise<AuthAnswer | undefined>;

/** One rule of a resource: methods, whom it is about, and whether it allows or forbids. */
export interface AclRuleOptions {
  readonly allow: boolean;
  readonly privileges: readonly string[];
  readonly identity?: OptionValue;
  readonly criteria?: OptionValue;
}

/** The handlers. One that answers undefined leaves the answer to the next part. */
export interface Handlers {
  pre_init(): void;
  init(setup: Setup): void;
  validate_config(checks: Checks): void;
  prepare(world: Preparing): Promise<void> | void;
  get_listener_domain(
    domain: string,
    listener: string,
    meta: Readonly<Record<string, string>>,
  ): ListenerDomainOptions | undefined;
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
    mx_hosts: readonly string[],
  ): PathOptions | undefined;
  throttle_insert_ready_queue(message: MessageView): readonly NamedThrottle[] | undefined;
  requeue_message(
    message: MessageView,
    response: string,
    insert_context: readonly string[],
    increment_attempts: boolean,
    delay_ms: number | undefined,
  ): QueueChange | undefined;
  rebind_message(
    message: MessageView,
    data: Readonly<Record<string, string>>,
  ): QueueChange | undefined;
  smtp_server_get_dynamic_parameters(
    listener: string,
    connection: ConnectionMeta,
  ): Eventually<DynamicParameters | undefined>;
  smtp_server_connection_accepted(connection: ConnectionMeta): Eventually<void>;
  /** An answer replaces the list of extensions that the client is shown. */
  smtp_server_ehlo(
    domain: string,
    connection: ConnectionMeta,
    extensions: readonly string[] | undefined,
  ): Eventually<readonly string[] | undefined>;
  smtp_server_auth_plain(
    authz: string,
    authc: string,
    password: string,
    connection: ConnectionMeta,
  ): Eventually<LoginAnswer | undefined>;
  smtp_server_mail_from(sender: EnvelopeAddress, connection: ConnectionMeta): Eventually<void>;
  smtp_server_rcpt_to(recipient: EnvelopeAddress, connection: ConnectionMeta): Eventually<void>;
  smtp_server_data(message: Message, connection: ConnectionMeta): Eventually<void>;
  smtp_server_split_transaction(
    message: Message,
    connection: ConnectionMeta,
  ): Eventually<readonly (readonly GivenAddress[])[] | undefined>;
  smtp_server_message_received(message: Message, connection: ConnectionMeta): Eventually<void>;
  /** Answers at once. */
  smtp_server_rewrite_response(
    status: number,
    text: string,
    command: string | undefined,
    connection: ConnectionMeta,
  ): RewrittenResponse | undefined;
  /** One message of an HTTP injection as it will be stored; a refusal fails its recipient. */
  http_message_generated(message: Message, auth: AuthInfo): Eventually<void>;
  /** How the sender is told of these failures of one message; false: not at all. */
  get_ndr_config(failures: readonly LogRecord[]): Eventually<NdrOptions | false | undefined>;
  /** The report of failures as it will be stored; a refusal for good means: none. */
  ndr_message_generated(message: Message, failures: readonly LogRecord[]): Eventually<void>;
  /** Whether these credentials are good, and whose they are; may be async, within ten seconds. */
  http_server_validate_auth_basic(user: string, password: string | undefined): AuthVerdict;
  /** The same for a token. */
  http_server_validate_auth_bearer(token: string): AuthVerdict;
  /** Who may do what at a resource of the HTTP listeners; replaces what is built in for it. */
  get_acl_definition(resource: string): readonly AclRuleOptions[] | undefined;
  /** Asked for each hook; a name as the answer means: that hook takes it, and no other. */
  should_enqueue_log_record(record: LogRecord, hook_name: string): boolean | string | undefined;
}

/** The name of a handler. */
export type HandlerName = keyof Handlers;

/** One part of a policy: some handlers. */
export type PolicyPart = Partial<Handlers>;

/** Every handler with its sentence. */
export const HANDLERS: Readonly<Record<HandlerName, string>> = {
  pre_init: 'runs once, before init',
  init: 'sets up listeners, once, at the start',
  validate_config: 'checks what only the policy can know; runs in the policy-loader',
  prepare: 'asks the network once for a version; runs in the policy-loader',
  get_listener_domain: 'says what may be relayed for a domain',
  get_queue_config: 'says how a queue retries, expires and routes',
  get_egress_pool: 'says which sources a pool has',
  get_egress_source: 'says from where a source sends',
  get_egress_path_config: 'says how a source may talk to a site',
  throttle_insert_ready_queue: 'names rates that a message must pass before it is made ready',
  requeue_message: 'may move a message, or its next attempt, when it goes back to its queue',
  rebind_message: 'moves messages when an operator asks for it',
  smtp_server_get_dynamic_parameters: 'changes settings of the listener for one session',
  smtp_server_connection_accepted: 'may refuse a client before the greeting',
  smtp_server_ehlo: 'may refuse EHLO and HELO, or show other extensions',
  smtp_server_auth_plain: 'says whether a login is right; AUTH is offered where it exists',
  smtp_server_mail_from: 'may refuse a sender',
  smtp_server_rcpt_to: 'may refuse a recipient',
  smtp_server_data: 'may change or refuse a transaction, before it is split',
  smtp_server_split_transaction: 'says which recipients share a message',
  smtp_server_message_received: 'may change or refuse each message, as it will be stored',
  smtp_server_rewrite_response: 'may change what a client hears',
  http_message_generated: 'may change or refuse each message that came by HTTP',
  get_ndr_config: 'says how a sender is told that mail failed, or that it is not',
  ndr_message_generated: 'may change or refuse each report of failure that goes out',
  http_server_validate_auth_basic: 'says whether a user and a password are good, and whose',
  http_server_validate_auth_bearer: 'says whether a token is good, and whose',
  get_acl_definition: 'says who may do what over HTTP',
  should_enqueue_log_record: 'says whether a log hook takes a record, or which one does',
};

/** Handlers of the reference that have no place here yet. */
export const HANDLERS_ABSENT: readonly string[] = [
  'smtp_client_rewrite_delivery_status',
  'smtp_server_message_deferred_inject',
  'spool_message_enumerated',
  'xfer_message_received',
];
