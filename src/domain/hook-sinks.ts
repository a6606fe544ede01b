/**
 * Which sinks a log hook can have, and the option that names each. The idea: a hook has exactly one
 * sink; its options are read by the one file that knows that kind of sink, found in SINK_KINDS.
 * Deliberately unknown here: what the options of a sink mean, and how records are sent.
 */
import type { LogRecord } from '../projections/log-record/record.ts';
import { hookUrl } from './hook-url.ts';
import { OptionError, OptionValueError } from './option-error.ts';
import { schemaOf } from './option-schema.ts';
import type { JsonSchema, Kind, OptionTable } from './options.ts';
import { isTable, optional } from './options.ts';
import { amqpHook, parseAmqpHook } from './options-hook-amqp.ts';
import { HTTP_SINK_OPTIONS, parseHttpSinkConfig } from './options-hook-http.ts';
import { kafkaHook, parseKafkaHook } from './options-hook-kafka.ts';
import type { LocalLogsConfig } from './options-local-logs.ts';

/** One record as a policy's own sink is given it. */
export interface HookMessage {
  /** The same however often it is sent: what to deduplicate by. */
  readonly event_id: string;
  readonly record: LogRecord;
  /** JSON of the record, or what the hook's template made of it. */
  readonly text: string;
  /** True where an operator asked for it again. */
  readonly is_replay: boolean;
}

/**
 * A sink in the policy itself. `send` is used where `batch_size` is 1, `sendBatch` where it is
 * more. Both answer when the record is safe; what they throw is tried again, unless it was made by
 * `reject(code, text)` with a code outside 400 to 499, which means: never again.
 */
export interface CustomSink {
  send?(message: HookMessage): unknown;
  sendBatch?(messages: readonly HookMessage[]): unknown;
  close?(): unknown;
}

/** A sink of the policy, or what makes one when the hook starts. */
export type CustomSinkSource = CustomSink | ((hookName: string) => CustomSink);

/** Reads the options of one kind of sink; `where` names the hook in a refusal. */
type SinkParser = (raw: unknown, where: string) => unknown;

/** The kinds of sinks that are configured by options, each with the reader of its options. */
export const SINK_KINDS = {
  http: parseHttpSinkConfig,
  amqp: parseAmqpHook,
  kafka: parseKafkaHook,
} satisfies Readonly<Record<string, SinkParser>>;

type Kinds = typeof SINK_KINDS;

/** Where the records of a hook go. */
export type HookSink =
  | {
      readonly [Name in keyof Kinds]: {
        readonly kind: Name;
        readonly config: ReturnType<Kinds[Name]>;
      };
    }[keyof Kinds]
  | { readonly kind: 'custom'; readonly source: CustomSinkSource }
  /** Local log files: they have a call of their own. */
  | { readonly kind: 'files'; readonly config: LocalLogsConfig };

/** The kind of a sink. */
export type SinkKind = HookSink['kind'];

const sinkTable = (
  name: string,
  schema: JsonSchema | undefined,
): Kind<Readonly<Record<string, unknown>>> => ({
  name: `table of the options of ${name}`,
  schema: schema ?? { type: 'object' },
  read(value) {
    // Not shown: a secret may stand where the table should be.
    if (isTable(value)) return value;
    throw new OptionValueError('is not a table', `give a table with the options of ${name}`);
  },
});

// Beside `url` the table of HTTP needs none of its own.
const HTTP_TABLE = {
  ...HTTP_SINK_OPTIONS,
  url: optional(hookUrl, 'the same as `url` of the hook'),
} satisfies OptionTable;

const customSink: Kind<CustomSinkSource> = {
  name: 'object with send or sendBatch, or a function that makes one',
  read(value) {
    if (typeof value === 'function') return value as CustomSinkSource;
    const { send, sendBatch } = isTable(value) ? value : {};
    if (typeof send === 'function' || typeof sendBatch === 'function') return value as CustomSink;
    const fix = 'write { send(message) { ... } } or { sendBatch(messages) { ... } }';
    throw new OptionValueError('has neither send nor sendBatch', fix);
  },
};

/** The options that name a sink. */
export const SINK_OPTIONS = {
  url: optional(hookUrl, 'HTTP: where records are posted to'),
  http: optional(
    sinkTable('HTTP', schemaOf(HTTP_TABLE)),
    'HTTP: everything else about it; `url` may stand here',
  ),
  amqp: optional(sinkTable('AMQP', amqpHook.schema), 'AMQP: connection, exchange and routing key'),
  kafka: optional(sinkTable('Kafka', kafkaHook.schema), 'Kafka: brokers, topic and key'),
  custom: optional(customSink, 'a sink written in the policy itself'),
} satisfies OptionTable;

/** What a hook says of its sink, read option by option. */
export interface GivenSink {
  readonly url?: string;
  readonly http?: Readonly<Record<string, unknown>>;
  readonly amqp?: Readonly<Record<string, unknown>>;
  readonly kafka?: Readonly<Record<string, unknown>>;
  readonly custom?: CustomSinkSource;
  readonly batch_size: number;
}

const SAY_ONE = "give exactly one of url, amqp, kafka and custom, as in url: 'https://…'";

/** The one sink of a hook; refuses none and several. */
export function readHookSink(given: GivenSink, where: string): HookSink {
  const { url: place, http, amqp, kafka, custom, batch_size: batchSize } = given;
  const isHttp = place !== undefined || http !== undefined;
  const named = [isHttp ? 'url' : '', amqp && 'amqp', kafka && 'kafka', custom && 'custom'];
  const kinds = named.filter(Boolean);
  if (kinds.length === 0) throw new OptionError(where, 'url', 'no sink is given', SAY_ONE);
  if (kinds.length > 1) {
    throw new OptionError(where, String(kinds[1]), `is a second sink beside ${kinds[0]}`, SAY_ONE);
  }
  if (custom !== undefined) return readCustom(custom, batchSize, where);
  if (amqp !== undefined) return readKind('amqp', amqp, where);
  if (kafka !== undefined) return readKind('kafka', kafka, where);
  return readKind('http', withUrl(place, http, where), where);
}

function readCustom(source: CustomSinkSource, batchSize: number, where: string): HookSink {
  if (typeof source === 'object' && batchSize > 1 && source.sendBatch === undefined) {
    const problem = `has no sendBatch, but batch_size is ${batchSize}`;
    throw new OptionError(where, 'custom', problem, 'write sendBatch(messages) { ... }');
  }
  return Object.freeze({ kind: 'custom', source });
}

function withUrl(place: string | undefined, http: GivenSink['http'], where: string): unknown {
  if (place !== undefined && http?.['url'] !== undefined) {
    throw new OptionError(where, 'http.url', 'is given beside url', 'give one of them');
  }
  return place === undefined ? http : { url: place, ...http };
}

function readKind<Name extends keyof Kinds>(kind: Name, raw: unknown, where: string): HookSink {
  const config = SINK_KINDS[kind](raw, `${where} ${kind}`.trim());
  return Object.freeze({ kind, config }) as HookSink;
}
