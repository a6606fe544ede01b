/**
 * amqplib behind few calls: open, publish a batch and hear of each confirm, close, end.
 * The one idea: one confirm channel a link, one batch at a time; whatever the server says against
 * the channel or the connection ends the link and is the answer to the batch that was on its way.
 * Deliberately unknown here: records, how long anybody waits.
 */
import { Socket } from 'node:net';
import type { ChannelModel, ConfirmChannel, Message } from 'amqplib';
import type { AmqpHookConfig } from '../../domain/options-hook-amqp.ts';
import type { RefusedRecord } from '../../ports/sink.ts';
import { loadAmqp } from './amqp-library.ts';
import type { AmqpItem } from './amqp-message.ts';
import type { PartAnswer } from './batch-parts.ts';
import { oneLine } from './bounded.ts';
import type { ReadSecret } from './secrets.ts';
import { mustRead, readTlsFiles } from './secrets.ts';

/** A batch on its way. */
interface Flight {
  readonly answer: Promise<PartAnswer>;
  end(answer: PartAnswer): void;
}

/** Frames of the server: none larger than we agreed on, so that nonsense does not fill memory. */
const FRAME_BYTES_MAX = 131_072;
/** The server's word for a message above its max_message_size. */
const TOO_LARGE = /message size \d+ is larger/;

/** An open link. */
export class AmqpLink {
  readonly #abandon = new AbortController();
  /** By event id, where in the batch it stands. */
  readonly #places = new Map<string, number>();
  readonly #returned = new Map<number, string>();
  #model: ChannelModel | undefined;
  #channel: ConfirmChannel | undefined;
  #flight: Flight | undefined;
  #blockedBy: string | undefined;
  readonly #waiting: (() => void)[] = [];
  #isOver = false;
  #lastFault = '';

  /** True while it can take a batch. */
  get isUsable(): boolean {
    return this.#channel !== undefined && !this.#isOver;
  }

  /** Why the server takes nothing from publishers just now; undefined when it does. */
  get blockedBy(): string | undefined {
    return this.#blockedBy;
  }

  /** Waits until the server takes something again, or the link is over. */
  async untilUnblocked(): Promise<void> {
    while (this.#blockedBy !== undefined && !this.#isOver) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Connects and logs in; rejects with what went wrong. */
  async open(config: AmqpHookConfig, readSecret: ReadSecret): Promise<void> {
    const library = await loadAmqp();
    this.#abandon.signal.throwIfAborted();
    const { host, port, username, vhost, tls, given } = config;
    const password = mustRead(config.password, readSecret, 'password');
    const heartbeat = Math.ceil(given.heartbeat / 1_000);
    const protocol = tls === undefined ? 'amqp' : 'amqps';
    const place = { protocol, hostname: host, port, username, password, vhost, heartbeat };
    const model = await library.connect(
      // The library reads a vhost as part of a URI.
      { ...place, vhost: encodeURIComponent(vhost), maxFrameSize: FRAME_BYTES_MAX },
      {
        noDelay: true,
        keepAlive: true,
        timeout: given.connect_timeout,
        clientProperties: { connection_name: given.connection_name },
        ...this.#socketOptions(host, port, tls !== undefined),
        ...(tls !== undefined && readTlsFiles(tls, readSecret)),
      },
    );
    this.#model = model;
    this.#listenToModel(model);
    const channel = await model.createConfirmChannel();
    this.#listenToChannel(channel);
    this.#channel = channel;
  }

  /** Publishes in order; answers when each is confirmed, or when the link is over. */
  publish(items: readonly AmqpItem[]): Promise<PartAnswer> {
    const flight = this.#begin(items);
    const channel = this.#channel;
    let unconfirmed = items.length;
    const confirm = (error: unknown): void => {
      // A closed channel tells each message; why it closed is told to the batch.
      if (this.#isOver) return;
      if (error !== null && error !== undefined) {
        flight.end({ kind: 'failed', reason: 'RabbitMQ: the server did not take a record (nack)' });
      }
      unconfirmed -= 1;
      if (unconfirmed === 0) flight.end({ kind: 'settled', refused: this.#refused() });
    };
    try {
      for (const { exchange, routingKey, content, options } of items) {
        channel?.publish(exchange, routingKey, content, options, confirm);
      }
    } catch (error) {
      this.#fail(error as Error);
    }
    return flight.answer;
  }

  /** Says goodbye; a server that does not answer is the caller's to end. */
  async close(): Promise<void> {
    if (this.#isOver) return;
    await this.#model?.close();
  }

  /** Breaks it off at once. */
  end(): void {
    this.#over({ kind: 'failed', reason: 'RabbitMQ: the link was given up' });
    this.#abandon.abort();
  }

  #socketOptions(host: string, port: number, isTls: boolean): object {
    const { signal } = this.#abandon;
    if (!isTls) return { signal };
    // A TLS socket takes no signal, but what is below it does.
    const socket = new Socket({ signal });
    socket.on('error', () => {});
    socket.connect({ host, port });
    return { socket };
  }

  #listenToModel(model: ChannelModel): void {
    model.on('error', (error) => this.#fail(error));
    model.on('close', (error?: Error) => this.#fail(error ?? new Error('the connection closed')));
    model.on('blocked', (reason) => {
      this.#blockedBy = oneLine(String(reason)) || 'no reason given';
    });
    model.on('unblocked', () => {
      this.#blockedBy = undefined;
      this.#wake();
    });
  }

  #listenToChannel(channel: ConfirmChannel): void {
    channel.on('error', (error) => this.#fail(error));
    channel.on('close', () => this.#fail(new Error('the channel closed')));
    channel.on('return', (message) => this.#return(message));
  }

  #begin(items: readonly AmqpItem[]): Flight {
    this.#places.clear();
    this.#returned.clear();
    for (const { eventId, index } of items) this.#places.set(eventId, index);
    let resolve: (answer: PartAnswer) => void = () => {};
    const answer = new Promise<PartAnswer>((settle) => {
      resolve = settle;
    });
    const flight: Flight = {
      answer,
      end: resolve,
    };
    this.#flight = flight;
    return flight;
  }

  /** The server tells what it could not route before it confirms it. */
  #return({ fields, properties }: Message): void {
    const { replyCode, replyText, exchange, routingKey } = fields as object as ReturnFields;
    const index = this.#places.get(String(properties.messageId));
    if (index === undefined) return;
    const where = `exchange '${exchange}', routing key '${routingKey}'`;
    this.#returned.set(index, oneLine(`returned: ${replyCode} ${replyText} (${where})`));
  }

  #refused(): RefusedRecord[] {
    return [...this.#returned].map(([index, reason]) => ({ index, reason }));
  }

  #fail(error: Error): void {
    const reason = oneLine(`RabbitMQ: ${error.message}`);
    this.#lastFault ||= reason;
    this.#over({ kind: TOO_LARGE.test(reason) ? 'too large' : 'failed', reason: this.#lastFault });
    this.#abandon.abort();
  }

  #over(answer: PartAnswer): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#flight?.end(answer);
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

interface ReturnFields {
  readonly replyCode: number;
  readonly replyText: string;
  readonly exchange: string;
  readonly routingKey: string;
}
