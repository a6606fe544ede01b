/**
 * How long the resolver believes what it heard, how much it remembers, and how many look-ups run at
 * once. Time is a number the test turns; the server is real. Deliberately unknown here: what
 * answers say.
 */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { createExpiringCache } from '../../src/ports/node/dns-cache.ts';
import { createLanes } from '../../src/ports/node/dns-lanes.ts';
import { parseHosts, parseResolvConf, parseServer } from '../../src/ports/node/dns-system.ts';
import type { NodeResolver, ResolverOptions } from '../../src/ports/node/resolver.ts';
import { createResolver } from '../../src/ports/node/resolver.ts';
import type { Clock, MxAnswer } from '../../src/ports/ports.ts';
import type { DnsServerUnderScript, Zone } from './resolver-server.ts';
import { mx, soa, startDnsServer } from './resolver-server.ts';

const running: { stop(): void }[] = [];
let wallMs = 1_000_000;
const clock: Clock = {
  now: () => wallMs,
  steadyMs: () => wallMs,
  arm: () => undefined,
  disarm: () => undefined,
  soon: (task) => setImmediate(task),
};

const against = async (
  zone: Zone,
  options: Partial<ResolverOptions> = {},
): Promise<{ server: DnsServerUnderScript; resolver: NodeResolver }> => {
  const server = await startDnsServer(zone);
  const resolver = createResolver({ clock, servers: [server.place], timeoutMs: 300, ...options });
  running.push(server, resolver);
  return { server, resolver };
};

const askMx = (resolver: NodeResolver, name: string): Promise<MxAnswer> =>
  new Promise((answered) => resolver.findMx(name, answered));

afterEach(() => {
  for (const thing of running.splice(0)) thing.stop();
});

/** How long an answer holds, by asking again a little before and a little after. */
const assertHolds = async (zone: Zone, holdsMs: number): Promise<void> => {
  const { server, resolver } = await against(zone);
  await askMx(resolver, 'example.com');
  const asked = server.seen.length;
  wallMs += holdsMs - 1;
  await askMx(resolver, 'example.com');
  assert.equal(server.seen.length, asked, `asked again before ${holdsMs} ms were over`);
  wallMs += 1;
  await askMx(resolver, 'example.com');
  assert.ok(server.seen.length > asked, `still believed after ${holdsMs} ms`);
};

describe('an answer holds', () => {
  it('for its time to live', () =>
    assertHolds((n) => ({ answers: [mx(n, 1, 'a.test', 90)] }), 90_000));
  it('for ten seconds when its time is zero', () =>
    assertHolds((n) => ({ answers: [mx(n, 1, 'a.test', 0)] }), 10_000));
  it('for the SOA minimum when it is an absence', () =>
    assertHolds(() => ({ authorities: [soa('com', 900, 45)] }), 45_000));
  it('for three hours at most when it is an absence', () =>
    assertHolds(() => ({ authorities: [soa('com', 90_000, 90_000)] }), 3 * 3_600_000));
  it('for five minutes when it is a failure', () => assertHolds(() => ({ rcode: 2 }), 300_000));
  it('for the SOA minimum when the name does not exist', () =>
    assertHolds(() => ({ rcode: 3, authorities: [soa('com', 900, 30)] }), 30_000));
  it('for five minutes at most when the name does not exist', () =>
    assertHolds(() => ({ rcode: 3, authorities: [soa('com', 9_000, 9_000)] }), 300_000));

  it('until it expires, and then the new one is believed', async () => {
    let exchange = 'old.test';
    const { resolver } = await against((n) => ({ answers: [mx(n, 1, exchange, 60)] }));
    await askMx(resolver, 'example.com');
    exchange = 'new.test';
    wallMs += 60_000;
    const answer = await askMx(resolver, 'example.com');
    assert.equal(answer.kind === 'found' && answer.records[0]?.exchange, 'new.test');
  });
});

describe('look-ups', () => {
  it('of the same name at the same time are one', async () => {
    const { server, resolver } = await against((n) => ({ answers: [mx(n, 1, 'a.test')] }));
    await Promise.all(Array.from({ length: 50 }, () => askMx(resolver, 'example.com')));
    assert.equal(server.seen.length, 1);
  });

  it('use a fresh port and a fresh id each', async () => {
    const { server, resolver } = await against((n) => ({ answers: [mx(n, 1, 'a.test')] }));
    await Promise.all(Array.from({ length: 60 }, (_, at) => askMx(resolver, `d${at}.test`)));
    assert.ok(new Set(server.seen.map(({ port }) => port)).size > 50);
    assert.ok(new Set(server.seen.map(({ id }) => id)).size > 50);
  });

  it('that are stopped stay unanswered and leave nothing behind', async () => {
    const { resolver } = await against(() => ({ isSilent: true }));
    let isAnswered = false;
    resolver.findMx('example.com', () => {
      isAnswered = true;
    });
    resolver.stop();
    await new Promise((resolve) => setTimeout(resolve, 400));
    assert.equal(isAnswered, false);
  });

  it('of slow zones do not hold up the healthy ones', async () => {
    const slow: Zone = (name) => ({
      answers: [mx(name, 1, 'a.test')],
      delayMs: name.startsWith('slow') ? 2_500 : 0,
    });
    const { resolver } = await against(slow, { timeoutMs: 8_000 });
    let slowAnswers = 0;
    const late = Array.from({ length: 400 }, async (_, at) => {
      const answer = await askMx(resolver, `slow${at}.test`);
      slowAnswers += 1;
      return answer;
    });
    // By order, not by the clock: a bound held by slow look-ups would let the healthy one in last.
    assert.equal((await askMx(resolver, 'healthy.test')).kind, 'found');
    assert.equal(slowAnswers, 0, 'the healthy zone waited for slow ones');
    for (const answer of await Promise.all(late)) assert.equal(answer.kind, 'found');
  });
});

describe('lanes', () => {
  it('let so many young tasks in, and so many in all', async () => {
    const ends: (() => void)[] = [];
    const lanes = createLanes({ youngMax: 2, youngMs: 20, runningMax: 5, waitingMax: 4 });
    const enter = () => lanes.enter((ended) => ends.push(ended));
    assert.deepEqual([enter(), enter(), enter(), enter(), enter(), enter()], Array(6).fill(true));
    assert.equal(ends.length, 2);
    assert.equal(enter(), false, 'more waits than may wait');
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(ends.length, 5);
    ends[0]?.();
    ends[0]?.();
    assert.equal(ends.length, 6, 'an end that is told twice frees one place');
    for (const end of ends) end();
  });
});

describe('the cache', () => {
  it('forgets what was not used for longest', () => {
    const cache = createExpiringCache<{ expiresAt: number }>(2);
    const value = { expiresAt: 100 };
    cache.store('a', value);
    cache.store('b', value);
    assert.equal(cache.find('a', 1), value);
    cache.store('c', value);
    assert.equal(cache.find('b', 1), undefined);
    assert.equal(cache.find('a', 1), value);
    assert.equal(cache.find('a', 100), undefined);
    assert.equal(cache.size, 1);
  });
});

describe('what the machine says', () => {
  it('is read from resolv.conf, and is the local server without one', () => {
    const text = '# x\nsearch a b\nnameserver 192.0.2.1\nnameserver ::1\nnameserver bad\n';
    assert.deepEqual(parseResolvConf(text), [
      { address: '192.0.2.1', port: 53 },
      { address: '::1', port: 53 },
    ]);
    assert.deepEqual(parseResolvConf(''), [{ address: '127.0.0.1', port: 53 }]);
    assert.doesNotThrow(() => {
      running.push(createResolver({ clock, resolvConfFile: '/nowhere', hostsFile: '/nowhere' }));
    });
  });

  it('is read from the hosts file', () => {
    const hosts = parseHosts('192.0.2.7 mail.test Mail # no\n::7 mail.test\nbad x\n');
    assert.deepEqual(hosts.get('mail.test'), { v4: ['192.0.2.7'], v6: ['::7'] });
    assert.deepEqual(hosts.get('mail'), { v4: ['192.0.2.7'], v6: [] });
    assert.deepEqual(hosts.get('localhost'), { v4: ['127.0.0.1'], v6: ['::1'] });
  });

  it('can be overruled by ip, ip:port or [v6]:port', () => {
    assert.deepEqual(parseServer('192.0.2.1'), { address: '192.0.2.1', port: 53 });
    assert.deepEqual(parseServer('192.0.2.1:5353'), { address: '192.0.2.1', port: 5353 });
    assert.deepEqual(parseServer('[::1]:5353'), { address: '::1', port: 5353 });
    assert.deepEqual(parseServer('::1'), { address: '::1', port: 53 });
    for (const bad of ['', 'x', '192.0.2.1:0', '192.0.2.1:70000', '[192.0.2.1]:53', '1.2.3']) {
      assert.equal(parseServer(bad), undefined, bad);
    }
  });
});
