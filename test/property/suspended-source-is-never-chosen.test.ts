/**
 * Law: from the turn in which a source is suspended until it is back, nothing is dialled or offered
 * from it, whatever fails, crashes, jumps or is wished meanwhile; it is back at its time, neither
 * earlier nor later, also after a restart; with one healthy source left nothing is delayed; and
 * with the faults gone everything is delivered. The idea: dials are seen when they are made and
 * offers when they are durable, and both are held against what the log says of the sources.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { OfferedBody } from '../../src/events/message.ts';
import type { SuspendedBody } from '../../src/events/source.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import type { World } from '../../src/testing/world/world.ts';
import { assertLaw, makeWorld } from '../world/law.ts';

const MEMBERS_MAX = 5;
/** A commit that is on its way, and the turn before it. */
const LATE_MS = 100;

const nameOf = (index: number): string => `ip-${index + 1}`;
const addressOf = (index: number): string => `192.0.2.${index + 1}`;

const trigger = fc.oneof(
  fc.constant('Immediate'),
  fc
    .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 120 }))
    .map(([limit, seconds]) => ({ Threshold: `${limit}/${seconds}s` })),
);
const duration = fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 60, max: 1_200 }));
const rule = fc.option(fc.record({ trigger, duration }), { nil: undefined });
const member = fc.record({ weight: fc.nat(4), unplumbed: rule, proxy: rule });
const which = fc.nat(MEMBERS_MAX - 1);

/** More than one transaction takes, now and then. */
const recipients = fc.constantFrom(1, 1, 7);

const act = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ mail: fc.integer({ min: 1, max: 12 }), to: fc.nat(2), recipients }),
  },
  { weight: 4, arbitrary: fc.record({ waitMs: fc.oneof(fc.nat(300), fc.nat(90_000)) }) },
  { weight: 3, arbitrary: fc.record({ unplumb: which }) },
  { weight: 2, arbitrary: fc.record({ breakProxy: which, how: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ mend: which }) },
  { weight: 1, arbitrary: fc.record({ jumpMs: fc.nat(900_000) }) },
  { weight: 1, arbitrary: fc.record({ crash: fc.constant(true) }) },
  { weight: 1, arbitrary: fc.record({ suspend: which, ms: fc.integer({ min: 1, max: 600_000 }) }) },
  { weight: 1, arbitrary: fc.record({ resume: which }) },
  { weight: 1, arbitrary: fc.record({ turnOff: fc.nat(2) }) },
);

type Act = Readonly<Record<string, number | boolean>>;

const PROXY_FAULTS = [
  'FAULT_PROXY_UNREACHABLE',
  'FAULT_PROXY_HANDSHAKE',
  'FAULT_PROXY_UNPLUMBED',
  'FAULT_PROXY_TARGET',
] as const;
const DOMAINS = ['a.test', 'b.test', 'c.test'] as const;

interface Drawn {
  readonly weight: number;
  readonly unplumbed?: object | undefined;
  readonly proxy?: object | undefined;
}

async function makePool(seed: number, members: readonly Drawn[]): Promise<World> {
  const plan = makePlan({
    queue: { egress_pool: 'drawn', max_age: '2d', retry_interval: '30s' },
    path: { connection_limit: 3 },
  });
  plan.pools['drawn'] = members.map(({ weight }, index) => ({ name: nameOf(index), weight }));
  for (const [index, { unplumbed, proxy }] of members.entries()) {
    plan.sources[nameOf(index)] = {
      source_address: addressOf(index),
      ...(unplumbed === undefined ? {} : { suspend_when_unplumbed: unplumbed }),
      ...(proxy === undefined ? {} : { suspend_when_proxy_unhealthy: proxy }),
    };
  }
  // What a crash may take is nothing that waits: bodies are stored at once.
  const world = await makeWorld({ seed, plan, deferring: 0 }, false);
  // A second address each, so that there is a candidate after the one that failed.
  for (const domain of DOMAINS) {
    const [first = ''] = world.zone.addresses.get(`mx.${domain}`) ?? [];
    const host = world.net.hosts.get(first);
    assert.ok(host !== undefined);
    world.net.addHost(`${first}0`, host.exchanger);
    world.zone.addresses.set(`mx.${domain}`, [first, `${first}0`]);
  }
  return world;
}

const seen = { suspensions: 0, resumed: 0, restarts: 0 };

/** Reads the log along, and holds every dial and offer against it. */
class Judge {
  readonly #world: World;
  readonly #out = new Map<string, number>();
  /** Sources that somebody wants back before their time, and how often. */
  readonly wanted = new Map<string, number>();
  /** The engine cannot have done anything before this. */
  awakeAt = 0;
  #cursor = 0;

  constructor(world: World) {
    this.#world = world;
    world.net.onDial = (from) => this.#dialled(from);
  }

  #dialled(from: string): void {
    const { core } = this.#world.engine;
    const name = `ip-${from.split('.').at(-1)}`;
    const row = core.books.sources.get(name);
    assert.notEqual(row?.state, 'suspended', `a dial from ${name}, suspended until ${row?.until}`);
    assert.ok(!core.health.isOut(name), `a dial from ${name}, for which a rule has fired`);
  }

  /** What was made ready for a source that is out is routed again in the same turn. */
  #look(): void {
    const { core } = this.#world.engine;
    for (const { name, source, size } of core.readyQueues.values()) {
      if (core.books.sources.get(source.name)?.state !== 'suspended') continue;
      assert.equal(size, 0, `${size} messages are ready in ${name}, whose source is suspended`);
    }
  }

  read(): void {
    this.#look();
    const { records } = this.#world.witness;
    for (; this.#cursor < records.length; this.#cursor += 1) {
      const { type, stream, body, at } = records[this.#cursor] as (typeof records)[number];
      if (type === 'source.suspended') this.#suspended(stream, JSON.parse(body) as SuspendedBody);
      if (type === 'source.resumed') this.#resumed(stream, at);
      if (type !== 'message.offered') continue;
      const { source } = JSON.parse(body) as OfferedBody;
      assert.ok(!this.#out.has(source), `${stream} was offered over the suspended ${source}`);
    }
  }

  #suspended(source: string, { until, reason, count, failures }: SuspendedBody): void {
    seen.suspensions += 1;
    this.#out.set(source, until);
    if (reason === 'Operator') return;
    assert.ok(count >= 1 && failures.length >= 1 && failures.length <= 8, 'the causes are told');
  }

  #resumed(source: string, at: number): void {
    const until = this.#out.get(source);
    assert.ok(until !== undefined, `${source} is back and was not out`);
    this.#out.delete(source);
    const wanted = this.wanted.get(source) ?? 0;
    if (at < until) {
      assert.ok(wanted > 0, `${source} is back ${until - at} ms early`);
      this.wanted.set(source, wanted - 1);
      return;
    }
    seen.resumed += 1;
    const dueAt = Math.max(until, this.awakeAt);
    assert.ok(at <= dueAt + LATE_MS, `${source} is back ${at - dueAt} ms late`);
  }
}

async function perform(world: World, judge: Judge, a: Act): Promise<void> {
  const each = (): void => judge.read();
  const index = (key: string): number => Number(a[key]);
  if ('mail' in a) {
    for (let count = 0; count < index('mail'); count += 1) {
      const users = Array.from({ length: index('recipients') }, (_, user) => `u${user}`);
      world.submit(users.map((user) => `${user}@${DOMAINS[index('to')]}`));
    }
  } else if ('waitMs' in a) await world.runFor(index('waitMs'), each);
  else if ('unplumb' in a) world.net.broken.unplumb(addressOf(index('unplumb')));
  else if ('breakProxy' in a) {
    world.net.broken.breakProxy(addressOf(index('breakProxy')), PROXY_FAULTS[index('how')]);
  } else if ('mend' in a) world.net.broken.mend(addressOf(index('mend')));
  else if ('jumpMs' in a) {
    world.time.now += index('jumpMs');
    judge.awakeAt = world.now;
  } else if ('crash' in a) {
    await world.crash();
    seen.restarts += 1;
    judge.awakeAt = world.now + LATE_MS;
  } else if ('suspend' in a) {
    const source = nameOf(index('suspend'));
    const until = world.now + index('ms');
    world.command({ kind: 'source.suspend', source, until, why: 'law' });
  } else if ('resume' in a) {
    const source = nameOf(index('resume'));
    judge.wanted.set(source, (judge.wanted.get(source) ?? 0) + 1);
    world.command({ kind: 'source.resume', source });
  } else if ('turnOff' in a) {
    const host = world.hostOf(DOMAINS[index('turnOff')] as string);
    host.answers = host.answers === 'open' ? 'refused' : 'open';
  }
}

const play = fc.record({
  seed: fc.nat(),
  members: fc.array(member, { minLength: 1, maxLength: MEMBERS_MAX }),
  acts: fc.array(act, { minLength: 5, maxLength: 40 }),
});

test('a suspended source is never chosen, and everything is delivered in the end', async () => {
  const property = fc.asyncProperty(play, async ({ seed, members, acts }) => {
    const hasWeight = members.some(({ weight }) => weight > 0);
    const drawn = hasWeight ? members : [{ ...members[0], weight: 1 }, ...members.slice(1)];
    const world = await makePool(seed, drawn);
    const judge = new Judge(world);
    for (const a of acts) await perform(world, judge, a as Act);
    world.calm();
    // The longest suspension, then the longest pause between attempts, then some peace.
    await world.runFor(1_200_000 + 600_000, () => judge.read());
    judge.read();
    for (const [id, story] of world.witness.messages) {
      const ends = [...story.ends.values()].map(({ kind }) => kind);
      assert.deepEqual(
        ends,
        story.to.map(() => 'delivered'),
        id,
      );
    }
    for (const { name, state } of world.engine.core.books.sources.values()) {
      assert.equal(state, 'open', `${name} is still out`);
    }
  });
  await assertLaw(property, 1, () => Object.values(seen).every((count) => count > 0));
});
