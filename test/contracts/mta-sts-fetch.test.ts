/**
 * The fetch of MTA-STS policies against real HTTPS servers on loopback, found through a real DNS
 * server: what is believed, and all that is not (RFC 8461 section 3.3); then the whole way from
 * record and file to a kept policy that outlives its process.
 * Deliberately unknown here: what a policy does to mail.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { StsPolicies } from '../../src/domain/mta-sts-policies.ts';
import { createClock } from '../../src/ports/node/clock.ts';
import type { PolicyFetchOptions } from '../../src/ports/node/mta-sts-fetch.ts';
import { createPolicyFetch } from '../../src/ports/node/mta-sts-fetch.ts';
import { openStsShelf, STS_SHELF_FILE } from '../../src/ports/node/mta-sts-shelf.ts';
import type { NodeResolver } from '../../src/ports/node/resolver.ts';
import { createResolver } from '../../src/ports/node/resolver.ts';
import type { Fault } from '../../src/ports/ports.ts';
import { isFault } from '../../src/ports/ports.ts';
import {
  CA2_PEM,
  EXPIRED_KEY,
  EXPIRED_PEM,
  SELF_KEY,
  SELF_PEM,
  SERVER_KEY,
  SERVER_PEM,
} from '../examples/tls-certificates.ts';
import type { DnsServerUnderScript } from './resolver-server.ts';
import { a, startDnsServer } from './resolver-server.ts';

const GOOD = 'version: STSv1\nmode: enforce\nmx: *.sts.test\nmax_age: 86400\n';
const TEXT = { 'content-type': 'text/plain' };

let dns: DnsServerUnderScript;
let resolver: NodeResolver;

before(async () => {
  dns = await startDnsServer((name, type) => {
    if (name === '_mta-sts.sts.test' && type === 'TXT') {
      const data = ['v=STSv1; ', 'id=abc;'];
      return { answers: [{ type: 'TXT', class: 'IN', name, ttl: 300, data }] };
    }
    if (type !== 'A' || name === 'mta-sts.nowhere.test') return { rcode: 3 };
    return { answers: [a(name, '127.0.0.1')] };
  });
  resolver = createResolver({ clock: createClock(), servers: [dns.place], hostsFile: '/dev/null' });
});

after(() => {
  resolver.stop();
  dns.stop();
});

interface Site {
  readonly answer: RequestListener;
  readonly identity?: { readonly key: string; readonly cert: string };
}

/** Runs `use` with an HTTPS server and a fetch that goes there. */
async function withSite<T>(
  { answer, identity = { key: SERVER_KEY, cert: SERVER_PEM } }: Site,
  use: (get: (domain: string) => Promise<string | Fault>, port: number) => Promise<T>,
  options: Partial<PolicyFetchOptions> = {},
): Promise<T> {
  const server = https.createServer(identity, answer);
  server.on('tlsClientError', () => {});
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const fetch = createPolicyFetch({
    resolver,
    port,
    trusted: [CA2_PEM],
    timeoutMs: 2_000,
    ...options,
  });
  try {
    return await use((domain) => new Promise((done) => fetch.fetchPolicy(domain, done)), port);
  } finally {
    fetch.stop();
    server.closeAllConnections();
    await new Promise<void>((done) => server.close(() => done()));
  }
}

const codeOf = (outcome: string | Fault): string => (isFault(outcome) ? outcome.code : 'text');

describe('a policy file', { concurrency: 4 }, () => {
  test('is asked for by its name and comes as it is', async () => {
    const asked: string[] = [];
    const answer: RequestListener = (request, response) => {
      asked.push(`${request.method} ${request.headers.host} ${request.url}`);
      response.writeHead(200, { 'content-type': 'Text/Plain; charset=utf-8' }).end(GOOD);
    };
    const outcome = await withSite({ answer }, (get) => get('sts.test'));
    assert.equal(outcome, GOOD);
    assert.deepEqual(asked, ['GET mta-sts.sts.test /.well-known/mta-sts.txt']);
  });

  const refused: readonly (readonly [string, RequestListener, string])[] = [
    ['a redirect', (_q, r) => r.writeHead(301, { location: '/x', ...TEXT }).end(GOOD), '301'],
    ['another success', (_q, r) => r.writeHead(203, TEXT).end(GOOD), '203'],
    ['an error', (_q, r) => r.writeHead(404, TEXT).end(GOOD), '404'],
    ['HTML', (_q, r) => r.writeHead(200, { 'content-type': 'text/html' }).end(GOOD), 'text/html'],
    ['no type', (_q, r) => r.writeHead(200).end(GOOD), "content type ''"],
    [
      'nearly text',
      (_q, r) => r.writeHead(200, { 'content-type': 'text/plainer' }).end(),
      'plainer',
    ],
    [
      'a coding',
      (_q, r) => r.writeHead(200, { ...TEXT, 'content-encoding': 'gzip' }).end(GOOD),
      'gzip',
    ],
    ['too much', (_q, r) => r.writeHead(200, TEXT).end('x'.repeat(65_537)), 'longer than 65536'],
  ];
  for (const [what, answer, cause] of refused) {
    test(`${what} is no policy`, async () => {
      const outcome = await withSite({ answer }, (get) => get('sts.test'));
      assert.ok(isFault(outcome));
      assert.equal(outcome.code, 'FAULT_HTTP_ANSWER');
      assert.ok(outcome.cause.includes(cause), outcome.cause);
    });
  }

  const good: RequestListener = (_request, response) => response.writeHead(200, TEXT).end(GOOD);
  const identities: readonly (readonly [string, Site['identity'], string])[] = [
    ['signed by itself', { key: SELF_KEY, cert: SELF_PEM }, 'sts.test'],
    ['out of date', { key: EXPIRED_KEY, cert: EXPIRED_PEM }, 'sts.test'],
    ['for another name', undefined, 'other.test'],
  ];
  for (const [what, identity, domain] of identities) {
    test(`a certificate ${what} proves nothing`, async () => {
      const site = identity === undefined ? { answer: good } : { answer: good, identity };
      const outcome = await withSite(site, (get) => get(domain));
      assert.equal(codeOf(outcome), 'FAULT_TLS_CERTIFICATE');
    });
  }

  test('a host that does not exist, one that refuses, one that is cut off', async () => {
    assert.equal(
      codeOf(await withSite({ answer: good }, (get) => get('nowhere.test'))),
      'FAULT_DNS_NXDOMAIN',
    );
    const closed = await withSite({ answer: good }, (_get, port) => Promise.resolve(port));
    const fetch = createPolicyFetch({ resolver, port: closed, trusted: [CA2_PEM] });
    const outcome = await new Promise<string | Fault>((done) =>
      fetch.fetchPolicy('sts.test', done),
    );
    assert.equal(codeOf(outcome), 'FAULT_LINK_REFUSED');
    const cut: RequestListener = (_request, response) => {
      response.writeHead(200, { ...TEXT, 'content-length': '500' }).write(GOOD);
      setTimeout(() => response.destroy(), 30);
    };
    const half = await withSite({ answer: cut }, (get) => get('sts.test'));
    assert.ok(isFault(half), 'half a file is none');
  });

  test('silence and drips end in time', async () => {
    const silent: RequestListener = () => {};
    const dripping: RequestListener = (_request, response) => {
      response.writeHead(200, TEXT);
      const timer = setInterval(() => response.write('x: y\n'), 20);
      response.on('close', () => clearInterval(timer));
    };
    for (const answer of [silent, dripping]) {
      const begin = performance.now();
      const outcome = await withSite({ answer }, (get) => get('sts.test'), { timeoutMs: 300 });
      assert.equal(codeOf(outcome), 'FAULT_LINK_TIMEOUT');
      assert.ok(performance.now() - begin < 20_000);
    }
  });

  test('so many at once, the others wait, and not for ever', async () => {
    let running = 0;
    let most = 0;
    const answer: RequestListener = (_request, response) => {
      running += 1;
      most = Math.max(most, running);
      setTimeout(() => {
        running -= 1;
        response.writeHead(200, TEXT).end(GOOD);
      }, 60);
    };
    const all = await withSite(
      { answer },
      (get) => Promise.all(Array.from({ length: 6 }, () => get('sts.test'))),
      { concurrencyMax: 2 },
    );
    assert.equal(most, 2);
    assert.ok(all.every((outcome) => outcome === GOOD));
    const waited = await withSite(
      { answer: () => {} },
      (get) => Promise.all([get('sts.test'), get('sts.test')]),
      { concurrencyMax: 1, timeoutMs: 200 },
    );
    assert.deepEqual(waited.map(codeOf), ['FAULT_LINK_TIMEOUT', 'FAULT_OVERLOADED']);
  });
});

test('from record and file to a policy that outlives the process', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'waybill-sts-'));
  const said: string[] = [];
  try {
    const answer: RequestListener = (_request, response) => response.writeHead(200, TEXT).end(GOOD);
    const clock = createClock();
    const live = async (fetchPort: number | undefined): Promise<string> => {
      const shelf = openStsShelf(dir, (text) => said.push(text), 10);
      const fetch = createPolicyFetch({ resolver, port: fetchPort ?? 1, trusted: [CA2_PEM] });
      const policies = new StsPolicies({ resolver, fetch, now: () => clock.now(), shelf });
      const { mode } = await new Promise<{ mode: string }>((done) =>
        policies.find('sts.test', done),
      );
      fetch.stop();
      await shelf.close();
      return mode;
    };
    assert.equal(await withSite({ answer }, (_get, port) => live(port)), 'enforce');
    assert.equal(await live(undefined), 'enforce', 'the next life knows it without a fetch');
    const path = join(dir, STS_SHELF_FILE);
    assert.equal(JSON.parse(readFileSync(path, 'utf8')).id, 'abc');
    writeFileSync(path, `damage\n${readFileSync(path, 'utf8')}`);
    assert.equal(await live(undefined), 'enforce', 'damage costs the damaged line');
    rmSync(path);
    assert.equal(await live(undefined), 'none');
    assert.deepEqual(said, []);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
