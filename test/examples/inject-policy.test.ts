/**
 * What the policy makes of messages that come by HTTP: it changes them, sends them into queues,
 * refuses or discards them, one by one, and never holds up the others.
 * Deliberately unknown here: rendering.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { AuthInfo } from '../../src/domain/auth-info.ts';
import { reject } from '../../src/domain/reject.ts';
import type { Message } from '../../src/mail/message.ts';
import type { InjectWorld } from './inject-world.ts';
import { fieldsOf, openInjectWorld } from './inject-world.ts';

type Handler = (message: Message, auth: AuthInfo) => unknown;

let place: InjectWorld;
let handler: Handler | undefined;
let seen = 0;

before(async () => {
  const handlers = {
    http_message_generated: (message: Message, auth: AuthInfo) =>
      handler?.(message, auth) as undefined,
  };
  place = await openInjectWorld({ world: { handlers, capture: { meta: ['*'], headers: [] } } });
});
beforeEach(async () => {
  handler = undefined;
  seen = (await place.copies(0)).length;
});
after(() => place.stop());

const REQUEST = {
  envelope_sender: 'shop@x.test',
  content: 'From: shop@x.test\r\nSubject: one\r\n\r\nhello\r\n',
  trace_headers: { received_header: false, supplemental_header: false },
};
const to = (...names: string[]) => ({
  ...REQUEST,
  recipients: names.map((name) => ({ email: `${name}@a.test`, metadata: { name } })),
});

const fresh = async (count: number): Promise<readonly string[]> =>
  (await place.copies(seen + count)).slice(seen);

test('a handler changes header and queue, and is told who asked', async () => {
  const asked: AuthInfo[] = [];
  handler = async (message, auth) => {
    asked.push(auth);
    await pause(1);
    message.prepend_header('X-Name', String((message.get_meta('extra') as { name: string }).name));
    message.set_meta('tenant', 'big');
  };
  const answer = await place.inject(to('ann', 'bob'));
  assert.deepEqual(answer.errors, []);
  const names = (await fresh(2)).map((one) => fieldsOf(one)[0]).sort();
  assert.deepEqual(names, ['X-Name: ann', 'X-Name: bob']);
  assert.deepEqual([asked.length, asked[0]?.peer_address], [2, '127.0.0.1']);
  assert.ok(
    [...place.world.engine.core.books.queues].some((queue) => queue?.name === 'big@a.test'),
  );
});

test('a refusal and a failure cost their own recipient only', async () => {
  handler = (message) => {
    const { user } = message.recipient_list()[0] as { user: string };
    if (user === 'bad') reject(550, '5.7.1 not this one');
    if (user === 'broken') throw new Error('boom');
    if (user === 'nobody') message.set_meta('queue', 'null');
  };
  const answer = await place.inject(to('good', 'bad', 'broken', 'nobody'));
  assert.equal(answer.success_count, 2);
  assert.deepEqual([...answer.failed_recipients].sort(), ['bad@a.test', 'broken@a.test']);
  assert.ok(answer.errors.some((text) => /bad@a\.test: 550 5\.7\.1 not this one/.test(text)));
  assert.ok(answer.errors.some((text) => /broken@a\.test: 421 4\.3\.0/.test(text)));
  assert.equal((await fresh(1)).length, 1);
});

test('a message that nobody changes leaves as it was rendered', async () => {
  handler = () => undefined;
  await place.inject(to('same'));
  const [one = ''] = await fresh(1);
  assert.match(one, /^From: shop@x\.test\r\nSubject: one\r\n/);
});

test('metadata that policy sets are in the log, whoever asks for them', async () => {
  const world = await openInjectWorld({
    world: { handlers: { http_message_generated: (message) => message.set_meta('colour', 'red') } },
  });
  await world.inject(to('ann'));
  await world.copies(1);
  await world.stop();
  const { records } = world.world.witness;
  const accepted = records.find(({ type }) => type === 'message.accepted');
  const { meta } = JSON.parse(accepted?.body ?? '{}') as { meta?: Record<string, unknown> };
  assert.equal(meta?.['colour'], 'red');
});
