/**
 * One transaction that policy looks at: the whole of it, how it is split, and each message as it
 * will be stored. The idea: a refusal anywhere refuses all of it, and until the last handler has
 * spoken nothing is stored. It does not know sockets, and bounds no time itself.
 */
import { isAscii } from 'node:buffer';
import type { SessionSettings } from '../domain/options-listener.ts';
import { rejectionOf } from '../domain/reject.ts';
import type { ConnectionMeta } from '../mail/connection-meta.ts';
import { Message } from '../mail/message.ts';
import type { Shape } from '../mail/message-parts.ts';
import { Metadata } from '../mail/metadata.ts';
import { NULL_QUEUE } from '../mail/queue-of.ts';
import type { Draft } from './drafts.ts';
import { capturedFrom, formatOwnReference, formatTrace, splitRecipients } from './drafts.ts';
import type { IntakeHost, SubmittedMessage } from './host.ts';
import type { Interview } from './interview.ts';
import type { Arrival } from './message-intake.ts';
import { readHeader } from './message-intake.ts';
import { replyOf, TECHNICAL } from './policy-reply.ts';
import type { Reply } from './transaction.ts';

/** What is to be received. */
export interface ReceptionOrder {
  readonly host: IntakeHost;
  readonly interview: Interview;
  readonly meta: ConnectionMeta;
  readonly settings: SessionSettings;
  readonly arrival: Arrival;
  readonly bytes: readonly Buffer[];
  /** Nobody waits any more; no further handler is asked. */
  readonly isOver: () => boolean;
  readonly note: (text: string) => void;
}

/** What came of it: drafts to be stored, and messages that were discarded. */
export interface Received {
  readonly drafts: readonly Draft[];
  readonly discarded: readonly SubmittedMessage[];
}

/** Asks policy about a transaction; resolves, whatever happens, to what is to be done. */
export async function receive(order: ReceptionOrder): Promise<Reply | Received> {
  try {
    return await new Reception(order).run();
  } catch (error) {
    const rejection = rejectionOf(error);
    if (rejection !== undefined) return replyOf(rejection);
    order.note(`reception failed: ${String(error)}`);
    return TECHNICAL;
  }
}

/** What the messages of a transaction have in common until a handler changes one. */
interface Whole {
  readonly shared: readonly Buffer[];
  readonly sender: string;
}

class Reception {
  readonly #order: ReceptionOrder;
  readonly #messages: Message[] = [];

  constructor(order: ReceptionOrder) {
    this.#order = order;
  }

  async run(): Promise<Reply | Received> {
    const { interview, arrival, host, bytes, meta } = this.#order;
    const [id = ''] = host.allocateIds(1);
    const whole = new Message({
      id,
      sender: arrival.from,
      recipients: arrival.recipients,
      chunks: bytes,
      meta: Metadata.of(meta.all()),
      isUtf8: arrival.smtpUtf8,
    });
    this.#messages.push(whole);
    try {
      const refusal = await interview.data(whole);
      if (refusal !== undefined) return refusal;
      return await this.#split(whole);
    } finally {
      // A handler that goes on after its time must not change what is stored.
      for (const message of this.#messages) message.seal();
    }
  }

  async #split(whole: Message): Promise<Reply | Received> {
    const { interview, arrival, settings, host, isOver } = this.#order;
    const { refusal, batches: answered } = await interview.batches(whole, arrival.smtpUtf8);
    if (refusal !== undefined) return refusal;
    whole.seal();
    const all = whole.recipient_list().map(({ email }) => email);
    const batches = answered ?? splitRecipients(all, settings.batch_handling);
    const trace = formatTrace(arrival, settings, whole.id(), all);
    const ids = [whole.id(), ...host.allocateIds(Math.max(0, batches.length - 1))];
    const own = whole.pieces();
    const shared = trace === '' ? own : [Buffer.from(trace), ...own];
    const sender = whole.sender().email;
    const messages = batches.map((to, at) => whole.split(ids[at] as string, to, shared));
    this.#messages.push(...messages);
    for (const message of messages) {
      if (isOver()) return TECHNICAL;
      const refused = await interview.received(message);
      if (refused !== undefined) return refused;
      message.seal();
    }
    return this.#draft(messages, { shared, sender });
  }

  #draft(messages: readonly Message[], whole: Whole): Received {
    const drafts: Draft[] = [];
    const common: SubmittedMessage[] = [];
    const discarded: SubmittedMessage[] = [];
    for (const message of messages) {
      const shape = message.shape();
      const submitted = this.#submitted(message.id(), shape);
      if (shape.queue === NULL_QUEUE) discarded.push(submitted);
      else {
        const draft = this.#draftOf(shape, submitted, whole);
        if (draft === undefined) common.push(submitted);
        else drafts.push(draft);
      }
    }
    if (common.length === 0) return { drafts, discarded };
    const { shared: chunks, sender: from } = whole;
    const first = { from, chunks, eightBit: isEightBit(chunks), messages: common };
    return { drafts: [first, ...drafts], discarded };
  }

  #submitted(id: string, shape: Shape): SubmittedMessage {
    const { recipients, queue, meta, dueAt, schedule, chunks } = shape;
    const { host } = this.#order;
    const captured = (host.capture?.headers.length ?? 0) === 0 ? '' : readHeader(chunks);
    return { id, to: recipients, queue, meta, dueAt, schedule, ...capturedFrom(host, captured) };
  }

  /** A draft of its own; undefined where the message has the bytes and sender of all. */
  #draftOf(
    { chunks, sender, recipients, meta }: Shape,
    submitted: SubmittedMessage,
    whole: Whole,
  ): Draft | undefined {
    const reference = formatOwnReference(this.#order.settings, recipients, () => meta);
    const isShared = chunks === whole.shared && sender === whole.sender;
    if (reference === '' && isShared) return undefined;
    const own = reference === '' ? chunks : [Buffer.from(reference), ...chunks];
    return { from: sender, chunks: own, eightBit: isEightBit(own), messages: [submitted] };
  }
}

const isEightBit = (chunks: readonly Buffer[]): boolean => chunks.some((one) => !isAscii(one));
