/**
 * Stories of AUTH PLAIN: where it is offered, what a login means, and that no password is seen by
 * anybody but the handler. Deliberately unknown here: what the right passwords are.
 */
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { readCredentials } from '../../src/intake/login.ts';
import type { PolicyPart } from '../../src/policy/hooks.ts';
import { RawClient, wait } from './intake-world.ts';
import type { ReceptionWorld } from './reception-kit.ts';
import { offer, openReception } from './reception-kit.ts';

const folder = mkdtempSync(join(tmpdir(), 'reception-login-'));
const place = (name: string) => join(folder, name);
const KEYS = { tls_certificate: place('cert.pem'), tls_private_key: place('key.pem') };
const SECRET = 'sesame';
const isMissing = spawnSync('swaks', ['--version']).error !== undefined;

const plain = (...parts: string[]): string => Buffer.from(parts.join('\0')).toString('base64');
const GOOD = plain('', 'ann', SECRET);

let world: ReceptionWorld;
const told: unknown[] = [];

const PART: PolicyPart = {
  async smtp_server_auth_plain(authz, authc, password, connection) {
    await wait(1);
    told.push([authz, authc, password === SECRET, connection.get_meta('tls_protocol_version')]);
    return password === SECRET;
  },
  get_listener_domain: (_domain, _listener, meta) =>
    meta['authn_id'] === 'ann' ? { relay_to: true } : undefined,
};

/** A client inside TLS that said EHLO, and what it heard. */
async function enter(): Promise<{ inside: RawClient; offered: string }> {
  const client = await world.greet();
  await client.talk('STARTTLS');
  client.socket.removeAllListeners('data');
  const tls = connect({ socket: client.socket, rejectUnauthorized: false });
  const inside = new RawClient(tls);
  await once(tls, 'secureConnect');
  return { inside, offered: await inside.talk('EHLO in.test') };
}

describe('AUTH PLAIN', () => {
  before(() => {
    const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
    const out = ['-keyout', place('key.pem'), '-out', place('cert.pem'), '-subj', '/CN=mx.test'];
    execFileSync('openssl', [...request, '-nodes', ...out], { stdio: 'ignore' });
  });
  after(() => rmSync(folder, { recursive: true }));
  afterEach(async () => {
    told.length = 0;
    await world.end();
  });

  test('is offered inside TLS and with a handler, nowhere else', async () => {
    world = await openReception(PART, KEYS);
    const client = await world.dial();
    await client.reply();
    assert.doesNotMatch(await client.talk('EHLO a.test'), /AUTH/);
    assert.match(await client.talk(`AUTH PLAIN ${GOOD}`), /^500 /);
    assert.match((await enter()).offered, /^250.AUTH PLAIN$/m);
    await world.end();
    world = await openReception({}, KEYS);
    const { inside, offered } = await enter();
    assert.doesNotMatch(offered, /AUTH/);
    assert.match(await inside.talk(`AUTH PLAIN ${GOOD}`), /^500 /);
    assert.deepEqual(told, []);
  });

  test('a right login is known to policy, may relay by it, and marks the mail', async () => {
    const relay = { ...KEYS, relay_hosts: [] };
    const seen: unknown[] = [];
    const part: PolicyPart = {
      smtp_server_message_received(message, connection) {
        const names = ['authz_id', 'authn_id'];
        seen.push(
          names.map((name) => message.get_meta(name)),
          connection.auth_info(),
        );
      },
    };
    world = await openReception([PART, part], relay);
    world.host.domains = (domain, listener, meta) =>
      PART.get_listener_domain?.(domain, listener, meta as Record<string, string>);
    const { inside } = await enter();
    await inside.talk('MAIL FROM:<a@a.test>');
    assert.match(await inside.talk('RCPT TO:<b@b.test>'), /^550 5\.7\.1/);
    assert.match(await inside.talk('AUTH PLAIN'), /^503 /);
    await inside.talk('RSET');
    assert.match(await inside.talk('AUTH PLAIN'), /^334 ?$/);
    assert.match(await inside.talk(plain('list', 'ann', SECRET)), /^235 2\.7\.0/);
    assert.match(await inside.talk('AUTH PLAIN'), /^503 5\.5\.1 already/);
    assert.match(await offer(inside), /^250 /);
    assert.deepEqual(told, [['list', 'ann', true, 'TLSv1.3']]);
    const [ids, auth] = seen;
    assert.deepEqual(ids, ['list', 'ann']);
    assert.deepEqual(auth, {
      peer_address: '127.0.0.1',
      identities: [{ identity: 'list', context: 'SmtpAuthPlainAuthorization' }],
      groups: [],
    });
    assert.match(world.bodies.written[0]?.text ?? '', / with ESMTPSA id /);
  });

  test('MAIL may name who sent it first, as Postfix does once logins are offered', async () => {
    world = await openReception(PART, KEYS);
    const { inside } = await enter();
    const mail = async (auth: string): Promise<string> => {
      const heard = await inside.talk(`MAIL FROM:<a@a.test> SIZE=9 AUTH=${auth}`);
      await inside.talk('RSET');
      return heard;
    };
    assert.match(await mail('<>'), /^250 /);
    assert.match(await inside.talk(`AUTH PLAIN ${GOOD}`), /^235 /);
    for (const good of ['<>', 'e+3Dmc2@a.test', 'a+40b']) assert.match(await mail(good), /^250 /);
    for (const bad of ['a+b', 'a+4']) assert.match(await mail(bad), /^501 5\.5\.4/);
    await world.end();
    world = await openReception({}, KEYS);
    const { inside: nobody } = await enter();
    assert.match(await nobody.talk('MAIL FROM:<a@a.test> AUTH=<>'), /^555 /);
  });

  test('a wrong one is refused, and what is no login is not asked about', async () => {
    world = await openReception(PART, KEYS);
    const refused: string[] = [];
    Object.assign(world.host, {
      noteRefused: ({ command }: { command: string }) => refused.push(command),
    });
    const { inside } = await enter();
    assert.match(await inside.talk(`AUTH PLAIN ${plain('', 'ann', 'wrong')}`), /^535 5\.7\.8/);
    await inside.talk('AUTH PLAIN');
    assert.match(await inside.talk(plain('', 'bob', 'guess')), /^535 5\.7\.8/);
    assert.match(await inside.talk('AUTH PLAIN !'), /^501 5\.5\.2/);
    assert.match(await inside.talk('AUTH LOGIN'), /^504 5\.5\.4/);
    await inside.talk('AUTH PLAIN');
    assert.match(await inside.talk('*'), /^501 5\.7\.0/);
    assert.equal(told.length, 2);
    assert.match(await inside.talk(`AUTH PLAIN ${GOOD}`), /^235 /);
    const shown = [...refused, ...world.log, ...world.faults].join('\n');
    for (const secret of [GOOD, plain('', 'ann', 'wrong'), plain('', 'bob', 'guess')]) {
      assert.equal(shown.includes(secret), false);
    }
    assert.deepEqual(new Set(refused), new Set(['AUTH PLAIN', 'AUTH LOGIN']));
  });

  test('swaks logs in', { skip: isMissing ? 'swaks is not installed' : false }, async () => {
    world = await openReception(PART, KEYS);
    const run = promisify(execFile);
    const to = ['--server', `127.0.0.1:${world.listener.port}`, '--from', 'a@a.test'];
    const login = ['--auth', 'PLAIN', '--auth-user', 'ann', '--auth-password', SECRET];
    const { stdout } = await run('swaks', [...to, '--to', 'b@b.test', '--tls', ...login]);
    assert.match(stdout, /235 2\.7\.0/);
    assert.match(stdout, /250 2\.0\.0 OK ids=/);
    const wrong = run('swaks', [...to, '--to', 'b@b.test', '--tls', ...login.slice(0, -1), 'no']);
    await assert.rejects(wrong, /No authentication type succeeded/);
    assert.equal(world.host.submissions.length, 1);
  });
});

test('a response of PLAIN has three parts, two of them not empty', () => {
  const whole = { authz: 'z', authn: 'n', password: 'p' };
  assert.deepEqual(readCredentials(plain('z', 'n', 'p')), whole);
  assert.deepEqual(readCredentials(plain('', 'n', 'p')), { ...whole, authz: 'n' });
  const none = [
    ['n', 'p'],
    ['', '', 'p'],
    ['', 'n', ''],
    ['a', 'b', 'c', 'd'],
    ['x'.repeat(256), 'n', 'p'],
  ];
  for (const parts of none) assert.equal(readCredentials(plain(...parts)), undefined);
  assert.equal(readCredentials('a==='), undefined);
  assert.equal(readCredentials(Buffer.from('\0\xff\0p', 'latin1').toString('base64')), undefined);
});
