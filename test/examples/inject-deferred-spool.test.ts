/**
 * `deferred_spool` over HTTP: only who asks for it has bodies in memory, for mail that goes at
 * once; the messages of a deferred generation have it too, its request never.
 * Deliberately unknown here: what becomes of such bodies.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeferredSegment } from '../../src/domain/deferred-place.ts';
import type { InjectWorld } from './inject-world.ts';
import { openInjectWorld } from './inject-world.ts';

const REQUEST = {
  content: { subject: 'x', text_body: 'x' },
  recipients: [{ email: 'u@a.test' }, { email: 'v@a.test' }],
};

const placesOf = ({ world }: InjectWorld, type: string): boolean[] =>
  world.witness.records
    .filter((record) => record.type === type)
    .map(({ body }) => isDeferredSegment((JSON.parse(body) as { body: [number] }).body[0]));

test('bodies stay in memory where the request says so', async () => {
  const place = await openInjectWorld();
  try {
    await place.inject(REQUEST);
    assert.deepEqual(placesOf(place, 'message.accepted'), [false, false]);
    await place.inject({ ...REQUEST, deferred_spool: true });
    assert.deepEqual(placesOf(place, 'message.accepted').slice(2), [true, true]);
    await place.copies(4);
  } finally {
    await place.stop();
  }
});

test('of a deferred generation the messages do, the request does not', async () => {
  const place = await openInjectWorld();
  try {
    await place.inject({ ...REQUEST, deferred_spool: true, deferred_generation: true });
    await place.copies(2);
    assert.deepEqual(placesOf(place, 'generation.accepted'), [false]);
    assert.deepEqual(placesOf(place, 'message.accepted'), [true, true]);
  } finally {
    await place.stop();
  }
});
