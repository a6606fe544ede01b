/**
 * A connection behind a proxy that hangs, over loopback sockets: whose time-out it is, and that
 * the candidates of the plan share the time. Deliberately unknown here: mail, other proxies.
 */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { Step } from '../contracts/proxy-peer.ts';
import { closePeers, hex, isGone, serve } from '../contracts/proxy-peer.ts';
import { startClient } from './connection-peer.ts';

const METHOD: Step = [3, hex('05 00')];
const BOUND: Step = [13, hex('05 00 00 01 7f000007 0000')];
const CONNECT_MS = 400;

after(closePeers);

const hangAt = async (steps: readonly Step[], candidates: number): Promise<string[]> => {
  const { peer, port } = await serve({ steps });
  const host = startClient(
    Array.from({ length: candidates }, () => 25),
    {
      path: { connect_timeout: `${CONNECT_MS}ms` },
      source: {
        socks5_proxy_server: `127.0.0.1:${port}`,
        socks5_proxy_source_address: '127.0.0.7',
      },
    },
  );
  const began = performance.now();
  try {
    await host.until('an end', () => host.ending !== undefined);
    assert.ok(performance.now() - began < CONNECT_MS * 3, 'the candidates share the time');
    await isGone(peer);
    assert.equal(host.ending?.connectedOnce, false);
    return (host.ending?.attempts ?? []).map(({ stage, fault, reply }) => {
      assert.equal(stage, 'dialing');
      assert.equal(reply.code, 421);
      return `${fault?.code} ${fault?.cause}`;
    });
  } finally {
    host.stop();
  }
};

describe('a proxy that hangs', () => {
  test('in the handshake: its own time-out', async () => {
    const told = await hangAt([METHOD], 1);
    assert.equal(told.length, 1);
    const text = /^FAULT_PROXY_HANDSHAKE timed out after 400 ms waiting for a connection: socks5 /;
    assert.match(told[0] ?? '', text);
    assert.match(told[0] ?? '', /waiting for the answer to BIND$/);
  });

  test('for the peer: the time-out of the peer', async () => {
    const told = await hangAt([METHOD, BOUND], 1);
    assert.match(told[0] ?? '', /^FAULT_PROXY_TARGET .*waiting for the answer to CONNECT$/);
  });

  test('for each of two candidates', async () => {
    const told = await hangAt([], 2);
    assert.equal(told.length, 2);
    for (const each of told) assert.match(each, /^FAULT_PROXY_HANDSHAKE timed out/);
  });
});
