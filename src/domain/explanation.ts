/**
 * Why something waits, as data: reasons in the order in which they bind, each with the option that
 * set it and the instant it ends. Whoever shows it needs to know nothing else.
 * Deliberately unknown here: how reasons are found, and in which form they are shown.
 */
import type { At } from '../ports/ports.ts';

/** What may be asked about. `path` is a ready queue: `source->site@smtp_client`. */
export type Subject =
  | { readonly kind: 'message'; readonly name: string }
  | { readonly kind: 'queue'; readonly name: string }
  | { readonly kind: 'source'; readonly name: string }
  | { readonly kind: 'path'; readonly name: string };

/** The handlers whose answers hold options that make mail wait. */
export type RuleHandler =
  | 'get_queue_config'
  | 'get_egress_pool'
  | 'get_egress_source'
  | 'get_egress_path_config';

/**
 * The option behind a reason: who answers it, for what, and its value as text. `args` are those of
 * the handler; a queue's are its name alone.
 */
export interface Rule {
  readonly handler: RuleHandler;
  readonly args: readonly unknown[];
  readonly option: string;
  readonly value: string;
}

/** One reason. `name` is an option of the reference where one binds, else a word of its own. */
export interface Reason {
  readonly name: string;
  /** One sentence. */
  readonly text: string;
  /** When it ends by itself; without it, by something else that happens. */
  readonly until?: At;
  readonly rule?: Rule;
  /** Only the running process knows it: the log does not say it. */
  readonly held?: true;
}

/** What was heard last of a message, or of another one of its queue: a reply, or our own reason. */
export interface LastAnswer {
  readonly of: 'message' | 'queue';
  readonly at: At;
  readonly text: string;
}

/** The answer. The first reason binds; the others hold as well or come next. */
export interface Explanation {
  readonly subject: Subject;
  readonly at: At;
  /** In one sentence, what it is doing, as the log says it. */
  readonly state: string;
  /** In whose hands it is just now: what only the running process knows. */
  readonly held?: string;
  readonly reasons: readonly Reason[];
  /** Why the last attempt failed, as far as it is remembered. */
  readonly last?: LastAnswer;
}
