/**
 * Bodies that are in memory only (`deferred_spool`), at work: written when the first attempt ended
 * without an outcome for good, when the wait for it grows long, and at a stop; what of them a crash
 * took is ended on record at the next start. The idea: a row that wants its body stored is noted,
 * and seen to at the end of the turn. Deliberately unknown here: how bodies are kept.
 */
import { isDeferredSegment } from '../domain/deferred-place.ts';
import type { BodyRef, Fault } from '../ports/ports.ts';
import { isFault } from '../ports/ports.ts';
import { bodyRefOf } from './compacting.ts';
import type { Core } from './core.ts';
import type { Input } from './input.ts';
import { noteForReport } from './ndr-notes.ts';
import { leftIndexes, messageIdOf, whereaboutsOf } from './rows-in-hand.ts';

/** The alarm that looks for bodies which waited long enough in memory. */
export const ALARM_SPOOL = 'spool';
/** What the disk did not take is tried again after this, ms. */
const SPOOL_RETRY_MS = 1_000;
/** Entries of the line that are over before it is made shorter. */
const LINE_OVER_MAX = 4_096;

const LOST =
  '551 5.3.0 the message was kept in memory only (deferred_spool) and died with the process';

/** What is held about bodies in memory; see `newSpool`. */
export interface Spool {
  /** Numbers of messages that began so, oldest first, from `head` on. */
  line: number[];
  head: number;
  /** Those whose bodies are to be written, by number; seen to at the end of the turn. */
  readonly wanted: Set<number>;
  /** Those being written, and reports whose originals are. */
  readonly storing: Set<number>;
  storingNdrs: number;
  /** Those that the disk did not take. */
  readonly again: Set<number>;
  isArmed: boolean;
  /** The time given for stopping is over: what the disk does not take is let be. */
  isGivenUp: boolean;
  readonly counts: SpoolCounts;
}

/** What became of bodies that were in memory only, for metrics. */
export interface SpoolCounts {
  /** Messages whose bodies were not written before they were accepted. */
  deferred: number;
  /** Of these, those whose bodies were written all the same. */
  stored: number;
}

/** Nothing is in memory only. */
export const newSpool = (): Spool => ({
  line: [],
  head: 0,
  wanted: new Set(),
  storing: new Set(),
  storingNdrs: 0,
  again: new Set(),
  isArmed: false,
  isGivenUp: false,
  counts: { deferred: 0, stored: 0 },
});

const isDeferred = ({ books }: Core, slot: number): boolean =>
  isDeferredSegment(books.rows.columns.bodySegment[slot] as number);

/** The row of a message whose body is in memory only, or -1. */
const findDeferred = (core: Core, number: number): number => {
  const slot = core.books.rows.find(number);
  return slot >= 0 && isDeferred(core, slot) ? slot : -1;
};

function arm({ alarms, spool }: Core, at: number): void {
  spool.isArmed = true;
  alarms.set(ALARM_SPOOL, at);
}

/** A row was accepted: if its body is in memory only, it will not stay there for long. */
export function watchDeferred(core: Core, slot: number, at: number): void {
  if (!isDeferred(core, slot)) return;
  const { spool, limits } = core;
  spool.counts.deferred += 1;
  spool.line.push(core.books.rows.columns.number[slot] as number);
  if (!spool.isArmed) arm(core, at + limits.deferredBodyMsMax);
}

/** The alarm rang: what waited too long is written, and so is what could not be before. */
export function storeOverdue(core: Core, at: number): void {
  const { spool, books, limits } = core;
  spool.isArmed = false;
  for (const number of spool.again) spool.wanted.add(number);
  spool.again.clear();
  for (; spool.head < spool.line.length; spool.head += 1) {
    const number = spool.line[spool.head] as number;
    const slot = findDeferred(core, number);
    if (slot < 0) continue;
    const dueAt = (books.rows.columns.acceptedAt[slot] as number) + limits.deferredBodyMsMax;
    if (dueAt > at) {
      arm(core, dueAt);
      break;
    }
    spool.wanted.add(number);
  }
  if (spool.head < spool.line.length && spool.head < LINE_OVER_MAX) return;
  spool.line = spool.line.slice(spool.head);
  spool.head = 0;
}

/** At a stop all is written, at once: nobody knows how long the process has. */
export function storeAll(core: Core): void {
  const { spool } = core;
  for (let at = spool.head; at < spool.line.length; at += 1) {
    const number = spool.line[at] as number;
    if (findDeferred(core, number) >= 0) spool.wanted.add(number);
  }
}

/** At the end of a turn: has the bodies written that this turn wanted stored. */
export function storeWanted(core: Core): void {
  const { spool, ports, turns } = core;
  for (const number of spool.wanted) {
    const slot = findDeferred(core, number);
    if (slot < 0 || spool.storing.has(number)) continue;
    const from = bodyRefOf(core, slot);
    spool.storing.add(number);
    ports.bodies.move(from, (outcome) => {
      turns.push({ kind: 'stored', number, from, outcome });
    });
  }
  spool.wanted.clear();
}

/** A body was written: the row points to it, and memory lets go of it. */
export function bodyStored(core: Core, input: Extract<Input, { kind: 'stored' }>, at: number) {
  const { number, from, outcome } = input;
  const { spool, ports, turns } = core;
  spool.storing.delete(number);
  const slot = findDeferred(core, number);
  if (isFault(outcome)) {
    if (slot >= 0) noteRefused(core, number, outcome, at);
    return;
  }
  // Ended meanwhile.
  if (slot < 0) return ports.bodies.refer(outcome.segment, -1, outcome.length);
  const { segment, offset, length, sum } = outcome;
  const body = { body: [segment, offset, length, sum] as const };
  turns.emit({ type: 'message.moved', stream: messageIdOf(core, slot), body });
  spool.counts.stored += 1;
  turns.promise(() => ports.bodies.refer(from.segment, -1, from.length));
}

function noteRefused(core: Core, number: number, { cause }: Fault, at: number): void {
  const { spool } = core;
  if (spool.again.size === 0) core.log('error', `a body in memory cannot be stored: ${cause}`);
  spool.again.add(number);
  if (!spool.isGivenUp) arm(core, at + SPOOL_RETRY_MS);
}

/** The time given for stopping is over: nothing is tried again. */
export function giveUpStoring(core: Core): void {
  core.spool.isGivenUp = true;
}

/** While stopping: whether all is written that can be. */
export function isSpoolQuiet({ spool, log }: Core): boolean {
  if (spool.storing.size > 0 || spool.storingNdrs > 0) return false;
  if (spool.again.size === 0) return true;
  if (!spool.isGivenUp) return false;
  log('error', `${spool.again.size} messages in memory could not be stored and are lost`);
  spool.again.clear();
  return true;
}

/** Has the original written that a report will show; `done` hears where it lies from then on. */
export function storeOriginal(core: Core, from: BodyRef, done: (to: BodyRef | Fault) => void) {
  const { spool, ports, turns } = core;
  spool.storingNdrs += 1;
  ports.bodies.move(from, (outcome) => {
    const run = (): void => {
      spool.storingNdrs -= 1;
      done(outcome);
    };
    turns.push({ kind: 'run', run });
  });
}

/** At a start: the message died with the process that had its body. */
export function loseRow(core: Core, slot: number): void {
  const index = leftIndexes(core, slot);
  const body = { to: [], index, text: LOST, ...whereaboutsOf(core, slot) };
  const event = { type: 'message.lost', stream: messageIdOf(core, slot), body } as const;
  noteForReport(core, slot, event);
  core.turns.emit(event);
}
