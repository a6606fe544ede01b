/**
 * Reports of failure that are owed to senders, as the engine decides them: owed in the turn in
 * which a message fails, made or waived in a later one. The idea: a report's acceptance and the end
 * of what is owed are one turn, so that there is never a second one, whoever is killed when.
 * Deliberately unknown here: what a report says, and to whom policy wants none sent.
 */
import { isDeferredSegment } from '../domain/deferred-place.ts';
import type { OwedNdr } from '../domain/ndrs.ts';
import { NDR_BODY_BYTES_MAX, NDRS_OWED_MAX } from '../domain/ndrs.ts';
import type { Refusal, Submission } from '../intake/host.ts';
import type { BodyRef } from '../ports/ports.ts';
import { isFault } from '../ports/ports.ts';
import type { Core } from './core.ts';
import type { Failed } from './ndr-notes.ts';
import { acceptSubmission, REFUSAL_STOPPING } from './queue/accept.ts';
import { storeOriginal } from './spooling.ts';

/** Answered once, when what was decided is durable. */
export type NdrAnswered = (refusal?: Refusal) => void;

/** At the end of a turn: one report is owed for each message that failed in it. */
export function oweReports(core: Core): void {
  const { ndrs, turns } = core;
  if (ndrs.failed.size === 0) return;
  for (const [stream, failed] of ndrs.failed) owe(core, stream, failed);
  ndrs.failed.clear();
  turns.promise(() => ndrs.wake());
}

function owe(core: Core, stream: string, { origin, failures, body }: Failed): void {
  const { books, ndrs, ports, turns } = core;
  if (books.ndrs.size >= NDRS_OWED_MAX) return noteCrowd(core, stream);
  ndrs.isCrowded = false;
  ndrs.counts.owed += 1;
  const hasRoom = body !== undefined && ndrs.bodyBytes + body[2] <= NDR_BODY_BYTES_MAX;
  const { position } = turns;
  const kept = hasRoom ? { body } : {};
  turns.emit({ type: 'ndr.owed', stream, body: { origin, failures, ...kept } });
  // Before the message itself lets go of it, which it does once this turn is durable.
  if (hasRoom) ports.bodies.refer(body[0], 1, body[2]);
  const owed = books.ndrs.get(position) as OwedNdr;
  ndrs.bodyBytes += owed.body?.length ?? 0;
  if (hasRoom && isDeferredSegment(body[0])) return keepOriginal(core, owed);
  turns.promise(() => ndrs.line.push(owed));
}

/** A report may be long in coming: what it is about is written first, and only then it begins. */
function keepOriginal(core: Core, owed: OwedNdr): void {
  const { books, ndrs, ports, turns } = core;
  const from = owed.body as BodyRef;
  storeOriginal(core, from, (outcome) => {
    if (isFault(outcome)) {
      core.log('warn', `what message ${owed.message} said stays in memory: ${outcome.cause}`);
    } else {
      const { segment, offset, length, sum } = outcome;
      const body = { owed: owed.position, body: [segment, offset, length, sum] as const };
      turns.emit({ type: 'ndr.moved', stream: owed.message, body });
      turns.promise(() => ports.bodies.refer(from.segment, -1, from.length));
    }
    const now = books.ndrs.get(owed.position) as OwedNdr;
    turns.promise(() => {
      ndrs.line.push(now);
      ndrs.wake();
    });
  });
}

function noteCrowd({ ndrs, log }: Core, stream: string): void {
  ndrs.counts.crowded += 1;
  if (ndrs.isCrowded) return;
  ndrs.isCrowded = true;
  const bound = `${NDRS_OWED_MAX} reports of failure are owed`;
  log('error', `${bound}: of message ${stream}, and others after it, nobody is told`);
}

/** The next report to be written; undefined while there is none. It stays with who took it. */
export function takeOwed({ ndrs }: Core): OwedNdr | undefined {
  const owed = ndrs.line[ndrs.head];
  if (owed === undefined) return undefined;
  ndrs.head += 1;
  if (ndrs.head === ndrs.line.length) {
    ndrs.line = [];
    ndrs.head = 0;
  }
  return owed;
}

/** What was sent is let go of, once that its report is made, or never will be, is durable. */
function letGo({ ndrs, ports, turns }: Core, { body }: OwedNdr): void {
  if (body === undefined) return;
  ndrs.bodyBytes -= body.length;
  turns.promise(() => ports.bodies.refer(body.segment, -1, body.length));
}

/** Decides a report, its body durable: it is a message, and nothing is owed any more. */
export function generateNdr(
  core: Core,
  position: number,
  submission: Submission,
  answered: NdrAnswered,
  at: number,
): void {
  const owed = core.books.ndrs.get(position);
  const [message] = submission.messages;
  if (owed === undefined || message === undefined || core.isStopping) {
    const { segment, length } = submission.body;
    core.ports.bodies.refer(segment, -1, length);
    core.turns.promise(() => answered(owed === undefined ? undefined : REFUSAL_STOPPING));
    return;
  }
  const body = { owed: position, id: message.id };
  core.turns.emit({ type: 'ndr.generated', stream: owed.message, body });
  core.ndrs.counts.generated += 1;
  acceptSubmission(core, submission, answered, at);
  letGo(core, owed);
}

/** Decides that there will be no report. */
export function waiveNdr(core: Core, position: number, cause: string, answered: NdrAnswered): void {
  const owed = core.books.ndrs.get(position);
  if (owed !== undefined && !core.isStopping) {
    core.turns.emit({ type: 'ndr.waived', stream: owed.message, body: { owed: position, cause } });
    core.ndrs.counts.waived += 1;
    letGo(core, owed);
  }
  core.turns.promise(() => answered(core.isStopping ? REFUSAL_STOPPING : undefined));
}

/** At the start of a run: what is owed keeps its bodies and is to be written. */
export function takeUpNdrs(core: Core): void {
  const { books, ndrs, ports, turns } = core;
  for (const owed of books.ndrs.values()) {
    const { body } = owed;
    turns.promise(() => ndrs.line.push(owed));
    if (body === undefined) continue;
    ndrs.bodyBytes += body.length;
    ports.bodies.refer(body.segment, 1, body.length);
  }
  turns.promise(() => ndrs.wake());
}

/** The oldest record of the log that a report which is owed still needs. */
export function lowestOwed({ books, ndrs }: Core): number {
  let lowest = Number.POSITIVE_INFINITY;
  for (const { origin } of books.ndrs.values()) lowest = Math.min(lowest, origin);
  // What failed in this turn is in no row any more, and owed only when the turn ends.
  for (const { origin } of ndrs.failed.values()) lowest = Math.min(lowest, origin);
  return lowest;
}
