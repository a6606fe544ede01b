/**
 * What can be done to a world, as plain values: mail, waiting, commands, crashes, full disks,
 * changed minds of exchangers, zones and policies. The one idea: a play is a list of acts, so that
 * fast-check can shrink it and a failure can be pasted. Deliberately unknown here: what must hold.
 */
import fc from 'fast-check';
import type { Manner } from '../../src/testing/world/exchanger.ts';
import * as manners from '../../src/testing/world/manners.ts';
import type { Failing } from '../../src/testing/world/policy.ts';
import type { ZoneMx } from '../../src/testing/world/resolver.ts';
import type { World } from '../../src/testing/world/world.ts';
import type { AdminAct } from './admin-acts.ts';
import { adminActs, performAdmin } from './admin-acts.ts';
import { takeSteps } from './steps.ts';

/** Domains of a usual world; the last shares the exchanger of the first. */
export const DOMAINS = ['a.test', 'b.test', 'c.test', 'd.test', 'same.test'] as const;

/** The domain whose exchanger `same.test` shares. */
export const SHARED = 'a.test';

/** Manners by name, so that an act is plain data. */
export const MANNERS: Readonly<Record<string, Manner>> = {
  accepting: manners.accepting,
  judging: manners.judging,
  greylisting: manners.firstOf(manners.judging, manners.greylisting(90_000)),
  slow: manners.tarpitting(3_000),
  tarpit: manners.tarpitting(60_000),
  lateDot: manners.answeringDotAfter(15_000),
  tooLateDot: manners.answeringDotAfter(30_000),
  closing: manners.closingAfter(2),
  droppingOnce: manners.droppingAfterDot(1),
  dropping: manners.droppingAfterDot(Number.POSITIVE_INFINITY),
  silentGreeting: manners.silentAt('greeting'),
  silentData: manners.silentAt('data'),
  silentDot: manners.silentAt('dot'),
  refusing: manners.refusing,
  busyMail: manners.sayingAt('mail', '451 4.3.2 not now'),
  noMail: manners.sayingAt('mail', '550 5.7.1 not from you'),
  forgetting: manners.forgettingThePipeline,
  babbling: manners.babbling,
  garbledGreeting: manners.garblingAt('greeting'),
  garbledDot: manners.garblingAt('dot'),
  garbledEnvelope: manners.garblingAt('rcpt'),
  few: manners.firstOf(manners.judging, manners.takingFew(2)),
};

/** One thing that happens. */
export type Act =
  | AdminAct
  | { readonly do: 'submit'; readonly to: readonly string[]; readonly bytes: number }
  | { readonly do: 'burst'; readonly domain: string; readonly count: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'steps'; readonly count: number }
  | { readonly do: 'crash' }
  | { readonly do: 'suspendSource' | 'suspendQueue'; readonly name: string; readonly ms: number }
  | { readonly do: 'resumeSource' | 'resumeQueue'; readonly name: string }
  | { readonly do: 'cancel'; readonly which: number }
  | { readonly do: 'fillDisk' | 'freeDisk' }
  | { readonly do: 'failLog'; readonly isKept: boolean }
  | { readonly do: 'manner'; readonly domain: string; readonly manner: string }
  | { readonly do: 'answers'; readonly domain: string; readonly how: 'open' | 'refused' | 'never' }
  | { readonly do: 'zone'; readonly domain: string; readonly mx: Extract<ZoneMx, string> | 'good' }
  | { readonly do: 'pool'; readonly pool: 'three' | 'one' | 'none' }
  | { readonly do: 'bump' }
  | { readonly do: 'rebind'; readonly which: number; readonly tenant: string | null }
  | {
      readonly do: 'edit';
      readonly strategy: 'Ttl' | 'Epoch';
      readonly pool: 'three' | 'one' | 'two';
      readonly maxReady: number;
      readonly maxAge: string;
      /** Mail of the first domain goes to the exchanger of the second. */
      readonly isListed: boolean;
      readonly failing?: Failing | undefined;
    };

const domain = fc.constantFrom(...DOMAINS);
const source = fc.constantFrom('ip-1', 'ip-2', 'ip-3');
const recipient = fc
  .tuple(fc.constantFrom('u', 'u', 'v', 'bad', 'later'), fc.nat(3), domain)
  .map(([local, number, at]) => `${local}${number}@${at}`);
const spanMs = fc.oneof(fc.nat(500), fc.nat(30_000), fc.nat(600_000));

const submit = fc.record({
  do: fc.constant('submit' as const),
  to: fc.uniqueArray(recipient, { minLength: 1, maxLength: 7 }),
  bytes: fc.constantFrom(200, 200, 3_000, 200_000),
});
const waiting = fc.oneof(
  fc.record({ do: fc.constant('wait' as const), ms: spanMs }),
  fc.record({ do: fc.constant('steps' as const), count: fc.integer({ min: 1, max: 60 }) }),
);
const commands = fc.oneof(
  fc.record({ do: fc.constant('suspendSource' as const), name: source, ms: spanMs }),
  fc.record({ do: fc.constant('suspendQueue' as const), name: domain, ms: spanMs }),
  fc.record({ do: fc.constant('resumeSource' as const), name: source }),
  fc.record({ do: fc.constant('resumeQueue' as const), name: domain }),
  fc.record({ do: fc.constant('cancel' as const), which: fc.nat(30) }),
);
const peers = fc.oneof(
  fc.record({
    do: fc.constant('manner' as const),
    domain: fc.constantFrom(...DOMAINS.slice(0, -1)),
    manner: fc.constantFrom(...Object.keys(MANNERS)),
  }),
  fc.record({
    do: fc.constant('answers' as const),
    domain: fc.constantFrom(...DOMAINS.slice(0, -1)),
    how: fc.constantFrom('open' as const, 'refused' as const, 'never' as const),
  }),
  fc.record({
    do: fc.constant('zone' as const),
    domain,
    mx: fc.constantFrom('good' as const, 'good' as const, 'servfail' as const, 'nxdomain' as const),
  }),
  fc.record({
    do: fc.constant('pool' as const),
    pool: fc.constantFrom('three' as const, 'one' as const, 'none' as const),
  }),
);
const policies = fc.oneof(
  fc.constant({ do: 'bump' as const }),
  fc.record({
    do: fc.constant('rebind' as const),
    which: fc.nat(30),
    tenant: fc.constantFrom('x', 'y', null),
  }),
  fc.record({
    do: fc.constant('edit' as const),
    strategy: fc.constantFrom('Ttl' as const, 'Epoch' as const),
    pool: fc.constantFrom('three' as const, 'one' as const, 'two' as const),
    maxReady: fc.constantFrom(8, 3, 20),
    maxAge: fc.constantFrom('1h', '1h', '40m'),
    isListed: fc.boolean(),
    failing: fc.constantFrom(undefined, undefined, undefined, 'queue', 'path', 'pool', 'source'),
  }) as fc.Arbitrary<Act>,
);
const burst = fc.record({
  do: fc.constant('burst' as const),
  domain,
  count: fc.integer({ min: 2, max: 30 }),
});

/** Acts of a play in which the process lives. */
export const quietActs: readonly fc.WeightedArbitrary<Act>[] = [
  { weight: 5, arbitrary: submit },
  { weight: 2, arbitrary: burst },
  { weight: 6, arbitrary: waiting },
  { weight: 2, arbitrary: commands },
  { weight: 3, arbitrary: peers },
  { weight: 2, arbitrary: policies },
  { weight: 1, arbitrary: adminActs(DOMAINS) },
];

/** Acts of a play about little more than policies: connections are still open when they change. */
export const policyActs: readonly fc.WeightedArbitrary<Act>[] = [
  { weight: 4, arbitrary: submit },
  { weight: 2, arbitrary: burst },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(1_500) }) },
  { weight: 1, arbitrary: commands },
  { weight: 3, arbitrary: policies },
];

/** Acts that stop the process or its disk. */
export const fatalActs: readonly fc.WeightedArbitrary<Act>[] = [
  { weight: 2, arbitrary: fc.constant({ do: 'crash' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'fillDisk' as const }) },
  { weight: 3, arbitrary: fc.constant({ do: 'freeDisk' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('failLog' as const), isKept: fc.boolean() }),
  },
];

/** Does it; `each` runs after every step of the world. */
export async function perform(world: World, act: Act, each: () => void): Promise<void> {
  switch (act.do) {
    case 'submit':
      world.submit(act.to, act.bytes);
      return;
    case 'burst':
      for (let at = 0; at < act.count; at += 1) world.submit([`u${at}@${act.domain}`]);
      return;
    case 'wait':
      return world.runFor(act.ms, each);
    case 'steps':
      return takeSteps(world, act.count, each);
    case 'crash':
      return world.crash();
    case 'fillDisk':
      world.disk.fill(world.life.log, world.now);
      return;
    case 'freeDisk':
      world.disk.free(world.life.log, world.now);
      return;
    case 'failLog':
      return world.failLog(act.isKept);
    default:
      return change(world, act);
  }
}

function change(world: World, act: Act): void {
  switch (act.do) {
    case 'suspendSource': {
      const until = world.now + act.ms;
      world.command({ kind: 'source.suspend', source: act.name, until, why: 'a wish' });
      return;
    }
    case 'suspendQueue': {
      const until = world.now + act.ms;
      world.command({ kind: 'queue.suspend', queue: act.name, until, why: 'a wish' });
      return;
    }
    case 'resumeSource':
      world.command({ kind: 'source.resume', source: act.name });
      return;
    case 'resumeQueue':
      world.command({ kind: 'queue.resume', queue: act.name });
      return;
    case 'cancel': {
      const id = someId(world, act.which);
      if (id !== undefined) world.command({ kind: 'message.cancel', id, why: 'a wish' });
      return;
    }
    case 'manner':
      world.hostOf(act.domain).exchanger.manner = MANNERS[act.manner] as Manner;
      return;
    case 'answers':
      world.hostOf(act.domain).answers = act.how;
      return;
    case 'zone':
      world.zone.mx.set(act.domain, act.mx === 'good' ? goodMx(act.domain) : act.mx);
      return;
    case 'pool':
      world.plan.queues[''] = {
        ...world.plan.queues[''],
        egress_pool: act.pool === 'none' ? 'nobody' : act.pool,
      };
      return;
    case 'bump':
      return world.bumpEpoch();
    case 'rebind': {
      const id = someId(world, act.which);
      const move = { tenant: act.tenant };
      if (id !== undefined) {
        world.command({
          kind: 'message.rebind',
          which: { id },
          move,
          isFlush: true,
          why: 'a wish',
        });
      }
      return;
    }
    case 'edit':
      return edit(world, act);
    default:
      return performAdmin(world, act as AdminAct);
  }
}

function someId(world: World, which: number): string | undefined {
  const ids = [...world.mails.values()].flatMap(({ messages }) => messages);
  return ids[which % Math.max(1, ids.length)]?.id;
}

/** The operator edits the policy, and it is put in force. */
function edit(world: World, act: Extract<Act, { readonly do: 'edit' }>): void {
  const { plan } = world;
  const { strategy, pool, maxReady, maxAge, isListed, failing } = act;
  const protocol = isListed ? { smtp: { mx_list: [`mx.${DOMAINS[1]}`] } } : { smtp: {} };
  plan.queues[''] = {
    ...plan.queues[''],
    refresh_strategy: strategy,
    egress_pool: pool,
    max_age: maxAge,
  };
  plan.queues[DOMAINS[0]] = { ...plan.queues[DOMAINS[0]], protocol };
  plan.paths[''] = { ...plan.paths[''], refresh_strategy: strategy, max_ready: maxReady };
  plan.failing = failing;
  world.usePolicy();
}

/** The MX a domain has when its zone is in order. */
export function goodMx(domain: string): ZoneMx {
  const exchange = domain === 'same.test' ? `mx.${SHARED}` : `mx.${domain}`;
  return [{ preference: 10, exchange }];
}
