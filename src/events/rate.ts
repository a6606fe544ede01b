/**
 * What is on record of rates that are counted in this process: how far each may be used up already.
 * The stream is `rates`, for all of them. A process that starts anew counts from there, so that a
 * restart grants nothing twice. Knows no messages and no clock.
 */
import { define } from './define.ts';

export const rateReserved = define('rate.reserved')<{
  readonly key: string;
  readonly until: number;
}>({
  version: 1,
  says: 'The rate of this key may be used up to a time; what is taken before needs no record.',
  shape: { key: 'text', until: 'at' },
  upcast: {},
  apply(books, body, applied) {
    books.reserveRate(body.key, body.until, applied.at);
  },
});
