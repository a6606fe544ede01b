/**
 * Times of options such as --from and --to, written the same way for every command: an instant with
 * its zone, local time, or a span that counts back from now. The forms are those of `waybill at`,
 * but for turns and positions, which only a log can tell the time of. Knows no command.
 */
import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../domain/duration.ts';
import { moment } from '../domain/instant.ts';
import { NoMoment, readMoment } from '../forensics/time.ts';
import { createClock } from '../ports/node/clock.ts';
import { CommandFailure, EXIT } from './terminal.ts';

/** How such times are written, for help. */
export const TIMES_HELP = `
A time is 2026-01-31T12:00:00Z (or with +01:00), local time as '2026-01-31 12:00:00' or 12:00
(today), or a span that counts back from now: 90s, 15m, 2h, -1d.`.trim();

const SPAN = /^-?\d+(?:\.\d+)?\s*[a-z]/i;
const FORMS = "2026-01-31T12:00:00Z, local time as '2026-01-31 12:00' or 12:00, or a span: 2h";

/** Reads a time, ms since 1970; one that has not come yet is allowed, and bounds nothing. */
export const parsePast = (text: string): number => {
  const now = createClock().now();
  const at = SPAN.test(text) ? now - spanOf(text) : instantOf(text, now);
  if (!Number.isSafeInteger(at) || at < 0) throw new InvalidArgumentError(`Expected ${FORMS}.`);
  return at;
};

const spanOf = (text: string): number => {
  try {
    return Math.round(parseDuration(text.replace(/^-/, '')));
  } catch {
    return Number.NaN;
  }
};

const instantOf = (text: string, now: number): number => {
  try {
    return moment.read(text);
  } catch {
    return localOf(text, now);
  }
};

const localOf = (text: string, now: number): number => {
  try {
    const point = readMoment(text, now, Number.MAX_SAFE_INTEGER);
    if (point.kind === 'end') return now;
    return point.kind === 'instant' ? point.at : Number.NaN;
  } catch (error) {
    if (error instanceof NoMoment) return Number.NaN;
    throw error;
  }
};

/** Refuses a span that ends before it begins. */
export const demandOrder = (from: number | undefined, upto: number | undefined): void => {
  if (from === undefined || upto === undefined || from <= upto) return;
  const text = (at: number): string => new Date(at).toISOString();
  throw new CommandFailure(
    `--to (${text(upto)}) is before --from (${text(from)}); exchange them.`,
    EXIT.usage,
  );
};
