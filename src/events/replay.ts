/**
 * Folding what is stored: the same `fold` as the live path, record by record, turn by turn, and the
 * durable charts walk again. On a damaged log, and only there, a record that no longer fits is
 * mended or left out and said to be; on a whole one it is our bug and stops the start. Asks nobody
 * anything.
 */
import type { Books } from '../domain/books.ts';
import { InvariantBroken } from '../domain/invariant.ts';
import { numberOfMessageId } from '../domain/message-id.ts';
import type { StoredRecord } from '../ports/ports.ts';
import type { Event } from './catalogue.ts';
import { decode, fold } from './codec.ts';

/** A durable actor's committed step, as the charts want it. */
export interface ReplayedStep {
  readonly kind: 'queue' | 'source';
  readonly name: string;
  readonly event: string;
  readonly from: string;
  readonly to: string;
}

/** Folds a run of records into books. */
export class Replay {
  readonly books: Books;
  /** Records that no longer fitted, one sentence each. */
  readonly leftOut: string[] = [];
  readonly #isDamaged: () => boolean;
  readonly #signal: (step: ReplayedStep) => void;

  constructor(
    books: Books,
    isDamaged: () => boolean = () => false,
    signal: (step: ReplayedStep) => void = () => {},
  ) {
    this.books = books;
    this.#isDamaged = isDamaged;
    this.#signal = signal;
  }

  /** Folds one record. */
  apply(record: StoredRecord): void {
    const event = decode(record, true);
    const { position, at, stream } = record;
    if (this.#isDamaged()) mend(this.books, event, at);
    const family = event.type.slice(0, event.type.indexOf('.'));
    const kind = family === 'queue' || family === 'source' ? family : undefined;
    const from = kind === undefined ? '' : stateOf(this.books, kind, stream);
    try {
      fold(this.books, event, { stream, position, at });
    } catch (error) {
      if (!(error instanceof InvariantBroken) || !this.#isDamaged()) throw error;
      this.leftOut.push(`position ${position}, ${event.type}: ${error.message}`);
      return;
    }
    if (kind === undefined || from === '') return;
    const isRetired = event.type === 'source.retired';
    const to = isRetired ? 'retired' : stateOf(this.books, kind, stream) || 'gone';
    this.#signal({ kind, name: stream, event: event.type, from, to });
  }
}

const stateOf = (books: Books, kind: 'queue' | 'source', name: string): string =>
  (kind === 'queue' ? books.findQueue(name)?.state : books.sources.get(name)?.state) ?? '';

/** Supplies what a lost record would have made, as far as it can be known. */
function mend(books: Books, event: Event, at: number): void {
  if (event.type === 'message.accepted' || event.type === 'message.recovered') {
    const isNew = books.rows.find(numberOfMessageId(event.stream)) < 0;
    if (isNew && books.findQueue(event.body.queue) === undefined) {
      books.openQueue(event.body.queue, at);
    }
    return;
  }
  if (event.type === 'message.rebound') {
    if (books.findQueue(event.body.queue) === undefined) books.openQueue(event.body.queue, at);
    return;
  }
  const isQueue = event.type.startsWith('queue.') && event.type !== 'queue.opened';
  if (isQueue && books.findQueue(event.stream) === undefined) books.openQueue(event.stream, at);
}
