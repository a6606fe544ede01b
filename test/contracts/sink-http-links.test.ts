/**
 * Connections of the HTTP sink: one that is kept, a name that is looked up once for each, addresses
 * that are left out, certificates that must fit.
 * Deliberately unknown here: requests and answers.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCidr } from '../../src/domain/cidr.ts';
import { isForbiddenAddress } from '../../src/domain/hook-url.ts';
import type { HostAddress } from '../../src/projections/sinks/http-link.ts';
import {
  CA2_PEM,
  CLIENT_KEY,
  CLIENT_PEM,
  EXPIRED_KEY,
  EXPIRED_PEM,
  SELF_KEY,
  SELF_PEM,
  SERVER_KEY,
  SERVER_PEM,
} from '../examples/tls-certificates.ts';
import type { ReceiverTls } from './sink-http-receiver.ts';
import { openReceiver } from './sink-http-receiver.ts';
import { failedOf, httpWorld, sinkFor } from './sink-http-world.ts';
import { openLine } from './sink-line.ts';
import { recordsFrom } from './sink-records.ts';

const never = new AbortController().signal;
const CA = { key_data: CA2_PEM };
const GOOD: ReceiverTls = { key: SERVER_KEY, cert: SERVER_PEM };

test('one connection serves many requests, also those that are refused or fail', async (t) => {
  const receiver = await openReceiver();
  const line = await openLine({ target: () => receiver.port });
  const sink = sinkFor({ url: `http://127.0.0.1:${line.port}/` });
  t.after(async () => {
    await sink.close();
    await line.dispose();
    await receiver.close();
  });
  for (let at = 1; at <= 30; at += 1) {
    receiver.manner = (_, response) =>
      response.writeHead([200, 500, 404, 429][at % 4] ?? 200).end('some words');
    await sink.send(recordsFrom(at, 2), never);
  }
  assert.equal(receiver.requests.length, 30);
  assert.equal(line.linksEver(), 1);
});

test('a private authority is trusted where it is named, and nobody else is', async (t) => {
  const cases: readonly (readonly [string, ReceiverTls, object, RegExp | undefined])[] = [
    ['named', GOOD, { ca: CA }, undefined],
    ['not named', GOOD, {}, /unable to verify|unable to get local issuer/],
    ['another name', GOOD, { ca: CA, server_name: 'other.test' }, /does not match certificate/],
    ['its name', GOOD, { ca: CA, server_name: 'peer.test' }, undefined],
    ['expired', { key: EXPIRED_KEY, cert: EXPIRED_PEM }, { ca: CA }, /certificate has expired/],
    ['signed by itself', { key: SELF_KEY, cert: SELF_PEM }, { ca: CA }, /self-signed/],
    ['anybody', { key: SELF_KEY, cert: SELF_PEM }, { insecure: true }, undefined],
  ];
  for (const [what, tls, options, expected] of cases) {
    const { receiver, send } = await httpWorld(t, { tls, options: { tls: options } });
    const answer = await send(recordsFrom(1, 2));
    if (expected === undefined) assert.equal(answer.kind, 'settled', what);
    else assert.match(failedOf(answer).reason, expected, what);
    assert.equal(receiver.requests.length, expected === undefined ? 1 : 0, what);
  }
});

test('a client certificate is shown to a receiver that asks for one', async (t) => {
  const tls = { ...GOOD, ca: CA2_PEM, requestCert: true };
  const own = { certificate: { key_data: CLIENT_PEM }, private_key: { key_data: CLIENT_KEY } };
  const known = await httpWorld(t, { tls, options: { tls: { ca: CA, ...own } } });
  assert.equal((await known.send(recordsFrom(1, 1))).kind, 'settled');
  const unknown = await httpWorld(t, { tls, options: { tls: { ca: CA } } });
  failedOf(await unknown.send(recordsFrom(1, 1)));
  assert.equal(unknown.receiver.requests.length, 0);
});

test('TLS towards a server without it, and the other way round, fails and says so', async (t) => {
  const plain = await openReceiver();
  const secure = await openReceiver(GOOD);
  t.after(() => Promise.all([plain.close(), secure.close()]));
  for (const url of [`https://127.0.0.1:${plain.port}/`, `http://127.0.0.1:${secure.port}/`]) {
    const sink = sinkFor({ url });
    failedOf(await sink.send(recordsFrom(1, 1), never));
    await sink.close();
  }
});

/** Finds what a list says, one entry a look-up, and counts them. */
function namesOf(answers: readonly (readonly string[])[]) {
  const asked: string[] = [];
  const findAddresses = async (host: string): Promise<readonly HostAddress[]> => {
    const addresses = answers[Math.min(asked.length, answers.length - 1)] ?? [];
    asked.push(host);
    return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  };
  return { asked, findAddresses };
}

test('a name is looked up once a connection, and what was checked is connected to', async (t) => {
  const receiver = await openReceiver();
  // The first answer is well, all later ones lead to the metadata of a cloud.
  const { asked, findAddresses } = namesOf([['127.0.0.1'], ['169.254.169.254']]);
  const sink = sinkFor({ url: `http://hook.test:${receiver.port}/` }, true, { findAddresses });
  t.after(() => receiver.close());
  for (let at = 1; at <= 3; at += 1) {
    assert.equal((await sink.send(recordsFrom(at, 1), never)).kind, 'settled');
  }
  assert.deepEqual(asked, ['hook.test']);
  assert.equal(receiver.requests[0]?.headers.host, `hook.test:${receiver.port}`);
  await sink.close();
  const { reason } = failedOf(await sink.send(recordsFrom(4, 1), never));
  const expected = 'hook.test is 169.254.169.254, a link-local or metadata address';
  assert.equal(reason, `${expected}; see allow_addresses`);
  assert.equal(asked.length, 2);
  await sink.close();
});

test('of several addresses the forbidden ones are left out, and the next is tried', async (t) => {
  const receiver = await openReceiver();
  t.after(() => receiver.close());
  const all = [['169.254.169.254', 'fe80::1%eth0', '::ffff:169.254.1.1', '127.0.0.2', '127.0.0.1']];
  const { findAddresses } = namesOf(all);
  const url = `http://hook.test:${receiver.port}/`;
  const sink = sinkFor({ url }, true, { findAddresses });
  assert.equal((await sink.send(recordsFrom(1, 1), never)).kind, 'settled');
  await sink.close();
  const nowhere = sinkFor({ url }, true, namesOf([[]]));
  const { reason } = failedOf(await nowhere.send(recordsFrom(1, 1), never));
  assert.equal(reason, 'hook.test has no address');
  await nowhere.close();
});

test('a name without an address fails and the next send asks again', async (t) => {
  const receiver = await openReceiver();
  t.after(() => receiver.close());
  let asked = 0;
  const findAddresses = async (): Promise<readonly HostAddress[]> => {
    asked += 1;
    if (asked === 1) throw new Error('queryA ENOTFOUND hook.test');
    return [{ address: '127.0.0.1', family: 4 }];
  };
  const sink = sinkFor({ url: `http://hook.test:${receiver.port}/` }, true, { findAddresses });
  assert.match(failedOf(await sink.send(recordsFrom(1, 1), never)).reason, /ENOTFOUND/);
  assert.equal((await sink.send(recordsFrom(1, 1), never)).kind, 'settled');
  await sink.close();
});

test('a look-up that hangs costs connect_timeout', async () => {
  const findAddresses = () => new Promise<never>(() => {});
  const sink = sinkFor({ url: 'http://hook.test/', connect_timeout: '300ms' }, true, {
    findAddresses,
  });
  const { reason } = failedOf(await sink.send(recordsFrom(1, 1), never));
  assert.equal(reason, 'no connection within 300 ms');
  await sink.close();
});

test('addresses that nobody means, in every disguise', () => {
  const forbidden = [
    '169.254.169.254',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '64:ff9b::169.254.169.254',
    '2002:a9fe:a9fe::1',
    '::169.254.169.254',
    'fe80::1',
    'fe80::1%eth0',
    'febf::1',
    'fd00:ec2::254',
    'fd20:ce::254',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    '0.0.0.0',
    '::',
    '224.0.0.1',
    '255.255.255.255',
    'ff02::1',
    'no address',
  ];
  for (const address of forbidden) assert.ok(isForbiddenAddress(address, []), address);
  const fine = ['127.0.0.1', '::1', '10.0.0.1', '192.168.0.1', '2001:db8::1', 'fd00::1', '8.8.8.8'];
  for (const address of fine) assert.ok(!isForbiddenAddress(address, []), address);
  const listed = [parseCidr('169.254.169.254')];
  for (const address of forbidden.slice(0, 6)) assert.ok(!isForbiddenAddress(address, listed));
  assert.ok(isForbiddenAddress('169.254.169.253', listed));
});
