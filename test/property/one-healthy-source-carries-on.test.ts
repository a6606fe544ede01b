/**
 * Law: with one healthy source left in a pool, it gets the traffic and nothing is delayed: each
 * message is offered by it alone, within moments of its acceptance, and no attempt is counted for
 * what the broken ones failed at. The idea: all other members are broken from the beginning, each
 * in its own way, with rules that suspend at once and for any time.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { OfferedBody } from '../../src/events/message.ts';
import type { FaultCode } from '../../src/ports/ports.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import type { World } from '../../src/testing/world/world.ts';
import { assertLaw, makeWorld } from '../world/law.ts';

/** Each broken member may be met first: a dial, its failure, two commits. Then one that works. */
const HOP_MS = 150;
const DELIVERY_MS = 1_500;
const FAULTS: readonly FaultCode[] = [
  'FAULT_LINK_UNPLUMBED',
  'FAULT_PROXY_UNREACHABLE',
  'FAULT_PROXY_HANDSHAKE',
  'FAULT_PROXY_UNPLUMBED',
];

const play = fc.record({
  seed: fc.nat(),
  broken: fc.array(
    fc.record({
      weight: fc.integer({ min: 1, max: 9 }),
      fault: fc.constantFrom(...FAULTS),
      durationS: fc.integer({ min: 1, max: 600 }),
    }),
    { minLength: 1, maxLength: 6 },
  ),
  at: fc.nat(6),
  weight: fc.integer({ min: 1, max: 9 }),
  maxReady: fc.constantFrom(1, 3, 1_000),
  mails: fc.array(fc.record({ count: fc.integer({ min: 1, max: 8 }), waitMs: fc.nat(20_000) }), {
    minLength: 1,
    maxLength: 8,
  }),
  crashes: fc.boolean(),
});

type Play = typeof play extends fc.Arbitrary<infer T> ? T : never;

async function makePool({ seed, broken, at, weight, maxReady }: Play): Promise<World> {
  const plan = makePlan({
    queue: { egress_pool: 'drawn' },
    path: { max_ready: maxReady, connection_limit: 20 },
  });
  const members = broken.map((one, index) => ({ name: `bad-${index}`, weight: one.weight }));
  members.splice(at % (members.length + 1), 0, { name: 'good', weight });
  plan.pools['drawn'] = members;
  plan.sources['good'] = { source_address: '192.0.2.99' };
  for (const [index, { durationS }] of broken.entries()) {
    const rule = { duration: durationS };
    plan.sources[`bad-${index}`] = {
      source_address: `192.0.2.${index + 1}`,
      suspend_when_unplumbed: rule,
      suspend_when_proxy_unhealthy: { trigger: 'Immediate', ...rule },
    };
  }
  const world = await makeWorld({ seed, plan }, false);
  for (const [index, { fault }] of broken.entries()) {
    world.net.broken.from.set(`192.0.2.${index + 1}`, fault);
  }
  return world;
}

let suspensions = 0;

test('one healthy source carries on, and nothing is delayed', async () => {
  const property = fc.asyncProperty(play, async (p) => {
    const world = await makePool(p);
    // With little room one by one is as fast as it goes; that is no delay of the suspension's.
    const patience = p.maxReady < 1_000 ? 8 * DELIVERY_MS : 0;
    const mostMs = DELIVERY_MS + patience + HOP_MS * p.broken.length;
    for (const { count, waitMs } of p.mails) {
      for (let left = count; left > 0; left -= 1) world.submit(['u@a.test']);
      await world.runFor(mostMs + waitMs);
    }
    if (p.crashes) {
      await world.crash();
      await world.runFor(500);
      world.submit(['u@a.test']);
      await world.runFor(mostMs);
    }
    for (const { id, acceptedAt, offers, ends, deferrals } of world.witness.messages.values()) {
      assert.equal(deferrals, 0, `${id} was deferred`);
      // More than once only where a connection parted in the moment it was handed the message.
      for (const { body } of offers) {
        const { source, attempt } = body as OfferedBody;
        assert.deepEqual([source, attempt], ['good', 1], id);
      }
      const end = ends.get(0);
      assert.equal(end?.kind, 'delivered');
      const tookMs = (end?.at ?? Number.POSITIVE_INFINITY) - acceptedAt;
      assert.ok(tookMs <= mostMs, `${id} took ${tookMs} ms`);
    }
    const told = world.witness.records.filter(({ type }) => type === 'source.suspended');
    suspensions += told.length;
  });
  await assertLaw(property, 1, () => suspensions > 0);
});
