/**
 * Envelopes and verdicts: mixed recipients, too many of them, what cannot be said to a peer, LMTP.
 * The idea: each recipient ends in exactly one place, `outcomes` or `again`.
 * Deliberately unknown here: broken connections (see connection-stages).
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Settlement, Transaction } from '../../src/actors/connection/connection.ts';
import type { ClientOptions, Script } from './connection-peer.ts';
import { message, ScriptedPeer, startClient, withPeer } from './connection-peer.ts';

const QUICK = { idle_timeout: '50ms' };
const OLD = '250 old.test\r\n';

async function settleOne(
  script: Script,
  transaction: Transaction,
  path: Record<string, unknown> = {},
): Promise<{ settlement: Settlement; peer: ScriptedPeer }> {
  const { settlements, peer } = await settleAll(script, [transaction], { path });
  const settlement = settlements[0];
  assert.ok(settlement !== undefined);
  return { settlement, peer };
}

async function settleAll(
  script: Script,
  queue: Transaction[],
  options: ClientOptions = {},
): Promise<{ settlements: Settlement[]; peer: ScriptedPeer; told: string[] }> {
  let result: { settlements: Settlement[]; peer: ScriptedPeer; told: string[] } | undefined;
  const path = { ...QUICK, ...options.path };
  const wanted = queue.length;
  await withPeer(script, { ...options, path, queue: [...queue] }, async (host, peer) => {
    await host.until('settlements', () => host.settlements.length === wanted);
    await host.until('an end', () => host.ending !== undefined);
    result = { settlements: host.settlements, peer, told: host.told };
  });
  assert.ok(result !== undefined);
  return result;
}

const kindsOf = (settlement: Settlement): string =>
  [...settlement.outcomes]
    .sort((a, b) => a.index - b.index)
    .map((outcome) => `${outcome.index}:${outcome.kind}:${outcome.reply.code}`)
    .join(' ');

const people = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `r${i}@peer.test`);

describe('recipients', { concurrency: 4 }, () => {
  const byName = (line: string): string => {
    if (line.includes('r1@')) return '550 5.1.1 nobody\r\n';
    return line.includes('r2@') ? '450 4.2.1 later\r\n' : '250 ok\r\n';
  };

  for (const enable_pipelining of [true, false]) {
    test(`mixed verdicts, pipelining ${enable_pipelining}`, async () => {
      const tx = message(1, people(4));
      const { settlement } = await settleOne({ rcpt: byName }, tx, { enable_pipelining });
      const expected = '0:delivered:250 1:permanent:550 2:transient:450 3:delivered:250';
      assert.equal(kindsOf(settlement), expected);
    });

    test(`all refused, pipelining ${enable_pipelining}: no body, then the next`, async () => {
      const rcpt = (_line: string, count: number): string =>
        count < 2 ? '550 no\r\n' : '250 ok\r\n';
      const options = { path: { enable_pipelining } };
      const queue = [message(1, people(2)), message(2)];
      const { settlements, peer } = await settleAll({ rcpt }, queue, options);
      assert.equal(kindsOf(settlements[0] as Settlement), '0:permanent:550 1:permanent:550');
      assert.equal(kindsOf(settlements[1] as Settlement), '0:delivered:250');
      // Pipelined, the 354 is answered with a lone dot; in lockstep DATA is never sent.
      assert.deepEqual(
        peer.bodies.map((body) => body.length > 0),
        enable_pipelining ? [false, true] : [true],
      );
      assert.equal(peer.lines.includes('RSET'), !enable_pipelining);
    });
  }

  test('DATA refused after RCPT taken: its reply counts, RSET cleans up', async () => {
    const data = (_line: string, count: number): string =>
      count === 0 ? '554 5.7.1 not you\r\n' : '354 go\r\n';
    const queue = [message(1, people(2)), message(2)];
    const { settlements, peer } = await settleAll({ data }, queue);
    assert.equal(kindsOf(settlements[0] as Settlement), '0:permanent:554 1:permanent:554');
    assert.equal(settlements[0]?.outcomes[0]?.stage, 'data');
    assert.equal(kindsOf(settlements[1] as Settlement), '0:delivered:250');
    assert.ok(peer.lines.includes('RSET'));
  });

  test('DATA refused without RSET allowed: the connection is given up', async () => {
    const { peer, told } = await settleAll({ data: '554 no\r\n' }, [message(1)], {
      path: { enable_rset: false },
    });
    assert.deepEqual(told, ['opened', 'idle', 'settled', 'parting', 'ended']);
    assert.equal(peer.lines.at(-1), 'QUIT');
  });

  test('what exceeds a batch is to be offered again', async () => {
    const tx = message(1, people(5));
    const { settlement } = await settleOne({}, tx, { max_recipients_per_batch: 2 });
    assert.equal(kindsOf(settlement), '0:delivered:250 1:delivered:250');
    assert.deepEqual(settlement.again, [2, 3, 4]);
  });
});

describe('too many recipients', { concurrency: 4 }, () => {
  const limited =
    (reply: string) =>
    (_line: string, count: number): string =>
      count % 5 >= 2 ? reply : '250 ok\r\n';

  for (const reply of ['452 4.5.3 too many\r\n', '452 too many\r\n', '552 too many\r\n']) {
    test(`${reply.trim()}: the rest again, later transactions fit`, async () => {
      const queue = [message(1, people(5)), message(2, people(5).slice(2))];
      const { settlements, peer } = await settleAll({ rcpt: limited(reply) }, queue);
      assert.equal(kindsOf(settlements[0] as Settlement), '0:delivered:250 1:delivered:250');
      assert.deepEqual(settlements[0]?.again, [2, 3, 4]);
      // The peer takes two: the second transaction names no more.
      assert.deepEqual(settlements[1]?.again, [2]);
      assert.equal(peer.lines.filter((line) => line.startsWith('RCPT')).length, 7);
    });
  }

  test('a full mailbox is not too many', async () => {
    const rcpt = (line: string): string =>
      line.includes('r1@') ? '452 4.2.2 full\r\n' : '250 ok\r\n';
    const { settlement } = await settleOne({ rcpt }, message(1, people(2)));
    assert.equal(kindsOf(settlement), '0:delivered:250 1:transient:452');
  });

  test('the first is never too many, and twice is enough', async () => {
    const rcpt = '452 too many\r\n';
    const to = people(2);
    const { settlements } = await settleAll({ rcpt }, [message(1, to), message(2, to)]);
    assert.equal(kindsOf(settlements[0] as Settlement), '0:transient:452');
    assert.deepEqual(settlements[0]?.again, [1]);
    assert.equal(kindsOf(settlements[1] as Settlement), '0:transient:452 1:transient:452');
  });
});

describe('what cannot be said', { concurrency: 4 }, () => {
  const cases: readonly (readonly [string, Partial<Transaction>, string, string])[] = [
    ['CRLF in the sender', { from: 'a@b\r\nRCPT TO:<x@y>' }, '', '0:permanent:553'],
    ['a line break in a recipient', { to: ['a@b\nDATA'] }, '', '0:permanent:553'],
    ['NUL', { to: ['a\0@b'] }, '', '0:permanent:553'],
    ['an angle', { to: ['a@b> SIZE=1'] }, '', '0:permanent:553'],
    ['a blank', { from: 'a@b BODY=8BITMIME' }, '', '0:permanent:553'],
    ['no recipient', { to: [''] }, '', '0:permanent:553'],
    ['a size too large', { bodyBytes: 2_000_000 }, '', '0:permanent:552'],
    ['8-bit', { eightBit: true }, OLD, '0:permanent:554'],
    ['UTF-8 headers', { smtpUtf8: true }, OLD, '0:permanent:550'],
    ['a UTF-8 recipient', { to: ['ü@peer.test'] }, OLD, '0:permanent:550'],
  ];
  for (const [name, part, ehlo, expected] of cases) {
    test(`${name} is refused here`, async () => {
      const script = ehlo === '' ? {} : { ehlo };
      const { settlement, peer } = await settleOne(script, { ...message(1), ...part });
      assert.equal(kindsOf(settlement), expected);
      assert.deepEqual(peer.lines, ['EHLO here.test', 'QUIT']);
    });
  }

  test('a bad recipient does not cost the others; a quoted blank is fine', async () => {
    const to = ['"a b"@peer.test', 'c\r@peer.test', 'd@peer.test'];
    const { settlement, peer } = await settleOne({}, message(1, to));
    assert.equal(kindsOf(settlement), '0:delivered:250 1:permanent:553 2:delivered:250');
    assert.ok(peer.lines.includes('RCPT TO:<"a b"@peer.test>'));
  });

  test('parameters go to peers that offer them; ignore_8bit_checks holds nothing', async () => {
    const tx = { ...message(1), eightBit: true, smtpUtf8: true };
    const { peer } = await settleOne({}, tx);
    assert.ok(peer.lines.includes('MAIL FROM:<me@here.test> SIZE=21 BODY=8BITMIME SMTPUTF8'));
    const old = await settleOne({ ehlo: OLD }, tx, { ignore_8bit_checks: true });
    assert.equal(kindsOf(old.settlement), '0:delivered:250');
    assert.ok(old.peer.lines.includes('MAIL FROM:<me@here.test>'));
  });
});

describe('LMTP', { concurrency: 4 }, () => {
  const path = { use_lmtp: true };

  test('each recipient gets its own answer to the dot', async () => {
    const rcpt = (line: string): string => (line.includes('r1@') ? '550 no\r\n' : '250 ok\r\n');
    const dot = '250 ok\r\n452 4.2.2 full\r\n550 5.2.1 off\r\n';
    const { settlement, peer } = await settleOne({ rcpt, dot }, message(1, people(4)), path);
    assert.equal(peer.lines[0], 'LHLO here.test');
    const expected = '0:delivered:250 1:permanent:550 2:transient:452 3:permanent:550';
    assert.equal(kindsOf(settlement), expected);
  });

  test('the deadline is that of each answer, not of all', async () => {
    let peer: ScriptedPeer | undefined;
    const dot = (): { deed: 'silent' } => {
      for (let i = 0; i < 4; i += 1) {
        setTimeout(
          () => peer?.sockets.forEach((one) => void one.write('250 ok\r\n')),
          150 * (i + 1),
        );
      }
      return { deed: 'silent' };
    };
    const options = {
      path: { ...path, data_dot_timeout: '400ms' },
      queue: [message(1, people(4))],
    };
    await withPeer({ dot }, options, async (host, scripted) => {
      peer = scripted;
      await host.until('a settlement', () => host.settlements.length === 1);
      const kinds = host.settlements[0]?.outcomes.map((outcome) => outcome.kind);
      assert.deepEqual(kinds, ['delivered', 'delivered', 'delivered', 'delivered']);
    });
  });

  test('who was delivered is not offered to the next host', async () => {
    const bad = new ScriptedPeer({ dot: '250 ok\r\n421 4.3.2 closing\r\n' });
    const good = new ScriptedPeer({});
    const ports = [await bad.listen(), await good.listen()];
    const options = { path: { ...path, try_next_host_on_transport_error: true } };
    const host = startClient(ports, { ...options, queue: [message(1, people(2))] });
    try {
      await host.until('a settlement', () => host.settlements.length > 0);
      const [settlement] = host.settlements;
      assert.ok(settlement !== undefined);
      assert.equal(kindsOf(settlement), '0:delivered:250 1:transient:421');
      assert.ok(!good.lines.some((line) => line.startsWith('RCPT')));
    } finally {
      host.stop();
      await Promise.all([bad.close(), good.close()]);
    }
  });

  test('a break between the answers: the rest is unknown', async () => {
    const script = { dot: '250 ok\r\nrubbish\r\n' };
    const { settlement } = await settleOne(script, message(1, people(3)), path);
    assert.equal(kindsOf(settlement), '0:delivered:250 1:transient:421 2:transient:421');
    assert.equal(settlement.unknown, true);
  });
});
