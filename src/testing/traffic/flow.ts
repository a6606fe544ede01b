/**
 * The messages of a flow, one after the other. The one idea: as many points as there are messages,
 * uniform over the span as its hours weigh, come out in order by one draw each, so a flow of any
 * length needs no memory; its dice are its own, so flows do not change each other.
 * Knows no file.
 */
import { partitionPoint } from '../../domain/partition-point.ts';
import { Chance } from '../world/chance.ts';
import type { Arriving } from './arriving.ts';
import type { FlowLine } from './line.ts';

const HOUR_MS = 3_600_000;
/** Numbers flows apart from each other, and from the world that shares the seed. */
const FLOW_SEED = 0x9e3779b1;

/** A stretch of the flow's span: where it begins, and the share of messages before it. */
interface Stretch {
  readonly fromMs: number;
  readonly ms: number;
  readonly before: number;
  readonly share: number;
}

function stretchesOf({ forMs, hours }: FlowLine): readonly Stretch[] {
  if (hours.length === 0) return [{ fromMs: 0, ms: forMs, before: 0, share: 1 }];
  const parts = Array.from({ length: Math.ceil(forMs / HOUR_MS) }, (_, hour) => {
    const ms = Math.min(HOUR_MS, forMs - hour * HOUR_MS);
    return { fromMs: hour * HOUR_MS, ms, weight: (hours[hour % hours.length] as number) * ms };
  }).filter(({ weight }) => weight > 0);
  const whole = parts.reduce((sum, { weight }) => sum + weight, 0);
  let before = 0;
  return parts.map(({ fromMs, ms, weight }) => {
    const stretch = { fromMs, ms, before, share: weight / whole };
    before += stretch.share;
    return stretch;
  });
}

/** Picks by weight. */
function picker(domains: FlowLine['domains']): (point: number) => string {
  let sum = 0;
  const sums = domains.map(([, weight]) => {
    sum += weight;
    return sum;
  });
  return (point) => {
    const isBefore = (at: number): boolean => (sums[at] as number) <= point * sum;
    return domains[partitionPoint(0, sums.length - 1, isBefore)]?.[0] ?? '';
  };
}

/** All messages of a flow in order; `beginsMs` is since the beginning of the simulation. */
export function* flowArrivals(
  flow: FlowLine,
  [beginsMs, ordinal, seed]: readonly [beginsMs: number, ordinal: number, seed: number],
): Generator<Arriving, void> {
  const dice = new Chance((seed ^ Math.imul(ordinal + 1, FLOW_SEED)) >>> 0);
  const stretches = stretchesOf(flow);
  const pick = picker(flow.domains);
  let point = 0;
  let at = 0;
  for (let left = flow.messages; left > 0; left -= 1) {
    // The least of so many points that are uniform over what is left.
    point += (1 - point) * (1 - (1 - dice.uniform()) ** (1 / left));
    while (at + 1 < stretches.length && point >= (stretches[at + 1] as Stretch).before) at += 1;
    const { fromMs, ms, before, share } = stretches[at] as Stretch;
    const within = Math.min(ms - 1, Math.max(0, ((point - before) / share) * ms));
    const user = flow.messages - left + 1;
    yield {
      at: beginsMs + Math.floor(fromMs + within),
      from: flow.from,
      to: [`user${user}@${pick(dice.uniform())}`],
      bytes: flow.bytes,
      meta: flow.meta,
    };
  }
}
