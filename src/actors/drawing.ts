/**
 * Cold rows and lost ones: envelopes are read back from the log ahead of their turn, or, where
 * their record is damaged, from beside the body; what cannot be trusted is set aside. Bounded by
 * what ready queues ask for.
 */
import { readHeader } from '../domain/body-header.ts';
import { decode } from '../events/codec.ts';
import type { AcceptedBody } from '../events/message.ts';
import type { Fault, StoredRecord } from '../ports/ports.ts';
import { isFault } from '../ports/ports.ts';
import { bodyRefOf } from './compacting.ts';
import type { Core } from './core.ts';
import { emitExpired } from './queue/expire.ts';
import { heldMeta } from './rebinding.ts';
import { messageIdOf, waitForDue } from './rows-in-hand.ts';
import { cutSession } from './settling.ts';

/** Asks the log for the envelopes that were missed in this turn. */
export function drawCold(core: Core): void {
  if (core.drawNow.length === 0) return;
  const slots = core.drawNow.splice(0);
  const c = core.books.rows.columns;
  const numbers = slots.map((slot) => c.number[slot] as number);
  const positions = slots.map((slot) => c.position[slot] as number);
  // A row accepted in this turn may be cold already: its record can be read once it is durable.
  core.turns.promise(() =>
    core.ports.log.read(positions, (records) => {
      core.turns.push({ kind: 'drawn', slots, numbers, records });
    }),
  );
}

/** The log's answer for one row. */
export function rowDrawn(
  core: Core,
  slot: number,
  number: number,
  record: StoredRecord | undefined,
  at: number,
): void {
  // The row has ended; what is being drawn for the slot now is another row's.
  if (core.books.rows.find(number) !== slot) return;
  if (record !== undefined) return warmRow(core, slot, decode(record).body as AcceptedBody, at);
  // The record is damaged; the envelope was also kept beside the body.
  core.ports.bodies.readHeader(bodyRefOf(core, slot), (outcome) => {
    core.turns.push({ kind: 'headerRead', slot, number, outcome });
  });
}

/** The body store's answer for a row whose record is damaged. */
export function headerRead(
  core: Core,
  slot: number,
  number: number,
  outcome: string | Fault,
  at: number,
): void {
  if (core.books.rows.find(number) !== slot) return;
  const id = messageIdOf(core, slot);
  const found = isFault(outcome)
    ? undefined
    : readHeader(outcome, bodyRefOf(core, slot)).find((foundling) => foundling.id === id);
  if (found !== undefined) {
    core.log('warn', `message ${id}: its record is damaged, its envelope was found by its body`);
  }
  warmRow(core, slot, found, at);
}

/** The envelope is there, or is lost for good. */
function warmRow(
  core: Core,
  slot: number,
  envelope: Pick<AcceptedBody, 'from' | 'to' | 'meta'> | undefined,
  at: number,
): void {
  const purpose = core.drawing.get(slot);
  core.drawing.delete(slot);
  if (purpose === 'expire') return emitExpired(core, slot, envelope, at);
  const ready = core.readyOf.get(slot);
  if (envelope === undefined) {
    quarantine(core, slot, 'both the log and the body store have lost the envelope');
  } else {
    const bodyBytes = core.books.rows.columns.bodyBytes[slot] as number;
    const { from, to } = envelope;
    const hot = { from, to, body: undefined, bodyBytes, ...heldMeta(core, envelope.meta) };
    core.held.heat(slot, hot, true);
  }
  if (ready !== undefined) core.touchedReady.add(ready);
}

/** A body that was offered could not be read: the attempt is cut, a damaged message set aside. */
export function bodyFailed(core: Core, offered: number, outcome: Buffer | Fault, at: number): void {
  const offer = core.offers.get(offered);
  if (offer === undefined || !isFault(outcome)) return;
  cutSession(core, offer.session, outcome.cause, at);
  if (outcome.code === 'FAULT_BODY_DAMAGED' || outcome.code === 'FAULT_BODY_MISSING') {
    quarantine(core, offer.slot, `${outcome.code} ${outcome.where}: ${outcome.cause}`);
  }
}

/** Sets a message aside: only its age can end it, or an operator. */
function quarantine(core: Core, slot: number, cause: string): void {
  const stream = messageIdOf(core, slot);
  core.log('error', `message ${stream} is set aside: ${cause}`);
  core.turns.emit({ type: 'message.quarantined', stream, body: { cause } });
  waitForDue(core, slot);
}
