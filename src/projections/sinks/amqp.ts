/**
 * The AMQP sink: a batch is settled when the server has confirmed each record of it; what no queue
 * gets comes back and is refused.
 * The one idea: a link that fails is given up and the next send makes another, but one that the
 * server blocks is kept: what was published waits there, and is confirmed, not repeated, later.
 * Deliberately unknown here: when a batch is sent again, and who reads it.
 */
import type { AmqpHookConfig } from '../../domain/options-hook-amqp.ts';
import type { OutgoingRecord, RefusedRecord, Sink, SinkAnswer } from '../../ports/sink.ts';
import { AmqpLink } from './amqp-link.ts';
import type { AmqpItem } from './amqp-message.ts';
import { amqpItem } from './amqp-message.ts';
import type { PartAnswer } from './batch-parts.ts';
import { sendParts } from './batch-parts.ts';
import type { Bound } from './bounded.ts';
import { GivenUp, oneLine, STOPPED, within } from './bounded.ts';
import type { SinkWorld } from './secrets.ts';

/** How long a goodbye may take before the link is broken off. */
const GOODBYE_MS = 500;

/** One part on its way; over once nobody waits for it. */
interface Attempt {
  isOver: boolean;
}

/** What is on its way: the event ids, and what becomes of it. */
interface Left {
  readonly ids: string;
  readonly answer: Promise<PartAnswer>;
}

class AmqpSink implements Sink {
  readonly #config: AmqpHookConfig;
  readonly #world: SinkWorld;
  #link: AmqpLink | undefined;
  /** What was published over the link and is not known to be taken. */
  #left: Left | undefined;

  constructor(config: AmqpHookConfig, world: SinkWorld) {
    this.#config = config;
    this.#world = world;
  }

  async send(batch: readonly OutgoingRecord[], signal: AbortSignal): Promise<SinkAnswer> {
    if (signal.aborted) return { kind: 'failed', reason: STOPPED };
    const refused: RefusedRecord[] = [];
    const items: AmqpItem[] = [];
    for (const [index, record] of batch.entries()) {
      const item = amqpItem(this.#config, record, index);
      if ('reason' in item) refused.push(item);
      else items.push(item);
    }
    const untilMs = this.#world.timers.steadyMs() + this.#config.given.publish_timeout;
    const parts = items.length === 0 ? [] : [items];
    const answer = await sendParts(parts, (part) => this.#sendPart(part, untilMs, signal));
    if (answer.kind === 'failed') return answer;
    refused.push(...answer.refused);
    return { kind: 'settled', refused: refused.sort((one, other) => one.index - other.index) };
  }

  async close(): Promise<void> {
    const [link, left] = [this.#link, this.#left];
    this.#link = undefined;
    this.#left = undefined;
    if (link === undefined) return;
    if (link.isUsable && left === undefined) {
      const { signal } = new AbortController();
      const bound = { timers: this.#world.timers, signal, tooLate: '', waitMsMax: GOODBYE_MS };
      // Whatever it answers, or does not: the link ends now.
      await within(bound, link.close()).catch(() => {});
    }
    link.end();
  }

  async #sendPart(
    part: readonly AmqpItem[],
    untilMs: number,
    signal: AbortSignal,
  ): Promise<PartAnswer> {
    const { timers } = this.#world;
    const tooLate = `RabbitMQ: no confirm within ${this.#config.given.publish_timeout} ms`;
    const bound = { timers, signal, tooLate, waitMsMax: untilMs - timers.steadyMs() };
    const attempt = { isOver: false };
    try {
      const answer = await within(bound, this.#deliver(part, bound, attempt));
      if (answer.kind !== 'settled') this.#giveUp();
      return answer;
    } catch (error) {
      attempt.isOver = true;
      const blockedBy = this.#link?.blockedBy;
      if (error instanceof GivenUp && blockedBy !== undefined && !signal.aborted) {
        return { kind: 'failed', reason: `RabbitMQ: blocked: ${blockedBy}` };
      }
      this.#giveUp();
      return { kind: 'failed', reason: this.#reasonOf(error as Error) };
    }
  }

  async #deliver(part: readonly AmqpItem[], bound: Bound, attempt: Attempt): Promise<PartAnswer> {
    const link = await this.#usableLink(bound);
    await link.untilUnblocked();
    const ids = part.map(({ eventId }) => eventId).join(' ');
    const left = this.#left;
    if (left !== undefined) {
      // It waited behind a block and comes through now: the same batch need not go twice.
      const answer = await left.answer;
      if (answer.kind !== 'settled' || left.ids === ids) return this.#taken(answer, attempt);
    }
    // Whoever waited may have left meanwhile, and would send it again.
    if (attempt.isOver) throw new GivenUp(STOPPED);
    this.#left = { ids, answer: link.publish(part) };
    return this.#taken(await this.#left.answer, attempt);
  }

  #taken(answer: PartAnswer, attempt: Attempt): PartAnswer {
    if (!attempt.isOver) this.#left = undefined;
    return answer;
  }

  async #usableLink({ timers, signal }: Bound): Promise<AmqpLink> {
    if (this.#link?.isUsable === true) return this.#link;
    this.#giveUp();
    const link = new AmqpLink();
    this.#link = link;
    const waitMsMax = this.#config.given.connect_timeout;
    const tooLate = `RabbitMQ: no connection within ${waitMsMax} ms`;
    await within(
      { timers, signal, tooLate, waitMsMax },
      link.open(this.#config, this.#world.readSecret),
    );
    return link;
  }

  #reasonOf(error: Error): string {
    if (error instanceof GivenUp) return error.message;
    const { username, vhost } = this.#config;
    // The library keeps to itself what the server said at this step, but only one thing can be.
    const isVhost = error.message.startsWith('Expected ConnectionOpenOk');
    const what = `there is no vhost '${vhost}', or user '${username}' may not use it`;
    return oneLine(`RabbitMQ: ${isVhost ? what : error.message}`);
  }

  #giveUp(): void {
    this.#link?.end();
    this.#link = undefined;
    this.#left = undefined;
  }
}

/** A sink to RabbitMQ; connects at its first send. */
export const createAmqpSink = (config: AmqpHookConfig, world: SinkWorld): Sink =>
  new AmqpSink(config, world);
