/**
 * Stories of STARTTLS: offered only with an own key, and nothing said in clear counts afterwards.
 * The one idea: plain text is put behind STARTTLS in a hundred cuts, and the first reply inside TLS
 * must belong to the first command inside TLS. It does not know OpenSSL.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { connect } from 'node:tls';
import type { IntakeWorld } from './intake-world.ts';
import { openIntake, RawClient, wait } from './intake-world.ts';

const folder = mkdtempSync(join(tmpdir(), 'intake-tls-'));
const place = (name: string) => join(folder, name);
const KEYS = {
  tls_certificate: place('cert.pem'),
  tls_private_key: place('key.pem'),
};

const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
const makeKey = (key: string, cert: string) =>
  execFileSync(
    'openssl',
    [...request, '-nodes', '-keyout', place(key), '-out', place(cert), '-subj', '/CN=mx.test'],
    { stdio: 'ignore' },
  );

let world: IntakeWorld;

/** The handshake on a socket that STARTTLS was answered on. */
async function secure(client: RawClient, options: object = {}): Promise<RawClient> {
  client.socket.removeAllListeners('data');
  const tls: TLSSocket = connect({
    socket: client.socket,
    rejectUnauthorized: false,
    ...options,
  });
  const inside = new RawClient(tls);
  await once(tls, 'secureConnect');
  return inside;
}

describe('STARTTLS', () => {
  before(() => makeKey('key.pem', 'cert.pem'));
  after(() => rmSync(folder, { recursive: true }));
  afterEach(() => world.end());

  test('is not offered and not taken without a key', async () => {
    world = await openIntake();
    const client = await world.dial();
    await client.reply();
    assert.doesNotMatch(await client.talk('EHLO a.test'), /STARTTLS/);
    assert.match(await client.talk('STARTTLS'), /^500 /);
  });

  test('forgets what was said before, and marks the mail that came inside', async () => {
    world = await openIntake(KEYS);
    const client = await world.dial();
    await client.reply();
    assert.match(await client.talk('EHLO a.test'), /STARTTLS/);
    assert.match(await client.talk('STARTTLS now'), /^501 /);
    await client.talk('MAIL FROM:<a@a.test>');
    assert.match(await client.talk('STARTTLS'), /^220 /);
    const inside = await secure(client);
    assert.match(await inside.talk('MAIL FROM:<a@a.test>'), /^503 /);
    assert.doesNotMatch(await inside.talk('EHLO b.test'), /STARTTLS/);
    assert.match(await inside.talk('STARTTLS'), /^503 /);
    assert.match(await inside.talk('RCPT TO:<b@b.test>'), /^503 /);
    await inside.talk('MAIL FROM:<a@a.test>');
    await inside.talk('RCPT TO:<b@b.test>');
    await inside.talk('DATA');
    assert.match(await inside.talk('x\r\n.'), /^250 /);
    assert.match(world.bodies.written[0]?.text ?? '', /from b\.test .*\r\n.* with ESMTPS id/);
  });

  test('plain text behind STARTTLS is gone, in a hundred cuts', async () => {
    world = await openIntake({ ...KEYS, max_connections: 200 });
    const plain = 'EHLO evil.test\r\nMAIL FROM:<evil@evil.test>\r\nRCPT TO:<v@v.test>\r\nNOO';
    const tails = Array.from({ length: 100 }, (_, index) => plain.slice(0, index % plain.length));
    const tries = tails.map(async (tail, index) => {
      const client = await world.greet();
      client.send(`STARTTLS\r\n${tail}`);
      assert.match(await client.reply(), /^220 /);
      assert.equal(client.heard, '');
      const inside = await secure(client);
      assert.match(await inside.talk('RCPT TO:<x@x.test>'), /^503 5\.5\.1/, `cut ${index}`);
      assert.match(await inside.talk('EHLO good.test'), /^250-mx\.test/);
      assert.match(await inside.talk('MAIL FROM:<good@good.test>'), /^250 2\.1\.0/);
      inside.socket.destroy();
    });
    await Promise.all(tries);
  });

  test('a burst of plain commands behind STARTTLS is gone, too', async () => {
    world = await openIntake(KEYS);
    const client = await world.greet();
    client.send(`STARTTLS\r\n${'NOOP\r\n'.repeat(5000)}`);
    assert.match(await client.reply(), /^220 /);
    await wait(50);
    assert.equal(client.heard, '');
    const inside = await secure(client);
    assert.match(await inside.talk('NOOP'), /^250 /);
    await wait(20);
    assert.equal(inside.heard, '');
  });

  test('old protocols and handshakes that never come are turned away', async () => {
    world = await openIntake({ ...KEYS, client_timeout: '1s' });
    const old = await world.greet();
    await old.talk('STARTTLS');
    const tries = secure(old, {
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
      ciphers: 'ALL:@SECLEVEL=0',
    });
    await assert.rejects(tries);
    const idle = await world.greet();
    await idle.talk('STARTTLS');
    const from = performance.now();
    await idle.over();
    assert.ok(performance.now() - from < 20_000);
    while (world.listener.sessions() > 0) await wait(10);
  });

  test('a client that leaves within the handshake leaves no session', async () => {
    world = await openIntake(KEYS);
    for (const bytes of ['', '\x16\x03\x01', 'NOOP\r\n']) {
      const client = await world.greet();
      await client.talk('STARTTLS');
      client.send(bytes);
      client.socket.end();
      await client.over();
      const from = performance.now();
      while (world.listener.sessions() > 0 && performance.now() < from + 5_000) await wait(5);
      assert.equal(world.listener.sessions(), 0, JSON.stringify(bytes));
    }
  });

  test('a client certificate is demanded when configured', async () => {
    makeKey('client-key.pem', 'client-cert.pem');
    const { readFileSync } = await import('node:fs');
    const key = readFileSync(place('client-key.pem'));
    const cert = readFileSync(place('client-cert.pem'));
    world = await openIntake({ ...KEYS, tls_required_client_ca: place('client-cert.pem') });
    const known = await world.greet();
    await known.talk('STARTTLS');
    const inside = await secure(known, { key, cert });
    assert.match(await inside.talk('EHLO a.test'), /^250/);
    const unknown = await world.greet();
    await unknown.talk('STARTTLS');
    const outside = await secure(unknown).catch(() => undefined);
    assert.equal((await outside?.talk('EHLO a.test')) ?? '', '');
  });

  test('a key that cannot be read stops the listener with the reason', async () => {
    const missing = { ...KEYS, tls_private_key: place('absent.pem') };
    await assert.rejects(openIntake(missing), /absent\.pem/);
  });
});
