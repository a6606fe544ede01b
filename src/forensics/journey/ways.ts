/**
 * Which ways the mail of a queue could take, and when: the sources of its pool and the paths from
 * them to its site, as policy and resolver had said by then. The one idea: a pool that came later
 * held nothing up, so each name carries the stretches of time in which it counted.
 * Deliberately unknown here: what stood still on these ways.
 */
import { readyQueueName } from '../../domain/site-name.ts';
import { findAnswer } from './decisions.ts';
import { KEY } from './keys.ts';
import type { LogEvent, LogLook } from './log-look.ts';
import type { PauseRange } from './pauses.ts';
import type { Cause } from './steps.ts';
import type { TimeSpan } from './stretch.ts';

/** Sources of a queue that are looked at. */
const SOURCES_MAX = 50;

/** Names, each with the times at which mail could have gone that way. */
export type Ways = ReadonlyMap<string, readonly TimeSpan[]>;

/** What was known of a queue from a time on. */
interface Known {
  pool: string;
  site: string;
}

/** The sources and the paths of a queue in a range. */
export function waysOf(
  look: LogLook,
  queue: string,
  range: PauseRange,
): { readonly sources: Ways; readonly paths: Ways } {
  const sources = new Map<string, TimeSpan[]>();
  const paths = new Map<string, TimeSpan[]>();
  for (const { pool, site, ...span } of knownOf(look, queue, range)) {
    for (const source of membersOf(look, pool, range.lastPosition)) {
      if (!sources.has(source) && sources.size >= SOURCES_MAX) continue;
      note(sources, source, span);
      if (site !== '') note(paths, readyQueueName(source, site), span);
    }
  }
  return { sources, paths };
}

/** What of causes lies in stretches of time. */
export const within = (causes: readonly Cause[], spans: readonly TimeSpan[]): readonly Cause[] =>
  causes.flatMap((cause) =>
    spans.flatMap(({ from: first, upto }) => {
      const from = Math.max(cause.from, first);
      const until = Math.min(cause.until, upto);
      return from < until ? [{ ...cause, from, until }] : [];
    }),
  );

function note(ways: Map<string, TimeSpan[]>, name: string, span: TimeSpan): void {
  const spans = ways.get(name) ?? [];
  const last = spans.at(-1);
  // What goes on is one stretch.
  if (last?.upto === span.from) spans[spans.length - 1] = { from: last.from, upto: span.upto };
  else spans.push(span);
  ways.set(name, spans);
}

/** Pool and site of a queue, stretch by stretch. */
function knownOf(look: LogLook, queue: string, range: PauseRange): (Known & TimeSpan)[] {
  const { firstPosition, lastPosition } = range;
  const before = [hasPool, hasSite].flatMap(
    (fits) => look.latest(KEY.stream, queue, firstPosition, fits) ?? [],
  );
  const later = look
    .within(KEY.stream, queue, { from: firstPosition + 1, upto: lastPosition })
    .filter((found) => hasPool(found) || hasSite(found));
  const known: Known = { pool: '', site: '' };
  for (const found of before) learn(known, found);
  const stretches: (Known & TimeSpan)[] = [];
  let { from } = range;
  for (const found of later) {
    const upto = Math.min(Math.max(from, found.at), range.upto);
    // A queue that is only being opened has the ways that it gets.
    if (upto > from && known.pool !== '') {
      stretches.push({ ...known, from, upto });
      from = upto;
    }
    learn(known, found);
  }
  stretches.push({ ...known, from, upto: range.upto });
  return stretches;
}

const hasPool = ({ event }: LogEvent): boolean => 'pool' in event.body;
const hasSite = ({ event }: LogEvent): boolean => event.type === 'queue.routed';

function learn(known: Known, { event }: LogEvent): void {
  if (event.type === 'queue.routed') known.site = event.body.site;
  else known.pool = (event.body as { readonly pool?: string }).pool ?? '';
}

function membersOf(look: LogLook, pool: string, upto: number): readonly string[] {
  const answer = pool === '' ? undefined : findAnswer(look, pool, upto)?.answer;
  const { entries } = (answer ?? {}) as { readonly entries?: readonly { readonly name: string }[] };
  return (entries ?? []).slice(0, SOURCES_MAX).map(({ name }) => name);
}
