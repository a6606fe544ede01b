/**
 * STARTTLS and AUTH against an independent peer (smtp-server), every posture against what the peer
 * offers, and plain text injected before the handshake: nothing of it may cross.
 * Deliberately unknown here: MTA-STS and DANE, which choose the posture elsewhere.
 */
import assert from 'node:assert/strict';
import type net from 'node:net';
import { describe, test } from 'node:test';
import { SMTPServer } from 'smtp-server';
import { createNetwork } from '../../src/ports/node/network.ts';
import { CA_PEM, GOOD_KEY, GOOD_PEM, WRONG_KEY, WRONG_PEM } from './connection-certificates.ts';
import type { ClientOptions, TestHost } from './connection-peer.ts';
import { ScriptedPeer, startClient, withPeer } from './connection-peer.ts';

const GOOD = { key: GOOD_KEY, cert: GOOD_PEM };
const WRONG = { key: WRONG_KEY, cert: WRONG_PEM };
const PASSWORD = 'sesame-8c1f';
const network = createNetwork({ trusted: [CA_PEM] });
const STARTTLS = '250-peer.test\r\n250-PIPELINING\r\n250 STARTTLS\r\n';
const QUICK = { idle_timeout: '40ms', starttls_timeout: '2s' };

interface Heard {
  readonly mails: { body: string; isSecure: boolean; user: string }[];
  logins: number;
}

async function withServer(
  settings: Record<string, unknown>,
  options: ClientOptions,
  use: (host: TestHost, heard: Heard) => void,
): Promise<void> {
  const heard: Heard = { mails: [], logins: 0 };
  const server = new SMTPServer({
    authOptional: true,
    ...settings,
    onAuth(auth, _session, answer) {
      heard.logins += 1;
      if (auth.password === PASSWORD) answer(null, { user: auth.username ?? '' });
      else answer(new Error(`bad password ${auth.password}`));
    },
    onData(stream, session, answer) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        heard.mails.push({ body, isSecure: session.secure, user: String(session.user ?? '') });
        answer();
      });
    },
  });
  server.on('error', () => {});
  const listening = await new Promise<net.Server>((done) => {
    const inner: net.Server = server.listen(0, '127.0.0.1', () => done(inner));
  });
  const { port } = listening.address() as net.AddressInfo;
  const path = { ...QUICK, ...options.path };
  const host = startClient([port], { network, ...options, path });
  try {
    await host.until('an end', () => host.ending !== undefined, 8000);
    use(host, heard);
  } finally {
    host.stop();
    await new Promise<void>((done) => server.close(() => done()));
  }
}

const NO_TLS = { hideSTARTTLS: true, disabledCommands: ['STARTTLS'] };
type Result = 'secure' | 'clear' | 'TLS certificate' | 'TLS handshake';

function resultOf(host: TestHost, heard: Heard): Result {
  const mail = heard.mails[0];
  if (mail !== undefined) return mail.isSecure ? 'secure' : 'clear';
  const code = host.ending?.attempts[0]?.fault?.code;
  return code === 'FAULT_TLS_CERTIFICATE' ? 'TLS certificate' : 'TLS handshake';
}

describe('postures', { concurrency: 2 }, () => {
  const rows: readonly (readonly [string, Record<string, unknown>, Result, Result, Result])[] = [
    // posture, more options; then: a good certificate, one for another name, no STARTTLS.
    ['Disabled', {}, 'clear', 'clear', 'clear'],
    ['Opportunistic', {}, 'secure', 'TLS certificate', 'clear'],
    ['OpportunisticInsecure', {}, 'secure', 'secure', 'clear'],
    ['Required', {}, 'secure', 'TLS certificate', 'TLS handshake'],
    ['RequiredInsecure', {}, 'secure', 'secure', 'TLS handshake'],
    [
      'Opportunistic',
      { opportunistic_tls_reconnect_on_failed_handshake: true },
      'secure',
      'clear',
      'clear',
    ],
  ];
  for (const [enable_tls, more, good, wrong, none] of rows) {
    const path = { enable_tls, ...more };
    const cases = [
      ['a good certificate', GOOD, good],
      ['another name', WRONG, wrong],
      ['no STARTTLS', NO_TLS, none],
    ] as const;
    for (const [name, settings, expected] of cases) {
      test(`${enable_tls} ${Object.keys(more).join()}, ${name}: ${expected}`, () =>
        withServer(settings, { path }, (host, heard) => {
          assert.equal(resultOf(host, heard), expected);
          const isChecked = expected === 'secure' && name === 'a good certificate';
          if (expected === 'secure') assert.equal(host.opens[0]?.tls?.authorized, isChecked);
          if (expected === 'clear') assert.equal(host.opens[0]?.tls, undefined);
          assert.equal(host.settlements.length, heard.mails.length);
        }));
    }
  }

  test('a self-signed certificate is refused where it is checked', () =>
    withServer(
      GOOD,
      { path: { enable_tls: 'Required' }, network: createNetwork() },
      (host, heard) => {
        assert.equal(resultOf(host, heard), 'TLS certificate');
      },
    ));

  test('a certificate is checked against the address where there is no name', () =>
    withServer(GOOD, { path: { enable_tls: 'Required' }, name: '127.0.0.1' }, (host, heard) => {
      assert.equal(resultOf(host, heard), 'secure');
      assert.equal(host.opens[0]?.tls?.authorized, true);
    }));

  test('a site whose TLS was broken lately is spoken to in clear', () => {
    const path = { enable_tls: 'Opportunistic' };
    return withServer(GOOD, { path, request: { isTlsBroken: true } }, (host, heard) => {
      assert.equal(resultOf(host, heard), 'clear');
    });
  });
});

describe('STARTTLS that goes wrong', { concurrency: 4 }, () => {
  const replies = ['454 not now\r\n', '250 fine\r\n', '220 go\r\n', '220 go\r\nrubbish'];
  for (const reply of replies) {
    for (const enable_tls of ['Required', 'Opportunistic', 'OpportunisticInsecure']) {
      test(`${JSON.stringify(reply)} with ${enable_tls}`, async () => {
        const peer = new ScriptedPeer({ ehlo: STARTTLS, starttls: reply });
        const path = { ...QUICK, enable_tls, starttls_timeout: '200ms' };
        const host = startClient([await peer.listen()], { path });
        try {
          await host.until('an end', () => host.ending !== undefined);
          const isClear = enable_tls === 'OpportunisticInsecure';
          if (!isClear) assert.ok(!peer.lines.some((line) => line.startsWith('MAIL')));
          if (!isClear) assert.equal(host.ending?.attempts[0]?.stage, 'securing');
        } finally {
          host.stop();
          await peer.close();
        }
      });
    }
  }
});

describe('injection', { concurrency: 4 }, () => {
  // What an attacker in the middle would have us take for answers inside TLS.
  const injected =
    '250-evil.test at your service\r\n250 AUTH PLAIN\r\n250 ok\r\n250 ok\r\n354 go\r\n' +
    '250 2.0.0 taken by the attacker\r\n';
  const stream = `220 go\r\n${injected}`;

  // The peer says it in two parts, cut anywhere, then is silent or starts real TLS.
  async function inject(cut: number): Promise<void> {
    const peer = new ScriptedPeer({ ehlo: STARTTLS, starttls: { deed: 'silent' } });
    peer.server.on('connection', (socket: net.Socket) => {
      socket.on('data', (bytes: Buffer) => {
        if (!bytes.toString('latin1').startsWith('STARTTLS')) return;
        socket.write(stream.slice(0, cut));
        setTimeout(() => socket.write(stream.slice(cut)), 3);
      });
    });
    const path = { ...QUICK, enable_tls: 'RequiredInsecure', starttls_timeout: '300ms' };
    const host = startClient([await peer.listen()], { path });
    try {
      await host.until('an end', () => host.ending !== undefined);
      assert.deepEqual(host.told, ['ended'], `cut at ${cut}`);
      assert.equal(host.ending?.attempts[0]?.stage, 'securing');
      assert.ok(host.ending?.attempts[0]?.fault !== undefined);
      assert.deepEqual(peer.bodies, []);
      assert.ok(!peer.lines.some((line) => /^(MAIL|AUTH)/.test(line)));
    } finally {
      host.stop();
      await peer.close();
    }
  }

  for (let group = 0; group < 4; group += 1) {
    test(`nothing crosses, whatever the split (${group + 1} of 4)`, async () => {
      for (let cut = group; cut <= stream.length; cut += 4) await inject(cut);
    });
  }

  test('there are a hundred splits', () => assert.ok(stream.length >= 99, String(stream.length)));
});

describe('AUTH', { concurrency: 2 }, () => {
  const login = { smtp_auth_plain_username: 'me', smtp_auth_plain_password: PASSWORD };
  const request = { authPassword: PASSWORD };
  const secretsIn = (value: unknown): boolean => {
    const text = JSON.stringify(value);
    const blob = Buffer.from(`\0me\0${PASSWORD}`).toString('base64');
    return text.includes(PASSWORD) || text.includes(blob);
  };

  test('over checked TLS', () =>
    withServer(GOOD, { path: { ...login, enable_tls: 'Required' }, request }, (host, heard) => {
      assert.deepEqual(
        heard.mails.map((mail) => mail.user),
        ['me'],
      );
      assert.equal(host.ending?.connectedOnce, true);
    }));

  test('a wrong password costs the candidate and is not repeated', () => {
    const options = {
      path: { ...login, enable_tls: 'Required' },
      request: { authPassword: 'wrong-4711' },
    };
    return withServer(GOOD, options, (host, heard) => {
      assert.equal(heard.logins, 1);
      const attempt = host.ending?.attempts[0];
      assert.equal(attempt?.stage, 'authenticating');
      assert.equal(attempt?.reply.code, 535);
      assert.ok(!JSON.stringify(host.ending).includes('wrong-4711'));
    });
  });

  const withheld: readonly (readonly [
    string,
    Record<string, unknown>,
    Record<string, unknown>,
    number,
  ])[] = [
    ['in clear', { enable_tls: 'Disabled' }, { allowInsecureAuth: true }, 0],
    [
      'in clear, allowed',
      { enable_tls: 'Disabled', allow_smtp_auth_plain_without_tls: true },
      { allowInsecureAuth: true },
      1,
    ],
    ['unchecked TLS', { enable_tls: 'RequiredInsecure' }, GOOD, 0],
    [
      'unchecked TLS, allowed',
      { enable_tls: 'RequiredInsecure', allow_smtp_auth_plain_without_valid_certificate: true },
      GOOD,
      1,
    ],
    ['not offered', { enable_tls: 'Required' }, { ...GOOD, authMethods: ['LOGIN'] }, 0],
  ];
  for (const [name, more, settings, logins] of withheld) {
    test(`credentials ${name}: ${logins} login`, () =>
      withServer(settings, { path: { ...login, ...more }, request }, (host, heard) => {
        assert.equal(heard.logins, logins);
        assert.equal(heard.mails.length, logins);
        if (logins === 0) assert.equal(host.ending?.attempts[0]?.stage, 'authenticating');
      }));
  }

  for (const how of [
    '535 5.7.8 no: %\r\n',
    '535-%\r\n535 no\r\n',
    'rubbish "%"\r\n',
    '421 %\r\n',
  ]) {
    test(`a peer that echoes the secret: ${JSON.stringify(how)}`, async () => {
      const blob = Buffer.from(`\0me\0${PASSWORD}`).toString('base64');
      for (const secret of [
        PASSWORD,
        `AUTH PLAIN ${blob}`,
        Buffer.from(PASSWORD).toString('base64'),
      ]) {
        const path = { ...login, enable_tls: 'Disabled', allow_smtp_auth_plain_without_tls: true };
        const auth = how.replace('%', secret);
        const script = { ehlo: '250-peer.test\r\n250 AUTH PLAIN\r\n', auth };
        await withPeer(script, { path, request }, async (host) => {
          await host.until('an end', () => host.ending !== undefined);
          assert.equal(host.ending?.attempts[0]?.stage, 'authenticating');
          assert.ok(!secretsIn(host.ending), JSON.stringify(host.ending));
          assert.ok(!secretsIn(host.settlements));
        });
      }
    });
  }
});
