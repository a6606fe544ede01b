/**
 * Generators of fast-check for everything a scenario may hold. The one idea: mail is made of the
 * policy's own words, and of each kind of step there is one small generator, so that a property of
 * one's own may be drawn from a few of them. Deliberately unknown here: worlds and laws.
 */
import fc from 'fast-check';
import type { TestPolicy } from './load-policy.ts';
import { domainsOf } from './names.ts';
import type { BehaviourName, Scenario, SendStep, Step } from './scenario.ts';
import { shrinking } from './shrinking.ts';
import { SINK_BEHAVIOURS } from './sinks/moods.ts';
import type { Faults } from './world/chance.ts';
import { ROUGH } from './world/chance.ts';

/** What mail and faults may be made of. */
export interface Material {
  readonly domains: readonly string[];
  /** Tenants and campaigns. */
  readonly names: readonly string[];
  readonly headers: readonly string[];
  readonly sources: readonly string[];
  /** Names of log hooks. */
  readonly sinks?: readonly string[] | undefined;
  /** Mail comes in by HTTP, too. */
  readonly hasHttp?: boolean | undefined;
}

const STEPS_MAX = 14;
const WORDS = ['tenant-1', 'tenant-2'];

/** What a policy speaks of. */
export const materialOf = ({ words, sources, setup }: TestPolicy): Material => ({
  domains: domainsOf(words),
  names: words.names.length === 0 ? WORDS : words.names,
  headers: words.headers,
  sources: [...new Set([...sources, ...words.names.filter((name) => /\d/.test(name))])],
  sinks: setup.logHooks.map(({ name }) => name),
  hasHttp: setup.httpListeners.length > 0,
});

const span = fc.oneof(
  fc.constantFrom(500, 5_000, 60_000, 300_000),
  fc.integer({ min: 1, max: 3_600_000 }),
);

/** A domain that mail may go to. */
export const domains = ({ domains: known }: Material): fc.Arbitrary<string> =>
  fc.constantFrom(...known);

/** A recipient; `bad` and `later` mean something to a receiver that judges. */
export const recipients = (material: Material): fc.Arbitrary<string> =>
  fc
    .tuple(fc.constantFrom('u', 'u', 'u', 'v', 'bad', 'later'), domains(material))
    .map(([local, domain]) => `${local}@${domain}`);

const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });

/** An envelope with what a policy may look at beside it. */
export const envelopes = (material: Material): fc.Arbitrary<SendStep> => {
  const name = fc.constantFrom(...material.names);
  const { headers, hasHttp = false } = material;
  const header =
    headers.length === 0
      ? fc.constant(undefined)
      : optional(fc.dictionary(fc.constantFrom(...headers), name, { minKeys: 1, maxKeys: 2 }));
  return fc
    .record({
      to: fc.uniqueArray(recipients(material), { minLength: 1, maxLength: 3 }),
      tenant: optional(name),
      campaign: fc.oneof(
        { weight: 3, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: name },
      ),
      headers: header,
      ...(hasHttp ? { by: fc.constantFrom(undefined, undefined, 'http' as const) } : {}),
    })
    .map((parts) => compact({ do: 'send' as const, ...parts }));
};

/** Mail: one message, or a burst of equal ones. */
export const traffic = (material: Material): fc.Arbitrary<SendStep> => {
  const count = fc.oneof(
    { weight: 3, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.integer({ min: 2, max: 40 }) },
  );
  return fc
    .tuple(envelopes(material), count)
    .map(([envelope, many]) => compact({ ...envelope, count: many }));
};

const NAMES: readonly BehaviourName[] = [
  'accepting',
  'judging',
  'greylisting',
  'busy',
  'limiting',
  'rate blocking',
  'tarpitting',
  'late at the dot',
  'dropping after the dot',
  'few recipients',
  'refusing',
  'silent',
  'bad tls',
  'untrusted tls',
  'no tls',
  'closed',
  'unreachable',
];

/** A receiver that changes its ways. */
export const behaviours = (material: Material): fc.Arbitrary<Step> =>
  fc
    .record({
      domain: domains(material),
      is: fc.constantFrom(...NAMES),
      ms: span,
      count: fc.integer({ min: 1, max: 10 }),
    })
    .map((parts) => ({ do: 'receiver' as const, ...parts }));

/** A name that cannot be looked up, and comes back. */
export const nameFaults = (material: Material): fc.Arbitrary<Step> =>
  fc
    .record({
      domain: domains(material),
      is: fc.constantFrom('in order', 'servfail', 'nxdomain', 'timeout'),
    })
    .map((parts) => ({ do: 'dns' as const, ...parts }) as Step);

/** An interface or a proxy that fails, flaps and comes back. */
export const sourceFaults = ({ sources }: Material): fc.Arbitrary<Step> =>
  fc
    .record({
      source: fc.constantFrom(...sources),
      is: fc.constantFrom('in order', 'unplumbed', 'proxy down', 'proxy rude', 'flapping'),
      ms: span,
    })
    .map((parts) => ({ do: 'source' as const, ...parts }) as Step);

/** What an operator does; a reload is an edit that changes nothing. */
export const orders = (material: Material): fc.Arbitrary<Step> => {
  const suspending = ({ sources }: Material): fc.Arbitrary<Step>[] =>
    sources.length === 0
      ? []
      : [
          fc
            .record({ source: fc.constantFrom(...sources), ms: span })
            .map((parts): Step => ({ do: 'suspend source', ...parts })),
          fc.constantFrom(...sources).map((source): Step => ({ do: 'resume source', source })),
        ];
  return fc.oneof(
    fc.constant<Step>({ do: 'reload' }),
    fc
      .record({ queue: domains(material), ms: span })
      .map((parts): Step => ({ do: 'suspend queue', ...parts })),
    ...suspending(material),
  );
};

/** Edits of the policy: one of so many versions comes into force. */
export const edits = (versions: number): fc.Arbitrary<Step> =>
  fc.nat(Math.max(0, versions - 1)).map((to): Step => ({ do: 'edit', to }));

/** The process ends, in good order or not. */
export const restarts = (): fc.Arbitrary<Step> =>
  fc.constantFrom<Step>({ do: 'restart' }, { do: 'kill' });

/** A disk that runs full, and has room again. */
export const diskFaults = (): fc.Arbitrary<Step> =>
  fc.constantFrom<Step>({ do: 'disk', is: 'in order' }, { do: 'disk', is: 'full' });

/** A sink of a log hook that fails, and comes back. */
export const sinkFaults = ({ sinks = [] }: Material): fc.Arbitrary<Step> =>
  fc
    .record({
      sink: fc.constantFrom(...sinks),
      is: fc.constantFrom(...SINK_BEHAVIOURS),
      ms: span,
    })
    .map((parts): Step => ({ do: 'sink', ...parts }));

/** Time that passes. */
export const waits = (): fc.Arbitrary<Step> => span.map((ms): Step => ({ do: 'wait', ms }));

/** A network that is unkind by itself: a random half of the faults, the other half never. */
export const networkFaults = (): fc.Arbitrary<Partial<Faults> | undefined> =>
  optional(
    fc
      .subarray(Object.keys(ROUGH) as (keyof Faults)[])
      .map((kinds) => Object.fromEntries(kinds.map((kind) => [kind, ROUGH[kind]]))),
  );

/** Whole scenarios. */
export function scenarios(material: Material, extra: readonly fc.Arbitrary<Step>[] = []) {
  const hasSources = material.sources.length > 0;
  const hasSinks = (material.sinks ?? []).length > 0;
  const step = fc.oneof(
    { weight: 6, arbitrary: traffic(material) as fc.Arbitrary<Step> },
    { weight: 4, arbitrary: waits() },
    { weight: 3, arbitrary: behaviours(material) },
    ...(hasSources ? [{ weight: 3, arbitrary: sourceFaults(material) }] : []),
    { weight: 1, arbitrary: nameFaults(material) },
    { weight: 1, arbitrary: orders(material) },
    { weight: 1, arbitrary: restarts() },
    { weight: 1, arbitrary: diskFaults() },
    ...(hasSinks ? [{ weight: 2, arbitrary: sinkFaults(material) }] : []),
    ...extra.map((arbitrary) => ({ weight: 2, arbitrary })),
  );
  const steps = fc.array(step, { minLength: 1, maxLength: STEPS_MAX, size: 'max' });
  const whole = fc.record({ steps, faults: networkFaults() });
  return shrinking(whole.map((parts): Scenario => compact(parts)));
}

/** Without the keys that say nothing, so that a scenario prints as short as it is. */
function compact<T extends object>(parts: T): T {
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) as T;
}

/** The generators, by what they make. */
export const arbitrary = {
  materialOf,
  domains,
  recipients,
  envelopes,
  traffic,
  behaviours,
  nameFaults,
  sourceFaults,
  sinkFaults,
  diskFaults,
  networkFaults,
  orders,
  edits,
  restarts,
  waits,
  scenarios,
} as const;
