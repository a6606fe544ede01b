/**
 * Messages as operators look at them: the envelope is read back from the log, the body from its
 * store, one after the other, so that one question never holds more than a bound of them. Changes
 * nothing.
 */
import type { MessageLook, QueueLook } from '../../domain/inspection.ts';
import { numberOfMessageId } from '../../domain/message-id.ts';
import { decode } from '../../events/codec.ts';
import type { AcceptedBody } from '../../events/message.ts';
import type { BodyRef, StoredRecord } from '../../ports/ports.ts';
import { isFault } from '../../ports/ports.ts';
import { bodyRefOf } from '../compacting.ts';
import type { Core } from '../core.ts';
import type { Kept } from '../recorded.ts';
import { leftIndexes, messageIdOf } from '../rows-in-hand.ts';
import { changedAtOf } from './queues.ts';

/** Bytes of bodies in one answer; what would be over it is left out. */
export const BODIES_BYTES_MAX = 16 * 1024 * 1024;

/** A row that was found. */
export interface Found {
  readonly id: string;
  readonly position: number;
  readonly left: readonly number[];
  readonly dueAt: number;
  readonly attempts: number;
  readonly ref: BodyRef;
}

const findRow = (core: Kept, slot: number): Found => {
  const c = core.books.rows.columns;
  return {
    id: messageIdOf(core, slot),
    position: c.position[slot] as number,
    left: leftIndexes(core, slot),
    dueAt: c.dueAt[slot] as number,
    attempts: c.attempts[slot] as number,
    ref: bodyRefOf(core, slot),
  };
};

/** One message; undefined where it is not queued here. */
export function lookAtMessage(
  core: Core,
  id: string,
  wantsBody: boolean,
  answered: (look: MessageLook | undefined) => void,
): void {
  const found = findMessage(core, id);
  if (found === undefined) return answered(undefined);
  readAll(core, [found], wantsBody, ([look]) => answered(look));
}

/** The row of a message. */
export function findMessage(kept: Kept, id: string): Found | undefined {
  const slot = kept.books.rows.find(numberOfMessageId(id));
  return slot < 0 || messageIdOf(kept, slot) !== id ? undefined : findRow(kept, slot);
}

/** A queue without its messages, and the rows of the first `max` of them. */
export function findQueue(
  kept: Kept,
  name: string,
  max: number,
): { readonly about: Omit<QueueLook, 'messages'>; readonly found: readonly Found[] } | undefined {
  const row = kept.books.findQueue(name);
  if (row === undefined) return undefined;
  const { rows } = kept.books;
  const found: Found[] = [];
  for (let slot = row.head; slot >= 0 && found.length < max; slot = rows.next[slot] as number) {
    found.push(findRow(kept, slot));
  }
  const config = kept.answers.recordedQueueConfig(row.answer);
  const about = { name, count: row.count, config, changedAt: changedAtOf(kept, row) };
  return { about, found };
}

/** A queue and its first `max` messages; undefined where there is none of that name. */
export function lookAtQueue(
  core: Core,
  name: string,
  { max, wantsBody }: { readonly max: number; readonly wantsBody: boolean },
  answered: (look: QueueLook | undefined) => void,
): void {
  const look = findQueue(core, name, max);
  if (look === undefined) return answered(undefined);
  readAll(core, look.found, wantsBody, (messages) => answered({ ...look.about, messages }));
}

function readAll(
  core: Core,
  found: readonly Found[],
  wantsBody: boolean,
  answered: (looks: readonly MessageLook[]) => void,
): void {
  if (found.length === 0) return answered([]);
  const read = (): void =>
    core.ports.log.read(
      found.map(({ position }) => position),
      (records) => {
        const looks = found.map((one, at) => lookOf(one, records[at]));
        if (wantsBody) readBodies(core, found, looks, answered);
        else answered(looks);
      },
    );
  // One accepted in this turn can be read once it is durable.
  core.turns.push({ kind: 'run', run: () => core.turns.promise(read) });
}

/** What a row and the record of its acceptance show. */
export function lookOf(found: Found, record: StoredRecord | undefined): MessageLook {
  const { id, left, dueAt, attempts } = found;
  // The record may be damaged: what the books know is still worth seeing.
  const body = record === undefined ? undefined : (decode(record).body as AcceptedBody);
  const recipients = body === undefined ? [] : left.map((at) => body.to[at] as string);
  return { id, sender: body?.from ?? '', recipients, meta: body?.meta ?? {}, dueAt, attempts };
}

function readBodies(
  core: Core,
  found: readonly Found[],
  looks: readonly MessageLook[],
  answered: (looks: readonly MessageLook[]) => void,
): void {
  const whole: MessageLook[] = [];
  let bytes = 0;
  const next = (): void => {
    const look = looks[whole.length];
    const ref = found[whole.length]?.ref;
    if (look === undefined || ref === undefined) return answered(whole);
    bytes += ref.length;
    // The first is shown whatever its size: who asks for one message gets it.
    if (whole.length > 0 && bytes > BODIES_BYTES_MAX) {
      whole.push(look);
      return next();
    }
    core.ports.bodies.read(ref, (outcome) => {
      whole.push(isFault(outcome) ? look : { ...look, body: outcome });
      next();
    });
  };
  next();
}
