/**
 * Helper `queues`: how queues retry, expire and route, from data files. The idea: an answer is a
 * pile of blocks, each laid over those beneath it, and one pile is one frozen object however many
 * queues share it. It answers for every domain, so it must stand behind all other parts that do.
 * It does not know the engine; what reception does with tenants is asked through `receive`.
 */
import { isHookDomain } from '../../domain/hook-name.ts';
import type { OptionTable } from '../../domain/options.ts';
import { readOptions, required } from '../../domain/options.ts';
import { parseQueueConfig } from '../../domain/options-queue.ts';
import type { MessageView } from '../../domain/policy-asker.ts';
import { ANSWERS_ALL } from '../define.ts';
import type { Checks, NamedThrottle, PolicyPart, QueueOptions } from '../hooks.ts';
import { PolicyError } from '../policy-error.ts';
import type { DomainMap } from './domain-map.ts';
import { createDomainMap, normalDomain } from './domain-map.ts';
import type { DataSource } from './files.ts';
import { dataSources, readDataFiles, refuseIn } from './files.ts';
import type { Placings } from './origins.ts';
import { answerFrom, layOver, NOTHING_PLACED } from './origins.ts';
import type { QueueBlock, QueueData } from './queue-file.ts';
import { joinQueueData, NO_QUEUE_DATA, readQueueFile } from './queue-file.ts';
import type { ReceivedMail, Reception } from './reception.ts';
import { carryOut, receiveMail } from './reception.ts';

const HELPER_OPTIONS = {
  files: required(dataSources, 'files of queue data'),
} satisfies OptionTable;

/** What `queues` is given. */
export interface QueuesSettings {
  readonly files: readonly DataSource[];
}

/** The part, with what reception asks of it. */
export interface QueuesPart extends PolicyPart {
  /** Tenant, campaign and routing of a message that is being received, or its refusal. */
  receive(mail: ReceivedMail): Reception;
}

const OVERALL = 'overall_max_message_rate';
// These rows belong to the helper; a queue does not know them.
const HELPER_ROWS = [OVERALL, 'routing_domain', 'require_authz'];
// The reference refreshes helper queues when the epoch moves, whatever the default of a queue is.
const BENEATH: Placings = new Map([
  ['refresh_strategy', { value: 'Epoch', origin: 'queues(): built in' }],
]);

interface Asked {
  readonly block: QueueBlock | undefined;
  readonly tenant: string | undefined;
  readonly campaign: string | undefined;
}

// Later blocks count more. The block of a tenant beats that of the plain domain.
const pileOf = (data: QueueData, { block, tenant, campaign }: Asked): readonly Placings[] => {
  const own = tenant === undefined ? undefined : data.tenants.get(tenant);
  const inDomain = tenant === undefined ? undefined : block?.inner.get(tenant);
  const pile = [data.base, block, own];
  // The reference's manual lets a campaign of a tenant carry queue options and never says where
  // they count: right above the tenant's own.
  if (campaign !== undefined) pile.push(own?.inner.get(campaign));
  pile.push(inDomain);
  if (campaign !== undefined) pile.push(inDomain?.inner.get(campaign));
  return [BENEATH, ...pile.map((one) => one?.options ?? NOTHING_PLACED)];
};

interface Pile {
  readonly answer: QueueOptions;
  readonly routingDomain: string | undefined;
}

const makePile = (layers: readonly Placings[]): Pile => {
  const all = layers.reduce((under, over) => layOver(under, over), NOTHING_PLACED);
  const asked = new Map([...all].filter(([name]) => !HELPER_ROWS.includes(name)));
  const routing = all.get('routing_domain')?.value;
  return {
    answer: answerFrom(asked),
    routingDomain: routing === undefined ? undefined : String(routing),
  };
};

type FindPile = (domain: string, tenant: string | undefined, campaign: string | undefined) => Pile;

// With its length in front, a name that holds a blank is not taken for two.
const pileKey = (tenant: string | undefined, campaign: string | undefined): string => {
  const own = tenant === undefined ? '' : `${tenant.length} ${tenant}`;
  return campaign === undefined ? own : `${own} ${campaign}`;
};

// Tenants and campaigns without blocks make no pile of their own, so the memory is bounded by what
// the files say.
const createPileFinder = (data: QueueData, domains: DomainMap<QueueBlock>): FindPile => {
  const memory = new Map<QueueBlock | undefined, Map<string, Pile>>();
  return (domain, tenantAsked, campaignAsked) => {
    const block = domains.find(domain);
    const own = tenantAsked === undefined ? undefined : data.tenants.get(tenantAsked);
    const inDomain = tenantAsked === undefined ? undefined : block?.inner.get(tenantAsked);
    const tenant = own === undefined && inDomain === undefined ? undefined : tenantAsked;
    const hasCampaign =
      campaignAsked !== undefined &&
      (own?.inner.has(campaignAsked) === true || inDomain?.inner.has(campaignAsked) === true);
    const campaign = hasCampaign ? campaignAsked : undefined;
    const piles = memory.get(block) ?? new Map<string, Pile>();
    memory.set(block, piles);
    const key = pileKey(tenant, campaign);
    const known = piles.get(key);
    if (known !== undefined) return known;
    const made = makePile(pileOf(data, { block, tenant, campaign }));
    piles.set(key, made);
    return made;
  };
};

// What holds for every queue is about mail; of a log hook the data speaks by its own name only.
const hookAnswer = (data: QueueData, domain: string): QueueOptions | undefined => {
  const block = data.domains.get(normalDomain(domain));
  return block === undefined ? undefined : makePile([block.options]).answer;
};

const rateOf = (block: QueueBlock | undefined): string | undefined => {
  const rate = block?.options.get(OVERALL)?.value;
  return rate === undefined ? undefined : String(rate);
};

const throttlesOf = (
  data: QueueData,
  { tenant, campaign }: Pick<MessageView, 'tenant' | 'campaign'>,
): readonly NamedThrottle[] | undefined => {
  if (tenant === undefined) return undefined;
  const block = data.tenants.get(tenant);
  const rates: NamedThrottle[] = [];
  const whole = rateOf(block);
  if (whole !== undefined) {
    rates.push({ name: `queue-helper-tenant-${OVERALL}-${tenant}`, rate: whole });
  }
  // The reference builds this throttle with the tenant's rate and fails when the tenant has none;
  // its manual means the campaign's own rate.
  const part = campaign === undefined ? undefined : rateOf(block?.inner.get(campaign));
  if (part !== undefined) {
    const name = `queue-helper-tenant-campaign-${OVERALL}-${tenant}-${campaign}`;
    rates.push({ name, rate: part });
  }
  return rates.length === 0 ? undefined : Object.freeze(rates);
};

const withInner = function* (block: QueueBlock): Generator<QueueBlock> {
  yield block;
  for (const inner of block.inner.values()) yield* withInner(inner);
};

const eachBlock = function* (data: QueueData): Generator<QueueBlock> {
  for (const block of [data.base, ...data.domains.values(), ...data.tenants.values()]) {
    yield* withInner(block);
  }
};

const tenantsIn = (blocks: Iterable<QueueBlock>): readonly string[] =>
  [...blocks].flatMap((block) => [...block.inner.keys()]);

const checkData = (data: QueueData, checks: Checks): void => {
  for (const block of eachBlock(data)) {
    const pool = block.options.get('egress_pool');
    if (pool !== undefined) checks.expectPool(String(pool.value), pool.origin);
  }
  for (const block of eachBlock({ ...data, tenants: new Map() })) {
    const rate = block.options.get(OVERALL);
    if (rate !== undefined) {
      checks.warn(rate.origin, 'is not enforced here; set it for the tenant, or max_message_rate');
    }
  }
  for (const tenant of data.base.inner.keys()) {
    checks.warn(`queue.default.'${tenant}'`, `is never used; write tenant.'${tenant}' instead`);
  }
  for (const tenant of new Set(tenantsIn(data.domains.values()))) {
    if (data.tenants.size > 0 && !data.tenants.has(tenant)) {
      checks.warn(`tenant.'${tenant}'`, 'has no table, though a queue has a block for it');
    }
  }
};

const concernsReception = (data: QueueData): boolean => {
  const blocks = [data.base, ...data.domains.values()].flatMap((block) => [...withInner(block)]);
  const isRouted = blocks.some(({ options }) => options.has('routing_domain'));
  return isRouted || Object.keys(data.reception).length > 0;
};

const checkDefaultTenant = (data: QueueData, isTenant: (name: string) => boolean): void => {
  const name = data.reception.default_tenant;
  if (name === undefined || isTenant(name)) return;
  const problem = `default_tenant: the tenant '${name}' is not defined`;
  throw new PolicyError('queues()', problem, `add [tenant."${name}"] to a file of queue data`);
};

/** Queues and tenants from files; the last part of a policy that answers get_queue_config. */
export const queues = (settings: QueuesSettings): QueuesPart => {
  const { files } = refuseIn('queues()', () => readOptions(HELPER_OPTIONS, settings, ''));
  const data = readDataFiles(files).map(readQueueFile).reduce(joinQueueData, NO_QUEUE_DATA);
  const findPile = createPileFinder(data, createDomainMap(data.domains));
  // A joined list or table is checked once more; each file was checked by itself.
  for (const domain of ['', ...data.domains.keys()]) {
    const { answer } = findPile(domain, undefined, undefined);
    refuseIn(`queue.'${domain}'`, () => parseQueueConfig(answer, ''));
  }
  const tenants = new Set([...data.tenants.keys(), ...tenantsIn(data.domains.values())]);
  const isTenant = (name: string): boolean => tenants.has(name);
  checkDefaultTenant(data, isTenant);
  const reception = {
    rules: data.reception,
    isTenant,
    authzOf: (tenant: string) =>
      data.tenants.get(tenant)?.options.get('require_authz')?.value as
        | readonly string[]
        | undefined,
    routingDomainOf: (...asked: Parameters<FindPile>) => findPile(...asked).routingDomain,
  };
  const part: PolicyPart = {
    get_queue_config(domain, tenant, campaign) {
      if (isHookDomain(domain)) return hookAnswer(data, domain);
      return findPile(domain, tenant, campaign).answer;
    },
    throttle_insert_ready_queue: (message) => throttlesOf(data, message),
    validate_config: (checks) => checkData(data, checks),
    // Mail is only looked at where the data say something of it.
    ...(concernsReception(data)
      ? { smtp_server_message_received: (message) => carryOut(reception, message) }
      : {}),
  };
  // Neither is a handler, so neither is seen by what lists the handlers of a part.
  return Object.defineProperties(part, {
    receive: { value: (mail: ReceivedMail) => receiveMail(reception, mail) },
    [ANSWERS_ALL]: { value: ['get_queue_config'] },
  }) as QueuesPart;
};
