/**
 * From a site to the addresses to try. The site (mx-site.ts) holds for many sessions; the plan,
 * addresses in the order of one session, is made anew for each, with equal exchangers shuffled so
 * that load spreads while names stay still. It knows no sockets and no queues; what is asked goes
 * through the Resolver.
 */
import type { AddressAnswer, Fault, Resolver } from '../ports/ports.ts';
import type { Cidr } from './cidr.ts';
import { matches } from './cidr.ts';
import { parseIp } from './ip.ts';
import type { Site, SitePlace } from './mx-site.ts';
import { NEVER_EXPIRES } from './mx-site.ts';
import type { SourceConfig } from './options-egress.ts';
import type { PathConfig } from './options-path.ts';
import type { Reply } from './reply.ts';
import { makeReply } from './reply.ts';
import { senderAddressOf } from './source-proxy.ts';

export type { Route, Site, SiteAnswer, SitePlace } from './mx-site.ts';

/** One address to try; `path` wins over `address` when given. */
export interface Candidate {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly path?: string;
}

/** A host whose addresses could not be found; worth a line in the log, no more. */
export interface SkippedHost {
  readonly name: string;
  readonly fault: Fault;
}

/** The plan of one session, or the reply that settles every message of the ready queue. */
export type PlanAnswer =
  | {
      readonly kind: 'plan';
      readonly candidates: readonly Candidate[];
      readonly skipped: readonly SkippedHost[];
    }
  | {
      readonly kind: 'bounced' | 'deferred';
      readonly reply: Reply;
      readonly skipped: readonly SkippedHost[];
    };

const NO_HOSTS = makeReply(451, '4.4.4', "MX didn't resolve to any hosts");
const ALL_SKIPPED = makeReply(
  451,
  '4.4.4',
  'KumoMTA internal: MX consisted solely of hosts on the skip_hosts list',
);

/** Shuffles in place, every order equally likely (Fisher and Yates). */
export const shuffle = <T>(items: T[], uniform: () => number): void => {
  for (let last = items.length - 1; last > 0; last -= 1) {
    const other = Math.floor(uniform() * (last + 1));
    const moved = items[last] as T;
    items[last] = items[other] as T;
    items[other] = moved;
  }
};

const asAnswer = (addresses: readonly string[]): AddressAnswer => ({
  kind: 'found',
  addresses,
  expiresAt: NEVER_EXPIRES,
});

// Looks all hosts up side by side; answers once, in the order of the hosts.
const findAll = (
  resolver: Resolver,
  hosts: readonly SitePlace[],
  strategy: PathConfig['ip_lookup_strategy'],
  answered: (answers: readonly AddressAnswer[]) => void,
): void => {
  const answers: AddressAnswer[] = [];
  let missing = hosts.length;
  if (missing === 0) answered(answers);
  const keep = (index: number, answer: AddressAnswer): void => {
    answers[index] = answer;
    missing -= 1;
    if (missing === 0) answered(answers);
  };
  hosts.forEach((host, index) => {
    if (host.path !== undefined) keep(index, asAnswer(['']));
    else if (host.address !== undefined) keep(index, asAnswer([host.address]));
    else resolver.findAddresses(host.name, strategy, (answer) => keep(index, answer));
  });
};

const placesOf = (
  host: SitePlace,
  answer: AddressAnswer | undefined,
  portOf: (host: SitePlace) => number,
): readonly Candidate[] => {
  if (answer?.kind !== 'found') return [];
  const port = portOf(host);
  const path = host.path === undefined ? {} : { path: host.path };
  return answer.addresses.map((address) => ({ name: host.name, address, port, ...path }));
};

// Preference by preference; a worse one comes after all addresses of the better one.
const arrange = (
  site: Site,
  answers: readonly AddressAnswer[],
  portOf: (host: SitePlace) => number,
  uniform: () => number,
): readonly Candidate[] => {
  const levels = new Map<number, Candidate[]>();
  site.hosts.forEach((host, index) => {
    const level = levels.get(host.preference) ?? [];
    level.push(...placesOf(host, answers[index], portOf));
    levels.set(host.preference, level);
  });
  const ordered = [...levels.entries()].sort(([a], [b]) => a - b).map(([, level]) => level);
  if (!site.isFixed) for (const level of ordered) shuffle(level, uniform);
  return ordered.flat();
};

const describePlace = ({ name, address }: Candidate): string =>
  name === address ? address : `${name}/${address}`;

const refuseLoop = (candidates: readonly Candidate[], prohibited: readonly Cidr[]) => {
  const hit = candidates.find((candidate) => matches(prohibited, candidate.address));
  if (hit === undefined) return undefined;
  const list = prohibited.map(({ text }) => text).join(', ');
  const text = `${describePlace(hit)} is on the list of prohibited_hosts ${list}`;
  return makeReply(550, '5.4.4', text);
};

// A source bound to one family cannot reach the other; trying would only look like a dead peer.
const dropForeignFamily = (
  candidates: readonly Candidate[],
  source: SourceConfig,
): readonly Candidate[] => {
  const sender = senderAddressOf(source);
  if (sender === undefined) return candidates;
  return candidates.filter(
    ({ address, path }) => path !== undefined || parseIp(address)?.family === sender.family,
  );
};

const describeForeign = (source: SourceConfig): string => {
  const sender = senderAddressOf(source);
  return `no MX address is of the family of the ${sender?.whose} ${sender?.address}`;
};

/** True for an address and port on which this engine itself takes mail. */
export type IsOwnPlace = (address: string, port: number) => boolean;

/** Makes the plan of one session with `site`; may answer before it returns. */
export const buildPlan = (
  resolver: Resolver,
  site: Site,
  path: PathConfig,
  source: SourceConfig,
  uniform: () => number,
  answered: (answer: PlanAnswer) => void,
  isOwn: IsOwnPlace = () => false,
): void => {
  const portOf = (host: SitePlace): number => source.remote_port ?? host.port ?? path.smtp_port;
  const judge = (answers: readonly AddressAnswer[]): PlanAnswer => {
    const skipped = site.hosts.flatMap(({ name }, index) => {
      const answer = answers[index];
      return answer?.kind === 'failed' ? [{ name, fault: answer.fault }] : [];
    });
    const settle = (kind: 'bounced' | 'deferred', reply: Reply): PlanAnswer => ({
      kind,
      reply,
      skipped,
    });
    const all = arrange(site, answers, portOf, uniform);
    if (all.length === 0) return settle('deferred', NO_HOSTS);
    const loop = refuseLoop(all, path.prohibited_hosts);
    if (loop !== undefined) return settle('bounced', loop);
    const own = all.find(({ address, port }) => isOwn(address, port));
    if (own !== undefined) {
      const text = `${describePlace(own)} is this very server: the mail would go round in a loop`;
      return settle('bounced', makeReply(550, '5.4.6', text));
    }
    const left = all.filter(({ address }) => !matches(path.skip_hosts, address));
    if (left.length === 0) return settle('deferred', ALL_SKIPPED);
    const candidates = dropForeignFamily(left, source);
    if (candidates.length > 0) return { kind: 'plan', candidates, skipped };
    return settle('deferred', makeReply(451, '4.4.4', describeForeign(source)));
  };
  findAll(resolver, site.hosts, path.ip_lookup_strategy, (answers) => answered(judge(answers)));
};
