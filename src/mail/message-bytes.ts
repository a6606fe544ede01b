/**
 * The bytes of a message in reception: header and body, read and changed by the reference's method
 * names. The idea: nothing is parsed before it is asked for, and what nobody changed keeps its
 * bytes; once reception is over the message can no longer be changed. It does not know envelopes
 * and metadata (message.ts).
 */
import { formatMailDate } from '../domain/instant.ts';
import { acceptedAtOfMessageId } from '../domain/message-id.ts';
import type { AddressHeader } from './address-header.ts';
import { parseAddressHeader } from './address-header.ts';
import type { ConformanceOptions, Missing } from './conformance.ts';
import { findProblems, fixProblems, PROBLEMS, readProblems } from './conformance.ts';
import { checkFieldName, decodeValue, formatField } from './field-format.ts';
import type { Field } from './header.ts';
import { cutMessage, Header } from './header.ts';
import { namesOrX } from './importing.ts';
import { fixLineEnds } from './line-ends.ts';
import type { DkimSigner } from './message-parts.ts';
import { DATA_BYTES_MAX } from './message-parts.ts';
import type { MimePart } from './mime-part.ts';
import { parseMime } from './mime-part.ts';
import type { TextKind } from './part-edits.ts';
import { appendText } from './part-edits.ts';

interface Opened {
  readonly header: Header;
  readonly rest: Buffer;
}

/** A message without its envelope. */
export class MessageBytes {
  readonly #id: string;
  #chunks: readonly Buffer[];
  #opened: Opened | undefined;
  #isSealed = false;
  /** A signature stands in front, so no byte behind it may change. */
  protected isSigned = false;

  constructor(id: string, chunks: readonly Buffer[]) {
    this.#id = id;
    this.#chunks = chunks;
  }

  id(): string {
    return this.#id;
  }

  /** Header and body as bytes; a copy. */
  get_data(): Buffer {
    return Buffer.concat(this.pieces());
  }

  /** Replaces header and body; line ends become CRLF, and the last line gets one. */
  set_data(data: Uint8Array | string): void {
    this.checkOpen();
    const bytes = typeof data === 'string' ? Buffer.from(data, 'utf8') : data;
    if (!(bytes instanceof Uint8Array)) throw new TypeError('set_data: give bytes or a text');
    if (bytes.length > DATA_BYTES_MAX) {
      throw new RangeError(`set_data: more than ${DATA_BYTES_MAX} octets`);
    }
    const fixed = fixLineEnds([bytes]);
    if (fixed.includes(0)) throw new TypeError('set_data: a message must not contain NUL');
    this.#become(fixed);
  }

  /** The parts of the message as it is now, for reading; changes go by the other methods. */
  parse_mime(): MimePart {
    return parseMime(this.get_data());
  }

  /** Puts text behind the first text part; false where there is none. */
  append_text_plain(text: string): boolean {
    return this.#appendText('append_text_plain', 'text/plain', text);
  }

  /** Puts HTML in front of the closing body tag, else at the end; false where there is none. */
  append_text_html(text: string): boolean {
    return this.#appendText('append_text_html', 'text/html', text);
  }

  #appendText(method: string, kind: TextKind, text: string): boolean {
    this.#checkUnsigned(method);
    if (typeof text !== 'string' || text.includes('\0')) {
      throw new TypeError(`${method}: give a text without NUL`);
    }
    if (text.length > DATA_BYTES_MAX) throw new RangeError(`${method}: too long a text`);
    const changed = appendText(this.get_data(), kind, text);
    if (changed !== undefined) this.#become(changed);
    return changed !== undefined;
  }

  /**
   * A sentence where something of `checks` is wrong, and nothing is changed; else what is wrong of
   * `fixes` is mended. Names are divided by `|`; see PROBLEMS.
   */
  check_fix_conformance(
    checks: string,
    fixes: string,
    options: ConformanceOptions = {},
  ): string | undefined {
    const checked = readProblems(checks, 'check_fix_conformance: checks');
    const fixed = readProblems(fixes, 'check_fix_conformance: fixes');
    const whole = this.get_data();
    const found = findProblems(whole);
    const bad = PROBLEMS.filter((one) => found.has(one) && checked.has(one));
    if (bad.length > 0) return `the message has conformance issues: ${bad.join('|')}`;
    const mendable = PROBLEMS.filter((one) => found.has(one) && fixed.has(one));
    if (mendable.length === 0) return undefined;
    this.#checkUnsigned('check_fix_conformance');
    const mended = fixProblems(whole, new Set(mendable), this.#missing(), options);
    const still = findProblems(mended);
    const left = mendable.filter((one) => still.has(one));
    if (left.length > 0) return `the message cannot be mended: ${left.join('|')}`;
    this.#become(mended);
    return undefined;
  }

  // What its id says: when it came, and that there is no other of that name.
  #missing(): Missing {
    const at = acceptedAtOfMessageId(this.#id);
    const domain = this.from_header()?.list[0]?.domain ?? 'localhost';
    return { date: formatMailDate(at), messageId: `<${this.#id}@${domain}>` };
  }

  // A signature is over the bytes: what changes them has to come before it.
  #checkUnsigned(method: string): void {
    this.checkOpen();
    if (this.isSigned) throw new Error(`${method}: the message is signed; call dkim_sign last`);
  }

  #become(bytes: Buffer): void {
    const isEnded = bytes.length === 0 || bytes[bytes.length - 1] === 0x0a;
    this.#opened = undefined;
    this.#chunks = isEnded ? [bytes] : [bytes, Buffer.from('\r\n')];
  }

  /** Puts a field in front; with `encode` it is folded, or encoded where that is needed. */
  prepend_header(name: string, value: string, encode = false): void {
    this.checkOpen();
    this.open().header.prepend(formatField(name, value, encode));
  }

  /** Puts a field behind all others; with `encode` it is folded, or encoded where needed. */
  append_header(name: string, value: string, encode = false): void {
    this.checkOpen();
    this.open().header.append(formatField(name, value, encode));
  }

  /** The value of the first field of a name, decoded. */
  get_first_named_header_value(name: string): string | undefined {
    const [first] = this.open().header.find(name);
    return first === undefined ? undefined : decodeValue(first.value);
  }

  get_all_named_header_values(name: string): string[] {
    return this.open()
      .header.find(name)
      .map(({ value }) => decodeValue(value));
  }

  /** Names and values of all fields, in order. */
  get_all_headers(): [string, string][] {
    return this.decoded().map(({ name, value }) => [name, value]);
  }

  /** The addresses of the first field of a name; undefined where there is none, or no address. */
  get_address_header(name: string): AddressHeader | undefined {
    const [first] = this.open().header.find(name);
    if (first === undefined) return undefined;
    return parseAddressHeader(Buffer.from(first.value, 'latin1').toString('utf8'));
  }

  from_header(): AddressHeader | undefined {
    return this.get_address_header('From');
  }

  to_header(): AddressHeader | undefined {
    return this.get_address_header('To');
  }

  /** Removes fields of these names; all that begin with X- by default. */
  remove_x_headers(names: readonly string[] = []): void {
    this.checkOpen();
    this.open().header.remove(namesOrX(names));
  }

  remove_all_named_headers(name: string): void {
    this.checkOpen();
    checkFieldName(name);
    const lower = name.toLowerCase();
    this.open().header.remove((one) => one === lower);
  }

  /** Signs the message as it is now and puts the signature in front. */
  async dkim_sign(signer: DkimSigner): Promise<void> {
    this.checkOpen();
    const lines = await signer.sign(this.pieces());
    this.checkOpen();
    const isWhole = /^[!-9;-~]+:[^\r\n]*\r\n(?:[^\r\n]+\r\n)*$/.test(lines);
    if (!isWhole) throw new TypeError('dkim_sign: the signer gave no header lines');
    this.open().header.prepend(Buffer.from(lines, 'utf8').toString('latin1'));
    this.isSigned = true;
  }

  /** For the engine: it cannot be changed from here on. */
  seal(): void {
    this.#isSealed = true;
  }

  /** Names and decoded values of all fields. */
  protected decoded(): Field[] {
    const fields = this.open().header.fields();
    return fields.map(({ name, value }) => ({ name, value: decodeValue(value) }));
  }

  protected open(): Opened {
    if (this.#opened !== undefined) return this.#opened;
    const { header, rest } = cutMessage(Buffer.concat(this.#chunks));
    this.#opened = { header: new Header(header), rest };
    return this.#opened;
  }

  /** For the engine: header and body in pieces, the same list until something changes. */
  pieces(): readonly Buffer[] {
    if (this.#opened?.header.isChanged === true) {
      const { header, rest } = this.#opened;
      this.#chunks = [Buffer.from(header.toString(), 'latin1'), rest];
      this.#opened = undefined;
    }
    return this.#chunks;
  }

  protected checkOpen(): void {
    if (!this.#isSealed) return;
    throw new Error(`message ${this.#id} is received already and cannot be changed`);
  }
}
