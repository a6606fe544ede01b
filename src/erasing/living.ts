/**
 * Who is still alive when somebody is erased: mail to or from the erased refuses the order, for it
 * could not be sent any more; of everything else the bodies are kept.
 * Deliberately unknown here: how anything is erased.
 */
import type { Books } from '../domain/books.ts';
import { isDeferredSegment } from '../domain/deferred-place.ts';
import { numberOfMessageId } from '../domain/message-id.ts';
import type { BodyRef } from '../ports/ports.ts';

/** So many are named in a refusal. */
const NAMED_MAX = 5;

/** The order cannot be carried out now; the message says why, and what to do. */
export class ErasureRefused extends Error {
  override readonly name = 'ErasureRefused';
}

/** Every body that something living refers to; what was only in memory is in no file. */
export function* livingBodies(books: Books): Generator<BodyRef> {
  const { rows } = books;
  const { bodySegment, bodyOffset, bodyBytes, bodySum } = rows.columns;
  for (let slot = 0; slot < rows.slotsUsed; slot += 1) {
    if (!rows.isLive(slot) || isDeferredSegment(bodySegment[slot] as number)) continue;
    yield {
      segment: bodySegment[slot] as number,
      offset: bodyOffset[slot] as number,
      length: bodyBytes[slot] as number,
      sum: bodySum[slot] as number,
    };
  }
  for (const { body } of books.generations.values()) yield body;
  for (const { body } of books.ndrs.values()) {
    if (body !== undefined && !isDeferredSegment(body.segment)) yield body;
  }
}

/** Throws when something of these streams still lives, or a report about it is still owed. */
export const refuseLiving = (
  books: Books,
  streams: ReadonlySet<string>,
  isInBody: (body: BodyRef) => boolean,
): void => {
  const living = [...streams].filter((stream) => isRow(books, stream));
  for (const { id, body } of books.generations.values()) {
    // Whom a request is for stands in its body until its messages are made.
    if (streams.has(id) || isInBody(body)) living.push(id);
  }
  for (const { message } of books.ndrs.values()) if (streams.has(message)) living.push(message);
  if (living.length === 0) return;
  const named = living.slice(0, NAMED_MAX).join(', ');
  const more = living.length > NAMED_MAX ? ` and ${living.length - NAMED_MAX} more` : '';
  throw new ErasureRefused(
    `mail to or from the address is still on its way (${named}${more}): wait for its end, or end ` +
      'it with waybill bounce, and give the order again',
  );
};

const isRow = (books: Books, stream: string): boolean => {
  const number = numberOfMessageId(stream);
  return number >= 0 && books.rows.find(number) >= 0;
};
