/**
 * The life of a connection beside its messages: reuse, idleness, stops, breaks and what follows,
 * deadlines that dripping does not move, bodies that come late or go slowly.
 * Deliberately unknown here: verdicts (see connection-stages), envelopes, TLS.
 */
import assert from 'node:assert/strict';
import type net from 'node:net';
import { describe, test } from 'node:test';
import type { TestHost } from './connection-peer.ts';
import { message, ScriptedPeer, startClient, withPeer } from './connection-peer.ts';

const FIN = { deed: 'fin' } as const;
const SILENT = { deed: 'silent' } as const;
const ended = (host: TestHost) => () => host.ending !== undefined;
const isIdle = (host: TestHost) => () => host.connection?.state() === 'open.idle';
const kindOf = (host: TestHost, at: number): string | undefined =>
  host.settlements[at]?.outcomes[0]?.kind;

describe('reuse and its end', { concurrency: 4 }, () => {
  test('the idle time ends it with QUIT', () =>
    withPeer({}, { path: { idle_timeout: '60ms' } }, async (host, peer) => {
      await host.until('an end', ended(host));
      assert.equal(peer.lines.at(-1), 'QUIT');
      assert.equal(host.ending?.cause, 'idle');
      assert.equal(host.connection?.state(), 'closed');
    }));

  test('a peer that ignores QUIT is left anyway', () =>
    withPeer({ quit: SILENT }, { queue: [] }, async (host) => {
      await host.until('idle', isIdle(host));
      host.connection?.stop();
      host.connection?.tick(host.steadyMs() + 10_000);
      await host.until('an end', ended(host));
      assert.equal(host.ending?.cause, 'stopped');
    }));

  test('max_deliveries_per_connection', () => {
    const options = { path: { max_deliveries_per_connection: 2 }, queue: [message(1), message(2)] };
    return withPeer({}, options, async (host, peer) => {
      await host.until('an end', ended(host));
      assert.equal(host.settlements.length, 2);
      assert.equal(host.told.filter((told) => told === 'idle').length, 2);
      assert.equal(peer.lines.at(-1), 'QUIT');
      assert.equal(host.ending?.deliveries, 2);
    });
  });

  for (const extra of ['250 uninvited\r\n', '421 going down\r\n', '2']) {
    test(`idle, and the peer says ${JSON.stringify(extra)}: nothing is credited`, () =>
      withPeer({}, { queue: [] }, async (host, peer) => {
        await host.until('idle', isIdle(host));
        for (const socket of peer.sockets) socket.write(extra);
        await host.until('an end', ended(host));
        host.connection?.give(message(9, ['a@x.test', 'b@x.test']));
        assert.deepEqual(host.settlements[0]?.again, [0, 1]);
        assert.deepEqual(host.settlements[0]?.outcomes, []);
        assert.ok(!peer.lines.some((line) => line.startsWith('MAIL')));
      }));
  }

  test('idle, and the peer closes', () =>
    withPeer({}, { queue: [] }, async (host, peer) => {
      await host.until('idle', isIdle(host));
      for (const socket of peer.sockets) socket.end();
      await host.until('an end', ended(host));
      assert.match(host.ending?.cause ?? '', /connection lost/);
    }));

  test('a message given while the connection parts comes back untried', () =>
    withPeer({ quit: FIN }, { queue: [] }, async (host) => {
      await host.until('idle', isIdle(host));
      host.connection?.stop();
      host.connection?.give(message(5));
      await host.until('an end', ended(host));
      assert.deepEqual(host.settlements[0]?.again, [0]);
      assert.deepEqual(host.told, ['opened', 'idle', 'parting', 'settled', 'ended']);
    }));

  test('a stop lets the message in hand finish', () =>
    withPeer({}, {}, async (host) => {
      host.releases = false;
      await host.until('354', () => host.connection?.state() === 'open.holding');
      host.connection?.stop();
      host.connection?.release(1, host.body);
      await host.until('an end', ended(host));
      assert.equal(kindOf(host, 0), 'delivered');
    }));

  test('an abort after the dot is an unknown outcome', () =>
    withPeer({ dot: SILENT }, {}, async (host) => {
      await host.until('the dot', () => host.connection?.state() === 'open.judging');
      host.connection?.abort('the watchdog');
      assert.equal(host.settlements[0]?.unknown, true);
      assert.equal(host.ending?.cause, 'the watchdog');
    }));
});

describe('breaks', { concurrency: 4 }, () => {
  const both = async (
    path: Record<string, unknown>,
    use: (host: TestHost, bad: ScriptedPeer, good: ScriptedPeer) => Promise<void>,
  ): Promise<void> => {
    const bad = new ScriptedPeer({ rcpt: FIN });
    const good = new ScriptedPeer({});
    const ports = [await bad.listen(), await good.listen()];
    const host = startClient(ports, {
      path: { idle_timeout: '80ms', ...path },
      queue: [message(1), message(2)],
    });
    try {
      await host.until('an end', ended(host));
      await use(host, bad, good);
    } finally {
      host.stop();
      await bad.close();
      await good.close();
    }
  };

  test('ConnectNextHost: the next message goes to the next host', () =>
    both({}, async (host) => {
      assert.deepEqual([kindOf(host, 0), kindOf(host, 1)], ['transient', 'delivered']);
      assert.equal(host.opens.length, 2);
    }));

  test('TerminateSession: the plan is dropped', () =>
    both({ reconnect_strategy: 'TerminateSession' }, async (host, _bad, good) => {
      assert.equal(host.settlements.length, 1);
      assert.equal(good.connections, 0);
    }));

  test('ReconnectSameHost: the same address again', () =>
    both({ reconnect_strategy: 'ReconnectSameHost' }, async (host, bad, good) => {
      assert.deepEqual([kindOf(host, 0), kindOf(host, 1)], ['transient', 'transient']);
      assert.equal(bad.connections, 3);
      assert.equal(good.connections, 0);
    }));

  test('try_next_host_on_transport_error: the same message goes to the next host', () =>
    both({ try_next_host_on_transport_error: true }, async (host) => {
      assert.deepEqual([kindOf(host, 0), kindOf(host, 1)], ['delivered', 'delivered']);
      assert.equal(host.settlements.length, 2);
    }));

  test('try_next_host… with ReconnectSameHost: one more try, not for ever', () => {
    const path = {
      try_next_host_on_transport_error: true,
      reconnect_strategy: 'ReconnectSameHost',
    };
    return both(path, async (host, bad) => {
      assert.deepEqual([kindOf(host, 0), kindOf(host, 1)], ['transient', 'transient']);
      assert.equal(bad.connections, 5);
    });
  });

  test('try_next_host…: no host left, the break is what it got', async () => {
    const path = { try_next_host_on_transport_error: true };
    const bad = new ScriptedPeer({ rcpt: FIN });
    const host = startClient([await bad.listen(), 1], { path });
    try {
      await host.until('an end', ended(host));
      assert.equal(kindOf(host, 0), 'transient');
      assert.equal(host.settlements[0]?.outcomes[0]?.reply.code, 421);
    } finally {
      host.stop();
      await bad.close();
    }
  });
});

describe('time', { concurrency: 4 }, () => {
  const drip = (socket: net.Socket, text: string): void => {
    const timer = setInterval(() => socket.write(text), 15);
    socket.on('close', () => clearInterval(timer));
  };

  for (const stage of ['greeting', 'the dot'] as const) {
    test(`a reply that drips for ever at ${stage} meets its total deadline`, async () => {
      const peer = new ScriptedPeer({ [stage === 'greeting' ? 'greeting' : 'dot']: SILENT });
      const drips = peer.server.listeners('connection');
      assert.equal(drips.length, 1);
      peer.server.on('connection', (socket: net.Socket) => {
        if (stage === 'greeting') return drip(socket, '220-more\r\n');
        socket.on('data', (bytes) => {
          if (bytes.includes('\r\n.\r\n')) drip(socket, '250-more\r\n');
        });
      });
      const path = { banner_timeout: '150ms', data_dot_timeout: '150ms' };
      const host = startClient([await peer.listen()], { path });
      try {
        const from = performance.now();
        await host.until('an end', ended(host));
        assert.ok(performance.now() - from < 20_000);
        if (stage === 'the dot') assert.equal(host.settlements[0]?.unknown, true);
        else assert.equal(host.ending?.attempts[0]?.fault?.code, 'FAULT_LINK_TIMEOUT');
      } finally {
        host.stop();
        await peer.close();
      }
    });
  }

  test('connect_timeout is shared by the candidates and each gets its part', () => {
    const dialled: number[] = [];
    const network = {
      dial: (request: { port: number }) => {
        dialled.push(request.port);
        return { write: () => true, secure() {}, end() {}, destroy() {} };
      },
    };
    const host = startClient([1, 2, 3], { network, path: { connect_timeout: '30s' } });
    const start = host.steadyMs();
    for (let at = 0; at <= 31; at += 1) host.connection?.tick(start + at * 1000);
    assert.deepEqual(dialled, [1, 2, 3]);
    assert.equal(host.ending?.attempts.length, 3);
    assert.ok(host.ending?.attempts.every((one) => one.fault?.code === 'FAULT_LINK_TIMEOUT'));
    host.stop();
  });

  test('a peer that does not read a large body is given up', async () => {
    const peer = new ScriptedPeer({});
    peer.server.on('connection', (socket: net.Socket) => {
      socket.on('data', (bytes) => {
        if (bytes.includes('DATA\r\n')) socket.pause();
      });
    });
    const host = startClient([await peer.listen()], { path: { data_timeout: '300ms' } });
    host.body = [Buffer.alloc(30_000_000, 'x'.repeat(76).concat('\r\n'))];
    try {
      await host.until('the body', () => host.connection?.state() === 'open.body');
      await host.until('an end', ended(host));
      assert.equal(kindOf(host, 0), 'transient');
      assert.equal(host.settlements[0]?.unknown, false);
      assert.match(host.settlements[0]?.outcomes[0]?.reply.text ?? '', /to take the body/);
    } finally {
      host.stop();
      await peer.close();
    }
  });
});

describe('bodies', { concurrency: 4 }, () => {
  const cases: readonly (readonly [string, readonly string[], string])[] = [
    ['no line end', ['abc'], 'abc\r\n'],
    ['empty', [], ''],
    ['a dot at the start', ['.', 'x\r\n'], '..x\r\n'],
    ['dots', ['a\r\n.\r\nb\r\n..c\r\n'], 'a\r\n..\r\nb\r\n...c\r\n'],
    ['a dot after the cut', ['a\r\n', '.b\r\n'], 'a\r\n..b\r\n'],
    ['CR and LF cut', ['a\r', '\n', '.b', '\r', '\n'], 'a\r\n..b\r\n'],
    ['LF dot LF, for lenient peers', ['a\n.\nb\r\n'], 'a\n..\nb\r\n'],
    ['many dots', ['.\r\n'.repeat(100)], '..\r\n'.repeat(100)],
  ];
  for (const [name, pieces, expected] of cases) {
    test(`${name}: stuffed, and one dot ends it`, () =>
      withPeer({}, {}, async (host, peer) => {
        host.body = pieces.map((piece) => Buffer.from(piece));
        await host.until('a settlement', () => host.settlements.length === 1);
        assert.equal(kindOf(host, 0), 'delivered');
        assert.deepEqual(peer.bodies, [expected]);
      }));
  }

  test('a large body crosses in bites, unchanged', () =>
    withPeer({}, {}, async (host, peer) => {
      const lines = Array.from(
        { length: 60_000 },
        (_, i) => `${i % 7 === 0 ? '.' : ''}line ${i}\r\n`,
      );
      host.body = [Buffer.from(lines.slice(0, 31).join('')), Buffer.from(lines.slice(31).join(''))];
      await host.until('a settlement', () => host.settlements.length === 1, 10_000);
      assert.equal(kindOf(host, 0), 'delivered');
      assert.ok(peer.bodies[0] === lines.join('').replace(/^\./gm, '..'));
    }));

  test('the body waits for its release, and for no other offer', () =>
    withPeer({}, {}, async (host, peer) => {
      host.releases = false;
      await host.until('354', () => host.connection?.state() === 'open.holding');
      host.connection?.release(99, host.body);
      assert.equal(host.connection?.state(), 'open.holding');
      assert.equal(peer.bodies.length, 0);
      host.connection?.release(1, host.body);
      await host.until('a settlement', () => host.settlements.length === 1);
      assert.equal(kindOf(host, 0), 'delivered');
    }));

  test('an uninvited reply during the wait drops the message to transient', () =>
    withPeer({}, {}, async (host, peer) => {
      host.releases = false;
      await host.until('354', () => host.connection?.state() === 'open.holding');
      for (const socket of peer.sockets) socket.write('250 early\r\n');
      await host.until('an end', ended(host));
      host.connection?.release(1, host.body);
      assert.equal(kindOf(host, 0), 'transient');
      assert.equal(host.settlements[0]?.unknown, false);
      assert.deepEqual(peer.bodies, []);
    }));
});
