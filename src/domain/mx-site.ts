/**
 * Who takes mail for a route, and the name that domains with the same exchangers share. Exchangers
 * that an enforced MTA-STS policy does not allow are left out before the site is named. It knows no
 * addresses, sockets or queues; what is asked goes through the Resolver and the policies.
 */
import type { At, Fault, Ms, MxAnswer, MxRecord, Resolver } from '../ports/ports.ts';
import { allowsHost, describePatterns } from './mta-sts.ts';
import type { StsAnswer, StsLookup } from './mta-sts-policies.ts';
import type { MxListEntry } from './option-places.ts';
import type { Reply } from './reply.ts';
import { makeReply } from './reply.ts';
import { classifyRoutingDomain } from './routing-domain.ts';
import { listEntryText, mxListSiteName, mxSiteName, orderHosts } from './site-name.ts';

/** Where mail of a queue goes: to the exchangers of a domain, or along a given list. */
export interface Route {
  readonly routingDomain: string;
  /** Empty: ask DNS. */
  readonly mxList: readonly MxListEntry[];
}

/** One host of a site. With `address` it is not looked up; with `path` it is a unix socket. */
export interface SitePlace {
  readonly name: string;
  readonly preference: number;
  readonly address?: string;
  readonly port?: number;
  readonly path?: string;
}

/** The site of a route. `isFixed`: the order was given by an operator and is kept. */
export interface Site {
  readonly kind: 'site';
  readonly site: string;
  readonly hosts: readonly SitePlace[];
  readonly isFixed: boolean;
  /** The mode of the domain's MTA-STS policy; absent where none asks for anything. */
  readonly mtaSts?: 'enforce' | 'testing';
  readonly expiresAt: At;
}

/** Who takes mail for a route. `nullMx` bounces; `failed` waits, with `why` for the log. */
export type SiteAnswer =
  | Site
  | { readonly kind: 'nullMx'; readonly reply: Reply; readonly expiresAt: At }
  | {
      readonly kind: 'failed';
      readonly fault: Fault;
      readonly why: string;
      readonly expiresAt: At;
    };

/** What never changes by itself: an address literal, an operator's list. */
export const NEVER_EXPIRES: At = Number.MAX_SAFE_INTEGER;

const NULL_MX = makeReply(556, '5.1.10', 'Recipient address has a null MX');
const withPort = (port: number | undefined): { port?: number } =>
  port === undefined ? {} : { port };

const describeSpan = (tookMs: Ms | undefined): string =>
  tookMs === undefined ? '' : ` after ${Math.round(tookMs)}ms`;

const listedSite = (entries: readonly MxListEntry[]): Site => ({
  kind: 'site',
  site: mxListSiteName(entries),
  hosts: entries.map((entry, index) => ({ ...entry, preference: index + 1 })),
  isFixed: true,
  expiresAt: NEVER_EXPIRES,
});

const literalSite = (address: string, port: number | undefined): Site => {
  const entry = { name: address, address, ...withPort(port) };
  return {
    kind: 'site',
    site: listEntryText(entry),
    hosts: [{ ...entry, preference: 1 }],
    isFixed: false,
    expiresAt: NEVER_EXPIRES,
  };
};

const namedSite = (records: readonly MxRecord[], port: number | undefined, expiresAt: At): Site => {
  const hosts = orderHosts(
    records.map(({ exchange, preference }) => ({ name: exchange, preference, ...withPort(port) })),
  );
  return { kind: 'site', site: mxSiteName(hosts), hosts, isFixed: false, expiresAt };
};

interface Asked {
  readonly name: string;
  readonly port: number | undefined;
  readonly sts: StsLookup | undefined;
}

const judgeMx = (asked: Asked, answer: MxAnswer, answered: (site: SiteAnswer) => void): void => {
  const { name, port, sts } = asked;
  const { expiresAt } = answer;
  if (answer.kind === 'failed') {
    const { fault, tookMs } = answer;
    const why = `MX lookup for ${name} failed${describeSpan(tookMs)}: ${fault.cause}`;
    return answered({ kind: 'failed', fault, why, expiresAt });
  }
  // RFC 5321 section 5.1: without MX records the domain itself takes its mail.
  const implicit = [{ exchange: name, preference: 1 }];
  if (answer.kind === 'absent') return answered(namedSite(implicit, port, expiresAt));
  const named = answer.records.filter(({ exchange }) => exchange !== '');
  if (named.length > 0) {
    if (sts === undefined) return answered(namedSite(named, port, expiresAt));
    return sts.find(name, (policy) => answered(applyPolicy(asked, named, expiresAt, policy)));
  }
  // RFC 7505 section 3: null MX is the only record. A '.' among others is a mistake, not a refusal.
  if (answer.records.length > 0) return answered({ kind: 'nullMx', reply: NULL_MX, expiresAt });
  answered(namedSite(implicit, port, expiresAt));
};

// Before the site is named: hosts that the policy does not allow are no part of it.
const applyPolicy = (
  { name, port }: Asked,
  records: readonly MxRecord[],
  mxExpiresAt: At,
  { mode, patterns, expiresAt: policyExpiresAt }: StsAnswer,
): SiteAnswer => {
  const expiresAt = Math.min(mxExpiresAt, policyExpiresAt);
  if (mode === 'none') return namedSite(records, port, expiresAt);
  if (mode === 'testing') return { ...namedSite(records, port, expiresAt), mtaSts: mode };
  const allowed = records.filter(({ exchange }) => allowsHost(patterns, exchange));
  if (allowed.length > 0) return { ...namedSite(allowed, port, expiresAt), mtaSts: mode };
  const hosts = records.map(({ exchange }) => exchange).join(', ');
  const denied = `no MX of ${name} (${hosts}) is allowed by its MTA-STS policy`;
  const why = `${denied}, which allows ${describePatterns(patterns)}`;
  const fault: Fault = { code: 'FAULT_STS_NO_HOST', where: name, cause: why, retryable: true };
  return { kind: 'failed', fault, why, expiresAt };
};

/**
 * Finds who takes mail for `route`; may answer before it returns. With `sts` the domain's MTA-STS
 * policy is heard; lists and literals have none.
 */
export const resolveSite = (
  resolver: Resolver,
  route: Route,
  answered: (answer: SiteAnswer) => void,
  sts?: StsLookup,
): void => {
  if (route.mxList.length > 0) return answered(listedSite(route.mxList));
  const domain = classifyRoutingDomain(route.routingDomain);
  if (domain.kind === 'literal') return answered(literalSite(domain.address, domain.port));
  if (domain.kind === 'invalid') {
    const where = route.routingDomain;
    const { why } = domain;
    const fault: Fault = { code: 'FAULT_DNS_MALFORMED', where, cause: why, retryable: false };
    return answered({ kind: 'failed', fault, why, expiresAt: NEVER_EXPIRES });
  }
  const asked = { name: domain.name, port: domain.port, sts };
  resolver.findMx(domain.name, (answer) => judgeMx(asked, answer, answered));
};
