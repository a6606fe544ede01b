/**
 * Who asks over HTTP: the peer's address, the identities that were proved, the groups they are in.
 * What a policy answers about credentials is read here, strictly.
 * Deliberately unknown here: headers, who may do what (acl.ts).
 */
import { OptionError, showValue } from './option-error.ts';
import { listOf, oneOf, tableOf, text } from './option-kinds.ts';
import { isTable, option, readOptions, required } from './options.ts';

/** How an identity was proved; the reference's words. */
export const IDENTITY_CONTEXTS = [
  'SmtpAuthPlainAuthorization',
  'SmtpAuthPlainAuthentication',
  'HttpBasicAuth',
  'BearerToken',
  'ProxyAuthRfc1929',
  'LocalSystem',
  'GenericAuth',
] as const;

/** One proved identity. */
export interface Identity {
  readonly identity: string;
  readonly context: (typeof IDENTITY_CONTEXTS)[number];
}

/** Who asks. */
export interface AuthInfo {
  readonly peer_address: string | null;
  readonly identities: readonly Identity[];
  readonly groups: readonly string[];
}

/** The group of peers in `trusted_hosts`, named as in the reference. */
export const TRUSTED_GROUP = 'kumomta:http-listener-trusted-ip';

/** What a policy says of credentials: no, yes, or who it is. */
export type AuthAnswer = boolean | AuthInfo;

const IDENTITY_ROWS = {
  identity: required(text, 'its name'),
  context: option(oneOf(...IDENTITY_CONTEXTS), 'GenericAuth', 'how it was proved'),
};
const AUTH_ROWS = {
  identities: option(listOf(tableOf(IDENTITY_ROWS)), [], 'who it is'),
  groups: option(listOf(text), [], 'groups they are in'),
};

/** Reads what a handler answered; nothing, and null, is no. The peer is who it is. */
export function readAuthAnswer(raw: unknown, where: string): AuthAnswer {
  if (raw === undefined || raw === null) return false;
  if (typeof raw === 'boolean') return raw;
  if (!isTable(raw)) {
    const problem = `${showValue(raw)} is neither true, false nor a table`;
    throw new OptionError(where, '', problem, 'answer {identities = [...], groups = [...]}');
  }
  const { peer_address: _, ...given } = raw;
  const { identities, groups } = readOptions(AUTH_ROWS, given, where);
  // A policy may not put strangers among the peers that need no proof.
  if (groups.includes(TRUSTED_GROUP)) {
    throw new OptionError(where, 'groups', `may not name ${TRUSTED_GROUP}`, 'leave it out');
  }
  return { peer_address: null, identities, groups };
}

/** Two accounts of one asker; the peer is the first one's. */
export const joinAuth = (one: AuthInfo, other: AuthInfo): AuthInfo => ({
  peer_address: one.peer_address,
  identities: [...one.identities, ...other.identities],
  groups: [...new Set([...one.groups, ...other.groups])],
});

/** Who it was, for the log: the first identity and the address. */
export function nameAsker({ peer_address, identities }: AuthInfo): string {
  const named = identities.map(({ identity }) => identity).find((one) => one !== '');
  const from = peer_address ?? 'an unknown address';
  return named === undefined ? from : `${named} at ${from}`;
}
