/**
 * What an operator imports: a policy is a value made of parts, each some handlers. For a handler
 * that several parts have, the first answer that is not undefined wins. Mistakes that can be seen
 * without asking anything are refused here. It does not know the engine, files or options.
 */
import { nearest } from '../domain/options.ts';
import type { DisconnectMode } from '../domain/reject.ts';
import { disconnect as disconnectByCode, reject as rejectByCode } from '../domain/reject.ts';
import type { HandlerName, Handlers, PolicyPart } from './hooks.ts';
import { HANDLERS, HANDLERS_ABSENT } from './hooks.ts';
import { PolicyError } from './policy-error.ts';
import type { DkimSigner, DkimSignerOptions } from './signers.ts';
import { joinSigners, makeSigner } from './signers.ts';
import { askForBump } from './world.ts';

// A compiled policy carries its own copy of this file, so the mark must be shared by name.
const MARK = Symbol.for('waybill.policy.1');
const PARTS_MAX = 256;

/** Under this mark a part lists the handlers with which it answers every question. */
export const ANSWERS_ALL: unique symbol = Symbol.for('waybill.answers-all.1');

/**
 * For reception: the client hears `code text`. For a sink of one's own: refuses what it was given.
 * 400 to 499 is for now, 500 to 599 for good.
 */
export const reject = (code: number, text: string): never => rejectByCode(code, text);

/** For reception: as `reject`, and the session ends (or, by `mode`, only if `code` is 421). */
export const disconnect = (code: number, text: string, mode?: DisconnectMode): never =>
  disconnectByCode(code, text, mode);

/**
 * Asks for a reload and a new configuration epoch, for data that no file shows. It takes effect
 * soon after the handler has answered; asked more than once a second, it is heard once.
 */
export const bumpConfigEpoch = (): void => askForBump();

/** A signer with an RSA key (RFC 6376). It signs nothing until a message is signed with it. */
export const dkim_rsa_sha256_signer = (options: DkimSignerOptions): DkimSigner =>
  makeSigner('dkim_rsa_sha256_signer', 'sha256', options);

/** A signer with an Ed25519 key (RFC 8463). It signs nothing until a message is signed with it. */
export const dkim_ed25519_sha256_signer = (options: DkimSignerOptions): DkimSigner =>
  makeSigner('dkim_ed25519_sha256_signer', 'ed25519', options);

/** Several signers as one: they share the work on a message, and its copy. */
export const dkim_signers = (...signers: DkimSigner[]): DkimSigner => joinSigners(signers);

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
  checkOrder(parts);
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

// A handler behind one that answers everything would never be asked, without anybody noticing.
const checkOrder = (parts: readonly PolicyPart[]): void => {
  const answered = new Map<HandlerName, number>();
  parts.forEach((part, index) => {
    for (const name of Object.keys(HANDLERS) as HandlerName[]) {
      const before = answered.get(name);
      if (part[name] === undefined || before === undefined) continue;
      const problem = `${name} of part ${index + 1} is never asked: part ${before + 1} answers all`;
      throw new PolicyError(
        '',
        problem,
        `put part ${before + 1} of definePolicy behind the others`,
      );
    }
    const all: readonly HandlerName[] =
      (part as { [ANSWERS_ALL]?: HandlerName[] })[ANSWERS_ALL] ?? [];
    for (const name of all) answered.set(name, index);
  });
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
