/**
 * A policy whose every handler says its name before it runs, for whoever watches over its time.
 * It does not know who listens.
 */
import type { Policy } from './define.ts';
import type { PolicyPart } from './hooks.ts';

const ARGUMENT_CHARS_MAX = 100;

// Only texts are shown: they say what was asked about.
const shown = (args: readonly unknown[]): string => {
  const texts = args.filter((arg) => typeof arg === 'string' && arg !== '');
  const text = texts.join(', ').slice(0, ARGUMENT_CHARS_MAX);
  return text === '' ? '' : ` for ${text}`;
};

const notedPart = (part: PolicyPart, note: (step: string) => void): PolicyPart => {
  const handlers = Object.entries(part).map(([name, handler]) => {
    const call = handler as (...args: readonly unknown[]) => unknown;
    const noted = (...args: readonly unknown[]): unknown => {
      note(`${name}${shown(args)}`);
      return call(...args);
    };
    return [name, noted] as const;
  });
  return Object.fromEntries(handlers);
};

/** The same policy, with `note` told which handler is about to run, and for what. */
export const notePolicy = (policy: Policy, note: (step: string) => void): Policy => ({
  parts: policy.parts.map((part) => notedPart(part, note)),
});
