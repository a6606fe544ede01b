/**
 * The published documents of the record: the AsyncAPI document satisfies the meta-schema of its
 * makers, all references lead somewhere, and the schema refuses what is no record.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { recordApi, recordSchema } from '../../scripts/schemas/record.ts';
import { RECORD_TYPES } from '../../src/projections/log-record/record.ts';
import { isRecord } from '../world/record-schema.ts';

const require = createRequire(import.meta.url);
const META_SCHEMA = require.resolve('@asyncapi/specs/schemas/3.0.0-without-$id.json');

const makeAjv = (): Ajv => {
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: true });
  formats.default(ajv);
  return ajv;
};

test('the AsyncAPI document is one by the meta-schema of its makers', () => {
  const meta = JSON.parse(readFileSync(META_SCHEMA, 'utf8')) as object;
  const validate = makeAjv().compile(meta);
  assert.ok(validate(recordApi()), JSON.stringify(validate.errors?.slice(0, 5)));
  const broken = { ...recordApi(), channels: { kafka: { address: 7 } } };
  assert.equal(validate(broken), false, 'the check can fail');
});

/** What `#/a/b` means in a document. */
function follow(document: object, pointer: string): unknown {
  let at: unknown = document;
  for (const name of pointer.slice(2).split('/')) at = (at as Record<string, unknown>)[name];
  return at;
}

test('every reference leads somewhere', () => {
  for (const document of [recordApi(), recordSchema()]) {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"(#[^"]+)"/g)];
    assert.ok(references.length >= RECORD_TYPES.length);
    for (const [, pointer = ''] of references) assert.ok(follow(document, pointer), pointer);
  }
});

test('the schema refuses what is no record', () => {
  const record = {
    type: 'Rejection',
    id: '',
    event_id: '7-00000000000000ab',
    schema_version: 1,
    sender: '',
    recipient: '',
    queue: '',
    site: '',
    size: 0,
    response: { code: 501, enhanced_code: null, content: 'no', command: 'X' },
    peer_address: { name: '', addr: '127.0.0.1' },
    timestamp: 1,
    event_time: '1970-01-01T00:00:01.000Z',
    created: 1,
    created_time: '1970-01-01T00:00:01.000Z',
    num_attempts: 0,
    bounce_classification: 'Uncategorized',
    egress_pool: null,
    egress_source: null,
    source_address: null,
    feedback_report: null,
    meta: {},
    headers: {},
    delivery_protocol: null,
    reception_protocol: null,
    nodeid: '00c0ffee-7761-8962-a969-6c6c00000000',
  };
  assert.ok(isRecord(record));
  const { queue: _, ...missing } = record;
  const wrong: readonly object[] = [
    missing,
    { ...record, type: 'Nothing' },
    { ...record, recipient: ['only one'] },
    { ...record, more: 1 },
    { ...record, event_time: 'yesterday' },
    { ...record, response: { ...record.response, code: 250 } },
    { ...record, response: { ...record.response, content: 'two\nlines' } },
  ];
  for (const one of wrong) assert.equal(isRecord(one), false, JSON.stringify(one));
});
