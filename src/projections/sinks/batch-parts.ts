/**
 * Sending a batch in parts where it cannot go at once: by size before it is sent, and by halves
 * where the receiver finds it too large after all, until the one record is found that is.
 * The one idea: parts go one after the other, so order is kept; the first that fails fails the
 * batch. Deliberately unknown here: protocols.
 */
import type { RefusedRecord, SinkAnswer } from '../../ports/sink.ts';

/** A record ready to go, with its place in the batch and what it costs. */
export interface SizedItem {
  readonly index: number;
  readonly bytes: number;
}

/** What became of a part. */
export type PartAnswer =
  | SinkAnswer
  /** Nothing of it is known to be taken, and it will not be as long as it is so large. */
  | { readonly kind: 'too large'; readonly reason: string };

/**
 * Cuts items into parts of at most `bytesMax` each; an item that is larger is a part of its own.
 */
export function cutBySize<Item extends SizedItem>(
  items: readonly Item[],
  bytesMax: number,
): (readonly Item[])[] {
  const parts: (readonly Item[])[] = [];
  let part: Item[] = [];
  let bytes = 0;
  for (const item of items) {
    if (part.length > 0 && bytes + item.bytes > bytesMax) {
      parts.push(part);
      part = [];
      bytes = 0;
    }
    part.push(item);
    bytes += item.bytes;
  }
  if (part.length > 0) parts.push(part);
  return parts;
}

/** Sends the parts in order; what is too large is halved until one item is, which is refused. */
export async function sendParts<Item extends SizedItem>(
  parts: readonly (readonly Item[])[],
  sendPart: (part: readonly Item[]) => Promise<PartAnswer>,
): Promise<SinkAnswer> {
  const refused: RefusedRecord[] = [];
  const waiting = [...parts].reverse();
  for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
    const answer = await sendPart(part);
    if (answer.kind === 'failed') return answer;
    if (answer.kind === 'settled') refused.push(...answer.refused);
    else if (part.length > 1) {
      const half = Math.ceil(part.length / 2);
      waiting.push(part.slice(half), part.slice(0, half));
    } else {
      for (const { index } of part) refused.push({ index, reason: answer.reason });
    }
  }
  refused.sort((one, other) => one.index - other.index);
  return { kind: 'settled', refused };
}
