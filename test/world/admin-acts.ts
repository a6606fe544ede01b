/**
 * What operators order about many queues at once, as acts of a play: suspensions by criteria and of
 * ready queues, purges, rebinds, and taking them back. Deliberately unknown here: what must hold.
 */
import fc from 'fast-check';
import type { AdminCommand } from '../../src/actors/admin/wishes.ts';
import type { Criteria } from '../../src/domain/admin-rules.ts';
import type { World } from '../../src/testing/world/world.ts';

/** One order. */
export type AdminAct =
  | { readonly do: 'suspendAll' | 'purgeAll'; readonly criteria: Criteria; readonly ms: number }
  | { readonly do: 'suspendReady'; readonly source: string; readonly domain: string; ms: number }
  | { readonly do: 'withdraw'; readonly which: number }
  | {
      readonly do: 'rebindAll';
      readonly criteria: Criteria;
      readonly tenant: string;
      readonly isFlush: boolean;
      /** Due so much later. */
      readonly delayMs?: number | undefined;
    };

/** Criteria about some of these domains, about tenants, or about everything. */
export const someCriteria = (domains: readonly string[]): fc.Arbitrary<Criteria> => {
  const domain = fc.constantFrom(...domains);
  const tenant = fc.constantFrom('x', 'y');
  const name = fc.tuple(domain, fc.constantFrom('', 'x@', 'y@')).map(([at, who]) => who + at);
  return fc.oneof(
    fc.record({ domain }),
    fc.record({ tenant }),
    fc.record({ domain, tenant }),
    fc.record({ campaign: fc.constant('nobody'), domain }),
    fc.record({ queue_names: fc.uniqueArray(name, { minLength: 1, maxLength: 3 }) }),
    fc.constant({}),
  );
};

const spanMs = fc.oneof(fc.nat(300), fc.nat(20_000), fc.nat(200_000));

/** Orders about queues of these domains. */
export const adminActs = (domains: readonly string[]): fc.Arbitrary<AdminAct> =>
  fc.oneof(
    fc.record({
      do: fc.constantFrom('suspendAll' as const, 'purgeAll' as const),
      criteria: someCriteria(domains),
      ms: spanMs,
    }),
    fc.record({
      do: fc.constant('suspendReady' as const),
      source: fc.constantFrom('ip-1', 'ip-2', 'ip-3'),
      domain: fc.constantFrom(...domains),
      ms: spanMs,
    }),
    fc.record({ do: fc.constant('withdraw' as const), which: fc.nat(9) }),
    fc.record({
      do: fc.constant('rebindAll' as const),
      criteria: someCriteria(domains),
      tenant: fc.constantFrom('x', 'y'),
      isFlush: fc.boolean(),
    }),
  );

/** Wishes it of the engine. */
export function performAdmin(world: World, act: AdminAct): void {
  const command = commandOf(world, act);
  if (command !== undefined) world.command(command);
}

function commandOf(world: World, act: AdminAct): AdminCommand | undefined {
  const id = world.engine.allocateRuleId();
  const why = 'a wish';
  switch (act.do) {
    case 'suspendAll': {
      const { criteria, ms } = act;
      return { kind: 'suspension.place', id, about: { criteria }, span: { ms }, why };
    }
    case 'suspendReady': {
      const about = { ready: `${act.source}->mx.${act.domain}@smtp_client` };
      return { kind: 'suspension.place', id, about, span: { until: world.now + act.ms }, why };
    }
    case 'purgeAll': {
      const { criteria, ms } = act;
      return { kind: 'purge.order', id, criteria, span: { ms }, why, isQuiet: ms % 2 === 0 };
    }
    case 'rebindAll': {
      const { criteria, tenant, isFlush, delayMs = 0 } = act;
      const move = { tenant, ...(delayMs > 0 ? { delayMs } : {}) };
      const wish = { criteria, move, data: {}, isFlush, isQuiet: false, why };
      return { kind: 'rebind.order', id, ...wish };
    }
    case 'withdraw': {
      const rules = [...world.engine.core.books.rules.all()];
      const rule = rules[act.which % Math.max(1, rules.length)];
      if (rule === undefined) return undefined;
      if (rule.kind === 'purge') return { kind: 'purge.cancel', id: rule.id };
      const isReady = rule.kind === 'readySuspension';
      return { kind: 'suspension.lift', id: rule.id, isReady };
    }
  }
}
