/**
 * A record as an AMQP message: where it goes, its properties and headers.
 * Deliberately unknown here: connections.
 */
import type { Options } from 'amqplib';
import type { HookTemplate } from '../../domain/hook-template.ts';
import { fillTemplate } from '../../domain/hook-template.ts';
import type { AmqpHookConfig } from '../../domain/options-hook-amqp.ts';
import { amqpNameProblem } from '../../domain/options-hook-amqp.ts';
import type { OutgoingRecord, RefusedRecord } from '../../ports/sink.ts';
import type { SizedItem } from './batch-parts.ts';
import { factsOf, headersOf } from './record-facts.ts';

/** A record as it is published. */
export interface AmqpItem extends SizedItem {
  readonly eventId: string;
  readonly exchange: string;
  readonly routingKey: string;
  readonly content: Buffer;
  readonly options: Options.Publish;
}

/** The message a record becomes, or why no server would ever take it. */
export function amqpItem(
  config: AmqpHookConfig,
  outgoing: OutgoingRecord,
  index: number,
): AmqpItem | RefusedRecord {
  const { exchange: exchangeTemplate, routing_key: keyTemplate } = config.given;
  const fill = (template: HookTemplate | undefined): string =>
    template === undefined ? '' : fillTemplate(template, factsOf(outgoing.record));
  const exchange = fill(exchangeTemplate);
  const routingKey = fill(keyTemplate);
  const names = { exchange, 'routing key': routingKey };
  for (const [what, name] of Object.entries(names)) {
    const problem = amqpNameProblem(name);
    if (problem !== undefined) {
      return { index, reason: `the ${what} '${name.slice(0, 60)}...' ${problem}` };
    }
  }
  const content = Buffer.from(outgoing.text);
  const { eventId } = outgoing;
  const options = propertiesOf(config, outgoing);
  return { index, bytes: content.length, eventId, exchange, routingKey, content, options };
}

function propertiesOf({ given }: AmqpHookConfig, outgoing: OutgoingRecord): Options.Publish {
  const { record, eventId } = outgoing;
  return {
    messageId: eventId,
    // Seconds since 1970 (AMQP 0-9-1 section 4.2.5.4).
    timestamp: Math.floor(record.timestamp),
    type: given.message_type ?? record.type,
    appId: given.app_id,
    contentType: given.content_type,
    deliveryMode: given.delivery_mode,
    mandatory: given.mandatory,
    headers: { ...given.headers, ...headersOf(outgoing) },
    ...(given.content_encoding !== undefined && { contentEncoding: given.content_encoding }),
    ...(given.user_id !== undefined && { userId: given.user_id }),
    ...(given.reply_to !== undefined && { replyTo: given.reply_to }),
    ...(given.correlation_id !== undefined && { correlationId: given.correlation_id }),
    ...(given.expiration !== undefined && { expiration: given.expiration }),
    ...(given.priority !== undefined && { priority: given.priority }),
  };
}
