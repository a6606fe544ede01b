/**
 * The contract of the `Network` port, kept by the node adapter: answers come after `dial` returned,
 * `lost` comes once and last, a write is one write, false means that `drained` follows.
 * Deliberately unknown here: SMTP; the peers are plain sockets.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import tls from 'node:tls';
import { createNetwork } from '../../src/ports/node/network.ts';
import type { DialRequest, Fault, Link } from '../../src/ports/ports.ts';
import {
  CA_PEM,
  GOOD_KEY,
  GOOD_PEM,
  WRONG_KEY,
  WRONG_PEM,
} from '../examples/connection-certificates.ts';

const network = createNetwork({ trusted: [CA_PEM] });
const servers: net.Server[] = [];
after(() => {
  for (const server of servers) server.close();
});

async function serve(onSocket: (socket: net.Socket) => void, path?: string): Promise<number> {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    onSocket(socket);
  });
  servers.push(server);
  if (path !== undefined) {
    await new Promise<void>((done) => server.listen(path, done));
    return 0;
  }
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return (server.address() as net.AddressInfo).port;
}

interface Told {
  readonly words: string[];
  readonly bytes: Buffer[];
  fault: Fault | undefined;
  link: Link;
}

function dial(request: Partial<DialRequest>): Told {
  const told: Told = { words: [], bytes: [], fault: undefined, link: undefined as never };
  let hasReturned = false;
  const say = (word: string): void => {
    assert.ok(hasReturned, 'an answer came before dial returned');
    told.words.push(word);
  };
  told.link = network.dial(
    { address: '127.0.0.1', port: 1, ...request },
    {
      opened: () => say('opened'),
      received: (bytes) => told.bytes.push(Buffer.from(bytes)),
      drained: () => say('drained'),
      secured: (info) => say(`secured ${info.authorized}`),
      lost: (fault) => {
        say('lost');
        told.fault = fault;
      },
    },
  );
  hasReturned = true;
  return told;
}

async function until(isSo: () => boolean): Promise<void> {
  const by = performance.now() + 5000;
  while (!isSo()) {
    assert.ok(performance.now() < by, 'waited too long');
    await new Promise((done) => setTimeout(done, 2));
  }
}

const settle = (): Promise<void> => new Promise((done) => setTimeout(done, 30));

describe('dialling', () => {
  const cases: readonly (readonly [string, Partial<DialRequest>, string])[] = [
    ['nobody listens', { port: 1 }, 'FAULT_LINK_REFUSED'],
    ['no such socket file', { path: '/nonexistent/socket' }, 'FAULT_LINK_REFUSED'],
    ['an address that is not ours', { localAddress: '192.0.2.7' }, 'FAULT_LINK_UNPLUMBED'],
    ['an address of another family', { localAddress: '::1' }, 'FAULT_LINK_BIND'],
    ['a port that is none', { port: 70_000 }, 'FAULT_LINK_UNREACHABLE'],
    ['a source that is none', { localAddress: 'here' }, 'FAULT_LINK_UNREACHABLE'],
  ];
  for (const [name, request, code] of cases) {
    test(`${name}: ${code}`, async () => {
      const told = dial(request);
      await until(() => told.fault !== undefined);
      await settle();
      assert.deepEqual(told.words, ['lost']);
      assert.equal(told.fault?.code, code);
      assert.equal(told.fault?.retryable, true);
    });
  }

  test('a bound source address is used', async () => {
    let remote = '';
    const port = await serve((socket) => {
      remote = socket.remoteAddress ?? '';
    });
    const told = dial({ port, localAddress: '127.0.0.9' });
    await until(() => remote !== '');
    assert.equal(remote, '127.0.0.9');
    told.link.destroy();
  });

  test('a Unix socket', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'network-'));
    const path = join(folder, 's');
    await serve((socket) => socket.end('hello'), path);
    const told = dial({ path });
    await until(() => told.fault !== undefined);
    assert.equal(Buffer.concat(told.bytes).toString(), 'hello');
    rmSync(folder, { recursive: true });
  });
});

describe('a link', () => {
  test('FIN: the bytes before it arrive, then lost, once', async () => {
    const told = dial({ port: await serve((socket) => socket.end('bye')) });
    await until(() => told.fault !== undefined);
    await settle();
    assert.deepEqual(told.words, ['opened', 'lost']);
    assert.equal(Buffer.concat(told.bytes).toString(), 'bye');
    assert.equal(told.fault?.code, 'FAULT_LINK_ENDED');
    assert.equal(told.link.write(['more']), true);
  });

  test('RST: lost, once', async () => {
    const port = await serve((socket) => {
      socket.once('data', () => socket.resetAndDestroy());
    });
    const told = dial({ port });
    await until(() => told.words.includes('opened'));
    told.link.write(['x']);
    await until(() => told.fault !== undefined);
    assert.deepEqual(told.words, ['opened', 'lost']);
    assert.equal(told.fault?.code, 'FAULT_LINK_RESET');
  });

  test('chunks arrive in order and in one piece', async () => {
    const pieces: string[] = [];
    const port = await serve((socket) => socket.on('data', (bytes) => pieces.push(String(bytes))));
    const told = dial({ port });
    await until(() => told.words.includes('opened'));
    told.link.write(['a', Buffer.from('b'), 'c\r\n']);
    await until(() => pieces.length > 0);
    await settle();
    assert.deepEqual(pieces, ['abc\r\n']);
    told.link.destroy();
  });

  test('false means wait: drained comes when all has left, and only then', async () => {
    let taken = 0;
    let peer: net.Socket | undefined;
    const port = await serve((socket) => {
      peer = socket.pause();
      socket.on('data', (bytes) => {
        taken += bytes.length;
      });
      socket.pause();
    });
    const told = dial({ port });
    await until(() => told.words.includes('opened') && peer !== undefined);
    assert.equal(told.link.write(['small']), true);
    const large = Buffer.alloc(30_000_000);
    assert.equal(told.link.write([large]), false);
    await settle();
    assert.deepEqual(told.words, ['opened']);
    peer?.resume();
    await until(() => told.words.includes('drained'));
    await until(() => taken === large.length + 5);
    assert.deepEqual(told.words, ['opened', 'drained']);
    told.link.destroy();
  });

  for (const how of ['end', 'destroy'] as const) {
    test(`after ${how} it is silent`, async () => {
      const received: string[] = [];
      const port = await serve((socket) => {
        socket.on('data', (bytes) => received.push(String(bytes)));
        socket.write('late');
        socket.on('end', () => socket.end('later'));
      });
      const told = dial({ port });
      await until(() => told.words.includes('opened'));
      if (how === 'end') told.link.write(['QUIT']);
      told.link[how]();
      told.bytes.length = 0;
      await settle();
      assert.deepEqual(told.words, ['opened']);
      assert.deepEqual(told.bytes, []);
      assert.deepEqual(received, how === 'end' ? ['QUIT'] : []);
    });
  }
});

describe('TLS', () => {
  const secureServer = (options: tls.SecureContextOptions) =>
    serve((socket) => {
      const secureContext = tls.createSecureContext(options);
      const secured = new tls.TLSSocket(socket, { isServer: true, secureContext });
      secured.on('error', () => {});
      secured.on('data', (bytes) => secured.write(`heard ${bytes}`));
    });
  const start = async (options: tls.SecureContextOptions, verify: boolean, serverName?: string) => {
    const told = dial({ port: await secureServer(options) });
    await until(() => told.words.includes('opened'));
    told.link.secure({ verify, ...(serverName === undefined ? {} : { serverName }) });
    await until(() => told.words.length > 1);
    return told;
  };
  const good = { key: GOOD_KEY, cert: GOOD_PEM };
  const wrong = { key: WRONG_KEY, cert: WRONG_PEM };

  test('a good certificate, bytes both ways', async () => {
    const told = await start(good, true, 'peer.test');
    assert.deepEqual(told.words, ['opened', 'secured true']);
    told.link.write(['x', 'y']);
    await until(() => told.bytes.length > 0);
    assert.match(Buffer.concat(told.bytes).toString(), /^heard x/);
    told.link.destroy();
  });

  test('without a name the address is checked', async () => {
    const told = await start(good, true);
    assert.deepEqual(told.words, ['opened', 'secured true']);
    told.link.destroy();
  });

  test('another name is refused, or noted where nothing is checked', async () => {
    const refused = await start(wrong, true, 'peer.test');
    assert.equal(refused.fault?.code, 'FAULT_TLS_CERTIFICATE');
    const noted = await start(wrong, false, 'peer.test');
    assert.deepEqual(noted.words, ['opened', 'secured false']);
    noted.link.destroy();
  });

  test('below TLS 1.2 there is no handshake', async () => {
    const old = { ...good, minVersion: 'TLSv1' as const, maxVersion: 'TLSv1.1' as const };
    const told = await start({ ...old, ciphers: 'DEFAULT@SECLEVEL=0' }, false, 'peer.test');
    assert.equal(told.fault?.code, 'FAULT_TLS_HANDSHAKE');
  });

  test('a peer that closes in the handshake', async () => {
    const port = await serve((socket) => socket.once('data', () => socket.end()));
    const told = dial({ port });
    await until(() => told.words.includes('opened'));
    told.link.secure({ verify: false });
    await until(() => told.fault !== undefined);
    assert.deepEqual(told.words, ['opened', 'lost']);
    assert.equal(told.fault?.code, 'FAULT_TLS_HANDSHAKE');
  });
});
