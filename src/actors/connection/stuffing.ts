/**
 * A body as it crosses the wire: dots stuffed, ended by CRLF and the final dot (RFC 5321 section
 * 4.5.2), cut into bites so that a slow peer never makes the kernel hold all of a large one.
 * Bytes are found by `indexOf`, never looped over; a body without such dots is passed on as it is.
 * Deliberately unknown here: links, replies, deadlines.
 */

/** The final dot after a body that ends with CRLF. */
export const FINAL_DOT = Buffer.from('.\r\n');
/** Largest body that is written at once, however many of its dots are stuffed. */
export const WHOLE_BYTES_MAX = 128 * 1024;
/** Most bytes handed to a link at once. */
export const BITE_BYTES_MAX = 64 * 1024;

// Dotted lines of a chunk that are sent without copying.
const PIECES_MAX = 32;
const LINE_END_AND_DOT = Buffer.from('\r\n.\r\n');
// A dot after a lone LF is stuffed too: lenient receivers take LF dot LF for the end of the body.
const NEWLINE_DOT = Buffer.from('\n.');
const DOT_BUFFER = Buffer.from('.');
const LF = 10;
const CR = 13;
const DOT = 46;

/** The chunks of a body with dots stuffed, line end and final dot added. */
export function stuffBody(body: readonly Buffer[]): Buffer[] {
  const wire: Buffer[] = [];
  // A body starts as if a line had just ended.
  let last = LF;
  let beforeLast = CR;
  for (const chunk of body) {
    if (chunk.length === 0) continue;
    if (last === LF && chunk[0] === DOT) wire.push(DOT_BUFFER);
    stuffChunk(chunk, wire);
    beforeLast = chunk.length > 1 ? (chunk[chunk.length - 2] as number) : last;
    last = chunk[chunk.length - 1] as number;
  }
  wire.push(beforeLast === CR && last === LF ? FINAL_DOT : LINE_END_AND_DOT);
  return wire;
}

function stuffChunk(chunk: Buffer, wire: Buffer[]): void {
  let from = 0;
  let at = chunk.indexOf(NEWLINE_DOT);
  for (let pieces = 0; at >= 0 && pieces < PIECES_MAX; pieces += 1) {
    // Up to and with the dot; the next piece starts with the same dot again.
    wire.push(chunk.subarray(from, at + 2));
    from = at + 1;
    at = chunk.indexOf(NEWLINE_DOT, from);
  }
  const rest = from === 0 ? chunk : chunk.subarray(from);
  wire.push(at < 0 ? rest : stuffByCopy(rest));
}

// A body made of dots would otherwise become millions of pieces.
function stuffByCopy(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('latin1').replaceAll('\n.', '\n..'), 'latin1');
}

/** Groups chunks into bites of at most `BITE_BYTES_MAX` bytes, cutting large chunks. */
export function cutBites(chunks: readonly Buffer[]): Buffer[][] {
  const bites: Buffer[][] = [];
  let bite: Buffer[] = [];
  let room = BITE_BYTES_MAX;
  for (const chunk of chunks) {
    for (let from = 0; from < chunk.length; ) {
      const piece = chunk.subarray(from, from + room);
      bite.push(piece);
      from += piece.length;
      room -= piece.length;
      if (room > 0) continue;
      bites.push(bite);
      bite = [];
      room = BITE_BYTES_MAX;
    }
  }
  if (bite.length > 0) bites.push(bite);
  return bites;
}

/** How many bytes the chunks have together. */
export function countBytes(chunks: readonly Buffer[]): number {
  let bytes = 0;
  for (const chunk of chunks) bytes += chunk.length;
  return bytes;
}
