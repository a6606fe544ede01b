/**
 * The OpenAPI document: valid, with every route of the server in it, and true: what routes answer
 * and refuse is what it says. Deliberately unknown here: what routes do.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import type { HttpListener } from '../../src/api/http.ts';
import { UNDESCRIBED } from '../../src/api/openapi.ts';
import { openHttp } from './http-parts.ts';

interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly requestBody?: unknown;
  readonly responses: Readonly<Record<string, unknown>>;
}
type Document = {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
};

let listener: HttpListener;
let base = '';
let document: Document;

before(async () => {
  ({ listener, base } = await openHttp());
  document = (await (await fetch(`${base}/api-docs/openapi.json`)).json()) as Document;
});
after(async () => listener.stop(0));

const operations = (): [method: string, path: string, operation: Operation][] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, string, Operation] => [
      method.toUpperCase(),
      path,
      operation,
    ]),
  );

test('it is a valid document of OpenAPI 3.1', async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone(document));
  assert.ok(valid, JSON.stringify(errors, null, 1));
  assert.equal(validator.version, '3.1');
});

test('every route is described, once, with a sentence', () => {
  const names = operations().map(([, , { operationId }]) => operationId);
  assert.equal(new Set(names).size, names.length);
  assert.ok(names.length >= 40, String(names.length));
  for (const [method, path, { tags, summary }] of operations()) {
    assert.ok(!tags.includes(UNDESCRIBED), `${method} ${path} was added without addRoute`);
    assert.match(summary, /\.$/, `${method} ${path}`);
  }
});

test('the routes of the reference that make sense here are there, with their methods', () => {
  const there = new Set(operations().map(([method, path]) => `${method} ${path}`));
  const three = (path: string) => [`GET ${path}`, `POST ${path}`, `DELETE ${path}`];
  for (const route of [
    'GET /api/check-liveness/v1',
    'GET /api/machine-info',
    'GET /metrics',
    ...three('/api/admin/bounce/v1'),
    ...three('/api/admin/suspend/v1'),
    ...three('/api/admin/suspend-ready-q/v1'),
    'POST /api/admin/rebind/v1',
    'GET /api/admin/inspect-message/v1',
    'GET /api/admin/inspect-sched-q/v1',
    'GET /api/admin/inspect-ready-q/v1',
    'POST /api/admin/abort-ready-q-conn/v1',
    'GET /api/admin/ready-q-states/v1',
    'GET /api/admin/resolve-egress-path/v1',
    'POST /api/admin/set_diagnostic_log_filter/v1',
    'POST /api/admin/bump-config-epoch',
    'POST /api/admin/spool-compact/v1',
    'GET /api/admin/memory/stats',
    'GET /api/admin/task-dump',
    'POST /api/admin/xfer/v1',
    'POST /api/admin/xfer/cancel/v1',
    'POST /api/xfer/inject/v1',
    'GET /api-docs/openapi.json',
  ]) {
    assert.ok(there.has(route), route);
  }
});

test('bodies are refused alike everywhere: 415, 400, 422, 413', async () => {
  const kind = { 'content-type': 'application/json' };
  for (const [method, path, { requestBody }] of operations()) {
    if (requestBody === undefined) continue;
    const send = async (body: string, headers: Record<string, string>): Promise<number> => {
      const answer = await fetch(base + path, { method, headers, body });
      const { error } = (await answer.json()) as { error: string };
      assert.match(error, /\S/);
      return answer.status;
    };
    const statuses = [
      await send('{}', { 'content-type': 'text/plain' }),
      await send('{"a":', kind),
      await send('[]', kind),
      await send('{"no such key":1}', kind),
      await send(`{"reason":"${'x'.repeat(3 * 1024 * 1024)}"}`, kind),
    ];
    assert.deepEqual(statuses, [415, 400, 422, 422, 413], `${method} ${path}`);
  }
});

test('what there is not says so', async () => {
  const answer = await fetch(`${base}/api/admin/nothing`);
  assert.equal(answer.status, 404);
  assert.match(((await answer.json()) as { error: string }).error, /no GET \/api\/admin\/nothing/);
  const xfer = await fetch(`${base}/api/admin/xfer/v1`, { method: 'POST' });
  assert.equal(xfer.status, 501);
  assert.match(((await xfer.json()) as { error: string }).error, /not supported here/);
  const odd = await fetch(`${base}/%zz`);
  assert.equal(odd.status, 400);
  assert.deepEqual(Object.keys((await odd.json()) as object), ['error'], 'a sentence and no more');
  for (const query of ['__proto__=1', 'constructor=1', 'sort=age&sort=depth', 'limit=1e9']) {
    assert.equal((await fetch(`${base}/api/admin/queues?${query}`)).status, 400, query);
  }
});

test('refusals have the form that they are described with', async () => {
  const kindOf = (path: string, method: string, code: number): string => {
    const responses = document.paths[path]?.[method]?.responses;
    const { content } = (responses?.[code] ?? { content: {} }) as {
      content: Readonly<Record<string, unknown>>;
    };
    return Object.keys(content).join();
  };
  assert.equal(kindOf('/api/check-liveness/v1', 'get', 503), 'text/plain');
  assert.equal(kindOf('/readyz', 'get', 503), 'text/plain');
  assert.equal(kindOf('/api/admin/bounce/v1', 'post', 422), 'application/json');
});
