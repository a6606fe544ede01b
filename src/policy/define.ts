/**
 * What an operator imports: a policy is a value made of parts, each some handlers. For a handler
 * that several parts have, the first answer that is not undefined wins. Mistakes that can be seen
 * without asking anything are refused here. It does not know the engine, files or options.
 */
import { nearest } from '../domain/options.ts';
import type { HandlerName, Handlers, PolicyPart } from './hooks.ts';
import { HANDLERS, HANDLERS_ABSENT } from './hooks.ts';
import { PolicyError } from './policy-error.ts';

// A compiled policy carries its own copy of this file, so the mark must be shared by name.
const MARK = Symbol.for('waybill.policy.1');
const PARTS_MAX = 256;

/** A policy: handlers in their parts, frozen. */
export interface Policy {
  readonly parts: readonly PolicyPart[];
}

/** Makes a policy of parts; earlier parts are asked first. */
export const definePolicy = (...parts: PolicyPart[]): Policy => {
  if (parts.length === 0 || parts.length > PARTS_MAX) {
    throw new PolicyError(
      '',
      `definePolicy was given ${parts.length} parts`,
      'give it at least one object of handlers',
    );
  }
  parts.forEach(checkPart);
  const frozen = parts.map((part) => Object.freeze(bindHandlers(part)));
  const policy = { parts: Object.freeze(frozen), [MARK]: true };
  return Object.freeze(policy);
};

/** True for a value of `definePolicy`, of this or another copy of it. */
export const isPolicy = (value: unknown): value is Policy =>
  typeof value === 'object' && value !== null && MARK in value && 'parts' in value;

const checkPart = (part: unknown, index: number): void => {
  if (typeof part !== 'object' || part === null || Array.isArray(part)) {
    const problem = `part ${index + 1} given to definePolicy is no object of handlers`;
    throw new PolicyError('', problem, 'write definePolicy({ init(setup) { ... }, ... })');
  }
  for (const [name, handler] of Object.entries(part)) {
    if (!Object.hasOwn(HANDLERS, name)) throw unknownHandler(name);
    if (handler !== undefined && typeof handler !== 'function') {
      const problem = `the handler ${name} is a ${typeof handler}, not a function`;
      throw new PolicyError('', problem, `write ${name}: (...) => ({ ... })`);
    }
  }
};

const unknownHandler = (name: string): PolicyError => {
  if (HANDLERS_ABSENT.includes(name)) {
    const problem = `the handler ${name} is not available in this version`;
    return new PolicyError('', problem, 'remove it from the policy');
  }
  const near = nearest(name, Object.keys(HANDLERS));
  const fix =
    near === undefined
      ? `the handlers are ${Object.keys(HANDLERS).join(', ')}`
      : `did you mean ${near}?`;
  return new PolicyError('', `there is no handler named ${name.slice(0, 64)}`, fix);
};

// Handlers stay methods of their part, and the part stays the operator's own.
const bindHandlers = (part: PolicyPart): PolicyPart => {
  const names = Object.keys(HANDLERS) as HandlerName[];
  const bound = names.flatMap((name) => {
    const handler: unknown = part[name];
    return typeof handler === 'function' ? [[name, handler.bind(part) as unknown] as const] : [];
  });
  return Object.fromEntries(bound);
};

/** The handlers of that name, in the order of the parts. */
export const handlersOf = <Name extends HandlerName>(
  policy: Policy,
  name: Name,
): readonly Handlers[Name][] =>
  policy.parts.flatMap((part) => {
    const handler = part[name] as Handlers[Name] | undefined;
    return handler === undefined ? [] : [handler];
  });
