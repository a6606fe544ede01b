/**
 * A message as signing sees it: its header as text and cut into fields, its body as the pieces in
 * which it came. The idea: only the header is copied; the body stays where it is, however it was
 * split. Only CRLF ends a line, as on the wire.
 * Deliberately unknown here: what any field means.
 */

const CR = 13;
const LF = 10;

/** Header, each octet a character, with the CRLF of its last field; body without the empty line. */
export interface MessageParts {
  readonly header: string;
  readonly body: readonly Uint8Array[];
}

/** A header field: `raw` is all of it, folded as it came, without its last CRLF. */
export interface HeaderField {
  /** In lower case. */
  readonly name: string;
  readonly raw: string;
}

// How much of CRLFCRLF was just seen, by the number of its octets.
const stepOn = (seen: number, octet: number): number => {
  if (octet === LF) return seen === 1 || seen === 3 ? seen + 1 : 0;
  if (octet === CR) return seen === 2 ? 3 : 1;
  return 0;
};

const END = 4;

/** Where the body begins, counted over all pieces, and the length of the header. */
const findBody = (chunks: readonly Uint8Array[]): { body: number; header: number } => {
  // An empty line at the very beginning ends a header without fields.
  let seen = 2;
  let at = 0;
  for (const chunk of chunks) {
    for (let offset = 0; offset < chunk.length; offset += 1) {
      seen = stepOn(seen, chunk[offset] ?? 0);
      if (seen === END) return { body: at + offset + 1, header: at + offset - 1 };
    }
    at += chunk.length;
  }
  return { body: at, header: at };
};

const asText = (chunk: Uint8Array): string =>
  Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('latin1');

/** Parts a message at its first empty line; one without is a header and an empty body. */
export function splitMessage(chunks: readonly Uint8Array[]): MessageParts {
  const ends = findBody(chunks);
  let header = '';
  const body: Uint8Array[] = [];
  let at = 0;
  for (const chunk of chunks) {
    const next = at + chunk.length;
    if (at < ends.header) header += asText(chunk.subarray(0, ends.header - at));
    if (next > ends.body) body.push(chunk.subarray(Math.max(0, ends.body - at)));
    at = next;
  }
  return { header, body };
}

const isBlank = (code: number): boolean => code === 32 || code === 9;

const nameOf = (raw: string, colon: number): string => {
  let end = colon;
  while (end > 0 && isBlank(raw.charCodeAt(end - 1))) end -= 1;
  return raw.slice(0, end).toLowerCase();
};

/** Cuts a header into its fields, in order; lines without a colon are none. */
export function splitFields(header: string): readonly HeaderField[] {
  const fields: HeaderField[] = [];
  let from = 0;
  while (from < header.length) {
    let end = header.indexOf('\r\n', from);
    while (end >= 0 && isBlank(header.charCodeAt(end + 2))) end = header.indexOf('\r\n', end + 2);
    const upto = end < 0 ? header.length : end;
    const raw = header.slice(from, upto);
    const colon = raw.indexOf(':');
    if (colon > 0) fields.push({ name: nameOf(raw, colon), raw });
    from = upto + 2;
  }
  return fields;
}
