/**
 * A message in reception as handlers see it, with the reference's method names: its envelope, its
 * metadata and its time; its bytes are in message-bytes.ts. Once reception is over it can no longer
 * be changed. It does not know sessions, logs or queues beyond a name.
 */
import { reject } from '../domain/reject.ts';
import type { Schedule } from '../domain/schedule.ts';
import type { GivenAddress } from './envelope-address.ts';
import { EnvelopeAddress, readGivenAddress } from './envelope-address.ts';
import type { ImportSpec } from './importing.ts';
import { checkSpecs, importFields, isRemovedBy, namesOrX, snakeName } from './importing.ts';
import { MessageBytes } from './message-bytes.ts';
import type { MessageParts, Shape } from './message-parts.ts';
import { RECIPIENTS_MAX } from './message-parts.ts';
import type { Metadata } from './metadata.ts';
import { queueOf } from './queue-of.ts';
import type { GivenMoment, GivenSchedule, Timing } from './scheduling.ts';
import { parseScheduleText, readMoment, readSchedule } from './scheduling.ts';

/** A message in reception. */
export class Message extends MessageBytes {
  readonly #isUtf8: boolean;
  readonly #meta: Metadata;
  #sender: string;
  #recipients: readonly string[];
  #dueAt: number | undefined;
  #schedule: Schedule | undefined;

  constructor({ id, sender, recipients, chunks, meta, isUtf8 }: MessageParts) {
    super(id, chunks);
    this.#sender = sender;
    this.#recipients = recipients;
    this.#meta = meta;
    this.#isUtf8 = isUtf8;
  }

  sender(): EnvelopeAddress {
    return new EnvelopeAddress(this.#sender);
  }

  /** '' makes it the null sender. */
  set_sender(given: GivenAddress): void {
    this.checkOpen();
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
    this.checkOpen();
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
    this.checkOpen();
    this.#meta.set(key, value);
  }

  /** Copies fields to metadata (X-Some-Name is x_some_name); all that begin with X- by default. */
  import_x_headers(names: readonly string[] = []): void {
    this.checkOpen();
    const isMeant = namesOrX(names);
    for (const { name, value } of this.decoded()) {
      if (isMeant(name.toLowerCase())) this.#meta.set(snakeName(name), value);
    }
  }

  /** Copies fields to metadata as the specs say; the first that means a field decides. */
  import_headers(specs: readonly ImportSpec[]): void {
    this.checkOpen();
    checkSpecs(specs);
    for (const [key, value] of importFields(specs, this.decoded())) this.#meta.set(key, value);
    this.open().header.remove((name) => isRemovedBy(specs, name));
  }

  /** Follows a schedule in a field, JSON; one that cannot be followed refuses the mail (554). */
  import_scheduling_header(name: string, remove = false): void {
    this.checkOpen();
    const text = this.get_first_named_header_value(name);
    if (text === undefined) return;
    try {
      this.#keep(parseScheduleText(text));
    } catch (error) {
      reject(554, `5.6.0 ${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (remove) this.remove_all_named_headers(name);
  }

  /** When the message may be tried, and when it expires; null: at once, and as its queue says. */
  set_scheduling(schedule: GivenSchedule | null | undefined): void {
    this.checkOpen();
    this.#keep(readSchedule(schedule ?? {}));
  }

  /** The first attempt is not made before: RFC 3339, a Date or ms since 1970; null: at once. */
  set_due(when: GivenMoment | null | undefined): void {
    this.checkOpen();
    this.#dueAt = when === null || when === undefined ? undefined : readMoment(when);
  }

  num_attempts(): number {
    return 0;
  }

  /** The scheduled queue that metadata and first recipient lead to. */
  queue_name(): string {
    return queueOf(this.#meta, this.#recipients[0] as string);
  }

  /** For the engine: what became of the message. */
  shape(): Shape {
    return {
      sender: this.#sender,
      recipients: this.#recipients,
      chunks: this.pieces(),
      queue: this.queue_name(),
      meta: this.#meta.all(),
      dueAt: this.#dueAt,
      schedule: this.#schedule,
    };
  }

  /** For the engine: the same message for some of its recipients, with the bytes of all. */
  split(id: string, recipients: readonly string[], chunks: readonly Buffer[]): Message {
    const parts = { id, recipients, chunks, sender: this.#sender, isUtf8: this.#isUtf8 };
    const message = new Message({ ...parts, meta: this.#meta.copy() });
    message.#keep({ dueAt: this.#dueAt, schedule: this.#schedule });
    if (this.isSigned) message.isSigned = true;
    return message;
  }

  #keep({ dueAt, schedule }: Timing): void {
    this.#dueAt = dueAt;
    this.#schedule = schedule;
  }
}
