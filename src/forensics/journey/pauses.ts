/**
 * What stood still around a message, from the log: its queue, the sources it could have left from,
 * the paths to its site, the daemon itself. The idea: each is a row of intervals between an event
 * that begins one and the next that ends it.
 * Deliberately unknown here: the message, and which of the intervals mattered to it.
 */
import {
  sayReadySuspended,
  sayRoute,
  saySourceSuspended,
  saySuspended,
  WAIT,
} from '../../domain/waiting.ts';
import { KEY } from './keys.ts';
import type { LogEvent, LogLook } from './log-look.ts';
import type { Cause } from './steps.ts';
import type { TimeSpan } from './stretch.ts';

/** Where to look: positions between which things happened, and the times that are of interest. */
export interface PauseRange extends TimeSpan {
  readonly firstPosition: number;
  readonly lastPosition: number;
}

/** Begun pauses of one thing, and the end of each. */
class Pauses {
  readonly causes: Cause[] = [];
  readonly #range: PauseRange;
  #open: Omit<Cause, 'until'> | undefined;

  constructor(range: PauseRange) {
    this.#range = range;
  }

  begin({ at, position }: LogEvent, name: string, text: string): void {
    this.end(at);
    this.#open = { name, text, from: at, positions: [position] };
  }

  end(at: number, position?: number): void {
    const open = this.#open;
    this.#open = undefined;
    const from = Math.max(open?.from ?? 0, this.#range.from);
    const until = Math.min(at, this.#range.upto);
    if (open === undefined || until <= from) return;
    const positions = position === undefined ? open.positions : [...open.positions, position];
    this.causes.push({ ...open, from, until, positions });
  }

  /** What is still open lasts beyond the range. */
  all(): readonly Cause[] {
    this.end(Number.POSITIVE_INFINITY);
    return this.causes;
  }
}

/** The events of a stream in a range, and the last ones before it that still hold there. */
function around(look: LogLook, stream: string, range: PauseRange, types: ReadonlySet<string>) {
  const { firstPosition, lastPosition } = range;
  const before = look.latest(KEY.stream, stream, firstPosition, ({ event }) =>
    types.has(event.type),
  );
  const within = look
    .within(KEY.stream, stream, { from: firstPosition + 1, upto: lastPosition })
    .filter(({ event }) => types.has(event.type));
  return before === undefined ? within : [before, ...within];
}

const QUEUE_TYPES = new Set([
  'queue.rested',
  'queue.woke',
  'queue.suspended',
  'queue.resumed',
  'queue.retired',
]);

/** When a scheduled queue rested or was suspended. */
export function queuePauses(look: LogLook, queue: string, range: PauseRange): readonly Cause[] {
  const pauses = new Pauses(range);
  for (const found of around(look, queue, range, QUEUE_TYPES)) {
    const { event } = found;
    if (event.type === 'queue.rested') pauses.begin(found, WAIT.resting, event.body.cause);
    else if (event.type === 'queue.suspended') {
      pauses.begin(found, WAIT.suspended, saySuspended(event.body.cause));
    } else pauses.end(found.at, found.position);
  }
  return pauses.all();
}

const ROUTE_TYPES = new Set(['queue.opened', 'queue.routed', 'queue.retired']);

/** When the way of a queue that had none yet was being found. */
export function routePauses(look: LogLook, queue: string, domain: string, range: PauseRange) {
  const pauses = new Pauses(range);
  for (const found of around(look, queue, range, ROUTE_TYPES)) {
    if (found.event.type === 'queue.opened') pauses.begin(found, WAIT.route, sayRoute(domain));
    else pauses.end(found.at, found.position);
  }
  // A route that never came is told by the deferrals that say so.
  return pauses.causes;
}

const SOURCE_TYPES = new Set(['source.suspended', 'source.resumed', 'source.retired']);

/** When a source was out of rotation. */
export function sourcePauses(look: LogLook, source: string, range: PauseRange): readonly Cause[] {
  const pauses = new Pauses(range);
  for (const found of around(look, source, range, SOURCE_TYPES)) {
    const { event } = found;
    if (event.type === 'source.suspended') {
      const text = saySourceSuspended(source, event.body.cause);
      pauses.begin(found, WAIT.sourceSuspended, text);
    } else pauses.end(found.at, found.position);
  }
  return pauses.all();
}

/** When operators kept sources from a site. */
export function readyPauses(
  look: LogLook,
  names: ReadonlySet<string>,
  range: PauseRange,
): readonly { readonly name: string; readonly causes: readonly Cause[] }[] {
  const upto = range.lastPosition;
  return look.within(KEY.type, 'suspension.placed', { upto }).flatMap((found) => {
    const { event } = found;
    if (event.type !== 'suspension.placed' || event.body.ready === undefined) return [];
    if (!names.has(event.body.ready)) return [];
    const pauses = new Pauses(range);
    const text = sayReadySuspended(event.body.ready, event.body.cause);
    pauses.begin(found, WAIT.readySuspended, text);
    const ends = look.within(KEY.stream, event.stream, { from: found.position + 1 });
    const end = ends.find(({ position }) => position > found.position);
    pauses.end(end?.at ?? event.body.until, end?.position);
    return [{ name: event.body.ready, causes: pauses.causes }];
  });
}

/** When there was no daemon. */
export function downPauses(look: LogLook, range: PauseRange): readonly Cause[] {
  const { firstPosition, lastPosition } = range;
  const starts = look.within(KEY.type, 'engine.started', {
    from: firstPosition + 1,
    upto: lastPosition,
  });
  return starts.flatMap((start) => {
    const last = look.at(start.position - 1);
    if (last === undefined) return [];
    const wasStopped = last.event.type === 'engine.stopped';
    const text = wasStopped ? 'the daemon was stopped' : 'the daemon had ended without a stop';
    const pauses = new Pauses(range);
    pauses.begin(last, WAIT.stopped, text);
    pauses.end(start.at, start.position);
    return pauses.causes;
  });
}
