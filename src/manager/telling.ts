/**
 * An explanation as it is told outside: the engine's reasons, each with the place where its option
 * was written. Does not know how reasons are found.
 */
import type { Explanation, Reason, Rule, Subject } from '../domain/explanation.ts';

/** A rule as people see it. */
export interface ToldRule {
  readonly handler: string;
  readonly option: string;
  readonly value: string;
  /** `file: key path`. */
  readonly origin: string;
}

/** A reason as people see it; `until` is RFC 3339. */
export interface ToldReason {
  readonly name: string;
  readonly text: string;
  readonly until?: string;
  readonly rule?: ToldRule;
  /** Only the running process knows it. */
  readonly held?: true;
}

/** An answer as people see it; `at` is RFC 3339. */
export interface ToldAnswer {
  readonly of: 'message' | 'queue';
  readonly at: string;
  readonly text: string;
}

/** The explanation as people see it. */
export interface Told {
  readonly subject: Subject;
  readonly at: string;
  readonly state: string;
  /** What only the running process knows of it. */
  readonly held?: string;
  readonly reasons: readonly ToldReason[];
  /** What was answered last: to the message itself, or to another one of its queue. */
  readonly last_answer?: ToldAnswer;
}

const timeText = (at: number): string => new Date(at).toISOString();

const tellReason = (
  { name, text, until, rule, held }: Reason,
  originOf: (rule: Rule) => string,
) => ({
  name,
  text,
  ...(until === undefined || !Number.isFinite(until) ? {} : { until: timeText(until) }),
  ...(rule === undefined
    ? {}
    : {
        rule: {
          handler: rule.handler,
          option: rule.option,
          value: rule.value,
          origin: originOf(rule),
        },
      }),
  ...(held === undefined ? {} : { held }),
});

/** Puts times and origins into words. */
export const tellExplanation = (
  { subject, at, state, held, reasons, last }: Explanation,
  originOf: (rule: Rule) => string,
): Told => ({
  subject,
  at: timeText(at),
  state,
  ...(held === undefined ? {} : { held }),
  reasons: reasons.map((reason) => tellReason(reason, originOf)),
  ...(last === undefined ? {} : { last_answer: { ...last, at: timeText(last.at) } }),
});
