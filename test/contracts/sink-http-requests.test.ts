/**
 * What the HTTP sink sends: ids that stay the same, signatures that the reference library of
 * Standard Webhooks accepts, forms of bodies, headers, compression on the wire.
 * Deliberately unknown here: answers, and connections.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import type { HeardRequest } from './sink-http-receiver.ts';
import { failedOf, httpWorld } from './sink-http-world.ts';
import { recordAt, recordsFrom } from './sink-records.ts';
import { timersAt } from './sink-timers.ts';

const secretOf = (octet: number, count = 32): string =>
  `whsec_${Buffer.alloc(count, octet).toString('base64')}`;

/** The headers that the library asks for. */
const signedHeaders = ({ headers }: HeardRequest): Record<string, string> => ({
  'webhook-id': String(headers['webhook-id']),
  'webhook-timestamp': String(headers['webhook-timestamp']),
  'webhook-signature': String(headers['webhook-signature']),
});

const verify = (secret: string, request: HeardRequest): unknown =>
  new Webhook(secret).verify(request.body, signedHeaders(request));

const only = (requests: readonly HeardRequest[]): HeardRequest => {
  const request = requests.at(-1);
  assert.ok(request !== undefined, 'a request');
  return request;
};

test('the library of Standard Webhooks accepts the signature, and sees changes', async (t) => {
  const secret = secretOf(1);
  for (const gzip of [false, true]) {
    const { receiver, send } = await httpWorld(t, { options: { signing_secret: secret, gzip } });
    await send(recordsFrom(1, 40));
    const request = only(receiver.requests);
    assert.equal((verify(secret, request) as unknown[]).length, 40);
    assert.throws(() => verify(secretOf(2), request));
    assert.throws(() => verify(secret, { ...request, body: `${request.body} ` }));
    const headers = { ...request.headers, 'webhook-id': 'another' };
    assert.throws(() => verify(secret, { ...request, headers }));
  }
});

test('content beyond ASCII is signed as it is sent', async (t) => {
  const secret = secretOf(3, 24);
  const { receiver, send } = await httpWorld(t, { options: { signing_secret: secret } });
  await send([recordAt(1, { sender: 'ünïcödé 用户 🙂 \ud800' })]);
  verify(secret, only(receiver.requests));
});

test('while secrets are exchanged both the old and the new one verify', async (t) => {
  const [old, young] = [secretOf(4), secretOf(5, 64)];
  const options = { signing_secret: [young, { key_data: old }] };
  const { receiver, send } = await httpWorld(t, { options });
  await send(recordsFrom(1, 2));
  const request = only(receiver.requests);
  verify(old, request);
  verify(young, request);
  assert.match(String(request.headers['webhook-signature']), /^v1,\S{44} v1,\S{44}$/);
});

test('secrets are in a file, the environment or the policy; none: no signature', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-secret-'));
  const path = join(folder, 'secret');
  writeFileSync(path, `${secretOf(6)}\n`);
  process.env['WAYBILL_TEST_SECRET'] = secretOf(7).slice('whsec_'.length);
  t.after(() => {
    rmSync(folder, { recursive: true });
    delete process.env['WAYBILL_TEST_SECRET'];
  });
  const options = { signing_secret: [path, { env: 'WAYBILL_TEST_SECRET' }] };
  const { receiver, send } = await httpWorld(t, { options });
  await send(recordsFrom(1, 1));
  for (const octet of [6, 7]) verify(secretOf(octet), only(receiver.requests));
  const bare = await httpWorld(t);
  await bare.send(recordsFrom(1, 1));
  const { headers } = only(bare.receiver.requests);
  assert.equal(headers['webhook-signature'], undefined);
  assert.equal(typeof headers['webhook-id'], 'string');
});

test('a secret that cannot be read holds records back and sends nothing unsigned', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-secret-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const broken = join(folder, 'broken');
  writeFileSync(broken, 'whsec_tooshort');
  const cases = [
    [{ signing_secret: join(folder, 'missing') }, /^cannot read a secret from the file .*missing$/],
    [{ signing_secret: broken }, /^the file .*broken holds no signing secret; use 'whsec_'/],
    [{ auth: { bearer: { env: 'WAYBILL_NOT_THERE' } } }, /environment variable WAYBILL_NOT_THERE$/],
    [{ headers: { 'x-key': { path: join(folder, 'missing') } } }, /from the file .*missing$/],
  ] as const;
  for (const [options, expected] of cases) {
    const { receiver, send } = await httpWorld(t, { options });
    assert.match(failedOf(await send(recordsFrom(1, 1))).reason, expected);
    assert.equal(receiver.requests.length, 0);
  }
});

test('the id of a record is its event id, that of a batch its own; both stay', async (t) => {
  let now = Date.UTC(2026, 0, 1);
  const { receiver, send } = await httpWorld(t, { ports: { timers: timersAt(() => now) } });
  const batches = [
    recordsFrom(1, 1),
    recordsFrom(1, 10),
    recordsFrom(2, 10),
    recordsFrom(1, 11),
    [recordAt(1), recordAt(10)],
    [{ ...recordAt(1), eventId: 'not for\r\na header' }],
  ];
  for (let round = 0; round < 2; round += 1) {
    for (const batch of batches) await send(batch);
    now += 5_000;
  }
  const ids = receiver.requests.map(({ headers }) => String(headers['webhook-id']));
  const stamps = receiver.requests.map(({ headers }) => Number(headers['webhook-timestamp']));
  assert.deepEqual(ids.slice(0, 6), ids.slice(6), 'again the same');
  assert.equal(new Set(ids).size, 6);
  assert.equal(ids[0], 'event-1');
  for (const id of ids.slice(1, 6)) assert.match(id, /^batch_[0-9a-f]{32}$/);
  assert.deepEqual([stamps[0], stamps[6]], [Date.UTC(2026, 0, 1) / 1_000, 1_767_225_605]);
});

test('an object for one, a list for a hook with batches, lines where that is wanted', async (t) => {
  const [one, two] = recordsFrom(1, 2);
  assert.ok(one !== undefined && two !== undefined);
  const bodyOf = async (options: object, isBatched: boolean, batch = [one]) => {
    const { receiver, send } = await httpWorld(t, { options, isBatched });
    assert.equal((await send(batch)).kind, 'settled');
    const { headers, body } = only(receiver.requests);
    return [headers['content-type'], body];
  };
  const json = 'application/json';
  assert.deepEqual(await bodyOf({}, false), [json, one.text]);
  assert.deepEqual(await bodyOf({}, true), [json, `[${one.text}]`]);
  assert.deepEqual(await bodyOf({}, true, [one, two]), [json, `[${one.text},${two.text}]`]);
  const lines = { content: 'ndjson' };
  const ndjson = 'application/x-ndjson';
  assert.deepEqual(await bodyOf(lines, false), [ndjson, `${one.text}\n`]);
  const both = `${one.text}\n${two.text}\n`;
  assert.deepEqual(await bodyOf(lines, true, [one, two]), [ndjson, both]);
  const made = { ...one, text: 'whatever <a> template & makes' };
  const options = { headers: { 'Content-Type': 'text/plain' } };
  assert.deepEqual(await bodyOf(options, false, [made]), ['text/plain', made.text]);
});

test('an envelope says of a record what CloudEvents asks for', async (t) => {
  const options = { cloudevents: 'structured' };
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const traced = recordAt(7, { meta: { traceparent } });
  const { receiver, send } = await httpWorld(t, { options, isBatched: false });
  await send([{ ...traced, isReplay: true }]);
  const { headers, body } = only(receiver.requests);
  assert.equal(headers['content-type'], 'application/cloudevents+json');
  const { data, ...attributes } = JSON.parse(body) as Record<string, unknown>;
  assert.deepEqual(data, JSON.parse(traced.text));
  assert.deepEqual(attributes, {
    specversion: '1.0',
    id: 'event-7',
    source: `urn:waybill:node:${traced.record.nodeid}`,
    type: 'waybill.log.Delivery',
    time: traced.record.event_time,
    subject: traced.record.id,
    schemaversion: 1,
    replay: true,
    traceparent,
    datacontenttype: 'application/json',
  });
  // CloudEvents 1.0, section 3.1: names are lower-case letters and digits.
  for (const name of Object.keys(attributes)) assert.match(name, /^[a-z0-9]{1,20}$/);
  await send([recordAt(1, { id: '' }), recordAt(2)]);
  const list = only(receiver.requests);
  assert.equal(list.headers['content-type'], 'application/cloudevents-batch+json');
  const envelopes = JSON.parse(list.body) as Record<string, unknown>[];
  assert.deepEqual(
    envelopes.map(({ id, subject }) => [id, typeof subject]),
    [
      ['event-1', 'undefined'],
      ['event-2', 'string'],
    ],
  );
});

test('headers: method, further ones, replays, traces', async (t) => {
  const options = { method: 'PUT', headers: { 'X-Team': 'billing', 'User-Agent': 'ours' } };
  const { receiver, send } = await httpWorld(t, { options, path: '/in?a=1&b=%20' });
  const good = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const traced = recordAt(1, { meta: { traceparent: good } });
  await send([traced]);
  const first = only(receiver.requests);
  assert.deepEqual([first.method, first.path], ['PUT', '/in?a=1&b=%20']);
  assert.equal(first.headers['x-team'], 'billing');
  assert.equal(first.headers['user-agent'], 'ours');
  assert.equal(first.headers['waybill-replay'], undefined);
  assert.equal(first.headers['traceparent'], good);
  await send([traced, recordAt(2)]);
  assert.equal(
    only(receiver.requests).headers['traceparent'],
    undefined,
    'a batch has no one trace',
  );
  for (const bad of [
    `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
    'x\r\nEvil: 1',
    7,
    null,
    `${good}-`,
  ]) {
    await send([recordAt(3, { meta: { traceparent: bad } })]);
    const { headers } = only(receiver.requests);
    assert.deepEqual([headers['traceparent'], headers['evil']], [undefined, undefined]);
  }
  await send([{ ...recordAt(4), isReplay: true }]);
  assert.equal(only(receiver.requests).headers['waybill-replay'], 'true');
});

test('large bodies are compressed on the wire, small ones are not', async (t) => {
  const { receiver, send } = await httpWorld(t, { options: { gzip: true } });
  await send(recordsFrom(1, 100));
  const large = only(receiver.requests);
  assert.equal(large.headers['content-encoding'], 'gzip');
  assert.equal(Number(large.headers['content-length']), large.wire.length);
  assert.deepEqual([...large.wire.subarray(0, 2)], [0x1f, 0x8b]);
  assert.ok(large.wire.length < Buffer.byteLength(large.body) / 2, String(large.wire.length));
  const whole = `[${recordsFrom(1, 100)
    .map(({ text }) => text)
    .join(',')}]`;
  assert.equal(large.body, whole);
  await send([{ ...recordAt(1), text: '{"event_id":"event-1"}' }]);
  const small = only(receiver.requests);
  assert.equal(small.headers['content-encoding'], undefined);
  assert.equal(small.wire.toString('utf8'), '[{"event_id":"event-1"}]');
});
