/**
 * Fits models from the log of a data directory. The one idea: the log is read once, in order, only
 * the events that speak of attempts, and a daemon may run on it meanwhile.
 * Knows no command line.
 */
import type { LogPast } from '../../events/log-past.ts';
import type { ProviderModels } from '../models/model.ts';
import { HEARD_TYPES } from './attempts.ts';
import { Fitter } from './fit.ts';

/** What is fitted of a log. */
export interface FitLogOptions {
  /** Attempts that a site needs for a model of its own (100). */
  readonly min?: number | undefined;
  /** Only what happened from then on, and up to then; ms since 1970. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** Hears how many of how many positions were read. */
  readonly shown?: ((done: number, total: number) => void) | undefined;
}

const SHOW_EVERY = 10_000;

/** Models of the providers in a log; throws LogOpenError where there is none. */
export async function fitLog(data: string, options: FitLogOptions = {}): Promise<ProviderModels> {
  // Loaded here: a test that simulates needs no database.
  const past = await import('../../events/log-past.ts');
  const log = new past.LogPast(data);
  const { min, shown = () => undefined } = options;
  const first = options.from === undefined ? log.first : log.positionAt(options.from - 1) + 1;
  const last = options.to === undefined ? log.last : log.positionAt(options.to);
  const span = { from: timeAt(log, first, last), to: timeAt(log, last, first) };
  const fitter = new Fitter({ min, span });
  let read = 0;
  for (const record of log.records({ types: HEARD_TYPES }, first, last)) {
    const { at, type, stream, body, position } = record;
    fitter.hear({ at, type, stream, body: JSON.parse(body) as Record<string, unknown> });
    read += 1;
    if (read % SHOW_EVERY === 0) shown(position - first, last - first);
  }
  return fitter.finish();
}

/** The time at a position, or at the next that can be read on the way to another. */
function timeAt(log: LogPast, position: number, upto: number): number {
  const step = Math.sign(upto - position);
  for (let at = position; ; at += step) {
    const record = log.find(at);
    if (record !== undefined) return record.at;
    if (at === upto || step === 0) return 0;
  }
}
