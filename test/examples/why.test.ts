/**
 * Stories of the question "why is this waiting?": each reason is named, ends when it says, and
 * names the option behind it. Deliberately unknown here: how the answer is shown.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeWhy } from '../../src/cli/why.ts';
import type { Explanation, Subject } from '../../src/domain/explanation.ts';
import { sayDue } from '../../src/domain/waiting.ts';
import { tellExplanation } from '../../src/manager/telling.ts';
import { answeringDotAfter, judging } from '../../src/testing/world/manners.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import { START_AT, World } from '../../src/testing/world/world.ts';
import { story } from '../world/story.ts';

const QUEUE = 'a.test';
const ONE_SOURCE = { queue: { egress_pool: 'one' } };

const ask = (world: World, kind: Subject['kind'], name: string): Explanation => {
  const answer = world.engine.explain({ kind, name });
  if (typeof answer === 'string') assert.fail(answer);
  return answer;
};

const names = (told: Explanation): string[] => told.reasons.map(({ name }) => name);

story('a message that was deferred waits for its retry, and says by which option', {
  plan: makePlan(ONE_SOURCE),
  manners: { 'a.test': judging },
  when: async (world) => {
    const mail = world.submit(['later@a.test']);
    await world.runFor(10_000);
    const id = mail?.messages[0]?.id ?? '';
    const told = ask(world, 'message', id);
    assert.deepEqual(names(told), ['retry', 'max_age']);
    assert.match(told.state, /^in a\.test, 1 attempt made; not due yet$/);
    const [retry, age] = told.reasons;
    assert.deepEqual(retry?.rule, {
      handler: 'get_queue_config',
      args: [QUEUE],
      option: 'retry_interval',
      value: '60 s',
    });
    assert.ok((age?.until ?? 0) - (retry?.until ?? 0) > 0);
    // It says when, and then it happens.
    await world.runFor((retry?.until ?? 0) - world.time.now - 1_000);
    assert.equal(world.witness.records.filter(({ type }) => type === 'message.offered').length, 1);
    await world.runFor(2_000);
    assert.equal(world.witness.records.filter(({ type }) => type === 'message.offered').length, 2);
  },
  about: ['message.d'],
  follows: [['message.deferred'], ['message.deferred']],
});

story('a suspended queue says by whom and until when', {
  when: async (world) => {
    world.submit(['u@a.test']);
    await world.runFor(50);
    world.command({
      kind: 'queue.suspend',
      queue: QUEUE,
      until: START_AT + 60_000,
      why: 'by hand: list cleaning',
    });
    const mail = world.submit(['v@a.test']);
    await world.runFor(5_000);
    for (const [kind, name] of [
      ['queue', QUEUE],
      ['message', mail?.messages[0]?.id ?? ''],
    ] as const) {
      const [first] = ask(world, kind, name).reasons;
      assert.equal(first?.name, 'suspended');
      assert.match(first?.text ?? '', /by hand: list cleaning/);
      assert.equal(first?.until, START_AT + 60_000);
    }
  },
  about: ['queue.suspended'],
  follows: [['queue.suspended']],
});

story('a queue whose only source is suspended rests, and names the source', {
  plan: makePlan(ONE_SOURCE),
  when: async (world) => {
    world.submit(['u@a.test']);
    await world.runFor(5_000);
    const until = START_AT + 90_000;
    world.command({ kind: 'source.suspend', source: 'ip-1', until, why: 'blocklisted' });
    world.submit(['v@a.test']);
    await world.runFor(5_000);
    const told = ask(world, 'queue', QUEUE);
    assert.deepEqual(names(told).slice(0, 2), ['resting', 'source suspended']);
    assert.equal(told.reasons[0]?.until, until);
    assert.match(told.reasons[1]?.text ?? '', /ip-1.*blocklisted/);
    assert.deepEqual(names(ask(world, 'source', 'ip-1')), ['source suspended']);
  },
  about: ['queue.rested'],
  follows: [['queue.rested']],
});

story('what overflows names max_ready, and what is ready names connection_limit', {
  plan: makePlan({ ...ONE_SOURCE, path: { max_ready: 2, connection_limit: 1 } }),
  manners: { 'a.test': answeringDotAfter(15_000) },
  when: async (world) => {
    const mails = Array.from({ length: 5 }, (_, at) => world.submit([`u${at}@a.test`]));
    await world.runFor(5_000);
    const told = ask(world, 'queue', QUEUE);
    assert.deepEqual(names(told).slice(0, 2), ['max_ready', 'connection_limit']);
    assert.equal(told.reasons[0]?.rule?.value, '2');
    assert.equal(told.reasons[1]?.rule?.handler, 'get_egress_path_config');
    assert.equal(told.reasons[1]?.rule?.value, '1');
    const [path = ''] = world.engine.core.readyQueues.keys();
    assert.deepEqual(names(ask(world, 'path', path)), ['connection_limit']);
    const [first] = mails;
    assert.match(
      ask(world, 'message', first?.messages[0]?.id ?? '').held ?? '',
      /with a connection of .* since/,
    );
    assert.deepEqual(ask(world, 'message', first?.messages[0]?.id ?? '').reasons, []);
  },
  about: ['message.deferred'],
  follows: [],
});

story('a message that is to be sent later is scheduled, and has no answer', {
  plan: makePlan(ONE_SOURCE),
  manners: { 'a.test': judging },
  when: async (world) => {
    world.submit(['later@a.test']);
    await world.runFor(1_000);
    const mail = world.submit(['u@a.test'], 200, { dueAt: START_AT + 30_000 });
    await world.runFor(5_000);
    const told = ask(world, 'message', mail?.messages[0]?.id ?? '');
    assert.deepEqual(names(told), ['scheduled', 'max_age']);
    assert.equal(told.reasons[0]?.until, START_AT + 30_000);
    assert.equal(told.last, undefined);
    // Of the queue it is the next that is due.
    const queue = ask(world, 'queue', QUEUE);
    assert.deepEqual(names(queue), ['scheduled']);
    await world.runFor(30_000);
    assert.deepEqual(names(ask(world, 'queue', QUEUE)), ['retry']);
  },
  about: ['message.scheduled'],
  follows: [['message.scheduled']],
});

story('mail that was deferred tells what was answered last', {
  plan: makePlan(ONE_SOURCE),
  manners: { 'a.test': judging },
  when: async (world) => {
    const mail = world.submit(['later@a.test']);
    const other = world.submit(['u@a.test', 'bad@a.test']);
    await world.runFor(10_000);
    const last = ask(world, 'message', mail?.messages[0]?.id ?? '').last;
    assert.equal(last?.of, 'message');
    assert.equal(last?.text, '451 4.2.1 mailbox busy');
    assert.ok((last?.at ?? 0) > START_AT && (last?.at ?? 0) <= world.now);
    assert.equal(ask(world, 'queue', QUEUE).last?.of, 'queue');
    assert.equal(
      typeof world.engine.explain({ kind: 'message', name: other?.messages[0]?.id ?? '' }),
      'string',
    );
    // What is forgotten of the message may be known of its queue.
    world.engine.core.lastErrors.ofQueues.set(QUEUE, { at: START_AT, code: 550, text: '550 no' });
    const { ofMessages } = world.engine.core.lastErrors;
    for (let count = 0; count < 20_000; count += 1) {
      ofMessages.set(`other ${count}`, { at: START_AT, code: 0, text: '' });
    }
    const forgotten = ask(world, 'message', mail?.messages[0]?.id ?? '').last;
    assert.deepEqual(forgotten, { of: 'queue', at: START_AT, text: '550 no' });
  },
  about: ['message.deferred'],
  follows: [['message.deferred']],
});

story('mail that the policy cannot send tells so as its last answer', {
  when: async (world) => {
    world.plan.failing = 'path';
    const mail = world.submit(['u@a.test']);
    await world.runFor(5_000);
    const { last } = ask(world, 'message', mail?.messages[0]?.id ?? '');
    assert.match(last?.text ?? '', /^451 4\.4\.4 .*no sources available for a\.test/);
  },
  about: ['message.deferred'],
  follows: [['message.deferred']],
});

test('an explanation for people has the last answer', () => {
  const told = tellExplanation(
    {
      subject: { kind: 'queue', name: QUEUE },
      at: START_AT,
      state: 'it waits',
      reasons: [],
      last: { of: 'queue', at: START_AT - 1_000, text: '451 4.2.1 mailbox busy' },
    },
    () => '',
  );
  assert.deepEqual(told.last_answer, {
    of: 'queue',
    at: '2025-12-31T23:59:59.000Z',
    text: '451 4.2.1 mailbox busy',
  });
  assert.match(describeWhy(told), /last answer in the queue: 451 4\.2\.1 mailbox busy\n +at 2025-/);
});

test('none, one and many are said as people say them', () => {
  const said = (count: number, due: number, looked = count) => sayDue(count, due, looked);
  assert.deepEqual(
    [said(0, 0), said(1, 0), said(1, 1), said(2, 0), said(2, 1), said(2, 2)],
    [
      'no message',
      '1 message, not yet due',
      '1 message, due',
      '2 messages, none of them due yet',
      '2 messages, 1 of them due',
      '2 messages, all of them due',
    ],
  );
  assert.equal(said(9, 0, 5), '9 messages, none of the first 5 due yet');
  assert.equal(said(9, 2, 5), '9 messages, 2 of the first 5 due');
  assert.equal(said(9, 5, 5), '9 messages, all of the first 5 due');
});

story('a queue, a source and a path with one message or none', {
  plan: makePlan(ONE_SOURCE),
  manners: { 'a.test': judging },
  when: async (world) => {
    world.submit(['u@a.test', 'later@a.test']);
    await world.runFor(10_000);
    assert.equal(ask(world, 'queue', QUEUE).state, '1 message, not yet due');
    assert.equal(ask(world, 'source', 'ip-1').held, 'no message ready on 1 path');
    const [path = ''] = world.engine.core.readyQueues.keys();
    assert.match(ask(world, 'path', path).held ?? '', /^no message ready, (no|1) connection$/);
  },
  about: ['message.deferred'],
  follows: [['message.deferred']],
});

test('what is not there is said', async () => {
  const world = await World.start({ seed: 1, plan: makePlan() });
  for (const kind of ['queue', 'source', 'path', 'message'] as const) {
    const answer = world.engine.explain({ kind, name: 'nobody' });
    assert.equal(typeof answer, 'string', `${kind}: ${JSON.stringify(answer)}`);
  }
});
