/**
 * Stories of the public record: what happens to mail in the world, and what subscribers are told.
 * The one idea: the events come from the engine itself, so that a field that nobody writes any more
 * is missed here.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encode } from '../../src/events/codec.ts';
import { INTERNAL_MARKER, nodeIdOf } from '../../src/projections/log-record/fields.ts';
import { makesRecords, project } from '../../src/projections/log-record/project.ts';
import type { LogRecord } from '../../src/projections/log-record/record.ts';
import type { Manner } from '../../src/testing/world/exchanger.ts';
import {
  accepting,
  droppingAfterDot,
  judging,
  sayingAt,
  silentAt,
} from '../../src/testing/world/manners.ts';
import type { WorldKnobs } from '../../src/testing/world/world.ts';
import { START_AT, World } from '../../src/testing/world/world.ts';
import { assertSchema } from '../world/record-schema.ts';
import { chainOf, projectAll, rememberAll } from '../world/records.ts';

const ID = /^[0-9a-f]{32}$/;
const UUID4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const makeWorld = async (manner: Manner, knobs: Partial<WorldKnobs> = {}): Promise<World> => {
  const world = await World.start({ seed: 1, manners: { 'a.test': manner }, ...knobs });
  await world.runFor(100);
  return world;
};

/** The records so far, each checked against its schema. */
function tell(world: World): LogRecord[] {
  const records = projectAll(world.witness.records).map(({ record }) => record);
  for (const record of records) assertSchema(record);
  return records;
}

const typesOf = (records: readonly LogRecord[]): string[] => records.map(({ type }) => type);

describe('attempts', () => {
  test('taken at once: Reception and Delivery', async () => {
    const world = await makeWorld(accepting);
    world.submit(['u@a.test'], 400);
    await world.runFor(5_000);
    const [reception, delivery, ...rest] = tell(world) as [LogRecord, LogRecord];
    assert.deepEqual(typesOf([reception, delivery, ...rest]), ['Reception', 'Delivery']);
    assert.match(reception.id, ID);
    assert.equal(delivery.id, reception.id);
    assert.equal(reception.recipient, 'u@a.test');
    assert.equal(reception.queue, 'a.test');
    assert.deepEqual(reception.peer_address, { name: 'client.test', addr: '203.0.113.1' });
    assert.equal(reception.size, delivery.size);
    assert.ok(delivery.size >= 400);
    assert.match(delivery.site, /^ip-\d->.*@smtp_client$/);
    assert.equal(delivery.egress_source, delivery.site.slice(0, delivery.site.indexOf('->')));
    assert.equal(delivery.egress_pool, 'three');
    assert.equal(delivery.response.command, '.\r\n');
    assert.equal(delivery.response.code, 250);
    assert.deepEqual(delivery.peer_address, { name: 'mx.a.test', addr: '198.51.100.1:25' });
    assert.match(delivery.source_address?.address ?? '', /:\d+$/);
    assert.match(delivery.session_id ?? '', UUID4);
    assert.equal(delivery.num_attempts, 0);
    assert.equal(delivery.delivery_protocol, 'ESMTP');
    assert.equal(delivery.created, reception.timestamp);
  });

  test('several recipients with different fates: a record for each reply', async () => {
    const world = await makeWorld(judging);
    world.submit(['u1@a.test', 'u2@a.test', 'bad@a.test']);
    await world.runFor(5_000);
    const [, ...ends] = tell(world);
    const of = (type: string) => ends.find((record) => record.type === type);
    assert.deepEqual(of('Delivery')?.recipient, ['u1@a.test', 'u2@a.test']);
    assert.equal(of('Bounce')?.recipient, 'bad@a.test');
    assert.equal(of('Bounce')?.response.command, 'RCPT TO:<bad@a.test>\r\n');
    assert.equal(ends.length, 2);
  });

  test('put off by the peer: the text is the peer’s, the attempts count up', async () => {
    const world = await makeWorld(sayingAt('mail', '451 4.3.2 not now'));
    world.submit(['u@a.test']);
    await world.runFor(3_600_000);
    const [, first, second] = tell(world) as LogRecord[];
    assert.deepEqual(first?.response.enhanced_code, { class: 4, subject: 3, detail: 2 });
    assert.equal(first?.response.content, 'not now');
    assert.match(first?.response.command ?? '', /^MAIL FROM:<sender@here\.test>.*\r\n$/);
    assert.deepEqual([first?.num_attempts, second?.num_attempts], [0, 1]);
    assert.notEqual(first?.event_id, second?.event_id);
  });

  test('nobody answers: the text is marked as ours', async () => {
    const world = await makeWorld(silentAt('data'));
    world.submit(['u@a.test']);
    await world.runFor(600_000);
    const [, silent] = tell(world) as LogRecord[];
    assert.equal(silent?.type, 'TransientFailure');
    assert.ok(silent?.response.content.startsWith(INTERNAL_MARKER));
    assert.equal(silent?.response.command, 'DATA\r\n');
  });

  test('nobody is reached: no peer, no command, and the ready queue it was in', async () => {
    const world = await makeWorld(accepting);
    world.hostOf('a.test').answers = 'refused';
    world.submit(['u@a.test']);
    await world.runFor(60_000);
    const last = tell(world).at(-1) as LogRecord;
    assert.equal(last.type, 'TransientFailure');
    assert.equal(last.response.code, 400);
    assert.ok(last.response.content.startsWith(`${INTERNAL_MARKER}failed to connect`));
    assert.equal(last.response.command, null);
    assert.equal(last.peer_address, null);
    assert.match(last.site, /^ip-\d->/);
  });

  test('the outcome is not known: TransientFailure, and then the second attempt', async () => {
    const world = await makeWorld(droppingAfterDot(1));
    world.submit(['u@a.test']);
    await world.runFor(3_600_000);
    const records = tell(world);
    assert.deepEqual(typesOf(records), ['Reception', 'TransientFailure', 'Delivery']);
    const { content, command } = (records[1] as LogRecord).response;
    assert.ok(content.startsWith(`${INTERNAL_MARKER}the outcome of an attempt is not known`));
    assert.equal(command, '.\r\n');
  });
});

describe('without an attempt', () => {
  test('too old: Expiration after the last failure', async () => {
    const world = await makeWorld(sayingAt('mail', '451 4.3.2 not now'));
    world.submit(['u@a.test', 'v@a.test']);
    await world.runFor(15 * 86_400_000);
    const last = tell(world).at(-1) as LogRecord;
    assert.equal(last.type, 'Expiration');
    assert.deepEqual(last.response.enhanced_code, { class: 5, subject: 4, detail: 7 });
    assert.deepEqual(last.recipient, ['u@a.test', 'v@a.test']);
    assert.ok(last.num_attempts > 1);
  });

  test('removed by an operator: AdminBounce, and nothing where it was to be quiet', async () => {
    const world = await makeWorld(sayingAt('mail', '451 4.3.2 not now'));
    const mail = world.submit(['u@a.test']);
    await world.runFor(5_000);
    const id = mail?.messages[0]?.id ?? '';
    world.command({ kind: 'message.cancel', id, why: 'a mistake' });
    await world.runFor(1_000);
    const last = tell(world).at(-1) as LogRecord;
    assert.equal(last.type, 'AdminBounce');
    assert.equal(last.site, 'localhost');
    assert.match(last.response.content, /a mistake$/);
    const body = { to: ['u@a.test'], index: [0], purge: 'p', queue: 'a.test', code: 551 };
    const purged = { ...body, enhanced: '5.7.1', text: 'gone' };
    assert.equal(makeOf('message.purged', { ...purged, quiet: 1 }), undefined);
    assert.equal(makeOf('message.purged', purged)?.type, 'AdminBounce');
  });

  test('moved by an operator: AdminRebind with tenant and campaign of the new queue', async () => {
    const world = await makeWorld(sayingAt('mail', '451 4.3.2 not now'));
    const mail = world.submit(['u@a.test']);
    await world.runFor(5_000);
    const id = mail?.messages[0]?.id ?? '';
    const move = { tenant: 'acme', campaign: 'spring' };
    world.command({ kind: 'message.rebind', which: { id }, move, why: 'other terms' });
    await world.runFor(1_000);
    const moved = tell(world).find(({ type }) => type === 'AdminRebind') as LogRecord;
    assert.equal(moved.queue, 'spring:acme@a.test');
    assert.deepEqual([moved.meta['tenant'], moved.meta['campaign']], ['acme', 'spring']);
    assert.equal(moved.response.content, 'Rebound from a.test to spring:acme@a.test: other terms');
    assert.equal(moved.num_attempts, 1);
    const quiet = { from: 'a.test', queue: 'b.test', due: 0, cause: 'x', admin: 1, quiet: 1 };
    assert.equal(makeOf('message.rebound', quiet), undefined);
    const { admin: _a, quiet: _q, ...byPolicy } = { ...quiet, cause: 'requeue_message' };
    assert.equal(makeOf('message.rebound', byPolicy), undefined);
  });

  test('taken over to be sent later: Reception, Delayed, the first attempt in time', async () => {
    const world = await makeWorld(accepting);
    const due = world.now + 600_000;
    const [id = ''] = world.engine.allocateIds(1);
    world.bodies.write('{}', [Buffer.from('Subject: later\r\n\r\nx\r\n')], (body) => {
      const chunks: Buffer[] = [];
      assert.ok('segment' in body);
      const circumstances = { peer: '', helo: '', receivedAt: world.now, listener: '', dueAt: due };
      const envelope = { from: 's@x.test', messages: [{ id, to: ['u@a.test'] }], body, chunks };
      const form = { bodyBytes: body.length, eightBit: false, smtpUtf8: false };
      const submission = { service: 'esmtp' as const, ...circumstances, ...envelope, ...form };
      world.engine.submit(submission, () => {});
    });
    await world.runFor(599_000);
    const [, delayed, ...rest] = tell(world) as LogRecord[];
    assert.deepEqual(rest, []);
    assert.equal(delayed?.type, 'Delayed');
    assert.equal(delayed?.recipient, 'u@a.test');
    const when = new Date(due).toISOString();
    const text = `Context: Received, ScheduledForLater. Next due at ${when}`;
    assert.equal(delayed?.response.content, text);
    await world.runFor(10_000);
    assert.equal(tell(world).at(-1)?.type, 'Delivery');
  });
});

/** The record of one event of a message that nobody remembers the acceptance of. */
function makeOf(type: string, body: object): LogRecord | undefined {
  const stream = '019b76da00000000abcd000000000001';
  const draft = encode({ type, stream, body } as never);
  const record = { ...draft, position: 9, turn: 1, at: START_AT, chain: chainOf(9) };
  return project(record, rememberAll());
}

describe('what is not known', () => {
  test('an acceptance that is gone leaves a record poorer, not missing', () => {
    const body = { to: ['u@a.test'], index: [0], attempt: 2, source: 'ip-1', site: 'mx.a.test' };
    const reply = { peer: 'mx.a.test 1.2.3.4:25', code: 250, enhanced: '', text: 'ok' };
    const record = makeOf('message.delivered', { ...body, ...reply, tls: '', took: 3 });
    assert.ok(record !== undefined);
    assertSchema(record);
    assert.equal(record.sender, '');
    assert.equal(record.recipient, 'u@a.test');
    assert.equal(record.size, 0);
    assert.equal(record.num_attempts, 1);
    assert.equal('session_id' in record, false);
  });

  test('through a proxy: our address is the one that the peer saw', () => {
    const body = { to: ['u@a.test'], index: [0], attempt: 1, source: 'ip-1', site: 'mx.a.test' };
    const reply = { peer: 'mx.a.test 1.2.3.4:25', code: 250, enhanced: '', text: 'ok' };
    const proxied = { via: 'socks5 192.0.2.7:4711', proxy: '10.0.0.3:1080', tls: '', took: 3 };
    const record = makeOf('message.delivered', { ...body, ...reply, ...proxied });
    assert.deepEqual(record?.source_address, {
      address: '192.0.2.7:4711',
      server: '10.0.0.3:1080',
      protocol: 'socks5',
    });
  });

  test('what is about no message makes no record', () => {
    assert.equal(makesRecords('queue.opened'), false);
    assert.equal(makesRecords('message.offered'), false);
    assert.equal(makesRecords('constructor'), false);
    assert.equal(makesRecords('message.delivered'), true);
    assert.equal(nodeIdOf('00c0ffee'), '00c0ffee-7761-8962-a969-6c6c00000000');
  });
});
