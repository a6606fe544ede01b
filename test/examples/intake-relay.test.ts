/**
 * Stories of strangers who want mail relayed: forty classic address forms, none of which may pass,
 * and the addresses that are no addresses.
 * The one idea: a peer outside relay_hosts gets 550 for every form, also where a domain is relayed
 * for anyone. It does not know which server fell for which form.
 */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type { IntakeHost } from '../../src/intake/host.ts';
import { DOMAINS_KEPT_MAX, makeDomainFinder, makeRelayRule } from '../../src/intake/relaying.ts';
import type { IntakeWorld, RawClient } from './intake-world.ts';
import { openIntake } from './intake-world.ts';

const STRANGER = { relay_hosts: ['192.0.2.0/24'] };

// v = the victim's mailbox, relayed.test = a domain that is ours to relay for.
const FORMS = [
  'v@victim.test',
  'V@VICTIM.TEST',
  'v%victim.test@relayed.test',
  'v%victim.test@mx.test',
  'v%victim.test%relayed.test@relayed.test',
  'v%victim.test@[127.0.0.1]',
  'victim.test!v@relayed.test',
  'victim.test!v@mx.test',
  'relayed.test!victim.test!v',
  'victim.test!v',
  '"v@victim.test"@relayed.test',
  '"v%victim.test"@relayed.test',
  '"victim.test!v"@relayed.test',
  '"v@victim.test"',
  'v@victim.test@relayed.test',
  'v@victim.test@mx.test',
  'v@relayed.test@victim.test',
  '@relayed.test:v@victim.test',
  '@mx.test:v@victim.test',
  '@relayed.test,@mx.test:v@victim.test',
  '@victim.test:v%victim.test@relayed.test',
  '@[127.0.0.1]:v@victim.test',
  'v@[192.0.2.99]',
  'v@[IPv6:2001:db8::99]',
  'v@[127.0.0.1]',
  'v@127.0.0.1',
  'v@localhost',
  'v@mx.test',
  'v@victim.test.',
  'v@relayed.test.victim.test',
  'v@victim.test#relayed.test',
  'v@victim.test%00relayed.test',
  'v@victim.test\\@relayed.test',
  'v@victim.test,w@relayed.test',
  'v@victim.test;relayed.test',
  'v@victim.test relayed.test',
  '"v"@victim.test',
  '"v@victim.test@relayed.test"@victim.test',
  'postmaster',
  'postmaster@victim.test',
  'v',
  '<v@victim.test>',
];

const SENDERS = ['spam@victim.test', '', 'a@relayed.test', 'a@mx.test', 'root@localhost'];

let world: IntakeWorld;
const open = async (options: Record<string, unknown>): Promise<RawClient> => {
  world = await openIntake(options);
  world.host.relayedDomain = 'relayed.test';
  return world.greet();
};

describe('relaying', () => {
  afterEach(() => world.end());

  for (const sender of SENDERS) {
    test(`no form passes for a stranger who is <${sender}>`, async () => {
      let client = await open(STRANGER);
      for (const [index, form] of FORMS.entries()) {
        if (index % 9 === 0) {
          client.socket.destroy();
          client = await world.greet();
        }
        assert.match(await client.talk(`MAIL FROM:<${sender}>`), /^250 /);
        assert.match(await client.talk(`RCPT TO:<${form}>`), /^(?:550 5\.7\.1|501 5\.1\.3) /, form);
        await client.talk('RSET');
      }
      await client.talk(`MAIL FROM:<${sender}>`);
      assert.match(await client.talk('DATA'), /^503 /);
      assert.equal(world.bodies.written.length, 0);
    });
  }

  test('a stranger may write to a relayed domain, and hears why not elsewhere', async () => {
    const client = await open(STRANGER);
    await client.talk('MAIL FROM:<a@elsewhere.test>');
    assert.match(await client.talk('RCPT TO:<v@Relayed.test>'), /^250 /);
    const refusal = '550 5.7.1 relaying not permitted for 127.0.0.1';
    assert.equal(await client.talk('RCPT TO:<v@victim.test>'), refusal);
  });

  test('relay_hosts may send anywhere, and be overridden for a network', async () => {
    const client = await open({ relay_hosts: ['127.0.0.0/8'] });
    await client.talk('MAIL FROM:<a@a.test>');
    assert.match(await client.talk('RCPT TO:<v@victim.test>'), /^250 /);
    assert.match(await client.talk('RCPT TO:<postmaster>'), /^250 /);
    await world.end();
    const refused = await open({ peer: { '127.0.0.1': STRANGER } });
    await refused.talk('MAIL FROM:<a@a.test>');
    assert.match(await refused.talk('RCPT TO:<v@victim.test>'), /^550 /);
  });

  test('an address that is none is refused with its code', async () => {
    const client = await open({});
    for (const form of ['a', 'a@', '@b', 'a b@c.test', 'a\x01@b.test', 'a@b..test', 'a@-b.test']) {
      assert.match(await client.talk(`MAIL FROM:<${form}>`), /^501 5\.1\.7 /, form);
    }
    await client.talk('MAIL FROM:<>');
    for (const line of ['RCPT TO:<a\tb@c.test>', 'RCPT TO:<>']) {
      assert.match(await client.talk(line), /^501 5\.1\.3 /, line);
    }
    const second = await world.greet();
    for (const line of ['MAIL FROM:a@b.test', 'MAIL FROM <a@b.test>', 'MAIL FROM:<a@b.test']) {
      assert.match(await second.talk(line), /^501 5\.1\.7 /, line);
    }
    assert.match(await second.talk('MAIL FROM:<a@b.test>\0'), /^501 /);
    assert.match(await second.talk('MAIL FROM:<j\xc3\xbcrgen@b.test>'), /^553 5\.6\.7 /);
    assert.match(await second.talk('MAIL FROM:<j\xfcrgen@b.test>'), /^501 /);
  });

  test('parameters are known or refused', async () => {
    const client = await open({});
    assert.match(await client.talk('MAIL FROM:<a@b.test> FOO=bar'), /^555 5\.5\.4 /);
    assert.match(await client.talk('MAIL FROM:<a@b.test> SIZE=x'), /^501 5\.5\.4 /);
    assert.match(await client.talk('MAIL FROM:<a@b.test> BODY=BINARYMIME'), /^501 5\.5\.4 /);
    assert.match(await client.talk('MAIL FROM:<a@b.test> SIZE=1 SIZE=2'), /^501 /);
    assert.match(await client.talk('MAIL FROM: <a@b.test> size=10 body=7bit '), /^250 /);
    assert.match(await client.talk('MAIL FROM:<a@b.test>'), /^503 /);
    assert.match(await client.talk('RCPT TO:<a@b.test> NOTIFY=NEVER'), /^555 /);
    assert.match(await client.talk('VRFY postmaster'), /^252 /);
    assert.match(await client.talk('AUTH PLAIN AGEAYg=='), /^500 /);
    assert.match(await client.talk('XCLIENT ADDR=192.0.2.1'), /^500 /);
  });
});

describe('listener domains', () => {
  afterEach(() => world.end());

  test('relay_to opens a domain, relay_from its senders, and each is asked for once', async () => {
    const asked: string[] = [];
    const client = await open(STRANGER);
    world.host.domains = (domain, listener, meta) => {
      asked.push(`${domain} ${listener.replace(/\d+$/, 'port')} ${Object.keys(meta).join(' ')}`);
      if (domain === 'to.test') return { relay_to: true };
      if (domain === 'from.test') return { relay_from: ['127.0.0.0/8'] };
      return domain === 'other.test' ? { relay_from: ['192.0.2.0/24'] } : undefined;
    };
    await client.talk('MAIL FROM:<a@other.test>');
    assert.match(await client.talk('RCPT TO:<v@To.test>'), /^250 /);
    assert.match(await client.talk('RCPT TO:<v@victim.test>'), /^550 5\.7\.1 /);
    assert.match(await client.talk('RCPT TO:<w@victim.test>'), /^550 5\.7\.1 /);
    await client.talk('RSET');
    await client.talk('MAIL FROM:<a@from.test>');
    assert.match(await client.talk('RCPT TO:<v@victim.test>'), /^250 /);
    const about = '127.0.0.1:port received_from received_via hostname';
    const domains = ['other.test', 'to.test', 'victim.test', 'from.test'];
    assert.deepEqual(
      asked,
      domains.map((domain) => `${domain} ${about}`),
    );
  });

  test('a policy that fails makes the mail wait, and is asked again', async () => {
    const client = await open(STRANGER);
    world.host.domains = () => 'failed';
    await client.talk('MAIL FROM:<a@a.test>');
    assert.match(await client.talk('RCPT TO:<v@to.test>'), /^451 4\.3\.0 /);
    world.host.domains = (domain) => (domain === 'to.test' ? { relay_to: true } : undefined);
    assert.match(await client.talk('RCPT TO:<v@to.test>'), /^250 /);
  });

  test('a session remembers so many domains, and no more', () => {
    const asked: string[] = [];
    const findDomain = (domain: string): undefined => {
      asked.push(domain);
    };
    const host = { findDomain } as unknown as IntakeHost;
    const peer = '192.0.2.1';
    const find = makeDomainFinder(host, { peer, listener: '', meta: {} });
    const mayRelay = makeRelayRule(peer, find);
    for (let count = 0; count <= DOMAINS_KEPT_MAX; count += 1) mayRelay('', `d${count}.test`);
    assert.equal(mayRelay('', `d${DOMAINS_KEPT_MAX}.test`), false);
    assert.equal(asked.length, DOMAINS_KEPT_MAX + 1);
    mayRelay('', 'd0.test');
    assert.equal(asked.at(-1), 'd0.test');
  });
});
