/**
 * The Kafka sink: a batch is one produce call, confirmed by all replicas in sync, or it failed.
 * The one idea: whatever goes wrong the producer is given up and the next send makes another, so
 * nothing that is left of a failed attempt can be mistaken for the next one.
 * Deliberately unknown here: when a batch is sent again, and who reads it.
 */
import type { Message } from 'kafkajs';
import { fillTemplate } from '../../domain/hook-template.ts';
import type { KafkaHookConfig } from '../../domain/options-hook-kafka.ts';
import { topicProblem } from '../../domain/options-hook-kafka-kinds.ts';
import type { OutgoingRecord, RefusedRecord, Sink, SinkAnswer } from '../../ports/sink.ts';
import type { PartAnswer, SizedItem } from './batch-parts.ts';
import { cutBySize, sendParts } from './batch-parts.ts';
import { GivenUp, STOPPED, within } from './bounded.ts';
import type { KafkaLink, TopicMessages } from './kafka-client.ts';
import { loadKafka } from './kafka-client.ts';
import { isTooLarge, kafkaReason } from './kafka-faults.ts';
import { factsOf, headersOf, recipientDomainOf, tenantOf } from './record-facts.ts';
import type { SinkWorld } from './secrets.ts';

/** What a broker adds to each record at most (record batch format 2, varints at their longest). */
const RECORD_OVERHEAD_BYTES = 40;
const HEADER_OVERHEAD_BYTES = 10;

interface KafkaItem extends SizedItem {
  readonly topic: string;
  readonly message: Message;
}

/** One part on its way; over once nobody waits for it. */
interface Attempt {
  readonly isOver: boolean;
}

class KafkaSink implements Sink {
  readonly #config: KafkaHookConfig;
  readonly #world: SinkWorld;
  #link: KafkaLink | undefined;

  constructor(config: KafkaHookConfig, world: SinkWorld) {
    this.#config = config;
    this.#world = world;
  }

  async send(batch: readonly OutgoingRecord[], signal: AbortSignal): Promise<SinkAnswer> {
    if (signal.aborted) return { kind: 'failed', reason: STOPPED };
    const refused: RefusedRecord[] = [];
    const items: KafkaItem[] = [];
    for (const [index, record] of batch.entries()) {
      const item = this.#item(record, index);
      if ('reason' in item) refused.push(item);
      else items.push(item);
    }
    const until = this.#world.timers.steadyMs() + this.#config.sendMsMax;
    const parts = cutBySize(items, this.#config.bytesMax);
    const answer = await sendParts(parts, (part) => this.#sendPart(part, until, signal));
    if (answer.kind === 'failed') return answer;
    refused.push(...answer.refused);
    return { kind: 'settled', refused: refused.sort((one, other) => one.index - other.index) };
  }

  async close(): Promise<void> {
    this.#giveUp();
  }

  #giveUp(): void {
    this.#link?.end();
    this.#link = undefined;
  }

  /** The message a record becomes, or why no broker would ever take it. */
  #item(outgoing: OutgoingRecord, index: number): KafkaItem | RefusedRecord {
    const { config, topic } = { config: this.#config, topic: this.#topicOf(outgoing) };
    const problem = config.topic.parts.length > 1 ? topicProblem(topic) : undefined;
    if (problem !== undefined) return { index, reason: `the topic '${topic}' ${problem}` };
    const value = Buffer.from(outgoing.text);
    const key = this.#keyOf(outgoing);
    const headers = headersOf(outgoing);
    const bytes = value.length + (key?.length ?? 0) + RECORD_OVERHEAD_BYTES + bytesOf(headers);
    if (bytes > config.bytesMax) {
      const reason = `of ${bytes} bytes, more than message.max.bytes (${config.bytesMax})`;
      return { index, reason: `the record is ${reason}` };
    }
    return { index, bytes, topic, message: { key, value, headers } };
  }

  #topicOf({ record }: OutgoingRecord): string {
    return fillTemplate(this.#config.topic, factsOf(record));
  }

  #keyOf({ record }: OutgoingRecord): Buffer | null {
    const { key } = this.#config;
    if (key === 'none') return null;
    const text = {
      message_id: () => record.id,
      recipient_domain: () => recipientDomainOf(record),
      tenant: () => tenantOf(record),
    }[key]();
    return text === '' ? null : Buffer.from(text);
  }

  async #sendPart(
    part: readonly KafkaItem[],
    untilMs: number,
    signal: AbortSignal,
  ): Promise<PartAnswer> {
    const topics = groupByTopic(part);
    const { timers } = this.#world;
    const tooLate = `Kafka: no answer within ${this.#config.sendMsMax} ms`;
    const bound = { timers, signal, tooLate, waitMsMax: untilMs - timers.steadyMs() };
    const attempt = { isOver: false };
    try {
      await within(bound, this.#produce(topics, attempt));
      return { kind: 'settled', refused: [] };
    } catch (error) {
      attempt.isOver = true;
      this.#giveUp();
      const reason = kafkaReason(
        error,
        topics.map(({ topic }) => topic),
      );
      return { kind: isTooLarge(error) ? 'too large' : 'failed', reason };
    }
  }

  async #produce(topics: readonly TopicMessages[], attempt: Attempt): Promise<void> {
    const link = await this.#usableLink(attempt);
    await link.produce(topics);
  }

  async #usableLink(attempt: Attempt): Promise<KafkaLink> {
    if (this.#link?.isUsable === true) return this.#link;
    this.#giveUp();
    const make = await loadKafka();
    // Whoever waited may have left while the library was loaded, and would not end this link.
    if (attempt.isOver) throw new GivenUp(STOPPED);
    const link = make(this.#config, this.#world.readSecret);
    this.#link = link;
    await link.open();
    return link;
  }
}

function groupByTopic(items: readonly KafkaItem[]): TopicMessages[] {
  const groups = new Map<string, Message[]>();
  for (const { topic, message } of items) {
    const messages = groups.get(topic);
    if (messages === undefined) groups.set(topic, [message]);
    else messages.push(message);
  }
  return [...groups].map(([topic, messages]) => ({ topic, messages }));
}

function bytesOf(headers: Readonly<Record<string, string>>): number {
  let bytes = 0;
  for (const [name, value] of Object.entries(headers)) {
    bytes += name.length + Buffer.byteLength(value) + HEADER_OVERHEAD_BYTES;
  }
  return bytes;
}

/** A sink to Kafka; connects at its first send. */
export const createKafkaSink = (config: KafkaHookConfig, world: SinkWorld): Sink =>
  new KafkaSink(config, world);
