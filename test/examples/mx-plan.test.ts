/**
 * Routes and plans, by example: given what DNS says, then this site, these candidates, this reply.
 * Deliberately unknown here: sockets, caches.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { IsOwnPlace, PlanAnswer, SiteAnswer } from '../../src/domain/mx-plan.ts';
import { buildPlan } from '../../src/domain/mx-plan.ts';
import { resolveSite } from '../../src/domain/mx-site.ts';
import { mxEntry } from '../../src/domain/option-places.ts';
import { parseSourceConfig } from '../../src/domain/options-egress.ts';
import { parsePathConfig } from '../../src/domain/options-path.ts';
import { createRandom } from '../../src/domain/prng.ts';
import { formatReply } from '../../src/domain/reply.ts';
import type { Table } from './mx-zone.ts';
import { createTableResolver } from './mx-zone.ts';

interface Given extends Table {
  readonly domain?: string;
  readonly list?: readonly unknown[];
  readonly path?: Readonly<Record<string, unknown>>;
  readonly source?: Readonly<Record<string, unknown>>;
  readonly isOwn?: IsOwnPlace;
}

const routeOf = (given: Given): SiteAnswer => {
  const mxList = (given.list ?? []).map((entry) => mxEntry.read(entry));
  let found: SiteAnswer | undefined;
  const route = { routingDomain: given.domain ?? 'example.com', mxList };
  resolveSite(createTableResolver(given), route, (answer) => {
    found = answer;
  });
  assert.ok(found);
  return found;
};

const planOf = (given: Given, seed = 1): PlanAnswer => {
  const site = routeOf(given);
  assert.equal(site.kind, 'site');
  if (site.kind !== 'site') throw new Error('no site');
  let found: PlanAnswer | undefined;
  buildPlan(
    createTableResolver(given),
    site,
    parsePathConfig(given.path ?? {}, 'test'),
    parseSourceConfig({ name: 'ip-1', ...given.source }, 'test'),
    createRandom(seed).uniform,
    (answer) => {
      found = answer;
    },
    given.isOwn,
  );
  assert.ok(found);
  return found;
};

/** `address:port` of each candidate, or the reply. */
const shortPlan = (given: Given, seed?: number): string | readonly string[] => {
  const plan = planOf(given, seed);
  if (plan.kind !== 'plan') return `${plan.kind} ${formatReply(plan.reply)}`;
  return plan.candidates.map(({ address, port, path }) => path ?? `${address}:${port}`);
};

const shortRoute = (given: Given): string => {
  const answer = routeOf(given);
  if (answer.kind === 'site') return answer.site;
  return answer.kind === 'nullMx' ? formatReply(answer.reply) : answer.why;
};

describe('a route', () => {
  it('by MX has the folded site, ordered hosts and the lifetime of the answer', () => {
    const mx = { 'example.com': ['20 b.example.com', '10 a.example.com'] };
    assert.deepEqual(routeOf({ mx }), {
      kind: 'site',
      site: '(a|b).example.com',
      hosts: [
        { name: 'a.example.com', preference: 10 },
        { name: 'b.example.com', preference: 20 },
      ],
      isFixed: false,
      expiresAt: 300_000,
    });
  });

  it('carries the port of the routing domain to every host', () => {
    const mx = { 'example.com': ['10 a.test', '10 b.test'] };
    assert.equal(shortRoute({ mx, domain: 'Example.com:2525' }), '(a|b).test:2525');
  });

  it('without MX is the domain itself', () => {
    assert.equal(shortRoute({}), 'example.com');
    assert.equal(shortRoute({ domain: 'example.com:26' }), 'example.com:26');
  });

  it('of a null MX is a bounce, but a dot among others is only left out', () => {
    const refused = '556 5.1.10 Recipient address has a null MX';
    assert.equal(shortRoute({ mx: { 'example.com': ['0 .'] } }), refused);
    assert.equal(shortRoute({ mx: { 'example.com': ['0 .', '10 a.test'] } }), 'a.test');
  });

  it('that cannot be looked up waits, NXDOMAIN as well', () => {
    const gone = { mx: { 'example.com': 'FAULT_DNS_NXDOMAIN' } } as const;
    assert.equal(shortRoute(gone), 'MX lookup for example.com failed after 12ms: NXDOMAIN');
    const answer = routeOf(gone);
    assert.ok(answer.kind === 'failed' && answer.fault.retryable);
  });

  it('that is no domain fails without asking', () => {
    const resolver = createTableResolver({});
    const route = { routingDomain: '[192.0.2.1:25]:26', mxList: [] };
    resolveSite(resolver, route, (answer) => assert.equal(answer.kind, 'failed'));
    assert.deepEqual(resolver.asked, []);
  });

  it('by a literal or a list asks nobody and never expires', () => {
    const resolver = createTableResolver({});
    const literal = { routingDomain: '[192.0.2.1]:26', mxList: [] };
    resolveSite(resolver, literal, (answer) => {
      assert.ok(answer.kind === 'site' && answer.expiresAt === Number.MAX_SAFE_INTEGER);
      assert.equal(answer.site, '192.0.2.1:26');
    });
    const mxList = [mxEntry.read('b.test'), mxEntry.read('a.test')];
    resolveSite(resolver, { routingDomain: 'x', mxList }, (answer) => {
      assert.equal(answer.kind === 'site' && answer.site, 'mx_list:b.test,a.test');
    });
    assert.deepEqual(resolver.asked, []);
    assert.equal(shortRoute({ domain: '[IPv6:2001:db8::1]:26' }), '[2001:db8::1]:26');
  });
});

describe('a plan', () => {
  const two: Table = {
    mx: { 'example.com': ['10 a.test', '20 b.test', '20 c.test'] },
    addresses: {
      'a.test': ['192.0.2.1', '192.0.2.2'],
      'b.test': ['192.0.2.3'],
      'c.test': ['2001:db8::4'],
    },
  };

  it('tries better preferences first and shuffles all addresses of one preference', () => {
    const orders = new Set<string>();
    for (let seed = 0; seed < 50; seed += 1) {
      const plan = shortPlan(two, seed);
      assert.deepEqual([...plan.slice(0, 2)].sort(), ['192.0.2.1:25', '192.0.2.2:25']);
      assert.deepEqual([...plan.slice(2)].sort(), ['192.0.2.3:25', '2001:db8::4:25']);
      orders.add(String(plan));
    }
    assert.equal(orders.size, 4);
  });

  it('keeps the order of a list, and the addresses of its hosts in the order of DNS', () => {
    const addresses = {
      'b.test': ['192.0.2.9', '192.0.2.8', '192.0.2.7'],
      'a.test': ['192.0.2.1'],
    };
    for (let seed = 0; seed < 20; seed += 1) {
      const list = ['b.test:26', { name: 'x', addr: '192.0.2.5:27' }, 'a.test', '/run/mx.sock'];
      assert.deepEqual(shortPlan({ addresses, list }, seed), [
        '192.0.2.9:26',
        '192.0.2.8:26',
        '192.0.2.7:26',
        '192.0.2.5:27',
        '192.0.2.1:25',
        '/run/mx.sock',
      ]);
    }
  });

  it('takes the port of the source, else of the address, else of the path', () => {
    const list = ['[192.0.2.1]', '[192.0.2.2]:26'];
    const path = { smtp_port: 587 };
    assert.deepEqual(shortPlan({ list }), ['192.0.2.1:25', '192.0.2.2:26']);
    assert.deepEqual(shortPlan({ list, path }), ['192.0.2.1:587', '192.0.2.2:26']);
    const source = { remote_port: 2526 };
    assert.deepEqual(shortPlan({ list, path, source }), ['192.0.2.1:2526', '192.0.2.2:2526']);
    const domain = '[192.0.2.3]:28';
    assert.deepEqual(shortPlan({ domain, path }), ['192.0.2.3:28']);
  });

  it('passes over hosts that cannot be looked up, and says which', () => {
    const addresses = { 'a.test': 'FAULT_DNS_TIMEOUT', 'b.test': ['192.0.2.3'] } as const;
    const plan = planOf({ ...two, addresses });
    assert.equal(plan.kind === 'plan' && plan.candidates.length, 1);
    assert.deepEqual(
      plan.skipped.map(({ name, fault }) => [name, fault.code]),
      [
        ['a.test', 'FAULT_DNS_TIMEOUT'],
        ['c.test', 'FAULT_DNS_NXDOMAIN'],
      ],
    );
  });

  it('without any address waits', () => {
    const said = "deferred 451 4.4.4 MX didn't resolve to any hosts";
    assert.equal(shortPlan({ ...two, addresses: {} }), said);
    assert.equal(shortPlan({}), said);
  });

  it('asks for the families the path names', () => {
    const resolver = createTableResolver(two);
    const site = routeOf(two);
    const path = parsePathConfig({ ip_lookup_strategy: 'Ipv6Only' }, 'test');
    const source = parseSourceConfig({ name: 'ip-1' }, 'test');
    if (site.kind === 'site')
      buildPlan(
        resolver,
        site,
        path,
        source,
        () => 0,
        () => undefined,
      );
    assert.deepEqual(resolver.asked, ['Ipv6Only a.test', 'Ipv6Only b.test', 'Ipv6Only c.test']);
  });

  it('answers once, also when DNS answers later and in another order', () => {
    const tasks: (() => void)[] = [];
    const resolver = createTableResolver(two, (task) => tasks.unshift(task));
    const site = routeOf(two);
    const path = parsePathConfig({}, 'test');
    const answers: PlanAnswer[] = [];
    const source = parseSourceConfig({ name: 'ip-1' }, 'test');
    if (site.kind === 'site') {
      buildPlan(
        resolver,
        site,
        path,
        source,
        () => 0,
        (answer) => answers.push(answer),
      );
    }
    assert.equal(answers.length, 0);
    for (const task of tasks) task();
    assert.equal(answers.length, 1);
    const first = answers[0]?.kind === 'plan' ? answers[0].candidates[0] : undefined;
    assert.equal(first?.name, 'a.test');
  });
});

describe('a plan refuses', () => {
  const to = (...addresses: string[]): Given => ({
    mx: { 'example.com': ['10 a.test', '20 b.test'] },
    addresses: { 'a.test': ['192.0.2.1'], 'b.test': addresses },
  });
  const loops = '127.0.0.0/8, ::1, 0.0.0.0, ::';

  it('the whole queue when any address is prohibited: loopback, 0.0.0.0, however written', () => {
    for (const address of ['127.0.0.1', '127.8.9.1', '0.0.0.0', '::1', '::', '::ffff:127.0.0.1']) {
      const text = `b.test/${address} is on the list of prohibited_hosts ${loops}`;
      const said = `bounced 550 5.4.4 ${text}`;
      assert.equal(shortPlan(to(address)), said);
    }
    assert.equal(typeof shortPlan(to('192.0.2.2')), 'object');
  });

  it('lists and literals that point there as well, unless the path allows it', () => {
    const text = `127.0.0.1 is on the list of prohibited_hosts ${loops}`;
    assert.equal(shortPlan({ list: ['[127.0.0.1]:2526'] }), `bounced 550 5.4.4 ${text}`);
    assert.equal(shortPlan({ domain: '[127.0.0.1]' }), `bounced 550 5.4.4 ${text}`);
    const path = { prohibited_hosts: [] };
    assert.deepEqual(shortPlan({ list: ['[127.0.0.1]:2526'], path }), ['127.0.0.1:2526']);
    // A unix socket has no address that could be on a list.
    assert.deepEqual(shortPlan({ list: ['/run/mx.sock'] }), ['/run/mx.sock']);
  });

  it('our own listener, by address and port', () => {
    const isOwn: IsOwnPlace = (address, port) => address === '192.0.2.2' && port === 25;
    const given = { ...to('192.0.2.2'), isOwn };
    assert.match(String(shortPlan(given)), /^bounced 550 5\.4\.6 b\.test\/192\.0\.2\.2 is this/);
    const elsewhere = shortPlan({ ...given, path: { smtp_port: 26 } });
    assert.deepEqual(elsewhere, ['192.0.2.1:26', '192.0.2.2:26']);
  });

  it('addresses to be skipped, and waits when nothing else is left', () => {
    const path = { skip_hosts: ['192.0.2.1'] };
    assert.deepEqual(shortPlan({ ...to('192.0.2.2'), path }), ['192.0.2.2:25']);
    const all = { skip_hosts: ['192.0.2.0/24'] };
    assert.equal(
      shortPlan({ ...to('192.0.2.2'), path: all }),
      'deferred 451 4.4.4 KumoMTA internal: MX consisted solely of hosts on the skip_hosts list',
    );
    // Prohibition comes first: a skipped address still shows a loop.
    const both = { skip_hosts: ['127.0.0.1'] };
    assert.match(String(shortPlan({ ...to('127.0.0.1'), path: both })), /^bounced 550/);
  });

  it('addresses of the family its source address cannot reach', () => {
    const given = to('2001:db8::2');
    const v4 = { source_address: '198.51.100.1' };
    assert.deepEqual(shortPlan({ ...given, source: v4 }), ['192.0.2.1:25']);
    const v6 = { source_address: '2001:db8::9' };
    assert.deepEqual(shortPlan({ ...given, source: v6 }), ['2001:db8::2:25']);
    assert.match(String(shortPlan({ ...to('192.0.2.2'), source: v6 })), /^deferred 451 4\.4\.4 no/);
  });
});
