/**
 * What a verification found, as a person reads it: totals, attempts of unknown outcome, the table
 * of what does not balance, damage, and the judgement. Counts nothing.
 */
import process from 'node:process';
import { ENDS, imbalanceOf } from '../domain/ledger-totals.ts';
import type { Cell, CellReport } from '../forensics/ledger-cells.ts';
import { count, counted, paint } from './terminal.ts';
import type { BodiesCheck } from './verify-bodies.ts';
import type { Verification } from './verify-log.ts';
import { isSound } from './verify-log.ts';

/** A verification, and what its bodies said where they were read. */
export type Found = Verification & { readonly bodies?: BodiesCheck | undefined };

/** True when log and bodies are in order. */
export const isAllSound = (found: Found): boolean =>
  isSound(found) && (found.bodies?.lost ?? 0) === 0;

const formatTime = (at: number): string => new Date(at).toISOString();

const describeTotals = (found: Found): string[] => {
  const { recipients, attempts, cells, segments, sealed } = found;
  const lines = [
    `records     ${count(found.records)}, positions ${found.first} to ${found.last}`,
    `segments    ${count(segments)}, ${count(sealed)} held against their seals byte by byte`,
    `messages    ${count(found.messages.accepted)} accepted, ${count(found.messages.live)} live`,
    `attempts    ${count(attempts.offered)} offered, ${count(attempts.deferred)} deferred, ` +
      `${count(attempts.unknown)} of unknown outcome`,
    `recipients  ${count(recipients.accepted)} accepted = ` +
      `${count(recipients.delivered)} delivered + ${count(recipients.bounced)} bounced + ` +
      `${count(recipients.expired)} expired + ${count(recipients.removed)} removed + ` +
      `${count(recipients.lost)} lost + ` +
      `${count(recipients.live)} live`,
    `cells       ${count(cells.cells)} by ${cells.by.join(', ')}; ` +
      (cells.unbalanced === 0 ? 'all balance' : `${count(cells.unbalanced)} do not balance`),
  ];
  if (found.erasures.orders.length > 0) lines.push(describeErasures(found));
  if (found.endedFromBefore > 0) {
    lines.push(
      `            ${count(found.endedFromBefore)} ends of messages from released records`,
    );
  }
  return lines;
};

const describeErasures = ({ erasures }: Found): string => {
  const { records, orders, unfinished } = erasures;
  const said = `erased      ${counted(records, 'record')} by the orders ${orders.join(', ')}`;
  return unfinished.length === 0 ? said : `${said}; not finished: ${unfinished.join(', ')}`;
};

const COLUMNS = ['accepted', ...ENDS, 'live'] as const;

/** Cells as a table: parts that they were cut by, counts, what is over, and who is in doubt. */
const describeCells = ({ by }: CellReport, cells: readonly Cell[], more: number): string[] => {
  const head = [...by, ...COLUMNS, 'balance'];
  const rows = cells.map((cell) => [
    ...by.map((cut) => (cut === 'hour' ? cell.hour.slice(0, 13) : cell[cut] || '-')),
    ...COLUMNS.map((column) => count(cell[column])),
    count(imbalanceOf(cell)),
  ]);
  const widths = head.map((word, at) =>
    Math.max(word.length, ...rows.map((row) => (row[at] ?? '').length)),
  );
  const line = (words: readonly string[]): string =>
    words
      .map((word, at) =>
        at < by.length ? word.padEnd(widths[at] ?? 0) : word.padStart(widths[at] ?? 0),
      )
      .join('  ')
      .trimEnd();
  const lines = rows.flatMap((row, at) => {
    const ids = cells[at]?.ids ?? [];
    return ids.length === 0 ? [line(row)] : [line(row), `  ends too many: ${ids.join(' ')}`];
  });
  return [line(head), ...lines, ...(more > 0 ? [`(and ${count(more)} more)`] : [])];
};

const describeBodies = ({ bodies }: Found, listed: number): string[] => {
  if (bodies === undefined) return [];
  const { segments, frames, living, lost, damaged } = bodies;
  const where = `${counted(frames, 'frame')} in ${counted(segments, 'segment')}`;
  const lines = [
    `bodies      ${where}; of ${count(living)} ` +
      `living messages ${count(lost)} without a whole body; ${count(damaged)} damaged frames`,
  ];
  if (bodies.inMemory > 0) {
    lines.push(
      `            ${count(bodies.inMemory)} living messages have theirs in the memory of the ` +
        'process only (deferred_spool)',
    );
  }
  for (const one of bodies.lostListed.slice(0, listed)) {
    lines.push(`body lost   ${one.message}: segment ${one.segment} offset ${one.offset}`);
  }
  for (const one of bodies.damagedListed.slice(0, listed)) {
    lines.push(`frame       segment ${one.segment} offset ${one.offset}: ${one.why}`);
  }
  return lines;
};

/** All of it; `wantsCells` shows cells that balance, too. */
export const describeVerification = (found: Found, listed: number, wantsCells: boolean): string => {
  const lines = [...describeTotals(found), ...describeBodies(found, listed)];
  for (const one of listed === 0 ? [] : found.unknownListed.slice(-listed)) {
    const where = one.peer === '' ? '' : ` at ${one.peer}`;
    const which = `${one.message} attempt ${one.attempt}${where}`;
    lines.push(`unknown     ${which}, ${formatTime(one.at)}: ${one.cause}`);
  }
  for (const one of found.differencesListed.slice(0, listed)) {
    lines.push(`difference  position ${one.position}: ${one.stream} ${one.sentence}`);
  }
  for (const one of found.damage.slice(0, listed)) lines.push(`damage      ${one.sentence}`);
  const { cells } = found;
  const shown = wantsCells ? cells.listed : cells.unbalancedListed;
  const all = wantsCells ? cells.cells : cells.unbalanced;
  if (shown.length > 0 && listed > 0) {
    const rows = shown.slice(0, listed);
    lines.push('', ...describeCells(cells, rows, all - rows.length), '');
  }
  lines.push(judge(found));
  return lines.join('\n');
};

const judge = (found: Found): string =>
  isAllSound(found)
    ? paint(process.stdout, 'green', 'sound: no recipient is unaccounted for')
    : paint(
        process.stdout,
        'red',
        `NOT sound: ${counted(found.differences, 'difference')}, imbalance ${found.imbalance}, ` +
          `${counted(found.damage.length, 'kind')} of damage` +
          (found.bodies === undefined
            ? ''
            : `, ${counted(found.bodies.lost, 'body', 'bodies')} lost`),
      );
