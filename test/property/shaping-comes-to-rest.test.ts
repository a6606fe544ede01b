/**
 * Law: whatever rates, limits, suspensions of sources and of queues, reloads, crashes and broken
 * addresses meet, every turn comes to rest; and when all that is over everything settles, nobody
 * is left in a line, and nothing that was paid is kept. The idea: the usual plays, with a shape
 * that a reload draws anew. Deliberately unknown here: that rates hold (shaping-holds).
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Core } from '../../src/actors/core.ts';
import { createRandom } from '../../src/domain/prng.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import type { World } from '../../src/testing/world/world.ts';
import { DOMAINS, goodMx } from '../world/acts.ts';
import { runPlays } from '../world/law.ts';

/** Longest suspension, longest retry, watchdog, and ten minutes for the rest. */
const CALM_MS = 600_000 + 300_000 + 600_000;
/** The same after a queue was opened by defaults: its retry is 20 minutes and more. */
const CALM_AFTER_DEFAULTS_MS = 3_600_000 + 60_000;
const SOURCES = ['ip-1', 'ip-2', 'ip-3'] as const;

type Options = Record<string, unknown>;
type Uniform = () => number;

function drawShape(uniform: Uniform): { readonly queue: Options; readonly path: Options } {
  const upto = (most: number): number => 1 + Math.floor(uniform() * most);
  const maybe = (key: string, make: () => unknown): Options =>
    uniform() < 0.4 ? { [key]: make() } : {};
  const rate = (): string =>
    uniform() < 0.5
      ? `${upto(20)}/${upto(20)}s,max_burst=${upto(5)}`
      : `${upto(3)}/${upto(10)}m,max_burst=${upto(3)}`;
  return {
    queue: maybe('max_message_rate', rate),
    path: {
      ...maybe('max_message_rate', rate),
      ...maybe('max_connection_rate', rate),
      ...maybe('source_selection_rate', rate),
      additional_message_rate_throttles: { ...maybe('all', rate), ...maybe('more', rate) },
      additional_source_selection_rates: { ...maybe('all', rate), ...maybe('more', rate) },
      additional_connection_limits: {
        ...maybe('crowd', () => upto(4)),
        ...maybe('few', () => upto(3)),
      },
      ...maybe('max_deliveries_per_connection', () => upto(3)),
    },
  };
}

/** What the operator says of rates, limits and health from here on. */
function reshape(world: World, { queue, path }: ReturnType<typeof drawShape>, uniform: Uniform) {
  const { plan } = world;
  const base = makePlan();
  const { max_ready } = plan.paths[''] ?? {};
  plan.paths[''] = { ...base.paths[''], ...path, max_ready };
  const { max_message_rate: _, ...rest } = plan.queues[''] ?? {};
  plan.queues[''] = { ...rest, ...queue };
  for (const name of SOURCES) {
    const trigger = uniform() < 0.5 ? 'Immediate' : { Threshold: '2/1m' };
    const duration = `${1 + Math.floor(uniform() * 120)}s`;
    const rule = uniform() < 0.7 ? { suspend_when_unplumbed: { trigger, duration } } : {};
    plan.sources[name] = { ...base.sources[name], ...rule };
  }
  world.usePolicy();
}

function happen(world: World, uniform: Uniform): void {
  const dice = uniform();
  if (dice < 0.08) reshape(world, drawShape(uniform), uniform);
  else if (dice < 0.16) world.net.broken.unplumb(`192.0.2.${1 + Math.floor(uniform() * 3)}`);
  else if (dice < 0.24) world.net.broken.from.clear();
}

function checkRest(world: World): void {
  const unrest = world.said.filter((text) => text.includes('come to rest'));
  assert.deepEqual(unrest, []);
}

/** Who stands in a line whose time is over, and so would wait for ever. */
function forgotten({ lines, readyQueues, queues }: Core, at: number): string[] {
  const all = [
    ...[...readyQueues.values()].flatMap(({ name, shaping }) =>
      [shaping.sender, shaping.dialer, shaping.leaser].map((waiter) => ({ name, waiter })),
    ),
    ...[...queues.values()].flatMap(({ row, shaping }) =>
      [shaping.promoter, shaping.chooser].map((waiter) => ({ name: row.name, waiter })),
    ),
  ];
  const isLate = ({ waiter }: (typeof all)[number]): boolean =>
    waiter.line !== undefined && (lines.untilOf(waiter) ?? 0) <= at;
  return all.filter(isLate).map(({ name, waiter }) => `${name} in ${waiter.line}`);
}

for (const quotas of ['here', 'late'] as const) {
  test(`all that shapes traffic comes to rest together, counted ${quotas}`, async () => {
    let { uniform } = createRandom(0);
    await runPlays(
      {
        begin: (world) => {
          uniform = createRandom(world.seed ^ 0x77).uniform;
          reshape(world, drawShape(uniform), uniform);
        },
        each: () => {},
        after: (world) => {
          happen(world, uniform);
          checkRest(world);
        },
        end: async (world) => {
          world.calm();
          for (const domain of DOMAINS) world.zone.mx.set(domain, goodMx(domain));
          world.plan.queues[''] = { ...world.plan.queues[''], egress_pool: 'three' };
          const hasDefaults = world.policies.versions.some(({ plan }) => plan.failing);
          reshape(world, { queue: {}, path: {} }, () => 1);
          await world.runFor(hasDefaults ? CALM_AFTER_DEFAULTS_MS : CALM_MS);
          checkRest(world);
          const { core } = world.engine;
          assert.equal(core.books.rows.count, 0, 'everything has settled');
          assert.equal(world.net.links.size, 0, 'every connection has parted');
          assert.deepEqual(forgotten(core, world.now), []);
          assert.deepEqual([core.fares.size, core.rationed.size, core.backlog], [0, 0, 0]);
        },
      },
      { hasFaults: true, hasCrashes: true, knobs: () => ({ quotas, plan: makePlan() }) },
      0.7,
    );
  });
}
