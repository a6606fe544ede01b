/**
 * What travels as one piece: the chunks of one write; and, as a server writes them that was asked
 * several things at once, several replies. The latter only for worlds with much mail: elsewhere
 * each reply travels by itself, which is harder on whoever reads it. Knows no link.
 */
import type { Deed } from './exchanger.ts';

/** Replies that came together, and take no time, leave together. */
export function joinSaid(deeds: readonly Deed[]): Deed[] {
  const joined: Deed[] = [];
  for (const deed of deeds) {
    const last = joined.at(-1);
    const isPlain =
      last?.say !== undefined && last.afterMs === undefined && last.ends === undefined;
    if (isPlain && deed.say !== undefined && deed.afterMs === undefined) {
      joined[joined.length - 1] = { ...deed, say: `${last.say}\n${deed.say}` };
    } else joined.push(deed);
  }
  return joined;
}

/** The chunks of one write; a lone buffer is given on as it is. */
export function joinChunks(chunks: readonly (Buffer | string)[]): Buffer {
  const buffers = chunks.map((one) => (typeof one === 'string' ? Buffer.from(one) : one));
  const [only] = buffers;
  return only !== undefined && buffers.length === 1 ? only : Buffer.concat(buffers);
}
