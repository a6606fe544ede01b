/**
 * The parts of a message (RFC 2046), as handlers read them: a tree over the message's own bytes.
 * The idea: a part knows where it lies, so whoever changes one touches no other byte. What cannot
 * be parted is one part. It changes nothing, and does not know messages in reception.
 */
import { readParameterized } from './content-type.ts';
import { decodeValue } from './field-format.ts';
import { cutMessage, Header } from './header.ts';
import type { Encoding } from './transfer-encoding.ts';
import { decodeTransfer, encodingOf } from './transfer-encoding.ts';

/** Parts of a message that are looked at; what follows beyond is left alone. */
const PARTS_MAX = 1_000;
/** Parts within parts. */
const DEPTH_MAX = 32;
const LF = 0x0a;
const CR = 0x0d;

/** A part that is no text for reading. */
export interface Attachment {
  readonly file_name: string | undefined;
  readonly inline: boolean;
  readonly content_id: string | undefined;
  readonly content_type: string;
  readonly part: MimePart;
}

/** The parts that most mail has. */
export interface SimpleStructure {
  readonly text_part: MimePart | undefined;
  readonly html_part: MimePart | undefined;
  readonly amp_html_part: MimePart | undefined;
  readonly header_part: MimePart;
  readonly attachments: readonly Attachment[];
}

/** One part; of a whole message, the message. */
export class MimePart {
  /** Places of the part's header, and of its body behind the empty line. */
  readonly headerFrom: number;
  readonly headerUpto: number;
  readonly bodyFrom: number;
  readonly bodyUpto: number;
  readonly header: Header;
  readonly content_type: string;
  readonly parameters: ReadonlyMap<string, string>;
  /** Its parts, where it is a multipart. */
  readonly parts: readonly MimePart[];
  readonly #whole: Buffer;

  constructor(whole: Buffer, from: number, upto: number, budget: Budget) {
    const { header, rest } = cutMessage(whole.subarray(from, upto));
    const emptyLine = rest[0] === CR ? 2 : Math.min(rest.length, 1);
    this.#whole = whole;
    this.headerFrom = from;
    this.headerUpto = upto - rest.length;
    this.bodyFrom = this.headerUpto + emptyLine;
    this.bodyUpto = upto;
    this.header = new Header(header);
    const given = readParameterized(this.#first('content-type'));
    this.content_type = given.value === '' ? 'text/plain' : given.value;
    this.parameters = given.parameters;
    this.parts = this.#divide(budget);
  }

  /** Names and values of its header fields, decoded. */
  get_all_headers(): [string, string][] {
    return this.header.fields().map(({ name, value }) => [name, decodeValue(value)]);
  }

  /** The first field of a name, decoded. */
  get_first_named_header_value(name: string): string | undefined {
    const [first] = this.header.find(name);
    return first === undefined ? undefined : decodeValue(first.value);
  }

  /** Its Content-ID without brackets. */
  get id(): string | undefined {
    return this.#first('content-id')?.replace(/^<|>$/g, '');
  }

  /** The body, decoded: a text for text parts, else bytes. */
  get body(): string | Buffer {
    const octets = this.octets;
    return this.isText ? readCharset(octets, this.charset) : octets;
  }

  /** The octets that the body stands for. */
  get octets(): Buffer {
    return decodeTransfer(this.raw, this.encoding);
  }

  get encoding(): Encoding {
    return encodingOf(this.#first('content-transfer-encoding'));
  }

  /** The body as it stands in the message. */
  get raw(): Buffer {
    return this.#whole.subarray(this.bodyFrom, this.bodyUpto);
  }

  get isText(): boolean {
    return this.content_type.startsWith('text/');
  }

  get charset(): string {
    return (this.parameters.get('charset') ?? 'us-ascii').toLowerCase();
  }

  /** Text, HTML, AMP and attachments; the first of each kind that is no attachment. */
  get_simple_structure(): SimpleStructure {
    const leaves = [...this.leaves()];
    const shown = leaves.filter((part) => !part.isAttached);
    const find = (type: string) => shown.find(({ content_type }) => content_type === type);
    const [text_part, html_part, amp_html_part] = [
      find('text/plain'),
      find('text/html'),
      find('text/x-amp-html'),
    ];
    const attachments = leaves
      .filter((part) => part !== text_part && part !== html_part && part !== amp_html_part)
      .map((part) => part.#asAttachment());
    return { text_part, html_part, amp_html_part, header_part: this, attachments };
  }

  /** The parts that have no parts, in their order. */
  *leaves(): Generator<MimePart> {
    if (this.parts.length === 0) yield this;
    else for (const part of this.parts) yield* part.leaves();
  }

  get isAttached(): boolean {
    return this.#disposition.value === 'attachment';
  }

  get #disposition() {
    return readParameterized(this.#first('content-disposition'));
  }

  #asAttachment(): Attachment {
    const { value, parameters } = this.#disposition;
    const file_name = parameters.get('filename') ?? this.parameters.get('name');
    const { content_type, id: content_id } = this;
    return { file_name, inline: value === 'inline', content_id, content_type, part: this };
  }

  #first(name: string): string | undefined {
    return this.header.find(name)[0]?.value;
  }

  #divide(budget: Budget): MimePart[] {
    const boundary = this.parameters.get('boundary') ?? '';
    const isMany = this.content_type.startsWith('multipart/') && boundary !== '';
    if (!isMany || budget.depth >= DEPTH_MAX) return [];
    const within = { ...budget, depth: budget.depth + 1 };
    return findParts(this.#whole, this.bodyFrom, this.bodyUpto, boundary, budget).map(
      ([from, upto]) => new MimePart(this.#whole, from, upto, within),
    );
  }
}

/** What is left of the bounds. */
interface Budget {
  readonly depth: number;
  /** Parts so far; shared by all. */
  readonly count: { parts: number };
}

/** The parts of a message. */
export const parseMime = (bytes: Buffer): MimePart =>
  new MimePart(bytes, 0, bytes.length, { depth: 0, count: { parts: 1 } });

/** A text in a charset; as UTF-8 where nobody knows it. */
export function readCharset(octets: Buffer, charset: string): string {
  try {
    return new TextDecoder(charset === 'us-ascii' ? 'utf-8' : charset, LIKE_IT_STANDS).decode(
      octets,
    );
  } catch {
    return octets.toString('utf8');
  }
}

const LIKE_IT_STANDS = { ignoreBOM: true };

// RFC 2046 section 5.1.1: a delimiter begins a line, and the line end before it belongs to it.
function findParts(
  whole: Buffer,
  from: number,
  upto: number,
  boundary: string,
  { count }: Budget,
): [number, number][] {
  const mark = Buffer.from(`--${boundary}`, 'latin1');
  const found: [number, number][] = [];
  let begun = -1;
  for (let at = whole.indexOf(mark, from); at >= 0 && at < upto; ) {
    const lf = whole.indexOf(LF, at);
    const lineUpto = lf < 0 || lf >= upto ? upto : lf + 1;
    const isAtStart = at === from || whole[at - 1] === LF;
    const rest = whole.toString('latin1', at + mark.length, lineUpto);
    if (isAtStart && /^(?:--)?[ \t]*\r?\n?$/.test(rest)) {
      if (begun >= 0) found.push([begun, lineEndBefore(whole, at, begun)]);
      begun = -1;
      if (rest.startsWith('--')) break;
      if (count.parts >= PARTS_MAX) break;
      count.parts += 1;
      begun = lineUpto;
    }
    at = whole.indexOf(mark, at + mark.length);
  }
  if (begun >= 0) found.push([begun, upto]);
  return found;
}

function lineEndBefore(whole: Buffer, at: number, from: number): number {
  if (at <= from || whole[at - 1] !== LF) return at;
  return at - 1 > from && whole[at - 2] === CR ? at - 2 : at - 1;
}
