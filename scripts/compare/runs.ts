/**
 * What became of the mail in a log, by domain: of a real run and of a simulated one alike.
 * The one idea: both are events, so both are counted by the same code.
 * Deliberately unknown here: who wrote the events, and what is made of the counts.
 */
import { domainOf } from '../../src/domain/address.ts';
import type { FitEvent } from '../../src/testing/fit/attempts.ts';
import type { DomainRun } from './judge.ts';

interface Count {
  delivered: number;
  bounced: number;
  expired: number;
  accepted: number;
  firstAt: number;
  /** When first attempts were answered. */
  readonly answeredAt: number[];
}

const ENDS: Readonly<Record<string, 'delivered' | 'bounced' | 'expired'>> = {
  'message.delivered': 'delivered',
  'message.bounced': 'bounced',
  'message.expired': 'expired',
};

/** Counts the events of a run. */
export function countRun(events: Iterable<FitEvent>): Map<string, DomainRun> {
  const counts = new Map<string, Count>();
  for (const event of events) {
    const to = event.body['to'];
    if (!event.type.startsWith('message.') || !Array.isArray(to)) continue;
    for (const one of to as readonly string[]) note(counts, domainOf(one), event);
  }
  return new Map([...counts].map(([domain, count]) => [domain, runOf(count)] as const));
}

function note(counts: Map<string, Count>, domain: string, { type, at, body }: FitEvent): void {
  const none = { delivered: 0, bounced: 0, expired: 0, accepted: 0, firstAt: at, answeredAt: [] };
  const count = counts.get(domain) ?? none;
  counts.set(domain, count);
  if (type === 'message.accepted') count.accepted += 1;
  const end = ENDS[type];
  if (end !== undefined) count[end] += 1;
  if (body['attempt'] === 1 && type !== 'message.offered') count.answeredAt.push(at);
}

function runOf({ delivered, bounced, expired, accepted, firstAt, answeredAt }: Count): DomainRun {
  const most = Math.ceil(answeredAt.length * 0.9);
  const upto = [...answeredAt].sort((a, b) => a - b)[most - 1] ?? firstAt;
  const waiting = accepted - delivered - bounced - expired;
  const perSecond = (most * 1_000) / Math.max(1, upto - firstAt);
  return { delivered, bounced, expired, waiting, perSecond };
}
