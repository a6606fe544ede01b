/**
 * A policy that notes what is asked of it: which handlers answered, for which pools and sources,
 * and which sections of data files their answers came from. The one idea: what was never reached
 * was never tested, and a check says so. It changes no answer and judges none.
 */
import type { Policy } from '../policy/define.ts';
import { originsOf } from '../policy/helpers/origins.ts';
import type { PolicyPart } from '../policy/hooks.ts';

type AnyHandler = (...args: readonly unknown[]) => unknown;

/** What was reached, each with how often. */
export class Reached {
  readonly handlers = new Map<string, number>();
  /** From which mail chose a source, and over which it was offered. */
  readonly pools = new Map<string, number>();
  readonly sources = new Map<string, number>();
  /** `file: table` of data files. */
  readonly sections = new Map<string, number>();
  /** Told when a handler has come back. */
  answered: () => void = () => {};

  /** Counts one more. */
  static note(counts: Map<string, number>, name: string): void {
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
}

/** `shaping.toml: gmail.com.connection_limit` is in the section `shaping.toml: gmail.com`. */
const sectionsOf = (answer: unknown): string[] => {
  const origins = Object.values(originsOf(answer) ?? {});
  const places = origins.flatMap((origin) => origin.split(' and '));
  return [...new Set(places.map((place) => place.replaceAll("'", '').replace(/\.[^.]+$/, '')))];
};

function callThrough(handler: AnyHandler, args: readonly unknown[], reached: Reached): unknown {
  let answer: unknown;
  try {
    answer = handler(...args);
  } finally {
    if (!isPromise(answer)) reached.answered();
  }
  // A handler about a client has come back only when its promise has.
  if (isPromise(answer)) answer.then(reached.answered, reached.answered);
  return answer;
}

const isPromise = (answer: unknown): answer is Promise<unknown> => answer instanceof Promise;

/** The same policy; `reached` counts what it is asked. */
export function watchPolicy(policy: Policy, reached: Reached): Policy {
  const watch = (part: PolicyPart): PolicyPart => {
    const watched = Object.entries(part).map(([name, handler]) => {
      const call = (...args: readonly unknown[]): unknown => {
        const answer = callThrough(handler as AnyHandler, args, reached);
        Reached.note(reached.handlers, name);
        if (answer === undefined || answer === null) return answer;
        for (const section of sectionsOf(answer)) Reached.note(reached.sections, section);
        return answer;
      };
      return [name, call] as const;
    });
    return Object.fromEntries(watched);
  };
  return { parts: policy.parts.map(watch) };
}
