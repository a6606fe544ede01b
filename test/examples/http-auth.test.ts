/**
 * Who may come in over HTTP, over real sockets: trusted addresses, Basic and Bearer by a policy's
 * handlers, rules of its own, what is remembered and for how long. Deliberately unknown here: what
 * routes do once somebody is in.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { HttpListener } from '../../src/api/http.ts';
import type { PolicyFault } from '../../src/policy/ask.ts';
import { createAuthAsker } from '../../src/policy/ask-auth.ts';
import { definePolicy } from '../../src/policy/define.ts';
import type { PolicyPart } from '../../src/policy/hooks.ts';
import { createTimers } from '../../src/ports/node/timers.ts';
import { NO_DESK, openHttp } from './http-parts.ts';

const STRANGERS = { trusted_hosts: ['192.0.2.0/24'] };
const CURRENT = '/api/admin/policy/current/v1';
const open: HttpListener[] = [];
let steadyMs = 0;
const faults: PolicyFault[] = [];

after(async () => {
  for (const listener of open) await listener.stop(0);
});

async function listen(part: PolicyPart, options: object = STRANGERS): Promise<string> {
  const asker = createAuthAsker(definePolicy(part), (fault) => faults.push(fault));
  const timers = { ...createTimers(), steadyMs: () => steadyMs };
  const { listener, base } = await openHttp(
    { auth: { judge: () => asker, timers } },
    options as Record<string, unknown>,
  );
  open.push(listener);
  return base;
}

const basic = (user: string, password: string): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});
const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

async function status(url: string, headers: Record<string, string> = {}, method = 'GET') {
  return (await fetch(url, { method, headers })).status;
}

test('a stranger is told what is missing, and sees what is open to everybody', async () => {
  const base = await listen({});
  for (const path of ['/livez', '/readyz', '/startupz', '/api/check-liveness/v1']) {
    assert.equal(await status(base + path), 200, path);
  }
  assert.equal(await status(`${base}/api-docs/openapi.json`), 200);
  for (const path of [CURRENT, '/metrics', '/api/machine-info', '/nothing', '/%6dachine', '/']) {
    const answer = await fetch(base + path);
    assert.equal(answer.status, 401, path);
    assert.match(answer.headers.get('www-authenticate') ?? '', /^Basic realm=.*Bearer/);
    assert.match(((await answer.json()) as { error: string }).error, /trusted_hosts/);
  }
  // An escaped path is the route that it means, for rules as well.
  assert.equal(await status(`${base}/%6civez`), 200);
  assert.equal(await status(`${base}/api/%61dmin/policy/current/v1`), 401);
  // No header makes an address of ours out of another one.
  const claims = { 'x-forwarded-for': '192.0.2.1', forwarded: 'for=192.0.2.1' };
  assert.equal(await status(base + CURRENT, claims), 401);
});

test('the policy judges Basic and Bearer; being somebody is not being allowed', async () => {
  const asked: unknown[] = [];
  const base = await listen({
    http_server_validate_auth_basic: async (user, password) => {
      asked.push([user, password]);
      return user === 'ops' && password === 'a:b';
    },
    http_server_validate_auth_bearer: (token) => {
      asked.push(token);
      return token === 'good' && { peer_address: null, identities: [], groups: ['ops'] };
    },
    get_acl_definition: (resource) =>
      resource === 'http_listener/*/api/machine-info'
        ? [{ allow: true, privileges: ['GET'], identity: { Group: 'ops' } }]
        : undefined,
  });
  assert.equal(await status(base + CURRENT, basic('ops', 'a:b')), 403);
  assert.equal(await status(base + CURRENT, basic('ops', 'wrong')), 401);
  assert.equal(await status(`${base}/livez`, basic('ops', 'wrong')), 401, 'judged in any case');
  assert.equal(await status(`${base}/api/machine-info`, bearer('good')), 200);
  assert.equal(await status(`${base}/api/machine-info`, basic('ops', 'a:b')), 403);
  assert.equal(await status(`${base}/api/machine-info`, bearer('bad')), 401);
  assert.deepEqual(asked, [['ops', 'a:b'], ['ops', 'wrong'], 'good', 'bad'], 'once each');
});

test('rules that come later are refused, and harm nobody', async () => {
  const later = async () => {
    throw new Error('too late to matter');
  };
  const base = await listen({ get_acl_definition: later as never });
  assert.equal(await status(base + CURRENT), 500);
  assert.match(faults.at(-1)?.sentence ?? '', /is a promise; answer at once/);
});

test('why a handler failed is told in the log, and to nobody who asks, on any route', async () => {
  const told: string[] = [];
  const asker = createAuthAsker(
    definePolicy({
      http_server_validate_auth_basic: () => {
        throw new Error('ldap://reader:sesame@10.0.0.9 is away');
      },
    }),
    () => {},
  );
  const inject = { service: NO_DESK as never, bodyLimit: 1_000, hostname: 'h.test' };
  const note = (text: string): void => void told.push(text);
  const auth = { judge: () => asker, timers: createTimers() };
  const { listener, base } = await openHttp({ auth, inject, note }, STRANGERS);
  open.push(listener);
  for (const [method, path] of [
    ['GET', '/livez'],
    ['GET', CURRENT],
    ['POST', '/api/inject/v1'],
  ] as const) {
    const answer = await fetch(base + path, { method, headers: basic('a', 'b') });
    assert.equal(answer.status, 500, path);
    const said = await answer.text();
    assert.match(said, /the log of the daemon says why/, path);
    assert.doesNotMatch(said, /sesame|ldap/, path);
    assert.match(told.at(-1) ?? '', new RegExp(`^${method} ${path}: .*sesame`), path);
  }
  assert.equal(told.length, 3);
});

test('a verdict is remembered for a minute, a failure is not', async () => {
  let calls = 0;
  let fails = false;
  const base = await listen({
    http_server_validate_auth_bearer: () => {
      calls += 1;
      if (fails) throw new Error('the directory is away');
      return true;
    },
  });
  const ask = () => status(`${base}/livez`, bearer('x'));
  assert.deepEqual([await ask(), await ask(), calls], [200, 200, 1]);
  steadyMs += 59_999;
  assert.deepEqual([await ask(), calls], [200, 1]);
  steadyMs += 1;
  fails = true;
  assert.deepEqual([await ask(), await ask(), calls], [500, 500, 3]);
  assert.match(faults.at(-1)?.sentence ?? '', /bearer failed: .*the directory is away/);
  assert.doesNotMatch(faults.at(-1)?.sentence ?? '', /\bx\b/);
  fails = false;
  assert.deepEqual([await ask(), calls], [200, 4]);
});

test('a header that is neither is 400, from whomever', async () => {
  const base = await listen({ http_server_validate_auth_basic: () => true }, {});
  const one = (authorization: string) => status(`${base}/livez`, { authorization });
  const bad = ['Basic', 'Basic !!!', 'Digest a=b', 'Bearer a b', 'Bearer ü', '', 'Basic /w==', 'x'];
  for (const header of bad) assert.equal(await one(header), 400, header);
  assert.equal(await one(`Bearer ${'a'.repeat(9_000)}`), 400);
  assert.equal(await one('basic dXNlcg=='), 200, 'a user without a password');
});

test('a handler that never ends is given up', async () => {
  const timers = createTimers();
  const rings: (() => void)[] = [];
  const after = (_ms: number, task: () => void) => {
    rings.push(task);
    return () => {};
  };
  const asker = createAuthAsker(
    definePolicy({ http_server_validate_auth_bearer: () => new Promise(() => {}) }),
    () => {},
  );
  const { listener, base } = await openHttp({
    auth: { judge: () => asker, timers: { ...timers, after } },
  });
  open.push(listener);
  const asking = status(`${base}/livez`, bearer('x'));
  while (rings.length === 0) await new Promise((resolve) => setImmediate(resolve));
  rings[0]?.();
  assert.equal(await asking, 503);
});

test('what an operator does carries a name', async () => {
  const by: unknown[] = [];
  const asker = createAuthAsker(
    definePolicy({ http_server_validate_auth_basic: () => true }),
    () => {},
  );
  const admin = {
    ...NO_DESK,
    command: (command: { readonly by?: string | undefined }) => {
      by.push(command.by);
      return Promise.resolve(undefined);
    },
  };
  const auth = { judge: () => asker, timers: createTimers() };
  const { listener, base } = await openHttp({ auth, admin });
  open.push(listener);
  const send = (headers: Record<string, string>) =>
    fetch(`${base}/api/admin/bounce/v1`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: '{"reason":"r"}',
    });
  assert.equal((await send({})).status, 200);
  assert.equal((await send(basic('ann', 'x'))).status, 200);
  assert.deepEqual(by, ['127.0.0.1', 'ann at 127.0.0.1']);
});
