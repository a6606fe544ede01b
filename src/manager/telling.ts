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
}

/** The explanation as people see it. */
export interface Told {
  readonly subject: Subject;
  readonly at: string;
  readonly state: string;
  readonly reasons: readonly ToldReason[];
}

const timeText = (at: number): string => new Date(at).toISOString();

const tellReason = ({ name, text, until, rule }: Reason, originOf: (rule: Rule) => string) => ({
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
});

/** Puts times and origins into words. */
export const tellExplanation = (
  { subject, at, state, reasons }: Explanation,
  originOf: (rule: Rule) => string,
): Told => ({
  subject,
  at: timeText(at),
  state,
  reasons: reasons.map((reason) => tellReason(reason, originOf)),
});
