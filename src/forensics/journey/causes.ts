/**
 * Why a message waited: the message's own schedule first, then what stood still around it, and at
 * last what the log cannot tell. The one idea: time that nothing on record explains is said to be
 * so, and not made up.
 * Deliberately unknown here: how pauses are found, and what comes after the wait.
 */
import { parseQueueName } from '../../domain/queue-name.ts';
import { SET_ASIDE, sayRetry, WAIT } from '../../domain/waiting.ts';
import type { LogLook } from './log-look.ts';
import type { PauseRange } from './pauses.ts';
import { downPauses, queuePauses, readyPauses, routePauses, sourcePauses } from './pauses.ts';
import type { Cause, WaitStep } from './steps.ts';
import type { Wait } from './waits.ts';
import { waysOf, within } from './ways.ts';

/** Shorter stretches without a cause are the way things go, ms. */
const UNEXPLAINED_MS_MIN = 1_000;
/** Causes told of one wait. */
const CAUSES_MAX = 100;

const IN_LINE =
  'due, and nothing on record held it: rates, limits and room of its path leave no events';

/** What is known beside the wait itself. */
export interface WaitSurroundings {
  readonly look: LogLook;
  /** The last position of interest. */
  readonly lastPosition: number;
}

/** A wait as a step, with its causes in order of time. */
export function waitStep(wait: Wait, { look, lastPosition }: WaitSurroundings): WaitStep {
  const { from, until, queue, isOpen, position } = wait;
  const dueAt = Math.min(Math.max(from, wait.due), until);
  const range = {
    firstPosition: position,
    lastPosition: wait.lastPosition ?? lastPosition,
    from: dueAt,
    upto: until,
  };
  const own = ownCauses(wait, dueAt);
  const around = dueAt < until ? aroundCauses(look, queue, range) : [];
  const binding = [...own, ...around].filter(({ name }) => !PARTIAL.has(name));
  const rest = unexplained(binding, from, until);
  const causes = [...own, ...around, ...rest].sort((a, b) => a.from - b.from).slice(0, CAUSES_MAX);
  const open = isOpen ? ({ open: true } as const) : {};
  return { kind: 'wait', at: from, until, positions: [position], queue, ...open, causes };
}

/** One source or path of several does not by itself hold a message. */
const PARTIAL: ReadonlySet<string> = new Set([WAIT.sourceSuspended, WAIT.readySuspended]);

function ownCauses(wait: Wait, dueAt: number): Cause[] {
  const { from, until, schedule, position, asideAt, isOpen } = wait;
  const positions = [position];
  const causes: Cause[] = [];
  // What lasts is told with the time at which it will end.
  const end = isOpen ? wait.due : dueAt;
  if (end > from && schedule !== 'none') {
    const text = schedule === 'retry' ? sayRetry() : 'it was to be sent later';
    causes.push({ name: WAIT[schedule], text, from, until: end, positions });
  }
  if (asideAt !== undefined && asideAt < until) {
    const since = Math.max(from, asideAt);
    causes.push({ name: WAIT.setAside, text: SET_ASIDE, from: since, until, positions });
  }
  return causes;
}

function aroundCauses(look: LogLook, queue: string, range: PauseRange): Cause[] {
  const { domain, routing_domain } = parseQueueName(queue);
  const { sources, paths } = waysOf(look, queue, range);
  return [
    ...downPauses(look, range),
    ...queuePauses(look, queue, range),
    ...routePauses(look, queue, routing_domain ?? domain, range),
    ...[...sources].flatMap(([name, spans]) => within(sourcePauses(look, name, range), spans)),
    ...readyPauses(look, new Set(paths.keys()), range).flatMap(({ name, causes }) =>
      within(causes, paths.get(name) ?? []),
    ),
  ];
}

/** The stretches between `from` and `until` that no cause covers. */
function unexplained(causes: readonly Cause[], from: number, until: number): Cause[] {
  const rest: Cause[] = [];
  let at = from;
  const leave = (upto: number): void => {
    if (upto - at < UNEXPLAINED_MS_MIN) return;
    rest.push({ name: WAIT.inLine, text: IN_LINE, from: at, until: upto, positions: [] });
  };
  for (const cause of [...causes].sort((one, other) => one.from - other.from)) {
    leave(cause.from);
    at = Math.max(at, cause.until);
  }
  leave(until);
  return rest;
}
