/**
 * The table of `enable_tls` as a test: five modes, whether TLS counts as broken, and whether a
 * failed handshake may be followed by clear text, against sinks that do everything that can be done
 * about TLS. Real sockets, real certificates; the table is written as docs/tls.md has it.
 * Deliberately unknown here: MTA-STS, which only chooses a row.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createNetwork } from '../../src/ports/node/network.ts';
import { CA_PEM } from './connection-certificates.ts';
import type { TestHost } from './connection-peer.ts';
import { startClient } from './connection-peer.ts';
import { CA2_PEM } from './tls-certificates.ts';
import type { SinkKind } from './tls-sink.ts';
import { TlsSink } from './tls-sink.ts';

/** How mail went: TLS with a checked certificate, TLS without, clear; or the candidate failed. */
type Outcome = 'checked' | 'TLS' | 'clear' | 'fails';

const SINKS: readonly SinkKind[] = [
  'valid',
  'self-signed',
  'expired',
  'wrong name',
  'no STARTTLS',
  'refused',
  'handshake',
  'injected',
];

// mode, remembered as broken, reconnect in clear | one outcome per sink, in the order of SINKS.
const TABLE = `
Disabled              any any | clear   clear clear clear clear clear clear clear
Opportunistic         no  no  | checked fails fails fails clear fails fails fails
Opportunistic         no  yes | checked clear clear clear clear clear clear fails
Opportunistic         yes any | clear   clear clear clear clear clear clear clear
OpportunisticInsecure no  any | TLS     TLS   TLS   TLS   clear clear clear fails
OpportunisticInsecure yes any | clear   clear clear clear clear clear clear clear
Required              any any | checked fails fails fails fails fails fails fails
RequiredInsecure      any any | TLS     TLS   TLS   TLS   fails fails fails fails
`;

interface Case {
  readonly mode: string;
  readonly isBroken: boolean;
  readonly mayReconnect: boolean;
  readonly sink: SinkKind;
  readonly expected: Outcome;
}

const both = (word: string | undefined): readonly boolean[] =>
  word === 'any' ? [false, true] : [word === 'yes'];

const CASES: readonly Case[] = TABLE.trim()
  .split('\n')
  .flatMap((row) => {
    const [head = '', tail = ''] = row.split('|');
    const [mode = '', broken, reconnect] = head.trim().split(/ +/);
    const outcomes = tail.trim().split(/ +/) as Outcome[];
    assert.equal(outcomes.length, SINKS.length, row);
    return both(broken).flatMap((isBroken) =>
      both(reconnect).flatMap((mayReconnect) =>
        SINKS.map((sink, at) => {
          const expected = outcomes[at] as Outcome;
          return { mode, isBroken, mayReconnect, sink, expected };
        }),
      ),
    );
  });

const network = createNetwork({ trusted: [CA_PEM, CA2_PEM] });

async function run({ mode, isBroken, mayReconnect, sink: kind, expected }: Case): Promise<void> {
  const sink = new TlsSink(kind);
  const host = startClient([await sink.listen()], {
    network,
    path: {
      enable_tls: mode,
      opportunistic_tls_reconnect_on_failed_handshake: mayReconnect,
      idle_timeout: '20ms',
      starttls_timeout: '2s',
    },
    request: { isTlsBroken: isBroken },
  });
  try {
    await host.until('an end', () => host.ending !== undefined, 8000);
    assert.equal(outcomeOf(host, sink, mode), expected);
    assert.equal(sink.mails.length, expected === 'fails' ? 0 : 1);
    if (expected !== 'clear') assert.ok(!sink.words.includes('clear MAIL'), sink.words.join());
    const isTried = sink.words.includes('clear STARTTLS');
    const hasFailed = isTried && (expected === 'fails' || expected === 'clear');
    // What an attacker wrote into the stream is no reason to speak in clear from then on.
    const remembered = hasFailed && kind !== 'injected';
    assert.equal((host.ending?.tlsFailures ?? 0) > 0, remembered, 'remembered as broken');
    const mayTry = mode !== 'Disabled' && !(isBroken && mode.startsWith('Opp'));
    assert.equal(isTried, mayTry && kind !== 'no STARTTLS', 'STARTTLS was sent');
  } finally {
    host.stop();
    await sink.close();
  }
}

function outcomeOf(host: TestHost, sink: TlsSink, mode: string): Outcome {
  const mail = sink.mails[0];
  if (mail === undefined) return 'fails';
  const { tls } = host.opens[0] ?? {};
  assert.equal(mail.isSecure, tls !== undefined, 'both sides agree on what the link is');
  if (!mail.isSecure) return 'clear';
  // A certificate that is valid though nobody demanded it proves nothing.
  const isDemanded = mode === 'Opportunistic' || mode === 'Required';
  return isDemanded && tls?.authorized === true ? 'checked' : 'TLS';
}

describe('the table of enable_tls', { concurrency: 8 }, () => {
  for (const one of CASES) {
    const { mode, isBroken, mayReconnect, sink, expected } = one;
    const more = `${isBroken ? ', broken' : ''}${mayReconnect ? ', reconnect' : ''}`;
    test(`${mode}${more}, ${sink}: ${expected}`, () => run(one));
  }

  test('there are five modes, twice two settings and eight sinks', () => {
    assert.equal(CASES.length, 5 * 4 * 8);
    assert.equal(new Set(CASES.map((one) => JSON.stringify({ ...one, expected: '' }))).size, 160);
  });
});
