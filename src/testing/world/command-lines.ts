/**
 * The lines of a client as an exchanger reads them: which command, and whose address. A day of mail
 * has a million of them, so they are told apart by their first word and not by patterns.
 * Deliberately unknown here: what is answered.
 */
import type { Stage } from './exchanger.ts';

/** Commands with something behind them. */
const WITH: Readonly<Record<string, readonly [string, Stage]>> = {
  EHLO: ['EHLO ', 'ehlo'],
  HELO: ['HELO ', 'ehlo'],
  LHLO: ['LHLO ', 'ehlo'],
  MAIL: ['MAIL FROM:', 'mail'],
  RCPT: ['RCPT TO:', 'rcpt'],
};
const ALONE: Readonly<Record<string, Stage>> = {
  STARTTLS: 'starttls',
  DATA: 'data',
  RSET: 'rset',
  QUIT: 'quit',
};

/** What a command means; undefined where it is none. */
export function stageOf(line: string): Stage | undefined {
  const [begin, stage] = WITH[line.slice(0, 4)] ?? [];
  if (begin !== undefined) return line.startsWith(begin) ? stage : undefined;
  return Object.hasOwn(ALONE, line) ? ALONE[line] : undefined;
}

/** The address in a command; empty where it has none. */
export function addressIn(line: string): string {
  const from = line.indexOf('<');
  return from < 0 ? '' : line.slice(from + 1, Math.max(from + 1, line.lastIndexOf('>')));
}
