/**
 * `top=0`: of what grows with queues only the sums that are kept, and nothing is walked through for
 * them, so that the question costs the same whatever there is. The engine is that of a world.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics } from '../../src/api/metrics.ts';
import { WorkerMeters } from '../../src/manager/worker-meters.ts';
import { judging } from '../../src/testing/world/manners.ts';
import { World } from '../../src/testing/world/world.ts';
import { parseMetrics, readPage } from './metrics-kit.ts';

test('the sums are those of the whole page', async () => {
  const world = await World.start({ seed: 5, manners: { 'a.test': judging, 'b.test': judging } });
  await world.runFor(100);
  for (const to of [['u1@a.test', 'u2@a.test'], ['later@b.test']]) world.submit(to);
  await world.runFor(5_000);
  const meters = new WorkerMeters();
  const counts = { opened: 7, denied: 2 };
  const listener = { address: '127.0.0.1', port: 25, counts, sessions: () => 3 };
  Object.assign(meters, { figures: world.engine.figures, listeners: [listener] });
  const metrics = createMetrics(meters);
  const names = ['total_messages_*', 'connection_count*', 'ready_*', 'scheduled_*', 'total_conn*'];
  const seriesOf = async (top: number | undefined): Promise<string[]> => {
    const families = parseMetrics(await readPage(metrics, { names, top }), 'text');
    return [...families.values()].flatMap(({ samples }) =>
      samples.map(({ name, labels, value }) => `${name} ${labels['service'] ?? ''} = ${value}`),
    );
  };
  const sums = await seriesOf(0);
  const kept = / (smtp_client|esmtp_listener(:\S+)?|http_listener) = |_(total|queue_count) {2}= /;
  assert.deepEqual(
    sums,
    (await seriesOf(undefined)).filter((one) => kept.test(one)),
  );
  assert.ok(sums.includes('total_messages_delivered smtp_client = 2'), sums.join('\n'));
  assert.ok(sums.includes('total_connection_count esmtp_listener = 7'), sums.join('\n'));
});

test('nothing is walked through for them', async () => {
  const walked = (): never => {
    throw new Error('it was walked through');
  };
  const per = {
    labels: ['service'],
    help: 'H',
    per: 'queue',
    type: 'gauge',
    read: walked,
  } as const;
  const totals = () => [{ labels: ['smtp_client'], value: 5, isTotal: true }];
  const families = [
    { ...per, name: 'with_totals', totals },
    { ...per, name: 'without' },
  ];
  const metrics = createMetrics(new WorkerMeters(), undefined, { families });
  const page = await readPage(metrics, { top: 0 });
  assert.match(page, /^with_totals\{service="smtp_client"\} 5$/m);
  assert.doesNotMatch(page, /^without/m);
});
