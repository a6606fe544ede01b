/**
 * Every stage of a conversation against everything a peer can do there, over loopback sockets.
 * The idea: one table says what the mail gets; it holds with pipelining and without.
 * Deliberately unknown here: garbage (see connection-garbage), TLS (see connection-tls).
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Deed, Stage } from './connection-peer.ts';
import { message, startClient, withPeer } from './connection-peer.ts';

interface Row {
  readonly stage: Stage;
  readonly deed: Deed;
  /** Of the one recipient. */
  readonly kind: 'transient' | 'permanent' | 'delivered';
  readonly code: number;
  readonly unknown?: boolean;
  /** The connection is good for another message afterwards. */
  readonly goesOn?: boolean;
}

const SILENT = { deed: 'silent' } as const;
const FIN = { deed: 'fin' } as const;
const RESET = { deed: 'reset' } as const;

const timeouts = (span: string) => ({
  banner_timeout: span,
  ehlo_timeout: span,
  mail_from_timeout: span,
  rcpt_to_timeout: span,
  data_timeout: span,
  data_dot_timeout: span,
  rset_timeout: span,
  idle_timeout: '150ms',
});
// Only a silent peer is to meet its deadline.
const timeoutsFor = (deed: Deed) => timeouts(deed === SILENT ? '200ms' : '3s');

const ROWS: Row[] = [];
for (const stage of ['mail', 'rcpt', 'data', 'dot'] as const) {
  const unknown = stage === 'dot';
  ROWS.push(
    { stage, deed: '450 4.2.0 later\r\n', kind: 'transient', code: 450, goesOn: true },
    { stage, deed: '451-4.3.0 a\r\n451 4.3.0 b\r\n', kind: 'transient', code: 451, goesOn: true },
    { stage, deed: '503 5.5.1 order\r\n', kind: 'transient', code: 503, goesOn: true },
    { stage, deed: '550 5.7.1 no\r\n', kind: 'permanent', code: 550, goesOn: true },
    { stage, deed: '554 no\r\n', kind: 'permanent', code: 554, goesOn: true },
    { stage, deed: '421 4.3.2 closing\r\n', kind: 'transient', code: 421 },
    { stage, deed: SILENT, kind: 'transient', code: 421, unknown },
    { stage, deed: FIN, kind: 'transient', code: 421, unknown },
    { stage, deed: RESET, kind: 'transient', code: 421, unknown },
    { stage, deed: 'nonsense\r\n', kind: 'transient', code: 421, unknown },
  );
}
ROWS.push(
  { stage: 'data', deed: '250 what\r\n', kind: 'transient', code: 421 },
  { stage: 'dot', deed: '354 again\r\n', kind: 'transient', code: 421, unknown: true },
  { stage: 'dot', deed: '200 odd but taken\r\n', kind: 'delivered', code: 200, goesOn: true },
  // Taken, then an uninvited reply: the first one counts, the connection does not.
  { stage: 'dot', deed: '250 ok\r\n250 extra\r\n', kind: 'delivered', code: 250 },
  { stage: 'dot', deed: '250 ok\r\n421 bye\r\n', kind: 'delivered', code: 250 },
  { stage: 'mail', deed: '250 ok\r\n250 extra\r\n', kind: 'transient', code: 421 },
);

const nameOf = (deed: Deed): string => JSON.stringify(typeof deed === 'string' ? deed : deed.deed);

async function checkRow(row: Row, enable_pipelining: boolean): Promise<void> {
  const good = row.stage === 'data' ? '354 go\r\n' : '250 ok\r\n';
  const script = { [row.stage]: (_line: string, count: number) => (count > 0 ? good : row.deed) };
  const queue = [message(1), message(2)];
  await withPeer(
    script,
    { path: { ...timeoutsFor(row.deed), enable_pipelining }, queue },
    async (host) => {
      await host.until('an end', () => host.ending !== undefined);
      const settlement = host.settlements[0];
      assert.ok(settlement !== undefined);
      assert.equal(settlement.outcomes.length, 1);
      assert.equal(settlement.outcomes[0]?.kind, row.kind);
      assert.equal(settlement.outcomes[0]?.reply.code, row.code);
      assert.equal(settlement.unknown, row.unknown ?? false);
      assert.deepEqual(settlement.again, []);
      const second = host.settlements[1]?.outcomes[0]?.kind;
      assert.equal(second, row.goesOn === true ? 'delivered' : undefined);
      assert.equal(host.ending?.connectedOnce, true);
    },
  );
}

describe('what the mail gets', { concurrency: 4 }, () => {
  for (const isPipelined of [true, false]) {
    for (const row of ROWS) {
      const how = isPipelined ? 'pipelined' : 'in lockstep';
      test(`${row.stage} ${how}: ${nameOf(row.deed)}`, () => checkRow(row, isPipelined));
    }
  }
});

describe('what a candidate gets', { concurrency: 4 }, () => {
  const cases: readonly (readonly [Stage, Deed, string, number])[] = [
    ['greeting', '450 no\r\n', '', 450],
    ['greeting', '554 no\r\n', '', 554],
    ['greeting', '421 no\r\n', '', 421],
    ['greeting', '250 no\r\n', 'FAULT_LINK_GARBLED', 421],
    ['greeting', '220 ok\r\n250 early\r\n', 'FAULT_LINK_GARBLED', 421],
    ['greeting', SILENT, 'FAULT_LINK_TIMEOUT', 421],
    ['greeting', FIN, 'FAULT_LINK_ENDED', 421],
    ['greeting', RESET, 'FAULT_LINK_RESET', 421],
    ['ehlo', '450 no\r\n', '', 450],
    ['ehlo', '554 no\r\n', '', 554],
    ['ehlo', '421 no\r\n', '', 421],
    ['ehlo', SILENT, 'FAULT_LINK_TIMEOUT', 421],
    ['ehlo', FIN, 'FAULT_LINK_ENDED', 421],
    ['ehlo', RESET, 'FAULT_LINK_RESET', 421],
    ['ehlo', '250 ok\r\n250 early\r\n', 'FAULT_LINK_GARBLED', 421],
  ];
  for (const [stage, deed, code, reply] of cases) {
    test(`${stage}: ${nameOf(deed)}`, () =>
      withPeer({ [stage]: deed }, { path: timeoutsFor(deed) }, async (host) => {
        await host.until('an end', () => host.ending !== undefined);
        assert.deepEqual(host.told, ['ended']);
        assert.equal(host.ending?.connectedOnce, false);
        const attempt = host.ending?.attempts[0];
        assert.equal(attempt?.fault?.code ?? '', code);
        assert.equal(attempt?.reply.code, reply);
        // A reset may overtake the news that the link is open.
        if (stage === 'greeting' && deed === RESET) return;
        assert.equal(attempt?.stage, stage === 'ehlo' ? 'introducing' : 'greeting');
      }));
  }

  test('a refused port, then the next candidate', async () => {
    await withPeer({}, { queue: [] }, async (_unused, peer) => {
      const { port } = peer.server.address() as { port: number };
      const host = startClient([1, port]);
      try {
        await host.until('a settlement', () => host.settlements.length === 1);
        assert.equal(host.settlements[0]?.outcomes[0]?.kind, 'delivered');
        assert.equal(host.opens[0]?.port, port);
        host.connection?.stop();
        await host.until('an end', () => host.ending !== undefined);
        assert.equal(host.ending?.attempts[0]?.fault?.code, 'FAULT_LINK_REFUSED');
      } finally {
        host.stop();
      }
    });
  });
});
