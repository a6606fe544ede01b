/**
 * Refusals of injection have the form that the OpenAPI document says: a sentence as text, as those
 * of the reference. Deliberately unknown here: what is refused.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { InjectWorld } from './inject-world.ts';
import { openInjectWorld } from './inject-world.ts';

let place: InjectWorld;
before(async () => {
  place = await openInjectWorld();
});
after(() => place.stop());

test('refusals are a sentence as text, and described as such', async () => {
  const refused = await place.post('{}', { 'content-type': 'text/html' });
  assert.match(refused.headers.get('content-type') ?? '', /^text\/plain/);
  const described = await fetch(new URL('/api-docs/openapi.json', place.url));
  const { paths } = (await described.json()) as {
    paths: Record<string, { post: { responses: Record<number, { content: object }> } }>;
  };
  const responses = paths['/api/inject/v1']?.post.responses ?? {};
  for (const code of [401, 415, 422, 429, 503]) {
    assert.deepEqual(Object.keys(responses[code]?.content ?? {}), ['text/plain']);
  }
});
