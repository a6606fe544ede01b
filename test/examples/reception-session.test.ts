/**
 * Stories of the policy at the edge, up to RCPT: what each event is told, and what its refusal
 * means for client and session. Deliberately unknown here: messages.
 */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { disconnect, reject } from '../../src/policy/define.ts';
import { wait } from './intake-world.ts';
import type { ReceptionWorld } from './reception-kit.ts';
import { offer, openReception } from './reception-kit.ts';

let world: ReceptionWorld;
afterEach(() => world.end());

describe('before the greeting', () => {
  test('a client that is not wanted hears why, and no greeting', async () => {
    let seen: unknown[] = [];
    world = await openReception({
      async smtp_server_connection_accepted(connection) {
        const names = ['received_from', 'received_via', 'reception_protocol', 'hostname'];
        seen = names.map((name) => connection.get_meta(name));
        await wait(5);
        reject(554, '5.7.1 not here\nask the postmaster');
      },
    });
    const client = await world.dial();
    assert.equal(await client.reply(), '554-5.7.1 not here\r\n554 ask the postmaster');
    await client.over();
    const [from, ...others] = seen;
    assert.match(String(from), /^127\.0\.0\.1:\d+$/);
    assert.deepEqual(others, [`127.0.0.1:${world.listener.port}`, 'ESMTP', 'mx.test']);
    await wait(50);
    assert.equal(world.listener.sessions(), 0);
  });

  test('settings may be changed for one session', async () => {
    let isNarrow = true;
    world = await openReception({
      smtp_server_get_dynamic_parameters: (listener) => {
        assert.equal(listener, `127.0.0.1:${world.listener.port}`);
        if (!isNarrow) return undefined;
        const peer = { '127.0.0.0/8': { max_message_size: 1000 } };
        return { hostname: 'narrow.test', relay_hosts: [], peer, meta: { lot: 7 } };
      },
      smtp_server_ehlo: (_domain, connection) => {
        assert.equal(connection.get_meta('lot'), isNarrow ? 7 : undefined);
        return undefined;
      },
    });
    const client = await world.dial();
    assert.match(await client.reply(), /^220 narrow\.test /);
    assert.match(await client.talk('EHLO c.test'), /250.SIZE 1000$/);
    await client.talk('MAIL FROM:<a@a.test>');
    assert.match(await client.talk('RCPT TO:<b@b.test>'), /^550 5\.7\.1 relaying/);
    isNarrow = false;
    const other = await world.greet();
    assert.match(await offer(other), /^250 /);
  });

  test('settings that cannot be a session’s end it, with a sentence for the operator', async () => {
    world = await openReception({
      smtp_server_get_dynamic_parameters: () => ({ tls_certificate: { key_data: 'x' } }),
    });
    const client = await world.dial();
    assert.match(await client.reply(), /^421 4\.3\.0 technical/);
    await client.over();
    assert.match(world.faults[0] ?? '', /tls_certificate.* cannot differ by session/);
  });
});

describe('EHLO and HELO', () => {
  test('may be refused, and the session goes on', async () => {
    const seen: unknown[] = [];
    world = await openReception({
      smtp_server_ehlo(domain, connection, extensions) {
        seen.push([domain, connection.get_meta('ehlo_domain'), extensions?.includes('PIPELINING')]);
        if (domain.startsWith('bad')) reject(550, 'no');
        return undefined;
      },
    });
    const client = await world.dial();
    await client.reply();
    assert.equal(await client.talk('EHLO BAD.test'), '550 no');
    assert.match(await client.talk('MAIL FROM:<a@a.test>'), /^503 /);
    assert.equal(await client.talk('HELO bad.too'), '550 no');
    assert.match(await client.talk('EHLO good.test'), /^250-mx\.test\r\n/);
    assert.match(await client.talk('HELO good.two'), /^250 mx\.test/);
    assert.deepEqual(seen, [
      ['bad.test', undefined, true],
      ['bad.too', undefined, undefined],
      ['good.test', undefined, true],
      ['good.two', 'good.test', undefined],
    ]);
  });

  test('shows the extensions that policy wants to be shown', async () => {
    world = await openReception({ smtp_server_ehlo: () => ['8BITMIME', 'X-OWN 1'] });
    const client = await world.dial();
    await client.reply();
    assert.equal(await client.talk('EHLO a.test'), '250-mx.test\r\n250-8BITMIME\r\n250 X-OWN 1');
  });
});

describe('MAIL and RCPT', () => {
  test('a refused sender or recipient is none', async () => {
    const seen: string[] = [];
    world = await openReception({
      async smtp_server_mail_from(sender, connection) {
        await wait(1);
        connection.set_meta('x_from', sender.domain);
        if (sender.user === 'bad') reject(550, '5.1.0 not you');
      },
      smtp_server_rcpt_to(recipient, connection) {
        seen.push(`${recipient} ${connection.get_meta('x_from')}`);
        if (recipient.email.startsWith('gone')) reject(450, '4.1.1 not now');
      },
    });
    const client = await world.greet();
    assert.equal(await client.talk('MAIL FROM:<bad@a.test>'), '550 5.1.0 not you');
    assert.match(await client.talk('RCPT TO:<b@b.test>'), /^503 /);
    assert.match(await client.talk('MAIL FROM:<good@a.test>'), /^250 /);
    assert.equal(await client.talk('RCPT TO:<gone@b.test>'), '450 4.1.1 not now');
    assert.match(await client.talk('DATA'), /^503 /);
    assert.match(await client.talk('RCPT TO:<here@b.test>'), /^250 /);
    assert.match(await client.talk('RCPT TO:<here@B.test>'), /^250 /);
    await client.talk('DATA');
    assert.match(await client.talk('x: y\r\n\r\n.'), /^250 /);
    assert.deepEqual(seen, ['gone@b.test a.test', 'here@b.test a.test']);
    assert.deepEqual(
      world.host.submissions[0]?.messages.map(({ to }) => to),
      [['here@b.test']],
    );
  });

  test('several parts are asked in turn, until one refuses', async () => {
    const heard: string[] = [];
    const part = (name: string) => ({
      async smtp_server_mail_from() {
        await wait(1);
        heard.push(name);
        if (name === 'second') reject(550, 'no');
      },
    });
    world = await openReception([part('first'), part('second'), part('third')]);
    const client = await world.greet();
    assert.equal(await client.talk('MAIL FROM:<a@a.test>'), '550 no');
    assert.deepEqual(heard, ['first', 'second']);
  });
});

describe('the end of a session', () => {
  const endings = [
    ['ForceDisconnect', ['550 go'], true],
    ['FollowWith421', ['550 go', /^421 4\.3\.2 /], true],
    ['If421', ['550 go'], false],
  ] as const;
  for (const [mode, replies, isOver] of endings) {
    test(`by disconnect, ${mode}`, async () => {
      world = await openReception({ smtp_server_mail_from: () => disconnect(550, 'go', mode) });
      const client = await world.greet();
      client.send('MAIL FROM:<a@a.test>\r\n');
      for (const reply of replies) {
        const said = await client.reply();
        if (typeof reply === 'string') assert.equal(said, reply);
        else assert.match(said, reply);
      }
      if (isOver) await client.over();
      else assert.match(await client.talk('NOOP'), /^250 /);
    });
  }

  test('by any other error: 421, and the operator reads what and where', async () => {
    world = await openReception({
      async smtp_server_rcpt_to() {
        await wait(1);
        throw new Error('the table is gone');
      },
    });
    const client = await world.greet();
    await client.talk('MAIL FROM:<a@a.test>');
    assert.match(await client.talk('RCPT TO:<b@b.test>'), /^421 4\.3\.0 technical difficulties/);
    await client.over();
    assert.match(world.faults[0] ?? '', /smtp_server_rcpt_to failed.*the table is gone/);
  });

  test('a handler that never answers holds its session for its time, and no other', async () => {
    const slow = new Set(['slow@a.test']);
    world = await openReception(
      {
        smtp_server_mail_from: (sender) =>
          slow.has(sender.email) ? new Promise<void>(() => {}) : undefined,
      },
      { handler_timeout: '300ms', client_timeout: '1s' },
    );
    const held = await world.greet();
    held.send('MAIL FROM:<slow@a.test>\r\nNOOP\r\n');
    const free = await world.greet();
    assert.match(await offer(free), /^250 /);
    assert.equal(held.heard, '');
    assert.match(await held.reply(), /^451 4\.4\.5 smtp_server_mail_from took too long/);
    assert.match(await held.reply(), /^250 /);
    assert.match(await offer(held), /^250 /);
    assert.match(world.faults[0] ?? '', /did not answer within 300 ms/);
  });

  test('a client that leaves while policy thinks leaves nothing behind', async () => {
    let go = (): void => {};
    world = await openReception({
      smtp_server_message_received: () => new Promise<void>((resolve) => (go = resolve)),
    });
    const client = await world.greet();
    const said = offer(client);
    await wait(50);
    // A client that only shuts its side is still owed its answer; a reset says that it is gone.
    client.socket.resetAndDestroy();
    assert.equal(await said, '');
    await wait(50);
    go();
    await wait(20);
    assert.equal(world.bodies.written.length, 0);
    assert.equal(world.listener.sessions(), 0);
  });
});

describe('what a client hears', () => {
  test('may be rewritten, but for codes that steer the dialogue', async () => {
    const commands: (string | undefined)[] = [];
    world = await openReception({
      smtp_server_rewrite_response(status, text, command) {
        commands.push(command);
        if (status === 503) return { status: 521, text: 'first\nsecond' };
        if (status === 354) return { status: 555, text: 'go on' };
        if (text.includes('Sender OK')) throw new Error('oh');
        return undefined;
      },
    });
    const client = await world.greet();
    assert.equal(await client.talk('DATA'), '521-first\r\n521 second');
    assert.match(await client.talk('MAIL FROM:<a@a.test>'), /^250 2\.1\.0/);
    await client.talk('RCPT TO:<b@b.test>');
    assert.equal(await client.talk('DATA'), '354 go on');
    assert.match(await client.talk('x: y\r\n\r\n.'), /^250 /);
    assert.equal(commands[0], undefined);
    assert.equal(commands[2], 'DATA');
    assert.match(world.faults[0] ?? '', /smtp_server_rewrite_response failed.*oh/);
  });
});
