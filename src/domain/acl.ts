/**
 * Who may do what over HTTP. The idea of the reference: a path is a chain of resources from the
 * path itself up to its listener; the first rule on that chain that fits asker and method decides,
 * and without one the answer is no.
 * Deliberately unknown here: how an asker was recognised, and what a route does.
 */
import type { AuthInfo } from './auth-info.ts';
import { TRUSTED_GROUP } from './auth-info.ts';
import { OptionError, OptionValueError, showValue } from './option-error.ts';
import { flag, listOf, text } from './option-kinds.ts';
import type { Kind } from './options.ts';
import { isTable, optional, readOptions, required } from './options.ts';

/** Whom a rule is about. */
export type Criterion =
  | { readonly kind: 'individual' | 'group' | 'machine'; readonly name: string }
  | { readonly kind: 'authenticated' | 'unauthenticated' | 'any' }
  | { readonly kind: 'all' | 'some'; readonly of: readonly Criterion[] }
  | { readonly kind: 'not'; readonly of: Criterion };

/** One rule of a resource. */
export interface AclRule {
  readonly allow: boolean;
  /** HTTP methods. */
  readonly privileges: readonly string[];
  readonly who: Criterion;
}

/** The rules of resources that have some. */
export type AclFinder = (resource: string) => readonly AclRule[] | undefined;

/** A path longer than this, or of more parts, is cut: as long as any route of ours. */
const PATH_CHARS_MAX = 256;
const PATH_PARTS_MAX = 10;
/** Criteria inside criteria; deeper ones are a mistake. */
const DEPTH_MAX = 8;

/** The resources of a path on a listener, the closest first. */
export function resourcesOf(listener: string, path: string): string[] {
  const parts = path.slice(0, PATH_CHARS_MAX).split('/').filter(Boolean).slice(0, PATH_PARTS_MAX);
  const tails = parts.map((_, at) => `/${parts.slice(0, parts.length - at).join('/')}`);
  return [
    ...tails.map((tail) => `http_listener/${listener}${tail}`),
    `http_listener/${listener}`,
    ...tails.map((tail) => `http_listener/*${tail}`),
    'http_listener',
  ];
}

/** True where the first rule that fits allows it. */
export function mayAsk(
  find: AclFinder,
  asked: { readonly listener: string; readonly path: string; readonly method: string },
  who: AuthInfo,
): boolean {
  const method = asked.method === 'HEAD' ? 'GET' : asked.method;
  for (const resource of resourcesOf(asked.listener, asked.path)) {
    for (const rule of find(resource) ?? []) {
      if (rule.privileges.includes(method) && fits(rule.who, who)) return rule.allow;
    }
  }
  return false;
}

/** True when somebody proved to be somebody. */
export const isAuthenticated = ({ identities }: AuthInfo): boolean => identities.length > 0;

function fits(criterion: Criterion, who: AuthInfo): boolean {
  switch (criterion.kind) {
    case 'any':
      return true;
    case 'authenticated':
      return isAuthenticated(who);
    case 'unauthenticated':
      return !isAuthenticated(who);
    case 'individual':
      return who.identities.some(({ identity }) => identity === criterion.name);
    case 'group':
      return who.groups.includes(criterion.name);
    case 'machine':
      return who.peer_address === criterion.name;
    case 'all':
      return criterion.of.every((one) => fits(one, who));
    case 'some':
      return criterion.of.some((one) => fits(one, who));
    case 'not':
      return !fits(criterion.of, who);
  }
}

const ANY: Criterion = { kind: 'any' };
const TRUSTED: Criterion = { kind: 'group', name: TRUSTED_GROUP };
const KNOWN: Criterion = { kind: 'some', of: [TRUSTED, { kind: 'authenticated' }] };
const allow = (who: Criterion, ...privileges: string[]): readonly AclRule[] => [
  { allow: true, privileges, who },
];

/** Who may do what where the policy says nothing else; paths without an entry are for nobody. */
export const DEFAULT_ACL: Readonly<Record<string, readonly AclRule[]>> = {
  'http_listener/*/api/check-liveness': allow(ANY, 'GET'),
  'http_listener/*/livez': allow(ANY, 'GET'),
  'http_listener/*/readyz': allow(ANY, 'GET'),
  'http_listener/*/startupz': allow(ANY, 'GET'),
  'http_listener/*/rapidoc': allow(ANY, 'GET'),
  'http_listener/*/api-docs/openapi.json': allow(ANY, 'GET'),
  'http_listener/*/api/inject': allow(KNOWN, 'POST'),
  'http_listener/*/api/admin': allow(TRUSTED, 'GET', 'POST', 'DELETE'),
  'http_listener/*/api/machine-info': allow(TRUSTED, 'GET'),
  'http_listener/*/metrics': allow(TRUSTED, 'GET'),
  'http_listener/*/metrics.json': allow(TRUSTED, 'GET'),
  'http_listener/*/api/xfer': allow(TRUSTED, 'POST'),
};

/** The rules of `find` where it has some, else the default's: they replace, they do not join. */
export const withDefaults =
  (find: AclFinder): AclFinder =>
  (resource) =>
    find(resource) ?? (Object.hasOwn(DEFAULT_ACL, resource) ? DEFAULT_ACL[resource] : undefined);

const NAMED = { Individual: 'individual', Group: 'group', Machine: 'machine' } as const;
const PLAIN = {
  Authenticated: 'authenticated',
  Unauthenticated: 'unauthenticated',
  Any: 'any',
} as const;
const FIX = "write {Group = 'ops'}, {Individual = 'x'}, {Machine = '192.0.2.1'} or 'Authenticated'";

const only = (value: unknown, what: string): readonly [string, unknown] => {
  if (typeof value === 'string') return [value, {}];
  const entries = isTable(value) ? Object.entries(value) : [];
  const [entry] = entries;
  if (entry !== undefined && entries.length === 1) return entry;
  throw new OptionValueError(`${showValue(value)} is no ${what}`, FIX);
};

const identity: Kind<Criterion> = {
  name: 'identity',
  read(value) {
    const [key, inner] = only(value, 'identity');
    if (Object.hasOwn(NAMED, key)) {
      return { kind: NAMED[key as keyof typeof NAMED], name: text.read(inner) };
    }
    if (Object.hasOwn(PLAIN, key)) return { kind: PLAIN[key as keyof typeof PLAIN] };
    throw new OptionValueError(`${key} is no kind of identity`, FIX);
  },
};

function readCriteria(value: unknown, depth: number): Criterion {
  if (depth > DEPTH_MAX) throw new OptionValueError('is nested too deep', 'make it flatter');
  const [key, inner] = only(value, 'criterion');
  const below = (one: unknown): Criterion => readCriteria(one, depth + 1);
  if (key === 'Identity') return identity.read(inner);
  if (key === 'Not') return { kind: 'not', of: below(inner) };
  if ((key === 'AllOf' || key === 'AnyOf') && Array.isArray(inner)) {
    return { kind: key === 'AllOf' ? 'all' : 'some', of: inner.map(below) };
  }
  const fix = 'use AllOf or AnyOf with a list, Not, or Identity';
  throw new OptionValueError(`${key} is no criterion`, fix);
}

const criteria: Kind<Criterion> = { name: 'criteria', read: (value) => readCriteria(value, 1) };

const RULE_ROWS = {
  allow: required(flag, 'whether it is allowed, or forbidden'),
  privileges: required(listOf(text), 'HTTP methods'),
  identity: optional(identity, 'whom it is about'),
  criteria: optional(criteria, 'the same, of several'),
};

/** Reads the rules of one resource as a policy answers them. */
export function readAcl(raw: unknown, where: string): readonly AclRule[] {
  if (!Array.isArray(raw)) {
    throw new OptionError(where, '', `${showValue(raw)} is not a list`, 'answer a list of rules');
  }
  return raw.map((one, at): AclRule => {
    const place = `${where}, rule ${at + 1}`;
    const rule = readOptions(RULE_ROWS, one, place);
    const who = rule.identity ?? rule.criteria;
    if (who === undefined || (rule.identity !== undefined && rule.criteria !== undefined)) {
      throw new OptionError(place, 'identity', 'and criteria: exactly one is needed', FIX);
    }
    return { allow: rule.allow, privileges: rule.privileges, who };
  });
}
