/**
 * Requests about admin rules that are refused, and those that are not, over a real socket: which
 * status, which sentence, and what the engine is asked. Deliberately unknown here: the engine,
 * which the test plays.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { AdminCommand } from '../../src/actors/admin/wishes.ts';
import type { HttpListener } from '../../src/api/http.ts';
import type { Criteria } from '../../src/domain/admin-rules.ts';
import { openHttp } from './http-parts.ts';

const SUSPEND = '/api/admin/suspend/v1';
const SUSPEND_READY = '/api/admin/suspend-ready-q/v1';
const BOUNCE = '/api/admin/bounce/v1';
const REBIND = '/api/admin/rebind/v1';
const JSON_TYPE = { 'content-type': 'application/json' };

const asked: AdminCommand[] = [];
const counted: Criteria[] = [];
let refusal: string | undefined;
let listener: HttpListener;
let base = '';

before(async () => {
  const admin = {
    allocateId: () => 'the-id',
    command: (command: AdminCommand) => {
      asked.push(command);
      return Promise.resolve(refusal);
    },
    listRules: () => Promise.resolve({ rules: [], at: 0 }),
    count: (criteria: Criteria) => {
      counted.push(criteria);
      return Promise.resolve({ messages: 7, queues: 2 });
    },
  };
  ({ listener, base } = await openHttp({ admin }, { request_body_limit: 5_000 }));
});

after(async () => listener.stop(0));

async function send(method: string, path: string, body: string | undefined, headers = JSON_TYPE) {
  const answer = await fetch(base + path, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
  });
  return { status: answer.status, text: await answer.text() };
}

const post = (path: string, body: unknown) => send('POST', path, JSON.stringify(body));

const REFUSED: readonly (readonly [unknown, string, RegExp])[] = [
  [{}, BOUNCE, /reason: is missing/],
  [{ reason: 'r', domian: 'a' }, BOUNCE, /domian: is not an option here; did you mean 'domain'/],
  [{ reason: 'r', routing_domain: 'a' }, SUSPEND, /routing_domain: is not an option/],
  [{ reason: 'r', duration: '5 parsecs' }, SUSPEND, /duration: .*unknown unit/],
  [{ reason: 'r', duration: -1 }, BOUNCE, /duration: .*negative/],
  [{ reason: 'r', expires: 'tomorrow' }, SUSPEND, /expires: 'tomorrow' is not a time/],
  [{ reason: 'r', expires: '2026-02-01 10:00:00' }, SUSPEND, /expires: .* is not a time/],
  [{ reason: 'r', queue_names: [] }, BOUNCE, /queue_names: is an empty list/],
  [{ reason: 'r', queue_names: ['a', 7] }, BOUNCE, /queue_names.entry 2: 7 is not a text/],
  [{ reason: 'r', tenant: 7 }, BOUNCE, /tenant: 7 is not a text/],
  [{ reason: 'r', suppress_logging: 'yes' }, BOUNCE, /suppress_logging: .*not a truth value/],
  [{ reason: 'r' }, SUSPEND_READY, /name: is missing/],
  [{ reason: 'r' }, REBIND, /data: is missing/],
  [{ reason: 'r', data: { tenant: 1 } }, REBIND, /data.'tenant': 1 is not a text/],
  [{ reason: 'r', data: { colour: 'red' } }, REBIND, /data\.colour: does not name a part/],
  [{ reason: 'r', data: { tenant: 'a@b' } }, REBIND, /data\.tenant: holds a mark/],
  [{ reason: 'r', data: { queue: 'a@b@c' } }, REBIND, /data\.queue/],
  [['r'], SUSPEND, /is not an object/],
  [null, SUSPEND, /is not an object/],
];

test('what cannot be meant is refused with a sentence that names the key', async () => {
  for (const [body, path, sentence] of REFUSED) {
    const { status, text } = await post(path, body);
    assert.equal(status, 422, `${JSON.stringify(body)}: ${text}`);
    const { error } = JSON.parse(text) as { error: string };
    assert.ok(error.startsWith(`POST ${path}: `), error);
    assert.match(error, sentence);
  }
  assert.deepEqual(asked.splice(0), [], 'the engine heard of none');
});

test('what is no JSON, too large or elsewhere is refused by its status', async () => {
  const good = JSON.stringify({ reason: 'r' });
  const plain = { 'content-type': 'text/plain' };
  const statuses = [
    await send('POST', BOUNCE, good, plain),
    await send('POST', BOUNCE, undefined, plain),
    await send('DELETE', BOUNCE, undefined, plain),
    await send('POST', BOUNCE, '{"reason":'),
    await send('POST', BOUNCE, ''),
    await post(BOUNCE, { reason: 'r'.repeat(6_000) }),
    await send('PUT', BOUNCE, good),
  ].map(({ status }) => status);
  assert.deepEqual(statuses, [415, 415, 415, 400, 400, 413, 404]);
  assert.deepEqual(asked.splice(0), []);
});

test('what is meant reaches the engine: defaults, spans, nulls, names in lower case', async () => {
  const why = 'r';
  const id = 'the-id';
  const answers = [
    await post(SUSPEND, { reason: why, campaign: null, domain: 'A.Example' }),
    await post(SUSPEND, { reason: why, queue_names: ['T@a'], tenant: 'x' }),
    await post(SUSPEND_READY, { reason: why, name: 'q', expires: '2026-01-31T12:00:00.5+01:00' }),
    await post(BOUNCE, { reason: why, tenant: 'T', duration: 2, suppress_logging: true }),
    await post(REBIND, { reason: why, data: { queue: 't@a.b' } }),
    await post(REBIND, { reason: why, data: { k: 'v' }, trigger_rebind_event: true }),
  ];
  assert.deepEqual(
    answers.map(({ status, text }) => `${status} ${text}`),
    [
      ...['200 {"id":"the-id"}', '200 {"id":"the-id"}', '200 {"id":"the-id"}'],
      ...['200 {"id":"the-id","bounced":{},"total_bounced":0}', '200 {}', '200 {}'],
    ],
  );
  const by = '127.0.0.1';
  const place = { kind: 'suspension.place', id, why, by } as const;
  const half = { isFlush: false, isQuiet: false, criteria: {}, why, id, by } as const;
  const nowhere = { campaign: null, routing_domain: null };
  assert.deepEqual(asked.splice(0), [
    { ...place, about: { criteria: { domain: 'a.example' } }, span: { ms: 300_000 } },
    { ...place, about: { criteria: { queue_names: ['T@a'] } }, span: { ms: 300_000 } },
    { ...place, about: { ready: 'q' }, span: { until: Date.UTC(2026, 0, 31, 11, 0, 0, 500) } },
    {
      kind: 'purge.order',
      id,
      criteria: { tenant: 'T' },
      span: { ms: 2_000 },
      why,
      isQuiet: true,
      by,
    },
    {
      kind: 'rebind.order',
      ...half,
      move: { ...nowhere, tenant: 't', domain: 'a.b' },
      data: { queue: 't@a.b' },
    },
    { kind: 'rebind.order', ...half, data: { k: 'v' } },
  ]);
});

test('a refusal of the engine is 404 for an id, else 422', async () => {
  refusal = 'not so';
  const body = JSON.stringify({ id: 'AB-1' });
  for (const path of [SUSPEND, SUSPEND_READY, BOUNCE]) {
    assert.deepEqual(await send('DELETE', path, body), { status: 404, text: '{"error":"not so"}' });
  }
  assert.equal((await post(REBIND, { reason: 'r', data: {} })).status, 422);
  refusal = undefined;
  assert.deepEqual(await send('DELETE', BOUNCE, body), { status: 200, text: 'removed' });
  assert.deepEqual(asked.at(-1), { kind: 'purge.cancel', id: 'ab-1', by: '127.0.0.1' });
});

test('a dry run counts and does nothing', async () => {
  asked.length = 0;
  const wish = { reason: 'r', domain: 'A.Example', dry_run: true };
  for (const [path, more] of [
    [SUSPEND, {}],
    [BOUNCE, {}],
    [REBIND, { data: {} }],
  ] as const) {
    const { status, text } = await post(path, { ...wish, ...more });
    assert.equal(`${status} ${text}`, '200 {"dry_run":true,"messages":7,"queues":2}');
    assert.deepEqual(counted.pop(), { domain: 'a.example' });
  }
  assert.equal((await post(SUSPEND_READY, { ...wish, name: 'q' })).status, 422);
  assert.deepEqual(asked, [], 'the engine was asked for nothing');
});
