/**
 * What `init` may set up: each call, and the options it takes. The one idea: a call only says what
 * is wanted, so the same policy can be set up in a loader, a canary and a test. Names of options
 * come from the tables that read them. It does not know what is done with them.
 */
import type { CustomSinkSource } from '../domain/hook-sinks.ts';
import type { HOOK_OPTIONS } from '../domain/options-hook.ts';
import type { LAW_OPTIONS } from '../domain/options-laws.ts';
import type { LOCAL_LOG_OPTIONS } from '../domain/options-local-logs.ts';
import type { REDIS_OPTIONS } from '../domain/options-redis.ts';
import type { LogRecord } from '../projections/log-record/record.ts';
import type { NDR_OPTIONS } from '../reports/ndr.ts';
import type { CLASSIFIER_OPTIONS } from './bounce-rules.ts';
import type { DataSource } from './helpers/files.ts';
import type { HttpListenerOptions, OptionsOf, OptionValue, SmtpListenerOptions } from './hooks.ts';

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

/** How failures are classified; a file may be given as the table it would hold. */
export type BounceClassifierOptions = Omit<OptionsOf<typeof CLASSIFIER_OPTIONS>, 'files'> & {
  readonly files: readonly DataSource[];
};

/** Which failures are reported to senders, and how. */
export type NdrOptions = OptionsOf<typeof NDR_OPTIONS>;

/** How a new version is held against the laws before it comes into force. */
export type CheckLawsOptions = OptionsOf<typeof LAW_OPTIONS>;

/** What `init` may set up. */
export interface Setup {
  smtpListener(options: SmtpListenerOptions): void;
  httpListener(options: HttpListenerOptions): void;
  /** Files that are watched beside those the policy is made of; replaces the globs before. */
  configMonitorGlobs(globs: readonly string[]): void;
  /** How often the watched files are looked at; a duration, 10s without it. */
  configMonitorInterval(interval: OptionValue): void;
  /** Holds each new version against the laws, as `waybill check` does; called once. */
  checkLaws(options: CheckLawsOptions): void;
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
  /** Names the reasons of failures in records (configure_bounce_classifier); called once. */
  bounceClassifier(options: BounceClassifierOptions): void;
  /** Tells senders of mail that failed (generate_rfc3464_message); called once. */
  ndr(options: NdrOptions): void;
}
