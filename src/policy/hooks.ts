/**
 * What a policy may answer: every handler declared once, with what it is asked and what it gives.
 * Names are the reference's, so that knowledge and data files carry over; the names of options come
 * from the tables that read them. It does not know how handlers are called, or when.
 */
import type { CustomSinkSource } from '../domain/hook-sinks.ts';
import type { POOL_OPTIONS, SOURCE_OPTIONS } from '../domain/options-egress.ts';
import type { HOOK_OPTIONS } from '../domain/options-hook.ts';
import type { HTTP_LISTENER_OPTIONS } from '../domain/options-http.ts';
import type { LISTENER_DOMAIN_OPTIONS, LISTENER_OPTIONS } from '../domain/options-listener.ts';
import type { LOCAL_LOG_OPTIONS } from '../domain/options-local-logs.ts';
import type { PATH_OPTIONS } from '../domain/options-path.ts';
import type { QUEUE_OPTIONS } from '../domain/options-queue.ts';
import type { REDIS_OPTIONS } from '../domain/options-redis.ts';
import type { MessageView } from '../domain/policy-asker.ts';
import type { LogRecord } from '../projections/log-record/record.ts';

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

/** What may be relayed for a domain (make_listener_domain). */
export type ListenerDomainOptions = OptionsOf<typeof LISTENER_DOMAIN_OPTIONS>;
/** What setup is told about an HTTP listener. */
export type HttpListenerOptions = OptionsOf<typeof HTTP_LISTENER_OPTIONS>;

/** Where and how rates and limits are shared between daemons (configure_redis_throttles). */
export type RedisThrottlesOptions = OptionsOf<typeof REDIS_OPTIONS>;

/** What setup is told about a log hook; a custom sink is code, so no data file can hold it. */
export type LogHookOptions = Omit<OptionsOf<typeof HOOK_OPTIONS>, 'custom'> & {
  readonly custom?: CustomSinkSource | undefined;
};

/** What setup is told about local log files; a filter is code, so no data file can hold it. */
export type LocalLogsOptions = Omit<OptionsOf<typeof LOCAL_LOG_OPTIONS>, 'filter_event'> & {
  readonly filter_event?: ((record: LogRecord) => unknown) | undefined;
};

/** What `init` may set up. */
export interface Setup {
  smtpListener(options: SmtpListenerOptions): void;
  httpListener(options: HttpListenerOptions): void;
  /** Files that are watched beside those the policy is made of; replaces the globs before. */
  configMonitorGlobs(globs: readonly string[]): void;
  /** How often the watched files are looked at; a duration, 10s without it. */
  configMonitorInterval(interval: OptionValue): void;
  /** Whether policies that receivers publish by MTA-STS are looked for at all; true without it. */
  mtaStsEnabled(isEnabled: boolean): void;
  /** Shares rates and limits, other than `local:` ones, with other daemons; called once. */
  redisThrottles(options: RedisThrottlesOptions): void;
  /** At most so many recipients by HTTP, such as '1000/s'; null: as many as come. */
  httpinjectRecipientRateLimit(spec: string | null): void;
  /** Writes records into compressed files (configure_local_logs); each call is a logger. */
  localLogs(options: LocalLogsOptions): void;
  /** A reader of the log that sends its records on (configure_log_hook). */
  logHook(options: LogHookOptions): void;
}

/** What was found wrong while a policy was checked; any refusal refuses the version. */
export interface Checks {
  /** `where` names file, table or handler; `fix` says what to do. */
  refuse(where: string, problem: string, fix: string): void;
  warn(where: string, problem: string): void;
  /** Data at `where` names this pool: a part must answer it, or the version is refused. */
  expectPool(name: string, where: string): void;
  /** Data at `where` names this source: a part must answer it, or the version is refused. */
  expectSource(name: string, where: string): void;
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
  should_enqueue_log_record: 'says whether a log hook takes a record, or which one does',
};

/** Handlers of the reference that have no place here yet. */
export const HANDLERS_ABSENT: readonly string[] = [
  'smtp_server_connection_accepted',
  'smtp_server_ehlo',
  'smtp_server_mail_from',
  'smtp_server_rcpt_to',
  'smtp_server_data',
  'smtp_server_message_received',
  'http_message_generated',
];
