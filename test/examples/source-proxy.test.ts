/**
 * The proxy of a source, by example: which one counts, and what it means for the plan.
 * Deliberately unknown here: dials, bytes.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PlanAnswer } from '../../src/domain/mx-plan.ts';
import { buildPlan } from '../../src/domain/mx-plan.ts';
import { parseSourceConfig } from '../../src/domain/options-egress.ts';
import { parsePathConfig } from '../../src/domain/options-path.ts';
import { formatReply } from '../../src/domain/reply.ts';
import { halfProxies, proxyOf } from '../../src/domain/source-proxy.ts';
import { createTableResolver } from './mx-zone.ts';

const SOCKS5 = { socks5_proxy_server: 'p:1080', socks5_proxy_source_address: '2001:db8::9' };
const HAPROXY = { ha_proxy_server: '/run/ha', ha_proxy_source_address: '198.51.100.7' };

const readSource = (raw: object) => parseSourceConfig({ name: 's', ...raw }, 'test');

/** `address:port` of each candidate, or the reply. */
const planFrom = (addresses: readonly string[], raw: object): string => {
  let found: PlanAnswer | undefined;
  const hosts = addresses.map((address) => ({ name: address, address, preference: 1 }));
  buildPlan(
    createTableResolver({}),
    { kind: 'site', site: 'x', hosts, isFixed: true, expiresAt: 0 },
    parsePathConfig({ prohibited_hosts: [] }, 'test'),
    readSource(raw),
    Math.random,
    (answer) => {
      found = answer;
    },
  );
  if (found?.kind !== 'plan') return found === undefined ? '' : formatReply(found.reply);
  return found.candidates.map(({ address }) => address).join();
};

describe('the proxy of a source', () => {
  it('counts only with its source address; HAProxy goes before SOCKS5', () => {
    const kindOf = (raw: object) => proxyOf(readSource(raw))?.kind;
    const { socks5_proxy_server, socks5_proxy_source_address } = SOCKS5;
    const { ha_proxy_server, ha_proxy_source_address } = HAPROXY;
    assert.equal(kindOf({ socks5_proxy_server }), undefined);
    assert.equal(kindOf({ socks5_proxy_source_address }), undefined);
    assert.equal(kindOf(SOCKS5), 'socks5');
    assert.equal(kindOf({ ...SOCKS5, ha_proxy_server }), 'socks5');
    assert.equal(kindOf({ ...SOCKS5, ha_proxy_source_address }), 'socks5');
    assert.equal(kindOf(HAPROXY), 'haproxy');
    assert.equal(kindOf({ ...SOCKS5, ...HAPROXY }), 'haproxy');
    assert.deepEqual(halfProxies(readSource({ ...SOCKS5, ...HAPROXY })), []);
    assert.deepEqual(halfProxies(readSource({ socks5_proxy_server, ha_proxy_source_address })), [
      'ha_proxy_source_address is not used without ha_proxy_server',
      'socks5_proxy_server is not used without socks5_proxy_source_address',
    ]);
  });

  it('carries what is said to it, and never the password', () => {
    const socks5_proxy_password = { key_data: 'hunter2' };
    const login = { ...SOCKS5, socks5_proxy_username: 'me', socks5_proxy_password };
    assert.deepEqual(proxyOf(readSource(login)), {
      kind: 'socks5',
      place: { host: 'p', port: 1080 },
      sourceAddress: '2001:db8::9',
      username: 'me',
    });
    assert.deepEqual(proxyOf(readSource({ ...HAPROXY, ha_proxy_protocol: 'v1' })), {
      kind: 'haproxy',
      place: { path: '/run/ha' },
      sourceAddress: '198.51.100.7',
      header: 'v1',
    });
  });

  it('says which addresses of a site can be reached', () => {
    const both = ['192.0.2.1', '2001:db8::2'];
    // The source address is for the way to the proxy, and says nothing of the way behind it.
    const source = { source_address: '198.51.100.1', ...SOCKS5 };
    assert.equal(planFrom(both, source), '2001:db8::2');
    assert.equal(planFrom(both, { ...source, ...HAPROXY }), '192.0.2.1');
    assert.equal(planFrom(both, {}), both.join());
    const none = planFrom(['192.0.2.1'], source);
    assert.match(none, /^451 4\.4\.4 .*family of the socks5 proxy source address 2001:db8::9$/);
    // Half a proxy is none.
    const half = { source_address: '198.51.100.1', socks5_proxy_server: 'p:1080' };
    assert.equal(planFrom(both, half), '192.0.2.1');
  });
});
