/**
 * Who we are and what we give away: client certificates, those that cannot be used, TLS that breaks
 * when it seems to be up, and credentials after all of that. Real sockets, real certificates.
 * Deliberately unknown here: where certificates are read from; the table of modes.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type tls from 'node:tls';
import type { ConnectionRequest } from '../../src/actors/connection/connection.ts';
import { createNetwork } from '../../src/ports/node/network.ts';
import { createTlsContexts } from '../../src/ports/node/tls-contexts.ts';
import type { TestHost } from './connection-peer.ts';
import { startClient } from './connection-peer.ts';
import {
  CA2_PEM,
  CLIENT_KEY,
  CLIENT_PEM,
  SELF_KEY,
  STRANGER_KEY,
  STRANGER_PEM,
} from './tls-certificates.ts';
import type { SinkKind } from './tls-sink.ts';
import { TlsSink } from './tls-sink.ts';

const network = createNetwork({ trusted: [CA2_PEM] });
const CLIENT = { certificate: CLIENT_PEM, key: CLIENT_KEY };
const STRANGER = { certificate: STRANGER_PEM, key: STRANGER_KEY };
const DEMANDING: tls.TlsOptions = { requestCert: true, rejectUnauthorized: true, ca: CA2_PEM };
const LOGIN = { smtp_auth_plain_username: 'me', smtp_auth_plain_password: 'x' };
const PASSWORD = 'sesame-77aa';

interface Setting {
  readonly kind?: SinkKind;
  readonly sink?: tls.TlsOptions;
  readonly ehlo?: string;
  readonly path: Record<string, unknown>;
  readonly request?: Partial<ConnectionRequest>;
}

async function meet(
  { kind = 'valid', sink: more = {}, ehlo, path, request = {} }: Setting,
  use: (host: TestHost, sink: TlsSink) => void,
): Promise<void> {
  const sink = new TlsSink(kind, more, ehlo === undefined ? {} : { ehlo });
  const usual = { idle_timeout: '20ms', starttls_timeout: '2s', ehlo_timeout: '2s' };
  const host = startClient([await sink.listen()], {
    network,
    path: { ...usual, ...path },
    request,
  });
  try {
    await host.until('an end', () => host.ending !== undefined, 8000);
    use(host, sink);
  } finally {
    host.stop();
    await sink.close();
  }
}

const faultOf = (host: TestHost): string => host.ending?.attempts[0]?.fault?.code ?? '';

describe('client certificates', { concurrency: 4 }, () => {
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const sink = { ...DEMANDING, maxVersion };
    const path = { enable_tls: 'Required' };

    test(`${maxVersion}: a peer that demands one gets it`, () =>
      meet({ sink, path, request: { identity: CLIENT } }, (host, { mails }) => {
        assert.deepEqual(mails, [{ isSecure: true, client: 'client' }]);
        assert.equal(host.opens[0]?.tls?.protocol, maxVersion);
      }));

    for (const [who, identity] of [
      ['nobody', undefined],
      ['a stranger', STRANGER],
    ] as const) {
      test(`${maxVersion}: ${who} is turned away, and it counts as broken TLS`, () =>
        meet(
          { sink, path, request: identity === undefined ? {} : { identity } },
          (host, { mails, words }) => {
            assert.deepEqual(mails, []);
            assert.match(faultOf(host), /^FAULT_(TLS_|LINK_RESET|LINK_ENDED)/);
            assert.equal(host.ending?.tlsFailures, 1);
            assert.ok(!words.includes('clear MAIL'));
          },
        ));

      test(`${maxVersion}: ${who} goes on in clear where that is allowed`, () =>
        meet(
          {
            sink,
            path: { enable_tls: 'OpportunisticInsecure' },
            request: identity === undefined ? {} : { identity },
          },
          (host, { mails }) => {
            assert.deepEqual(mails, [{ isSecure: false, client: '' }]);
            assert.equal(host.ending?.tlsFailures, 1);
          },
        ));
    }
  }

  test('a peer that does not ask is not shown it', () =>
    meet({ path: { enable_tls: 'Required' }, request: { identity: CLIENT } }, (_host, { mails }) =>
      assert.deepEqual(mails, [{ isSecure: true, client: '' }]),
    ));

  const wrong = [
    ['no PEM at all', { certificate: CLIENT_PEM, key: 'secret-but-no-key' }],
    ['the key of another', { certificate: CLIENT_PEM, key: SELF_KEY }],
    ['unreadable', 'unreadable'],
  ] as const;
  for (const [what, identity] of wrong) {
    test(`a key that cannot be used (${what}): the candidate fails, never in clear`, async () => {
      const path = {
        enable_tls: 'OpportunisticInsecure',
        opportunistic_tls_reconnect_on_failed_handshake: true,
      };
      await meet({ path, request: { identity } }, (host, { mails, words }) => {
        assert.deepEqual(mails, []);
        assert.equal(faultOf(host), 'FAULT_TLS_IDENTITY');
        assert.equal(host.ending?.tlsFailures, 0, 'the TLS of the peer is not to blame');
        assert.ok(!words.includes('clear MAIL'));
        assert.ok(!JSON.stringify(host.ending).includes('secret-but-no-key'));
        assert.ok(!JSON.stringify(host.ending).includes(SELF_KEY.split('\n')[1] as string));
      });
    });
  }

  test('contexts are kept by content, and not without bound', () => {
    const contexts = createTlsContexts([CA2_PEM]);
    const first = contexts(CLIENT);
    assert.equal(contexts({ ...CLIENT }), first);
    assert.notEqual(contexts(STRANGER), first);
    assert.equal(contexts(), contexts());
    for (let count = 0; count < 64; count += 1) {
      contexts({ certificate: `${STRANGER_PEM}${'\n'.repeat(count + 1)}`, key: STRANGER_KEY });
    }
    assert.notEqual(contexts(CLIENT), first, 'the one unused for longest went');
    assert.throws(() => contexts({ certificate: CLIENT_PEM, key: SELF_KEY }));
  });
});

describe('credentials', { concurrency: 4 }, () => {
  const auth = '250-AUTH PLAIN\r\n';
  const request = { authPassword: PASSWORD };

  test('a posture that was raised counts as checked', () =>
    meet(
      {
        ehlo: auth,
        path: { ...LOGIN, enable_tls: 'OpportunisticInsecure' },
        request: { ...request, enableTls: 'Required' },
      },
      (_host, { words, mails }) => {
        assert.ok(words.includes('tls AUTH'));
        assert.equal(mails.length, 1);
      },
    ));

  const withheld: readonly (readonly [SinkKind, string])[] = [
    ['handshake', 'OpportunisticInsecure'],
    ['refused', 'OpportunisticInsecure'],
    ['no STARTTLS', 'Opportunistic'],
    ['self-signed', 'RequiredInsecure'],
    ['valid', 'OpportunisticInsecure'],
  ];
  for (const [kind, enable_tls] of withheld) {
    test(`${enable_tls} at a sink with ${kind}: nothing is given away`, () =>
      meet({ kind, ehlo: auth, path: { ...LOGIN, enable_tls }, request }, (host, sink) => {
        assert.deepEqual(sink.mails, []);
        assert.ok(!sink.words.some((word) => word.endsWith('AUTH')), sink.words.join());
        assert.equal(host.ending?.attempts.at(-1)?.stage, 'authenticating');
      }));
  }

  test('in clear after a failed handshake only where clear is allowed', () => {
    const allowed = { allow_smtp_auth_plain_without_tls: true };
    const path = { ...LOGIN, ...allowed, enable_tls: 'OpportunisticInsecure' };
    return meet({ kind: 'handshake', ehlo: auth, path, request }, (_host, { words, mails }) => {
      assert.ok(words.includes('clear AUTH'));
      assert.equal(mails.length, 1);
    });
  });
});
