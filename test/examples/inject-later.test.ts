/**
 * Requests that are answered at once and generated later: what is durable when, what becomes of
 * failures, and that the request itself is let go of in the end. The recipient rate as well.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Books } from '../../src/domain/books.ts';
import { decodeBooks, encodeBooks } from '../../src/domain/snapshot.ts';
import { parseThrottle } from '../../src/domain/throttle-spec.ts';
import type { InjectWorld } from './inject-world.ts';
import { openInjectWorld } from './inject-world.ts';

const CONTENT = { subject: 'Hi {{ n }}', text_body: 'x' };
const recipientsOf = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ email: `u${n}@a.test`, substitutions: { n } }));

async function within(
  knobs: Parameters<typeof openInjectWorld>[0],
  run: (place: InjectWorld) => Promise<void>,
) {
  const place = await openInjectWorld(knobs);
  try {
    await run(place);
  } finally {
    await place.stop();
  }
}

const eventsOf = ({ world }: InjectWorld, type: string) =>
  world.witness.records.filter((record) => record.type === type);

async function finished(place: InjectWorld, count: number): Promise<Record<string, unknown>[]> {
  for (let left = 1500; left > 0; left -= 1) {
    const found = eventsOf(place, 'generation.finished');
    if (found.length >= count) return found.map(({ body }) => JSON.parse(body));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('the generation does not end');
}

describe('deferred generation', () => {
  test('is answered with nothing yet, and makes all messages once', async () => {
    await within({}, async (place) => {
      const recipients = [...recipientsOf(300), { email: 'nobody' }];
      const answer = await place.inject({
        recipients,
        content: CONTENT,
        deferred_generation: true,
      });
      assert.deepEqual(answer, {
        success_count: 0,
        fail_count: 0,
        failed_recipients: [],
        errors: [],
      });
      const [end] = await finished(place, 1);
      assert.deepEqual(end, { made: 300, failed: 1, errors: ['nobody: is not an address'] });
      const copies = await place.copies(300);
      assert.equal(new Set(copies.map((copy) => /^To: (.+)\r$/m.exec(copy)?.[1])).size, 300);
      assert.equal(copies.length, 300);
      assert.equal(place.world.engine.generations.list().length, 0);
      assert.match(place.said.join('\n'), /1 of 301 failed: nobody: is not an address/);
    });
  });

  test('progress and messages are in one turn', async () => {
    await within({}, async (place) => {
      await place.inject({
        recipients: recipientsOf(300),
        content: CONTENT,
        deferred_generation: true,
      });
      await finished(place, 1);
      const byTurn = new Map<number, number>();
      for (const { type, turn } of place.world.witness.records) {
        if (type === 'message.accepted') byTurn.set(turn, (byTurn.get(turn) ?? 0) + 1);
      }
      let upto = 0;
      for (const { turn, body } of eventsOf(place, 'generation.advanced')) {
        const next = (JSON.parse(body) as { upto: number }).upto;
        assert.equal(byTurn.get(turn), next - upto);
        upto = next;
      }
      assert.equal(upto, 300);
    });
  });

  test('what is wrong with the request is told at once', async () => {
    await within({}, async (place) => {
      const body = { envelope_sender: '', recipients: recipientsOf(1), deferred_generation: true };
      const reply = await place.post({ ...body, content: { text_body: '{{' } });
      assert.equal(reply.status, 422);
      assert.equal(eventsOf(place, 'generation.accepted').length, 0);
    });
  });

  test('a request that cannot be read any more ends with its reason', async () => {
    await within({}, async (place) => {
      place.world.bodies.read = (ref, answered) =>
        answered({
          code: 'FAULT_BODY_DAMAGED',
          where: 'x',
          cause: `sum of ${ref.segment}`,
          retryable: false,
        });
      await place.inject({
        recipients: recipientsOf(5),
        content: CONTENT,
        deferred_generation: true,
      });
      const [end] = await finished(place, 1);
      assert.match(String(end?.['cause']), /^the request: sum of \d+$/);
      assert.equal(end?.['failed'], 5);
    });
  });

  test('a template that breaks its thread ends with its reason, and others go on', async () => {
    await within({}, async (place) => {
      const text_body = "{{ ('a' * 100000000) * n }}";
      const later = { envelope_sender: '', deferred_generation: true };
      const recipients = [{ email: 'u@a.test', substitutions: { n: 100 } }];
      await place.post({ ...later, recipients, content: { text_body } });
      await place.inject({ ...later, recipients: recipientsOf(3), content: CONTENT });
      const ends = await finished(place, 2);
      const causes = ends.map(({ cause }) => cause).filter((cause) => cause !== undefined);
      assert.deepEqual(causes, ['the content needs more memory to render than there is']);
      await place.copies(3);
    });
  });

  test('a picture of the books carries what is not through', () => {
    const books = new Books();
    books.generations.set('g', {
      id: 'g',
      body: { segment: 1, offset: 2, length: 3, sum: 4 },
      recipients: 9,
      upto: 5,
      failed: 1,
      errors: ['a: b'],
      acceptedAt: 6,
      client: { peer: 'p', listener: 'l', via: 'v', hostname: 'h', auth: 'a' },
    });
    const back = decodeBooks(encodeBooks(books));
    assert.deepEqual([...(back?.generations ?? [])], [...books.generations]);
  });
});

describe('the rate of recipients', () => {
  test('makes requests wait their turn', async () => {
    await within({ rate: parseThrottle('100/s,max_burst=10') }, async (place) => {
      const startedAt = performance.now();
      const answers = await Promise.all(
        [1, 2, 3].map(() => place.inject({ recipients: recipientsOf(20), content: CONTENT })),
      );
      assert.ok(answers.every(({ success_count }) => success_count === 20));
      // 60 recipients, 10 of them at once.
      assert.ok(performance.now() - startedAt >= 490, `${performance.now() - startedAt} ms`);
    });
  });

  test('a request that can never be let in is refused, with what would be', async () => {
    await within({ rate: parseThrottle('1/s,max_burst=2') }, async (place) => {
      const reply = await place.post({
        envelope_sender: '',
        recipients: recipientsOf(40),
        content: CONTENT,
      });
      assert.equal(reply.status, 422);
      assert.match(reply.text, /^recipients: 40 recipients are more than .*; send 22 or less$/);
    });
  });

  test('who would wait too long is told when to come again', async () => {
    await within({ rate: parseThrottle('1/m,max_burst=1') }, async (place) => {
      const body = { envelope_sender: '', recipients: recipientsOf(1), content: CONTENT };
      assert.equal((await place.post(body)).status, 200);
      const reply = await place.post(body);
      assert.equal(reply.status, 429);
      const after = Number(reply.headers.get('retry-after'));
      assert.ok(after > 50 && after <= 60, `${after}`);
      assert.equal((await place.post({ ...body, recipients: [] })).status, 200);
    });
  });
});
