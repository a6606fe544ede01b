/**
 * Line ends of messages. The idea: a CR or LF that stands alone is how mail is smuggled past the
 * next server, so whatever leaves has CRLF alone. It does not know where bytes come from.
 */

/** The same bytes with every CR and LF that stands alone made a CRLF. */
export function fixLineEnds(chunks: readonly Uint8Array[]): Buffer {
  const text = Buffer.concat(chunks).toString('latin1');
  return Buffer.from(text.replace(/\r\n|\r|\n/g, '\r\n'), 'latin1');
}
