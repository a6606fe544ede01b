/**
 * From the figures of a day to its report: names with their figures in an order that does not
 * depend on chance, and why what still waits does. Knows no table and no page.
 */
import type { World } from '../world/world.ts';
import type { DayLedger } from './ledger.ts';
import type { DayReport, Named, ReceptionFigures, SourceFigures, WaitingQueue } from './report.ts';
import { DAY_REPORT_VERSION } from './report.ts';
import type { DayOrder } from './simulate-day.ts';

/** Queues whose waiting is explained; the fullest are. */
const WAITING_MAX = 50;

const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : 0;

function named<F extends object>(
  all: ReadonlyMap<string, { figures(): F }>,
  weight: (figures: F) => number,
): Named<F>[] {
  return [...all]
    .map(([name, tally]) => ({ name, ...tally.figures() }))
    .sort((a, b) => weight(b) - weight(a) || byName(a, b));
}

function sourcesOf({ sources, suspensions, total }: DayLedger): SourceFigures[] {
  const all = total.ends.delivered;
  const used = named(sources, () => 0);
  const unused = [...suspensions.keys()].filter((name) => !sources.has(name));
  if (unused.length > 0) throw new Error(`sources without a route: ${unused.join(', ')}`);
  return used.map((one) => {
    const { times = 0, ms = 0 } = suspensions.get(one.name) ?? {};
    const share = all === 0 ? 0 : Math.round((one.delivered / all) * 1e6) / 1e6;
    return { ...one, share, suspensions: times, suspendedMs: ms };
  });
}

/** Queues that still hold mail, the fullest first, with what the engine says of them. */
function waitingOf({ engine }: World): WaitingQueue[] {
  const { books } = engine.core;
  const { queue: queueOf } = books.rows.columns;
  const counts = new Map<number, number>();
  books.rows.each((slot) => {
    const queue = queueOf[slot] as number;
    counts.set(queue, (counts.get(queue) ?? 0) + 1);
  });
  const held = [...counts].map(([slot, messages]) => {
    const name = books.queues[slot]?.name ?? '';
    return { name, messages };
  });
  held.sort((a, b) => b.messages - a.messages || byName(a, b));
  return held.slice(0, WAITING_MAX).map(({ name, messages }) => {
    const told = engine.explain({ kind: 'queue', name });
    const why = typeof told === 'string' ? told : (told.reasons[0]?.text ?? told.state);
    return { queue: name, messages, why };
  });
}

/** Puts the report together. */
export function makeReport(
  { policy, survey, receivers, seed, forMs }: DayOrder,
  world: World,
  ledger: DayLedger,
  reception: ReceptionFigures,
): DayReport {
  const { beginsAt } = survey;
  const fit = receivers?.models.fit;
  const { counts } = world.engine.core.turns;
  return {
    waybill_simulation: DAY_REPORT_VERSION,
    policy: policy.file,
    traffic: survey.file,
    receivers: receivers?.name ?? 'well behaved',
    ...(fit === undefined ? {} : { fit }),
    seed,
    forMs,
    beginsAt: beginsAt === undefined ? null : new Date(beginsAt).toISOString(),
    reception,
    total: ledger.total.figures(),
    hours: ledger.hours,
    domains: named(ledger.domains, ({ received }) => received),
    sites: named(ledger.sites, ({ attempts }) => attempts),
    sources: sourcesOf(ledger),
    replies: ledger.replies.list(),
    waiting: waitingOf(world),
    said: [...ledger.said].map(([text, count]) => ({ text, count })),
    turns: counts.turns,
    commits: counts.commits,
    records: ledger.records,
    steps: world.time.steps,
  };
}
