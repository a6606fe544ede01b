/**
 * Opens the log of a data directory for commands that look back: of a stopped daemon, of a copy, or
 * of one that runs, which is not touched. Whatever is wrong becomes one sentence and an exit code.
 * Knows no question.
 */
import process from 'node:process';
import type { Command } from 'commander';
import { LogPast } from '../events/log-past.ts';
import { LogOpenError } from '../events/log-report.ts';
import { NotRebuilt, Rebuild } from '../forensics/rebuild.ts';
import type { Point } from '../forensics/time.ts';
import { BeyondLog, findPoint, NoMoment, readMoment } from '../forensics/time.ts';
import { CommandFailure, count, EXIT, remark, startProgress } from './terminal.ts';

/** How a time may be written, for help. */
export const TIME_HELP = `
A TIME is 2026-01-31T12:03:00Z (or with +01:00), local time as '2026-01-31 12:03:00' or 12:03
(today), -10m or -1h30m before now, turn:17, position:1234 or 1234, or now.`;

/** Opens the log; CommandFailure where there is none. */
export function openPast(data: string): LogPast {
  try {
    return new LogPast(data);
  } catch (error) {
    if (error instanceof LogOpenError) throw new CommandFailure(`${error.message}.`);
    throw error;
  }
}

/** Finds a point in a log; CommandFailure where the text means none, or the log lacks it. */
export function pointOf(log: LogPast, text: string, now: number): Point {
  try {
    return findPoint(log, readMoment(text, now), now);
  } catch (error) {
    if (error instanceof BeyondLog) throw new CommandFailure(`${error.message}.`);
    if (error instanceof NoMoment) throw new CommandFailure(`${error.message}.`, EXIT.usage);
    throw error;
  }
}

/** Says, where it is so, that a point lies before all that ever happened. */
export function tellBeginning(log: LogPast, { position, at }: Point): void {
  const first = position === 0 ? log.find(log.first) : undefined;
  if (first === undefined) return;
  const [then, since] = [at, first.at].map((one) => new Date(one).toISOString());
  remark(`nothing had happened by ${then}: the log begins at ${since}`);
}

/** As `pointOf`, but undefined, and said, where the log begins later by now. */
export function pointOrBeginning(log: LogPast, text: string, now: number): Point | undefined {
  try {
    const point = findPoint(log, readMoment(text, now), now);
    tellBeginning(log, point);
    return point;
  } catch (error) {
    if (!(error instanceof BeyondLog) || !error.isBefore) return pointOf(log, text, now);
    remark(error.message);
    return undefined;
  }
}

/** Folds up to a position, with a bar where a person watches. */
export async function rebuildTo(
  log: LogPast,
  position: number,
  isQuiet: boolean,
  begun?: Rebuild,
): Promise<Rebuild> {
  const rebuild = begun ?? beginAt(log, position);
  const from = rebuild.position;
  const before = rebuild.folded;
  const progress = await startProgress(1_000, !isQuiet);
  rebuild.foldTo(position, (folded) => {
    const share = (folded - before) / Math.max(1, position - from);
    progress.show(Math.round(1_000 * share), `${count(folded)} records`);
  });
  progress.stop();
  return rebuild;
}

function beginAt(log: LogPast, position: number): Rebuild {
  try {
    return new Rebuild(log, position);
  } catch (error) {
    if (error instanceof NotRebuilt) throw new CommandFailure(`${error.message}.`);
    throw error;
  }
}

/**
 * Lets a command take times such as `-10m` among its words. What else begins with a dash and is no
 * option of it stays a mistake.
 */
export function takesTimes(command: Command): Command {
  return command.allowUnknownOption(true).hook('preAction', (_, action) => {
    const unknown = action.args.find((word) => /^-(?!\d)/.test(word));
    if (unknown !== undefined) action.error(`error: unknown option '${unknown}'`);
  });
}

/** The time of day, ms since 1970. */
export const nowMs = (): number => Date.now();

/** Says on standard error what of the log was damaged. */
export function tellDamage(rebuild: Rebuild): void {
  for (const sentence of rebuild.damage) process.stderr.write(`damage: ${sentence}\n`);
}
