/**
 * Files of queue data: how they look, and how several become one. The idea: tables are joined key
 * by key down to single values, and every option keeps the file and key that set it; under a
 * domain, a key that is no option is a tenant, and under a tenant a campaign.
 * It does not know in which order the blocks count, nor who asks.
 */
import { flag, listOf, mapOf, tableOf, text, throttle } from '../../domain/option-kinds.ts';
import { openTable } from '../../domain/option-tables.ts';
import type { Kind, OptionTable } from '../../domain/options.ts';
import { isTable, optional, readOptions } from '../../domain/options.ts';
import { QUEUE_OPTIONS } from '../../domain/options-queue.ts';
import type { OptionValue } from '../hooks.ts';
import { PolicyError } from '../policy-error.ts';
import { domainKeyProblem, normalDomain } from './domain-map.ts';
import type { DataFile, DataTable } from './files.ts';
import { refuseIn } from './files.ts';
import type { Join, Placings } from './origins.ts';
import { layOver, NOTHING_PLACED, placeOptions } from './origins.ts';

const OVERALL = optional(throttle, 'how fast messages become ready, all queues together');

const QUEUE_BLOCK = {
  ...QUEUE_OPTIONS,
  routing_domain: optional(text, 'the domain whose exchangers take the mail'),
  overall_max_message_rate: optional(throttle, 'taken here, but enforced for tenants only'),
} satisfies OptionTable;
const CAMPAIGN_BLOCK = {
  ...QUEUE_OPTIONS,
  overall_max_message_rate: OVERALL,
} satisfies OptionTable;
const TENANT_BLOCK = {
  ...CAMPAIGN_BLOCK,
  require_authz: optional(listOf(text), 'who may send as this tenant'),
  campaigns: optional(mapOf(tableOf(CAMPAIGN_BLOCK)), 'campaigns of this tenant by name'),
} satisfies OptionTable;

const campaignOfQueue = tableOf(QUEUE_BLOCK);
const tenantOfQueue = openTable(QUEUE_BLOCK, { what: 'campaign', kind: campaignOfQueue });
const queueBlock = openTable(QUEUE_BLOCK, { what: 'tenant', kind: tenantOfQueue });

const HEADER_OPTIONS = {
  scheduling_header: optional(text, 'header that says when to deliver; taken off'),
  tenant_header: optional(text, 'header that names the tenant'),
  remove_tenant_header: optional(flag, 'take that header off'),
  campaign_header: optional(text, 'header that names the campaign'),
  remove_campaign_header: optional(flag, 'take that header off'),
  default_tenant: optional(text, 'the tenant of mail that names none'),
} satisfies OptionTable;
const FILE_OPTIONS = {
  ...HEADER_OPTIONS,
  queue: optional(mapOf(queueBlock), 'queues by domain; `default` is beneath them all'),
  tenant: optional(mapOf(tableOf(TENANT_BLOCK)), 'tenants by name'),
} satisfies OptionTable;

/** The form of a file of queue data. */
export const QUEUES_FILE: Kind<unknown> = tableOf(FILE_OPTIONS);

/** What a whole set of files says about reception. */
export interface ReceptionRules {
  readonly scheduling_header?: string;
  readonly tenant_header?: string;
  readonly remove_tenant_header?: boolean;
  readonly campaign_header?: string;
  readonly remove_campaign_header?: boolean;
  readonly default_tenant?: string;
}

/** A block with the blocks that stand in it: of tenants in a domain, of campaigns in a tenant. */
export interface QueueBlock {
  readonly options: Placings;
  readonly inner: ReadonlyMap<string, QueueBlock>;
}

/** All files of one helper joined. */
export interface QueueData {
  readonly reception: ReceptionRules;
  /** What stands beneath every queue. */
  readonly base: QueueBlock;
  readonly domains: ReadonlyMap<string, QueueBlock>;
  readonly tenants: ReadonlyMap<string, QueueBlock>;
}

const EMPTY_BLOCK: QueueBlock = { options: NOTHING_PLACED, inner: new Map() };
const BASE_KEY = 'default';

/** Joins values as whole files are: tables key by key, lists entry by entry, else the later one. */
export const joinDeep = (before: OptionValue, after: OptionValue): OptionValue => {
  if (Array.isArray(before) && Array.isArray(after)) {
    const [old, young] = [before as OptionValue[], after as OptionValue[]];
    const count = Math.max(old.length, young.length);
    return Array.from({ length: count }, (_, at) => joinMaybe(old[at], young[at]));
  }
  if (!isTable(before) || !isTable(after)) return after;
  const joined = new Map(Object.entries(before as DataTable));
  for (const [key, value] of Object.entries(after as DataTable)) {
    joined.set(key, joinMaybe(joined.get(key), value));
  }
  return Object.fromEntries(joined);
};

const joinMaybe = (
  before: OptionValue | undefined,
  after: OptionValue | undefined,
): OptionValue => {
  if (before === undefined || after === undefined) return (after ?? before) as OptionValue;
  return joinDeep(before, after);
};

const joinNamed: Join = (_name, before, after) => joinDeep(before, after);

const joinBlocks = (before: QueueBlock | undefined, after: QueueBlock): QueueBlock =>
  before === undefined
    ? after
    : {
        options: layOver(before.options, after.options, joinNamed),
        inner: joinMaps(before.inner, after.inner),
      };

const joinMaps = (
  before: ReadonlyMap<string, QueueBlock>,
  after: ReadonlyMap<string, QueueBlock>,
): ReadonlyMap<string, QueueBlock> => {
  const joined = new Map(before);
  for (const [name, block] of after) joined.set(name, joinBlocks(before.get(name), block));
  return joined;
};

const isQueueOption = (name: string): boolean => Object.hasOwn(QUEUE_BLOCK, name);

const readQueueBlock = (file: string, path: string, table: DataTable): QueueBlock => ({
  options: placeOptions(file, path, table, isQueueOption),
  inner: new Map(
    Object.entries(table)
      .filter(([name]) => !isQueueOption(name))
      .map(([name, inner]) => [
        name,
        readQueueBlock(file, `${path}.'${name}'`, inner as DataTable),
      ]),
  ),
});

const readTenantBlock = (file: string, path: string, table: DataTable): QueueBlock => {
  const campaigns = Object.entries((table['campaigns'] ?? {}) as DataTable);
  const readCampaign = (name: string, inner: OptionValue): QueueBlock => {
    const place = `${path}.campaigns.'${name}'`;
    return {
      options: placeOptions(file, place, inner as DataTable, () => true),
      inner: new Map(),
    };
  };
  return {
    options: placeOptions(file, path, table, (name) => name !== 'campaigns'),
    inner: new Map(campaigns.map(([name, inner]) => [name, readCampaign(name, inner)])),
  };
};

const readDomains = (file: string, table: DataTable): Map<string, QueueBlock> => {
  const domains = new Map<string, QueueBlock>();
  for (const [key, block] of Object.entries((table['queue'] ?? {}) as DataTable)) {
    const problem = domainKeyProblem(key);
    if (problem !== undefined) {
      throw new PolicyError(file, `queue.'${key}': ${problem}`, "write it like '*.example.com'");
    }
    const read = readQueueBlock(file, `queue.'${key}'`, block as DataTable);
    domains.set(normalDomain(key), joinBlocks(domains.get(normalDomain(key)), read));
  }
  return domains;
};

const readTenants = (file: string, table: DataTable): Map<string, QueueBlock> => {
  const tenants = Object.entries((table['tenant'] ?? {}) as DataTable);
  return new Map(
    tenants.map(([name, block]) => [
      name,
      readTenantBlock(file, `tenant.'${name}'`, block as DataTable),
    ]),
  );
};

/** One file, checked by itself. */
export const readQueueFile = ({ name: file, table }: DataFile): QueueData => {
  refuseIn(file, () => readOptions(FILE_OPTIONS, table, ''));
  const domains = readDomains(file, table);
  const base = domains.get(BASE_KEY) ?? EMPTY_BLOCK;
  domains.delete(BASE_KEY);
  const reception = Object.entries(table).filter(([name]) => Object.hasOwn(HEADER_OPTIONS, name));
  return {
    reception: Object.fromEntries(reception) as ReceptionRules,
    base,
    domains,
    tenants: readTenants(file, table),
  };
};

/** No data at all: what joining begins with. */
export const NO_QUEUE_DATA: QueueData = {
  reception: {},
  base: EMPTY_BLOCK,
  domains: new Map(),
  tenants: new Map(),
};

/** Joins the data of a later file to that of the files before it. */
export const joinQueueData = (before: QueueData, after: QueueData): QueueData => ({
  reception: { ...before.reception, ...after.reception },
  base: joinBlocks(before.base, after.base),
  domains: joinMaps(before.domains, after.domains),
  tenants: joinMaps(before.tenants, after.tenants),
});
