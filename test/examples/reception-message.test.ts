/**
 * Stories of the policy and the message: what handlers see of it, what they change, where it goes,
 * and that a refusal leaves nothing. Deliberately unknown here: delivery.
 */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type { Message } from '../../src/mail/message.ts';
import { reject } from '../../src/policy/define.ts';
import type { PolicyPart } from '../../src/policy/hooks.ts';
import { wait } from './intake-world.ts';
import type { ReceptionWorld } from './reception-kit.ts';
import { bodyAt, MAIL, offer, openReception } from './reception-kit.ts';

let world: ReceptionWorld;
afterEach(() => world.end());

/** What the client heard of one message, with this policy. */
async function receiveBy(
  part: PolicyPart,
  to?: readonly string[],
  options: Record<string, unknown> = {},
  data?: string,
): Promise<string> {
  world = await openReception(part, options);
  return offer(await world.greet(), to, data);
}

const onReceived = (handle: (message: Message) => void | Promise<void>): PolicyPart => ({
  smtp_server_message_received: handle,
});
const submitted = () => world.host.submissions[0]?.messages ?? [];

describe('metadata and queue', () => {
  test('tenant and campaign of the header name the queue; all metadata go along', async () => {
    const reply = await receiveBy({
      smtp_server_mail_from: (_sender, connection) => connection.set_meta('x_conn', [1]),
      smtp_server_message_received(message, connection) {
        message.set_meta('tenant', message.get_first_named_header_value('x-tenant'));
        message.set_meta('campaign', 'c1');
        assert.deepEqual(message.get_meta('x_conn'), [1]);
        assert.equal(connection.get_meta('tenant'), undefined);
        assert.equal(message.queue_name(), 'c1:t1@b.test');
        message.remove_x_headers(['X-Tenant']);
      },
    });
    assert.match(reply, /^250 2\.0\.0 OK ids=[0-9a-f]{32}$/);
    const [message] = submitted();
    assert.equal(message?.queue, 'c1:t1@b.test');
    const { tenant, campaign, x_conn, ehlo_domain, reception_protocol } = message?.meta ?? {};
    assert.deepEqual(
      [tenant, campaign, x_conn, ehlo_domain, reception_protocol],
      ['t1', 'c1', [1], 'client.test', 'ESMTP'],
    );
    assert.equal(bodyAt(world), 'Subject: s\r\n\r\nbody\r\n');
    const header = JSON.parse(world.bodies.written[0]?.header ?? '') as { own: object[] };
    assert.deepEqual(header.own, [{ queue: message?.queue, meta: message?.meta }]);
  });

  test('what the connection was given is enough, without any message handler', async () => {
    await receiveBy({
      smtp_server_connection_accepted: (connection) => connection.set_meta('tenant', 'of-conn'),
    });
    assert.equal(submitted()[0]?.queue, 'of-conn@b.test');
  });

  test('metadata of the listener name the queue, too', async () => {
    await receiveBy({ get_queue_config: () => ({}) }, undefined, { meta: { tenant: 'own' } });
    assert.equal(submitted()[0]?.queue, 'own@b.test');
  });

  test('the metadata queue is the name as it stands; null discards', async () => {
    await receiveBy(
      onReceived((message) => {
        const [first] = message.recipient_list();
        message.set_meta('queue', first?.user === 'x' ? 'null' : 'Some Queue');
      }),
      ['x@b.test', 'y@b.test'],
    );
    assert.deepEqual(
      submitted().map(({ to, queue }) => [to, queue]),
      [[['y@b.test'], 'Some Queue']],
    );
    const reply = await offer(await world.greet(), ['x@b.test']);
    assert.match(reply, /^250 2\.0\.0 OK ids=[0-9a-f]{32}$/);
    assert.equal(world.bodies.written.length, 1);
    assert.equal(world.host.submissions.length, 1);
  });

  test('a tenant that would read as another queue refuses the message', async () => {
    const reply = await receiveBy(onReceived((message) => message.set_meta('tenant', 'a@b')));
    assert.match(reply, /^550 5\.6\.0 tenant, campaign or routing_domain/);
    assert.equal(world.bodies.written.length, 0);
  });

  test('metadata beyond the bound refuse the message', async () => {
    const data = `X-Long: ${'y '.repeat(400)}\r\n`.repeat(30);
    const part = onReceived((message) =>
      message.import_headers([{ name: 'x-long', match: 'all' }]),
    );
    const reply = await receiveBy(part, undefined, {}, `${data}\r\n`);
    assert.match(reply, /^552 5\.3\.4 metadata of the message exceed 16384 octets/);
    assert.equal(world.host.submissions.length, 0);
  });

  test('a due time and a schedule are kept; one that cannot be followed is refused', async () => {
    const at = '2031-05-06T07:08:09Z';
    await receiveBy(onReceived((message) => message.set_due(at)));
    assert.equal(submitted()[0]?.dueAt, Date.parse(at));
    await world.end();
    const part = onReceived((message) => message.import_scheduling_header('X-Schedule', true));
    const mail = (json: string) => `X-Schedule: ${json}\r\n\r\nb\r\n`;
    await receiveBy(part, undefined, {}, mail(`{"first_attempt":"${at}"}`));
    assert.equal(submitted()[0]?.dueAt, Date.parse(at));
    assert.equal(bodyAt(world), '\r\nb\r\n');
    const client = await world.greet();
    assert.match(await offer(client, undefined, mail('{')), /^554 5\.6\.0 X-Schedule: .*no JSON/);
    const half = mail('{"dow":"Mon","tz":"UTC"}');
    assert.match(await offer(client, undefined, half), /^554 5\.6\.0 .*start, end missing/);
    assert.equal(world.host.submissions.length, 1);
    const hours = '"dow":"mon","tz":"UTC","start":"09:00","end":"17:00"';
    const whole = mail(`{"expires":"${at}",${hours}}`);
    assert.match(await offer(client, undefined, whole), /^250 /);
    assert.deepEqual(world.host.submissions[1]?.messages[0]?.schedule, {
      expires: Date.parse(at),
      window: { dow: 'Mon', tz: 'UTC', start: '09:00:00', end: '17:00:00' },
    });
  });
});

describe('the transaction', () => {
  test('may be changed before it is split', async () => {
    await receiveBy(
      {
        async smtp_server_data(message) {
          await wait(1);
          assert.equal(message.recipient_list().length, 2);
          assert.equal(message.get_data().toString(), MAIL);
          message.set_recipient(['c@c.test', message.recipient_list()[0] ?? '']);
          message.set_sender('');
          message.append_header('X-Added', 'été', true);
        },
      },
      ['a@b.test', 'b@b.test'],
    );
    const [submission] = world.host.submissions;
    assert.equal(submission?.from, '');
    assert.deepEqual(
      submission?.messages.map(({ to, letter }) => [to, letter]),
      [
        [['c@c.test'], undefined],
        [['a@b.test'], undefined],
      ],
    );
    assert.equal(world.bodies.written.length, 1);
    const added = MAIL.replace('t1\r\n', 't1\r\nX-Added: =?utf-8?B?w6l0w6k=?=\r\n');
    assert.equal(bodyAt(world), added);
  });

  test('is split as policy says; the bytes stay shared where nobody changes them', async () => {
    await receiveBy(
      {
        smtp_server_split_transaction: () => [['a@b.test', 'b@b.test'], ['c@c.test']],
        smtp_server_message_received(message) {
          if (message.recipient_list().length === 1) message.prepend_header('X-One', 'yes');
        },
      },
      ['a@b.test', 'b@b.test', 'c@c.test'],
    );
    const [submission] = world.host.submissions;
    assert.deepEqual(
      submission?.messages.map(({ to }) => to),
      [['a@b.test', 'b@b.test'], ['c@c.test']],
    );
    const letters = submission?.messages.map(({ letter }) => letter?.body.offset);
    assert.deepEqual([submission?.body.offset, letters], [0, [undefined, 1]]);
    assert.equal(bodyAt(world, 0), MAIL);
    assert.equal(bodyAt(world, 1), `X-One: yes\r\n${MAIL}`);
  });

  test('split into nothing, it is taken and nothing is stored', async () => {
    const reply = await receiveBy({ smtp_server_split_transaction: () => [] });
    assert.match(reply, /^250 /);
    assert.equal(world.bodies.written.length, 0);
  });

  test('a refusal of one message refuses all of them', async () => {
    const seen: string[] = [];
    const reply = await receiveBy(
      onReceived(async (message) => {
        await wait(1);
        seen.push(String(message.recipient()));
        if (seen.length === 2) reject(550, '5.7.1 spam');
      }),
      ['a@b.test', 'b@b.test', 'c@c.test'],
    );
    assert.equal(reply, '550 5.7.1 spam');
    assert.deepEqual(seen, ['a@b.test', 'b@b.test']);
    assert.equal(world.bodies.written.length, 0);
  });

  test('a body of several that cannot be written refuses all; the others go back', async () => {
    world = await openReception({}, { trace_headers: { supplemental_header: true } });
    const fault = { code: 'FAULT_DISK_FULL', where: 'x', cause: 'y', retryable: true } as const;
    const given: number[] = [];
    world.bodies.isHolding = true;
    world.bodies.refer = (segment: number, by: number) => given.push(segment * by);
    const said = offer(await world.greet(), ['a@b.test', 'b@b.test']);
    while (world.bodies.held.length < 2) await wait(5);
    world.bodies.held[1]?.();
    world.bodies.fault = fault;
    world.bodies.held[0]?.();
    assert.match(await said, /^452 4\.3\.1/);
    assert.deepEqual(given, [-1]);
    assert.equal(world.host.submissions.length, 0);
  });

  test('takes no longer than it may, though each handler keeps its own time', async () => {
    const reply = await receiveBy(
      onReceived(() => new Promise(() => {})),
      undefined,
      { data_processing_timeout: '200ms' },
    );
    assert.match(reply, /^451 4\.4\.5 /);
    assert.equal(world.bodies.written.length, 0);
  });

  test('once it is received, a message cannot be changed', async () => {
    let late: Message | undefined;
    await receiveBy(
      onReceived((message) => {
        late = message;
      }),
    );
    assert.throws(() => late?.set_meta('tenant', 'x'), /is received already/);
    assert.throws(() => late?.prepend_header('X-A', 'x'), /is received already/);
  });

  test('a signature is made over the message as it is, and stands in front', async () => {
    await receiveBy(
      onReceived(async (message) => {
        message.append_header('X-Last', '1');
        await message.dkim_sign({
          sign: async (chunks) => `DKIM-Signature: l=${Buffer.concat(chunks).length}\r\n`,
        });
        const bad = message.dkim_sign({ sign: async () => 'X: y\r\n\r\nbody' });
        await assert.rejects(bad, /gave no header lines/);
      }),
    );
    const text = world.bodies.written[0]?.text ?? '';
    const [line = '', rest] = text.split(/\r\n(.*)/s);
    assert.equal(line, `DKIM-Signature: l=${rest?.length}`);
  });
});

describe('the header that names the recipient', () => {
  const readReference = (text: string): unknown => {
    const [, code = ''] = /^X-KumoRef: ((?:[^\r]|\r\n\t)*)\r\n/.exec(text) ?? [];
    return JSON.parse(Buffer.from(code.replace(/\r\n\t/g, ''), 'base64').toString());
  };

  test('is in front of each message, with the metadata that are wanted', async () => {
    const trace_headers = { include_meta_names: ['tenant'] };
    await receiveBy(
      onReceived((message) => message.set_meta('tenant', 't')),
      ['a@b.test', 'b@b.test'],
      { trace_headers },
    );
    const texts = world.bodies.written.map(({ text }) => readReference(text));
    assert.deepEqual(texts, [
      { '_@_': '\\_/', recipient: 'a@b.test', tenant: 't' },
      { '_@_': '\\_/', recipient: 'b@b.test', tenant: 't' },
    ]);
    assert.deepEqual(
      submitted().map(({ letter }) => letter?.body.offset),
      [undefined, 1],
    );
  });

  test('is there without a policy, and not where it is not wanted', async () => {
    await receiveBy({}, ['a@b.test'], { trace_headers: {} });
    const expected = { '_@_': '\\_/', recipient: 'a@b.test' };
    assert.deepEqual(readReference(world.bodies.written[0]?.text ?? ''), expected);
    await world.end();
    await receiveBy({});
    assert.doesNotMatch(world.bodies.written[0]?.text ?? '', /KumoRef/);
  });
});
