/**
 * Law: a plan holds every address of the site once per host, in the order of preferences, and
 * within a preference every order comes up equally often.
 * Deliberately unknown here: refusals, which are examples.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Candidate, Site } from '../../src/domain/mx-plan.ts';
import { buildPlan, shuffle } from '../../src/domain/mx-plan.ts';
import { NEVER_EXPIRES } from '../../src/domain/mx-site.ts';
import { parseSourceConfig } from '../../src/domain/options-egress.ts';
import { parsePathConfig } from '../../src/domain/options-path.ts';
import { createRandom } from '../../src/domain/prng.ts';
import type { Resolver } from '../../src/ports/ports.ts';

const path = parsePathConfig({}, 'test');
const source = parseSourceConfig({ name: 'ip-1' }, 'test');

const host = fc.record({
  name: fc.stringMatching(/^[a-z]{1,6}$/),
  preference: fc.integer({ min: 0, max: 3 }),
  addresses: fc.array(
    fc.integer({ min: 1, max: 254 }).map((last) => `192.0.2.${last}`),
    { maxLength: 4 },
  ),
});
const hosts = fc.uniqueArray(host, { selector: ({ name }) => name, minLength: 1, maxLength: 6 });

const planOf = (
  given: readonly { name: string; preference: number; addresses: string[] }[],
  isFixed: boolean,
  seed: number,
): readonly Candidate[] => {
  const table = new Map(given.map(({ name, addresses }) => [name, addresses]));
  const resolver: Resolver = {
    findMx: () => assert.fail('a plan asks for addresses only'),
    findTxt: () => assert.fail('a plan asks for addresses only'),
    findAddresses: (name, _strategy, answered) =>
      answered({ kind: 'found', addresses: table.get(name) ?? [], expiresAt: 1 }),
  };
  const site: Site = { kind: 'site', site: 's', hosts: given, isFixed, expiresAt: NEVER_EXPIRES };
  let candidates: readonly Candidate[] = [];
  buildPlan(resolver, site, path, source, createRandom(seed).uniform, (plan) => {
    if (plan.kind === 'plan') candidates = plan.candidates;
  });
  return candidates;
};

describe('plan-keeps-preferences', () => {
  it('nothing is lost, added or moved past a better preference', () => {
    fc.assert(
      fc.property(hosts, fc.boolean(), fc.integer(), (given, isFixed, seed) => {
        const candidates = planOf(given, isFixed, seed);
        const preferenceOf = new Map(given.map(({ name, preference }) => [name, preference]));
        const preferences = candidates.map(({ name }) => preferenceOf.get(name) ?? -1);
        assert.deepEqual(
          preferences,
          [...preferences].sort((x, y) => x - y),
        );
        const wanted = given.flatMap(({ name, addresses }) =>
          addresses.map((at) => `${name} ${at}`),
        );
        const got = candidates.map(({ name, address }) => `${name} ${address}`);
        assert.deepEqual([...got].sort(), [...wanted].sort());
        if (isFixed) {
          const ordered = [...given].sort((x, y) => x.preference - y.preference);
          const flat = ordered.flatMap(({ name, addresses }) =>
            addresses.map((at) => `${name} ${at}`),
          );
          assert.deepEqual(got, flat);
        }
      }),
    );
  });

  it('every order of equals is equally likely', () => {
    const random = createRandom(20_260_623);
    const counts = new Map<string, number>();
    const rounds = 24_000;
    for (let round = 0; round < rounds; round += 1) {
      const items = ['a', 'b', 'c', 'd'];
      shuffle(items, random.uniform);
      const order = items.join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    // 24 orders, 1,000 each on average with a standard deviation of 31.
    assert.equal(counts.size, 24);
    for (const [order, count] of counts) {
      assert.ok(Math.abs(count - 1_000) < 160, `${order} came up ${count} times`);
    }
  });

  it('the generator is uniform, repeatable, and different for other seeds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 48 }), (seed) => {
        const one = createRandom(seed);
        const same = createRandom(seed);
        const next = createRandom(seed + 1);
        let sum = 0;
        let equal = 0;
        for (let draw = 0; draw < 400; draw += 1) {
          const value = one.uniform();
          assert.ok(value >= 0 && value < 1);
          assert.equal(value, same.uniform());
          if (value === next.uniform()) equal += 1;
          sum += value;
        }
        assert.equal(equal, 0);
        // The mean of 400 draws strays from one half by 0.0144; ten times that is no chance.
        assert.ok(Math.abs(sum / 400 - 0.5) < 0.144, `the mean is ${sum / 400}`);
      }),
    );
  });
});
