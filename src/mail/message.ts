/**
 * A message in reception as handlers see it, with the reference's method names. The idea: nothing
 * is parsed before it is asked for, and what nobody changed keeps its bytes; once reception is over
 * the message can no longer be changed. It does not know sessions, logs or queues beyond a name.
 */
import { reject } from '../domain/reject.ts';
import type { AddressHeader } from './address-header.ts';
import { parseAddressHeader } from './address-header.ts';
import type { GivenAddress } from './envelope-address.ts';
import { EnvelopeAddress, readGivenAddress } from './envelope-address.ts';
import { checkFieldName, decodeValue, formatField } from './field-format.ts';
import type { Field } from './header.ts';
import { cutMessage, Header } from './header.ts';
import type { ImportSpec } from './importing.ts';
import { checkSpecs, importFields, isMeantBy, isRemovedBy, snakeName } from './importing.ts';
import { fixLineEnds } from './line-ends.ts';
import type { DkimSigner, MessageParts, Shape } from './message-parts.ts';
import { DATA_BYTES_MAX, RECIPIENTS_MAX } from './message-parts.ts';
import type { Metadata } from './metadata.ts';
import { queueOf } from './queue-of.ts';
import type { Schedule } from './scheduling.ts';
import { parseScheduleText, readMoment, readSchedule } from './scheduling.ts';

interface Opened {
  readonly header: Header;
  readonly rest: Buffer;
}

/** A message in reception. */
export class Message {
  readonly #id: string;
  readonly #isUtf8: boolean;
  readonly #meta: Metadata;
  #sender: string;
  #recipients: readonly string[];
  #chunks: readonly Buffer[];
  #opened: Opened | undefined;
  #dueAt: number | undefined;
  #isSealed = false;

  constructor({ id, sender, recipients, chunks, meta, isUtf8 }: MessageParts) {
    this.#id = id;
    this.#sender = sender;
    this.#recipients = recipients;
    this.#chunks = chunks;
    this.#meta = meta;
    this.#isUtf8 = isUtf8;
  }

  id(): string {
    return this.#id;
  }

  sender(): EnvelopeAddress {
    return new EnvelopeAddress(this.#sender);
  }

  /** '' makes it the null sender. */
  set_sender(given: GivenAddress): void {
    this.#checkOpen();
    const about = { isUtf8: this.#isUtf8, mayBeNull: true };
    this.#sender = readGivenAddress(given, 'set_sender', about);
  }

  /** The recipient, or a list where there are several. */
  recipient(): EnvelopeAddress | EnvelopeAddress[] {
    const list = this.recipient_list();
    return list.length === 1 ? (list[0] as EnvelopeAddress) : list;
  }

  recipient_list(): EnvelopeAddress[] {
    return this.#recipients.map((email) => new EnvelopeAddress(email));
  }

  /** Replaces all recipients. */
  set_recipient(given: GivenAddress | readonly GivenAddress[]): void {
    this.#checkOpen();
    const list = Array.isArray(given) ? (given as readonly GivenAddress[]) : [given];
    if (list.length === 0 || list.length > RECIPIENTS_MAX) {
      throw new TypeError(`set_recipient: give 1 to ${RECIPIENTS_MAX} addresses`);
    }
    const about = { isUtf8: this.#isUtf8 };
    const read = (one: unknown) => readGivenAddress(one as GivenAddress, 'set_recipient', about);
    this.#recipients = list.map(read);
  }

  get_meta(key: string): unknown {
    return this.#meta.get(key);
  }

  /** Sets a value that JSON can hold; null and undefined take it away. */
  set_meta(key: string, value: unknown): void {
    this.#checkOpen();
    this.#meta.set(key, value);
  }

  /** Header and body as bytes; a copy. */
  get_data(): Buffer {
    return Buffer.concat(this.#bytes());
  }

  /** Replaces header and body; line ends become CRLF, and the last line gets one. */
  set_data(data: Uint8Array | string): void {
    this.#checkOpen();
    const bytes = typeof data === 'string' ? Buffer.from(data, 'utf8') : data;
    if (!(bytes instanceof Uint8Array)) throw new TypeError('set_data: give bytes or a text');
    if (bytes.length > DATA_BYTES_MAX) {
      throw new RangeError(`set_data: more than ${DATA_BYTES_MAX} octets`);
    }
    const fixed = fixLineEnds([bytes]);
    if (fixed.includes(0)) throw new TypeError('set_data: a message must not contain NUL');
    const isEnded = fixed.length === 0 || fixed[fixed.length - 1] === 0x0a;
    this.#opened = undefined;
    this.#chunks = isEnded ? [fixed] : [fixed, Buffer.from('\r\n')];
  }

  /** Puts a field in front; with `encode` it is folded, or encoded where that is needed. */
  prepend_header(name: string, value: string, encode = false): void {
    this.#checkOpen();
    this.#open().header.prepend(formatField(name, value, encode));
  }

  /** Puts a field behind all others; with `encode` it is folded, or encoded where needed. */
  append_header(name: string, value: string, encode = false): void {
    this.#checkOpen();
    this.#open().header.append(formatField(name, value, encode));
  }

  /** The value of the first field of a name, decoded. */
  get_first_named_header_value(name: string): string | undefined {
    const [first] = this.#open().header.find(name);
    return first === undefined ? undefined : decodeValue(first.value);
  }

  get_all_named_header_values(name: string): string[] {
    return this.#open()
      .header.find(name)
      .map(({ value }) => decodeValue(value));
  }

  /** Names and values of all fields, in order. */
  get_all_headers(): [string, string][] {
    return this.#decoded().map(({ name, value }) => [name, value]);
  }

  /** The addresses of the first field of a name; undefined where there is none, or no address. */
  get_address_header(name: string): AddressHeader | undefined {
    const [first] = this.#open().header.find(name);
    if (first === undefined) return undefined;
    return parseAddressHeader(Buffer.from(first.value, 'latin1').toString('utf8'));
  }

  from_header(): AddressHeader | undefined {
    return this.get_address_header('From');
  }

  to_header(): AddressHeader | undefined {
    return this.get_address_header('To');
  }

  /** Copies fields to metadata (X-Some-Name is x_some_name); all that begin with X- by default. */
  import_x_headers(names: readonly string[] = []): void {
    this.#checkOpen();
    const isMeant = namesOrX(names);
    for (const { name, value } of this.#decoded()) {
      if (isMeant(name.toLowerCase())) this.#meta.set(snakeName(name), value);
    }
  }

  /** Copies fields to metadata as the specs say; the first that means a field decides. */
  import_headers(specs: readonly ImportSpec[]): void {
    this.#checkOpen();
    checkSpecs(specs);
    for (const [key, value] of importFields(specs, this.#decoded())) this.#meta.set(key, value);
    this.#open().header.remove((name) => isRemovedBy(specs, name));
  }

  /** Removes fields of these names; all that begin with X- by default. */
  remove_x_headers(names: readonly string[] = []): void {
    this.#checkOpen();
    this.#open().header.remove(namesOrX(names));
  }

  remove_all_named_headers(name: string): void {
    this.#checkOpen();
    checkFieldName(name);
    const lower = name.toLowerCase();
    this.#open().header.remove((one) => one === lower);
  }

  /** Follows a schedule in a field, JSON; one that cannot be followed refuses the mail (554). */
  import_scheduling_header(name: string, remove = false): void {
    this.#checkOpen();
    const text = this.get_first_named_header_value(name);
    if (text === undefined) return;
    try {
      this.#dueAt = parseScheduleText(text);
    } catch (error) {
      reject(554, `5.6.0 ${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (remove) this.remove_all_named_headers(name);
  }

  /** When the message is tried first; null: at once. */
  set_scheduling(schedule: Schedule | null | undefined): void {
    this.#checkOpen();
    this.#dueAt = schedule === null || schedule === undefined ? undefined : readSchedule(schedule);
  }

  /** The first attempt is not made before: RFC 3339, a Date or ms since 1970; null: at once. */
  set_due(when: string | number | Date | null | undefined): void {
    this.#checkOpen();
    this.#dueAt = when === null || when === undefined ? undefined : readMoment(when);
  }

  num_attempts(): number {
    return 0;
  }

  /** The scheduled queue that metadata and first recipient lead to. */
  queue_name(): string {
    return queueOf(this.#meta, this.#recipients[0] as string);
  }

  /** Signs the message as it is now and puts the signature in front. */
  async dkim_sign(signer: DkimSigner): Promise<void> {
    this.#checkOpen();
    const lines = await signer.sign(this.#bytes());
    this.#checkOpen();
    const isWhole = /^[!-9;-~]+:[^\r\n]*\r\n(?:[^\r\n]+\r\n)*$/.test(lines);
    if (!isWhole) throw new TypeError('dkim_sign: the signer gave no header lines');
    this.#open().header.prepend(Buffer.from(lines, 'utf8').toString('latin1'));
  }

  /** For the engine: it cannot be changed from here on. */
  seal(): void {
    this.#isSealed = true;
  }

  /** For the engine: what became of the message. */
  shape(): Shape {
    return {
      sender: this.#sender,
      recipients: this.#recipients,
      chunks: this.#bytes(),
      queue: this.queue_name(),
      meta: this.#meta.all(),
      dueAt: this.#dueAt,
    };
  }

  /** For the engine: header and body in pieces, the same list until something changes. */
  pieces(): readonly Buffer[] {
    return this.#bytes();
  }

  /** For the engine: the same message for some of its recipients, with the bytes of all. */
  split(id: string, recipients: readonly string[], chunks: readonly Buffer[]): Message {
    const parts = { id, recipients, chunks, sender: this.#sender, isUtf8: this.#isUtf8 };
    const message = new Message({ ...parts, meta: this.#meta.copy() });
    message.#dueAt = this.#dueAt;
    return message;
  }

  #decoded(): Field[] {
    const fields = this.#open().header.fields();
    return fields.map(({ name, value }) => ({ name, value: decodeValue(value) }));
  }

  #open(): Opened {
    if (this.#opened !== undefined) return this.#opened;
    const { header, rest } = cutMessage(Buffer.concat(this.#chunks));
    this.#opened = { header: new Header(header), rest };
    return this.#opened;
  }

  // The pieces as they came, as long as nothing in the header has changed.
  #bytes(): readonly Buffer[] {
    if (this.#opened?.header.isChanged === true) {
      const { header, rest } = this.#opened;
      this.#chunks = [Buffer.from(header.toString(), 'latin1'), rest];
      this.#opened = undefined;
    }
    return this.#chunks;
  }

  #checkOpen(): void {
    if (!this.#isSealed) return;
    throw new Error(`message ${this.#id} is received already and cannot be changed`);
  }
}

const namesOrX = (names: readonly string[]): ((lowerName: string) => boolean) =>
  names.length === 0
    ? (name) => name.startsWith('x-')
    : (name) => names.some((one) => isMeantBy(one, name));
