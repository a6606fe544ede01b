/**
 * Law: whatever traffic meets whatever receivers, a simulated day counts each recipient once: what
 * was received is what ended and what is queued, in total, in each hour and for each domain; and
 * the same seed gives the same report, byte for byte.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ProviderModels } from '../../src/testing/models/model.ts';
import { readModels } from '../../src/testing/models/reading.ts';
import { assertAddsUp, makePolicy, playDay } from '../examples/day-kit.ts';
import { assertLaw } from '../world/law.ts';

const domain = fc.constantFrom('a.test', 'b.test', 'c.test');
const minute = fc.integer({ min: 0, max: 150 });
const message = fc
  .record({ at: minute, to: fc.array(domain, { minLength: 1, maxLength: 4 }) })
  .map(({ at, to }) => ({ at: at * 60_000, to: to.map((name, index) => `u${index}@${name}`) }));
const flow = fc
  .record({ from: minute, messages: fc.integer({ min: 1, max: 40 }), domain })
  .map(({ from, messages, domain: name }) => ({
    flow: 'f',
    from: from * 60_000,
    for: '1h',
    messages,
    domains: { [name]: 1, 'd.test': 1 },
  }));

const share = fc.integer({ min: 0, max: 4 }).map((tenths) => tenths / 10);
const receivers = fc
  .record({ later: share, never: share, dropped: fc.constantFrom(0, 0.1) })
  .map(({ later, never, dropped }): ProviderModels => {
    const replies = [
      { phase: 'rcpt', share: later, reply: '451 4.7.1 later' },
      { phase: 'rcpt', share: never, reply: '550 5.1.1 nobody' },
      { phase: 'dot', share: dropped, does: 'drop' },
    ].filter((one) => one.share > 0);
    const text = { waybill_models: 1, models: [], others: { site: 'others', replies } };
    return readModels(JSON.stringify(text), 'models.json');
  });

const day = fc.record({
  messages: fc.array(message, { maxLength: 12 }),
  flows: fc.array(flow, { minLength: 1, maxLength: 3 }),
  receivers: fc.option(receivers, { nil: undefined }),
  seed: fc.nat(),
  minutes: fc.integer({ min: 1, max: 200 }),
});

test('days add up', async () => {
  let queued = 0;
  let ended = 0;
  const property = fc.asyncProperty(day, async ({ messages, flows, minutes, seed, ...rest }) => {
    const sorted = [...messages].sort((a, b) => a.at - b.at);
    const models = rest.receivers;
    const order = {
      policy: makePolicy({ max_age: '20m' }),
      receivers: models === undefined ? undefined : { name: 'models.json', models },
      forMs: minutes * 60_000,
      seed,
    };
    const report = await playDay([...flows, ...sorted], order);
    assertAddsUp(report);
    assert.equal(report.hours.length, Math.ceil(minutes / 60));
    queued += report.total.queued;
    ended += report.total.delivered + report.total.bounced + report.total.expired;
    const again = await playDay([...flows, ...sorted], order);
    assert.equal(JSON.stringify(again), JSON.stringify(report));
  });
  await assertLaw(property, 1, () => queued > 0 && ended > 0);
});
