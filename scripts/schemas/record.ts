/**
 * JSON Schema and AsyncAPI document of the public log record, printed from its definition. The one
 * idea: what subscribers generate code from is what the projection is checked against.
 * Deliberately unknown here: where the documents are written.
 */
import type { FieldDefinition, JsonSchema } from '../../src/projections/log-record/definition.ts';
import { FIELDS, TYPES } from '../../src/projections/log-record/definition.ts';
import type { RecordType } from '../../src/projections/log-record/record.ts';
import { RECORD_SCHEMA_VERSION, RECORD_TYPES } from '../../src/projections/log-record/record.ts';

const fields = Object.entries(FIELDS) as [string, FieldDefinition][];

/** The schema of one type of record, complete in itself. */
export function typeSchema(type: RecordType): JsonSchema {
  const { says, narrows = {}, isReserved } = TYPES[type];
  const narrowed = narrows as Readonly<Record<string, JsonSchema>>;
  const properties = fields.map(([name, { schema, says: means }]) => {
    const own = name === 'type' ? { const: type } : schema;
    const more = narrowed[name];
    return [name, { ...(more === undefined ? own : { allOf: [own, more] }), description: means }];
  });
  return {
    title: type,
    description: `${says}.${isReserved ? ' Reserved: not written by this version.' : ''}`,
    type: 'object',
    properties: Object.fromEntries(properties),
    required: fields.filter(([, { isOptional }]) => !isOptional).map(([name]) => name),
    additionalProperties: false,
  };
}

const schemas = (): JsonSchema =>
  Object.fromEntries(RECORD_TYPES.map((type) => [type, typeSchema(type)]));

/** The schema of any record. */
export const recordSchema = (): JsonSchema => ({
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Waybill: log record',
  description: `One event of one message, version ${RECORD_SCHEMA_VERSION} of its shape.`,
  oneOf: RECORD_TYPES.map((type) => ({ $ref: `#/definitions/${type}` })),
  definitions: schemas(),
});

const texts = (names: Readonly<Record<string, string>>, required: readonly string[]) => ({
  type: 'object',
  properties: Object.fromEntries(
    Object.entries(names).map(([name, description]) => [name, { type: 'string', description }]),
  ),
  required,
});

const BROKER_HEADERS = texts(
  {
    type: 'type of the record',
    event_id: 'event_id of the record',
    schema_version: 'schema_version of the record',
    traceparent: 'W3C trace context, where there is one',
    replay: '`true` where an operator asked for it again',
  },
  ['type', 'event_id', 'schema_version'],
);

const HTTP_HEADERS = texts(
  {
    'webhook-id': 'id of the delivery: the same however often it is sent',
    'webhook-timestamp': 'seconds since 1970',
    'webhook-signature': 'signatures by Standard Webhooks, one for each secret in use',
    traceparent: 'W3C trace context, where there is one',
  },
  ['webhook-id'],
);

const message = (type: RecordType, headers: string): JsonSchema => ({
  name: type,
  title: type,
  summary: TYPES[type].says,
  contentType: 'application/json',
  headers: { $ref: `#/components/schemas/${headers}` },
  payload: { $ref: `#/components/schemas/${type}` },
});

const messageKey = (type: RecordType, way: 'Broker' | 'Http'): string => `${way}${type}`;

function channel(address: string, description: string, way: 'Broker' | 'Http'): JsonSchema {
  const messages = RECORD_TYPES.map((type) => {
    const key = messageKey(type, way);
    return [key, { $ref: `#/components/messages/${key}` }];
  });
  return { address, description, messages: Object.fromEntries(messages) };
}

const receive = (name: string, summary: string): JsonSchema => ({
  action: 'send',
  channel: { $ref: `#/channels/${name}` },
  summary,
});

const CHANNELS: Readonly<Record<string, JsonSchema>> = {
  kafka: channel(
    'topic of the hook',
    'One record a message, in order per hook; the key is the id of the message unless set.',
    'Broker',
  ),
  amqp: channel(
    'exchange and routing key of the hook',
    'One record a message, persistent, confirmed by the broker before the hook moves on.',
    'Broker',
  ),
  webhook: channel(
    'url of the hook',
    'POST of one record, or of an array of them where the hook has a batch size above one.',
    'Http',
  ),
};

/** The AsyncAPI document: where records arrive and what they are. */
export function recordApi(): JsonSchema {
  const ways = ['Broker', 'Http'] as const;
  const messages = ways.flatMap((way) =>
    RECORD_TYPES.map((type) => [messageKey(type, way), message(type, `${way}Headers`)]),
  );
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Waybill log records',
      version: `${RECORD_SCHEMA_VERSION}.0.0`,
      description: 'What becomes of mail, as log hooks tell it: at least once, in order per hook.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/json',
    channels: CHANNELS,
    operations: Object.fromEntries(
      Object.keys(CHANNELS).map((name) => [
        `send_${name}`,
        receive(name, 'Waybill sends every record that the hook lets through.'),
      ]),
    ),
    components: {
      messages: Object.fromEntries(messages),
      schemas: { ...schemas(), BrokerHeaders: BROKER_HEADERS, HttpHeaders: HTTP_HEADERS },
    },
  };
}
