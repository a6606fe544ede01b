/**
 * Checks records against their published schema, as a consumer would: after a way over the wire.
 * The one idea: a record is checked by the schema of its own type, whose complaints can be read.
 * Knows nothing of what records mean.
 */
import assert from 'node:assert/strict';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { recordSchema } from '../../scripts/schemas/record.ts';
import type { LogRecord } from '../../src/projections/log-record/record.ts';

const ajv = new Ajv({ strict: false, allErrors: true });
formats.default(ajv);
const validate = ajv.compile(recordSchema());
const byType = new Map<string, ReturnType<Ajv['compile']>>();

/** The check of one type alone: what is wrong is easier to read than that of all types at once. */
function checkOf(type: string): ReturnType<Ajv['compile']> {
  const known = byType.get(type) ?? ajv.compile(schemaOf(type));
  byType.set(type, known);
  return known;
}

const schemaOf = (type: string): object => {
  const { definitions } = recordSchema() as { definitions: Record<string, object> };
  const schema = definitions[type];
  assert.ok(schema !== undefined, `${type} has a schema`);
  return schema;
};

/** Fails where a record is not as its schema says, as it is after a way over the wire. */
export function assertSchema(record: LogRecord): void {
  const sent = JSON.parse(JSON.stringify(record)) as unknown;
  const check = checkOf(record.type);
  assert.ok(check(sent), `${JSON.stringify(check.errors)}\n${JSON.stringify(sent)}`);
}

/** True when a value is a record of some type. */
export const isRecord = (value: unknown): boolean => validate(value) === true;
