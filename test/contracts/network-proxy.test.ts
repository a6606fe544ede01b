/**
 * The contract of the `Network` port where a proxy stands in the way, kept by the node adapter
 * against scripted proxies on loopback sockets: what opens, what each failure is called, how
 * several addresses share the time, and that nothing stays open.
 * Deliberately unknown here: real proxies (test/faults/proxies.test.ts), SMTP.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import tls from 'node:tls';
import { GOOD_KEY, GOOD_PEM } from '../examples/connection-certificates.ts';
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
const REPLY = hex('05 00 00 01 c6336407 c350');
const CONNECTED: Step = [23, Buffer.concat([REPLY, Buffer.from('220 hi\r\n')])];
const GOOD: readonly Step[] = [METHOD, BOUND, CONNECTED];
const SAID = '050100 05020001c63364070000 05010001c00002190019'.replaceAll(' ', '');
/** Longer than anything takes here; a time-out is then only met where a test waits for it. */
const PATIENCE_MS = 60_000;

after(closePeers);

describe('through SOCKS5', () => {
  for (const isSlow of [false, true]) {
    const how = isSlow ? ', drop by drop' : '';
    test(`a link, the bytes of the peer behind the reply${how}`, async () => {
      const { peer, port } = await serve({ steps: GOOD, isSlow });
      const told = dialThrough(at(port));
      await until(() => Buffer.concat(told.bytes).toString() === '220 hi\r\n');
      assert.deepEqual(told.words, ['opened']);
      assert.deepEqual(told.opened, {
        localAddress: '198.51.100.7',
        localPort: 50_000,
        protocol: 'socks5',
      });
      assert.equal(peer.heard.toString('hex'), SAID);
      assert.equal(told.link.stalled?.(), undefined);
      told.link.write(['QUIT\r\n']);
      await until(() => peer.heard.toString('latin1').endsWith('QUIT\r\n'));
      told.link.end();
      await isGone(peer);
      assert.deepEqual(told.words, ['opened']);
    });
  }

  test('with user name and password', async () => {
    const steps: Step[] = [
      [4, hex('05 02')],
      [15, hex('01 00')],
      [25, BOUND[1]],
      [35, REPLY],
    ];
    const { peer, port } = await serve({ steps });
    const told = dialThrough({ ...at(port), username: 'me', password: 'hunter2' });
    await until(() => told.words.length > 0);
    assert.deepEqual(told.words, ['opened']);
    assert.match(peer.heard.toString('latin1'), /\x01\x02me\x07hunter2/);
    told.link.destroy();
    await isGone(peer);
  });

  test('TLS runs inside it', async () => {
    const steps: Step[] = [METHOD, BOUND, [23, REPLY]];
    const { peer, port } = await serve({ steps });
    const told = dialThrough(at(port));
    await until(() => told.words.length > 0);
    const [socket] = peer.sockets;
    assert.ok(socket !== undefined);
    socket.removeAllListeners('data');
    const secureContext = tls.createSecureContext({ key: GOOD_KEY, cert: GOOD_PEM });
    const secured = new tls.TLSSocket(socket, { isServer: true, secureContext });
    secured.on('error', () => {});
    secured.on('data', (bytes) => secured.write(`heard ${bytes}`));
    told.link.secure({ verify: false, serverName: 'peer.test' });
    await until(() => told.words.length > 1);
    assert.deepEqual(told.words, ['opened', 'secured false']);
    told.link.write(['x']);
    await until(() => Buffer.concat(told.bytes).toString() === 'heard x');
    told.link.destroy();
  });

  test('a source address is bound on the way to the proxy; a proxy on a Unix socket', async () => {
    const { peer, port } = await serve({ steps: GOOD });
    const told = dialThrough(at(port), { localAddress: '127.0.0.9' });
    await until(() => told.words.length > 0);
    assert.deepEqual(peer.froms, ['127.0.0.9']);
    told.link.destroy();
    const folder = mkdtempSync(join(tmpdir(), 'proxy-'));
    const path = join(folder, 's');
    await serve({ steps: GOOD, path });
    const other = dialThrough({ place: { path } }, { localAddress: '192.0.2.7' });
    await until(() => other.words.length > 0);
    assert.deepEqual(other.words, ['opened']);
    other.link.destroy();
    rmSync(folder, { recursive: true });
  });

  test('a link to a Unix socket goes past the proxy', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'proxy-'));
    const path = join(folder, 's');
    await serve({ steps: [[0, Buffer.from('220 here\r\n')]], path });
    const told = dialThrough(at(1), { path });
    await until(() => told.bytes.length > 0);
    assert.equal(Buffer.concat(told.bytes).toString(), '220 here\r\n');
    told.link.destroy();
    rmSync(folder, { recursive: true });
  });
});

describe('what a failure is called', () => {
  const handshake = /^FAULT_PROXY_HANDSHAKE /;
  const cases: readonly (readonly [string, readonly Step[], RegExp])[] = [
    [
      'closed at once',
      [[0, 'fin']],
      /HANDSHAKE .*closed the connection, waiting for the choice of/,
    ],
    [
      'closed after the method',
      [METHOD, [13, 'fin']],
      /HANDSHAKE .*waiting for the answer to BIND/,
    ],
    ['reset', [METHOD, BOUND, [23, 'reset']], /HANDSHAKE .*ECONNRESET .*the answer to CONNECT/],
    ['garbage', [[0, Buffer.from('220 smtp\r\n')]], handshake],
    ['a log-in is wanted', [[3, hex('05 ff')]], handshake],
    [
      'no such address',
      [METHOD, [13, hex('05 01')]],
      /^FAULT_PROXY_UNPLUMBED .*BIND of 198.51.100.7/,
    ],
    [
      'no such peer',
      [METHOD, BOUND, [23, hex('05 04 00 01')]],
      /^FAULT_PROXY_TARGET .*unreachable/,
    ],
  ];
  for (const [name, steps, expected] of cases) {
    test(name, async () => {
      const { peer, port } = await serve({ steps });
      const told = dialThrough(at(port), { patienceMs: PATIENCE_MS });
      assert.match(await ended(told), expected);
      assert.equal(told.fault?.where, `127.0.0.1:${port}`);
      await isGone(peer);
    });
  }

  test('the log-in is refused, or has no password', async () => {
    const { port } = await serve({
      steps: [
        [4, hex('05 02')],
        [15, hex('01 01')],
      ],
    });
    const login = { username: 'me', password: 'hunter2' };
    assert.match(await ended(dialThrough({ ...at(port), ...login })), handshake);
    assert.match(await ended(dialThrough({ ...at(port), username: 'me' })), /cannot be read/);
  });

  test('nobody listens: the proxy is away', async () => {
    const unreachable = /^FAULT_PROXY_UNREACHABLE socks5 proxy .*ECONNREFUSED/;
    assert.match(await ended(dialThrough(at(1))), unreachable);
    const told = dialThrough({ place: { path: '/nonexistent/socket' } });
    assert.match(await ended(told), /^FAULT_PROXY_UNREACHABLE .*ENOENT/);
  });

  test('the local address is not here: ours, not the proxy’s', async () => {
    const told = dialThrough(at(1), { localAddress: '192.0.2.7' });
    assert.match(await ended(told), /^FAULT_LINK_UNPLUMBED .*EADDRNOTAVAIL/);
  });

  test('names: not found, of no usable family, or nobody to ask', async () => {
    const fault = {
      code: 'FAULT_DNS_NXDOMAIN',
      where: '',
      cause: 'no such name',
      retryable: false,
    };
    const told = dialThrough(named(1), {}, (_host, answered) =>
      answered({ kind: 'failed', fault: { ...fault, code: 'FAULT_DNS_NXDOMAIN' }, expiresAt: 0 }),
    );
    assert.match(await ended(told), /^FAULT_PROXY_UNREACHABLE .*looked up: no such name/);
    const six = dialThrough(named(1), { localAddress: '127.0.0.1' }, answering('::1'));
    assert.match(await ended(six), /^FAULT_PROXY_UNREACHABLE .*family of source_address 127.0.0.1/);
    assert.match(await ended(dialThrough(named(1))), /nobody looks up names here/);
  });

  test('source and destination of two families', async () => {
    const told = dialThrough({ ...at(1), sourceAddress: '::1' });
    assert.match(await ended(told), /^FAULT_LINK_UNREACHABLE .*different families/);
  });
});

describe('while the proxy is silent', () => {
  const stalledAt = async (steps: readonly Step[], heard: number): Promise<string> => {
    const { peer, port } = await serve({ steps });
    const told = dialThrough(at(port), { patienceMs: PATIENCE_MS });
    await until(() => peer.heard.length === heard);
    const fault = told.link.stalled?.();
    told.link.destroy();
    await isGone(peer);
    assert.deepEqual(told.words, []);
    return `${fault?.code} ${fault?.cause}`;
  };

  test('the link says what it waits for', async () => {
    assert.match(await stalledAt([], 3), /^FAULT_PROXY_HANDSHAKE .*the choice of a method$/);
    assert.match(await stalledAt([METHOD], 13), /^FAULT_PROXY_HANDSHAKE .*the answer to BIND$/);
    // From here on the proxy itself waits: for the peer.
    assert.match(await stalledAt([METHOD, BOUND], 23), /^FAULT_PROXY_TARGET .*to CONNECT$/);
  });

  test('before it has answered at all it is the proxy’s', async () => {
    const told = dialThrough(named(1), {}, () => {});
    await new Promise((done) => setTimeout(done, 10));
    assert.match(told.link.stalled?.()?.cause ?? '', /waiting for its address$/);
    assert.equal(told.link.stalled?.()?.code, 'FAULT_PROXY_UNREACHABLE');
    told.link.destroy();
  });

  test('given up before it began, it never dials', async () => {
    const { peer, port } = await serve({ steps: GOOD });
    const told = dialThrough(at(port));
    told.link.destroy();
    await new Promise((done) => setTimeout(done, 30));
    assert.deepEqual([told.words, peer.froms], [[], []]);
  });
});
