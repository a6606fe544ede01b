/**
 * Law: several data files are as one, read in order: how they are grouped does not matter, and an
 * answer is what laying plain tables over each other by hand gives.
 * Deliberately unknown here: formats, refusals.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createDomainMap } from '../../src/policy/helpers/domain-map.ts';
import type { DataTable } from '../../src/policy/helpers/files.ts';
import type { Placings } from '../../src/policy/helpers/origins.ts';
import type { QueueBlock } from '../../src/policy/helpers/queue-file.ts';
import { joinQueueData, readQueueFile } from '../../src/policy/helpers/queue-file.ts';
import { queues } from '../../src/policy/helpers/queues.ts';
import { shaping } from '../../src/policy/helpers/shaping.ts';
import type { ShapingBlock } from '../../src/policy/helpers/shaping-file.ts';
import { joinShapingData, readShapingFile } from '../../src/policy/helpers/shaping-file.ts';
import { withFiles } from '../examples/helpers-kit.ts';

type Table = Record<string, unknown>;

const RUNS = 300;
const number = fc.integer({ min: 1, max: 9 });
const named = (names: readonly string[], value: fc.Arbitrary<unknown>): fc.Arbitrary<Table> =>
  fc.dictionary(fc.constantFrom(...names), value, { maxKeys: names.length, noNullPrototype: true });
const some = (parts: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<Table> =>
  fc.record(parts, { requiredKeys: [], noNullPrototype: true });

const DOMAINS = ['a.com', '*.a.com', 'x.a.com', 'b.net'];
const ASKED = ['a.com', 'y.a.com', 'x.a.com', 'z.x.a.com', 'b.net', 'c.org'];

const queueRows = {
  retry_interval: number,
  max_age: number,
  protocol: some({
    smtp: some({
      mx_list: fc.array(fc.constantFrom('h1', 'h2'), { maxLength: 2 }),
      treat_mx_list_as_secure: fc.boolean(),
    }).map((smtp) => ({ treat_mx_list_as_secure: false, ...smtp })),
  }).map(({ smtp = {} }) => ({ smtp })),
};
const tenantRows = some({ ...queueRows, c: some(queueRows) });
const queueFile = some({
  queue: named(['default', ...DOMAINS], some({ ...queueRows, t: tenantRows })),
  tenant: named(['t'], some(queueRows)),
});

const pathRows = {
  max_ready: number,
  smtp_port: number,
  additional_connection_limits: named(['l1', 'l2'], number),
};
const blockRows = {
  ...pathRows,
  replace_base: fc.boolean(),
  sources: named(['s'], some(pathRows)),
};
const domainBlock = some({ ...blockRows, mx_rollup: fc.boolean() });
const match = fc.array(fc.constantFrom({ DomainSuffix: '.com' }, { DomainSuffix: '.net' }), {
  maxLength: 2,
});
const shapingFile = some({
  default: some(pathRows),
  provider: named(['p', 'q'], some({ ...blockRows, match })),
  'a.com': domainBlock,
  'b.net': domainBlock,
});

const values = (placings: Placings): Table =>
  Object.fromEntries([...placings].map(([name, { value }]) => [name, value]));
const fileOf = (table: Table, at: number) => ({ name: `${at}`, table: table as DataTable });

/** Tables joined as the manual says, one key after another. */
const deep = (before: unknown, after: unknown): unknown => {
  if (after === undefined) return before;
  if (Array.isArray(before) && Array.isArray(after)) {
    return before.length > after.length ? [...after, ...before.slice(after.length)] : after;
  }
  if (typeof before !== 'object' || typeof after !== 'object') return after;
  const keys = new Set([...Object.keys(before as Table), ...Object.keys(after as Table)]);
  const entries = [...keys].map((key) => [
    key,
    deep((before as Table)[key], (after as Table)[key]),
  ]);
  return Object.fromEntries(entries);
};

describe('data-files-join-in-order: domains', () => {
  const label = fc.constantFrom('a', 'b', 'c');
  const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
  const key = fc.oneof(
    name,
    name.map((text) => `*.${text}`),
    fc.constant('*'),
  );

  /** The deepest known name decides; the lone star is for all. */
  const findByHand = (keys: readonly string[], asked: string): string | undefined => {
    const has = (text: string) => (keys.includes(text) ? text : undefined);
    const isKnown = (text: string) =>
      keys.some((one) => one.replace(/^\*\./, '') === text || one.endsWith(`.${text}`));
    if (isKnown(asked)) return has(asked) ?? has('*');
    const labels = asked.split('.');
    for (let from = 1; from < labels.length; from += 1) {
      const above = labels.slice(from).join('.');
      if (isKnown(above)) return has(`*.${above}`) ?? has('*');
    }
    return has('*');
  };

  it('are found as by hand', () => {
    fc.assert(
      fc.property(fc.array(key, { maxLength: 8 }), name, (keys, asked) => {
        const map = createDomainMap(keys.map((one) => [one, one] as const));
        assert.equal(map.find(asked), findByHand(keys, asked));
      }),
      { numRuns: 4 * RUNS },
    );
  });
});

describe('data-files-join-in-order: queues', () => {
  const plain = ({ options, inner }: QueueBlock): unknown => ({
    options: values(options),
    inner: new Map([...inner].map(([name, block]) => [name, plain(block)])),
  });
  const plainData = ({ base, domains, tenants }: ReturnType<typeof readQueueFile>) => ({
    base: plain(base),
    domains: plain({ options: new Map(), inner: domains }),
    tenants: plain({ options: new Map(), inner: tenants }),
  });

  it('however they are grouped', () => {
    fc.assert(
      fc.property(queueFile, queueFile, queueFile, (one, two, three) => {
        const [a, b, c] = [one, two, three].map((table, at) => readQueueFile(fileOf(table, at)));
        assert.ok(a && b && c);
        assert.deepEqual(
          plainData(joinQueueData(joinQueueData(a, b), c)),
          plainData(joinQueueData(a, joinQueueData(b, c))),
        );
      }),
      { numRuns: RUNS },
    );
  });

  const answerByHand = (files: readonly Table[], domain: string, tenant: string | undefined) => {
    const whole = files.reduce<unknown>((before, file) => deep(before, file), {}) as Table;
    const queue = (whole['queue'] ?? {}) as Record<string, Table>;
    const map = createDomainMap(Object.keys(queue).map((key) => [key, key] as const));
    const found = map.find(domain);
    const block = found === undefined || found === 'default' ? {} : (queue[found] ?? {});
    const own = tenant === undefined ? {} : ((whole['tenant'] ?? {}) as Table)[tenant];
    const inside = (tenant === undefined ? {} : (block[tenant] ?? {})) as Table;
    const campaign = (inside['c'] ?? {}) as Table;
    const laid = { ...queue['default'], ...block, ...(own as Table), ...inside, ...campaign };
    const { t: _tenant, c: _campaign, ...answer } = laid as Table;
    return { refresh_strategy: 'Epoch', ...answer };
  };

  it('and answer as by hand', () => {
    const asked = fc.constantFrom(...ASKED);
    const files = fc.array(queueFile, { maxLength: 3 });
    fc.assert(
      fc.property(files, asked, fc.constantFrom(undefined, 't', 'u'), (given, domain, tenant) => {
        const part = withFiles({}, () => queues({ files: given }));
        const campaign = tenant === undefined ? undefined : 'c';
        assert.deepEqual(
          { ...part.get_queue_config?.(domain, tenant, campaign, undefined) },
          answerByHand(given, domain, tenant),
        );
      }),
      { numRuns: RUNS },
    );
  });
});

describe('data-files-join-in-order: shaping', () => {
  const plain = ({ options, sources, ...rest }: ShapingBlock) => ({
    ...rest,
    options: values(options),
    sources: new Map([...sources].map(([name, placings]) => [name, values(placings)])),
  });
  const plainAll = (blocks: ReadonlyMap<string, ShapingBlock>) =>
    new Map([...blocks].map(([name, block]) => [name, plain(block)]));

  it('however they are grouped', () => {
    fc.assert(
      fc.property(shapingFile, shapingFile, shapingFile, (one, two, three) => {
        const [a, b, c] = [one, two, three].map((table, at) => readShapingFile(fileOf(table, at)));
        assert.ok(a && b && c);
        const left = joinShapingData(joinShapingData(a, b), c);
        const right = joinShapingData(a, joinShapingData(b, c));
        assert.deepEqual(plainAll(left.providers), plainAll(right.providers));
        assert.deepEqual(plainAll(left.domains), plainAll(right.domains));
        assert.deepEqual(left.rollups, right.rollups);
        assert.deepEqual(plain(left.base), plain(right.base));
      }),
      { numRuns: RUNS },
    );
  });

  const lay = (under: Table, over: unknown): Table => {
    const { additional_connection_limits: limits, ...rest } = (over ?? {}) as Table;
    const before = under['additional_connection_limits'];
    const both =
      limits === undefined && before === undefined
        ? {}
        : { ...(before as Table), ...(limits as Table) };
    const named =
      limits === undefined && before === undefined ? {} : { additional_connection_limits: both };
    return { ...under, ...rest, ...named };
  };
  interface Joined {
    readonly options: Table;
    readonly own: Table;
    readonly isReplaced: boolean;
    readonly match: readonly Table[];
  }
  const NONE: Joined = { options: {}, own: {}, isReplaced: false, match: [] };
  const joinByHand = (blocks: readonly unknown[]): Joined =>
    blocks.reduce<Joined>((before, raw) => {
      if (raw === undefined) return before;
      const block = raw as Table;
      const { replace_base, sources, mx_rollup: _rollup, match: own = [], ...options } = block;
      const base = replace_base === true ? { ...NONE, isReplaced: true } : before;
      return {
        options: lay(base.options, options),
        own: lay(base.own, (sources as Table | undefined)?.['s']),
        isReplaced: base.isReplaced,
        match: [...base.match, ...(own as Table[])],
      };
    }, NONE);

  const answerByHand = (files: readonly Table[], domain: string): Table => {
    const providers = new Set(
      files.flatMap((file) => Object.keys((file['provider'] ?? {}) as Table)),
    );
    const matched = [...providers]
      .map((name) => ({
        name,
        block: joinByHand(files.map((file) => ((file['provider'] ?? {}) as Table)[name])),
      }))
      .filter(({ block }) =>
        block.match.some((rule) => domain.endsWith(String(rule['DomainSuffix']))),
      );
    const blocks = (isRollup: boolean) =>
      files
        .map((file) => file[domain] as Table | undefined)
        .filter((block) => (block?.['mx_rollup'] !== false) === isRollup);
    const [site, own] = [joinByHand(blocks(true)), joinByHand(blocks(false))];
    let laid = files.reduce<Table>((before, file) => lay(before, file['default']), {});
    for (const { name, block } of matched) {
      laid = { ...lay(laid, block.options), provider_name: name };
    }
    for (const { block } of matched) laid = lay(laid, block.own);
    for (const { options, isReplaced } of [site, own])
      laid = isReplaced ? options : lay(laid, options);
    for (const block of [site, own]) laid = lay(laid, block.own);
    return { refresh_strategy: 'Epoch', ...laid };
  };

  it('and answer as by hand', () => {
    const files = fc.array(shapingFile, { maxLength: 3 });
    fc.assert(
      fc.property(files, fc.constantFrom('a.com', 'b.net', 'c.com'), (given, domain) => {
        const facts = { 'shaping.sites': { 'a.com': 'site-a', 'b.net': 'site-b' } };
        const part = withFiles({}, () => shaping({ files: given, no_default_files: true }), facts);
        const site = { 'a.com': 'site-a', 'b.net': 'site-b', 'c.com': 'site-c' }[domain] ?? '';
        const answer = part.get_egress_path_config?.(domain, 's', site, []);
        assert.deepEqual({ ...answer }, answerByHand(given, domain));
      }),
      { numRuns: RUNS },
    );
  });
});
