/**
 * More of the `Network` port behind proxies: a name with several addresses, and HAProxy.
 * Deliberately unknown here: what each failure of one SOCKS5 dialogue is called (network-proxy).
 */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { joinFaults } from '../../src/ports/node/link-faults.ts';
import type { FaultCode } from '../../src/ports/ports.ts';
import type { Step } from './proxy-peer.ts';
import {
  answering,
  at,
  closePeers,
  dialThrough,
  ended,
  hex,
  isGone,
  named,
  serve,
  until,
} from './proxy-peer.ts';

const METHOD: Step = [3, hex('05 00')];
const BOUND: Step = [13, hex('05 00 00 01 c6336407 0000')];
const GOOD: readonly Step[] = [METHOD, BOUND, [23, hex('05 00 00 01 c6336407 c350')]];

after(closePeers);

describe('several addresses of one name', () => {
  test('the next one is tried, also when one hangs, within the time of the caller', async () => {
    const hanging = await serve({ steps: [], address: '127.0.0.2' });
    const { port } = hanging;
    const good = await serve({ steps: GOOD, address: '127.0.0.4', port });
    const find = answering('127.0.0.2', '127.0.0.3', '127.0.0.4');
    const began = performance.now();
    const told = dialThrough(named(port), { patienceMs: 1_500 }, find);
    await until(() => told.words.length > 0);
    assert.deepEqual(told.words, ['opened']);
    const tookMs = performance.now() - began;
    // Opened at all is in time: the caller's patience ends in a refusal.
    assert.ok(tookMs > 400, `a third of the time for the first: ${tookMs} ms`);
    assert.equal(good.peer.froms.length, 1);
    await isGone(hanging.peer);
    told.link.destroy();
  });

  test('only those of the family of the source address', async () => {
    const { peer, port } = await serve({ steps: GOOD });
    const find = answering('::1', '127.0.0.1');
    const told = dialThrough(named(port), { localAddress: '127.0.0.9' }, find);
    await until(() => told.words.length > 0);
    assert.deepEqual([told.words, peer.froms], [['opened'], ['127.0.0.9']]);
    told.link.destroy();
  });

  test('alike: the first; a mixture: the proxy’s; the word of the peer is the last', async () => {
    const first = await serve({ steps: [METHOD, [13, hex('05 01')]], address: '127.0.0.2' });
    const { port } = first;
    await serve({ steps: [METHOD, [13, hex('05 02')]], address: '127.0.0.3', port });
    await serve({ steps: [METHOD, BOUND, [23, hex('05 05')]], address: '127.0.0.5', port });
    const dial = (...addresses: string[]): Promise<string> =>
      ended(dialThrough(named(port), {}, answering(...addresses)));
    const alike = await dial('127.0.0.2', '127.0.0.3');
    assert.match(alike, /^FAULT_PROXY_UNPLUMBED .*127\.0\.0\.2:\d+: BIND.*general failure/);
    const mixed = await dial('127.0.0.2', '127.0.0.4');
    assert.match(mixed, /^FAULT_PROXY_UNREACHABLE .*127\.0\.0\.2.*127\.0\.0\.4.*ECONNREFUSED/);
    const answered = await dial('127.0.0.4', '127.0.0.5', '127.0.0.2');
    assert.match(answered, /^FAULT_PROXY_TARGET .*connection refused$/);
  });
});

describe('several faults as one', () => {
  const AWAY = 'FAULT_PROXY_UNREACHABLE';
  const RUDE = 'FAULT_PROXY_HANDSHAKE';
  const UNPLUMBED = 'FAULT_PROXY_UNPLUMBED';
  const OURS = 'FAULT_LINK_UNPLUMBED';
  const BIND = 'FAULT_LINK_BIND';
  const cases: readonly (readonly [readonly FaultCode[], FaultCode])[] = [
    [[OURS, OURS], OURS],
    [[OURS, BIND], OURS],
    [[BIND, OURS], BIND],
    [[UNPLUMBED, UNPLUMBED], UNPLUMBED],
    [[RUDE, RUDE], RUDE],
    [[OURS, AWAY], AWAY],
    [[RUDE, AWAY], AWAY],
    [[OURS, UNPLUMBED], AWAY],
    [[UNPLUMBED, RUDE], AWAY],
    [[OURS, RUDE], RUDE],
  ];
  for (const [codes, expected] of cases) {
    test(`${codes.join(' and ')}: ${expected}`, () => {
      const faults = codes.map((code, at) => ({
        code,
        where: '',
        cause: `${at}`,
        retryable: true,
      }));
      assert.equal(joinFaults(faults)?.code, expected);
    });
  }
  test('none of none', () => assert.equal(joinFaults([]), undefined));
});

describe('through HAProxy', () => {
  const SIGNATURE = '0d0a0d0a000d0a515549540a';
  const header = `${SIGNATURE}2111000cc6336407c000021900000019`;

  test('the header goes first and alone, then it is open', async () => {
    const { peer, port } = await serve({ steps: [[28, Buffer.from('220 hi\r\n')]] });
    const told = dialThrough({ ...at(port), kind: 'haproxy' });
    await until(() => told.bytes.length > 0);
    assert.deepEqual(told.words, ['opened']);
    assert.deepEqual(told.opened, {
      localAddress: '198.51.100.7',
      localPort: 0,
      protocol: 'haproxy',
    });
    assert.equal(peer.heard.toString('hex'), header);
    assert.deepEqual(peer.pieces, [28]);
    told.link.write(['EHLO\r\n']);
    await until(() => peer.heard.length === 34);
    told.link.end();
    await isGone(peer);
  });

  test('version 1 where it is asked for', async () => {
    const { peer, port } = await serve({ steps: [] });
    const told = dialThrough({ ...at(port), kind: 'haproxy', header: 'v1' });
    await until(() => peer.heard.length > 0);
    assert.equal(String(peer.heard), 'PROXY TCP4 198.51.100.7 192.0.2.25 0 25\r\n');
    told.link.destroy();
  });

  test('nobody listens: the proxy is away; closed later: the link is lost', async () => {
    const away = await ended(dialThrough({ ...at(1), kind: 'haproxy' }));
    assert.match(away, /^FAULT_PROXY_UNREACHABLE haproxy proxy .*ECONNREFUSED/);
    const { port } = await serve({ steps: [[28, 'fin']] });
    const told = dialThrough({ ...at(port), kind: 'haproxy' });
    await until(() => told.fault !== undefined);
    assert.deepEqual(told.words, ['opened', 'lost']);
    assert.equal(told.fault?.code, 'FAULT_LINK_ENDED');
  });
});
