/**
 * Models of providers by example: what a file may say, how it is refused, and that a simulated
 * receiver does what its model says.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProviderModel } from '../../src/testing/models/model.ts';
import { readModels } from '../../src/testing/models/reading.ts';
import type { Step } from '../../src/testing/scenario.ts';
import { simulate } from '../../src/testing/simulate.ts';
import { modelsOf, POLICY, SITE } from '../world/one-site.ts';

const run = (model: Partial<ProviderModel>, steps: readonly Step[], seed = 1) =>
  simulate(POLICY, { steps, settles: false }, { seed, models: modelsOf(model) });

const SEND = { do: 'send', to: ['user@a.test'], count: 20 } as const;
const HOUR = { do: 'wait', ms: 3_600_000 } as const;

test('a file that is wrong is refused with file, key and fix', () => {
  const refusals: readonly (readonly [object, RegExp])[] = [
    [{ waybill_models: 2 }, /^OptionError: m\.json: waybill_models: 2 is no format/],
    [{ models: {} }, /models: an empty table is no list; write it in \[ \]/],
    [{ models: [{ sight: 'x' }] }, /models\[0\]\.sight: is not known; known here: site/],
    [
      { models: [{ latency_ms: { connect: { p50: 5, p90: 3 } } }] },
      /models\[0\]\.latency_ms\.connect\.p90: 3 is below a lower quantile; let them rise/,
    ],
    [{ models: [{ latency_ms: { connect: { p51: 5 } } }] }, /p51: is not known; quantiles are p0/],
    [
      {
        others: {
          replies: [
            { phase: 'rcpt', share: 0.6, reply: '550 no' },
            { phase: 'rcpt', share: 0.6, does: 'drop' },
          ],
        },
      },
      /others\.replies\[1\]\.share: the shares at rcpt make 1\.2; together they may be 1/,
    ],
    [
      { models: [{ replies: [{ phase: 'dot', share: 0.1, reply: '250 fine' }] }] },
      /replies\[0\]\.reply: '250 fine' is no refusal in one line; write it as it is on the wire/,
    ],
    [
      { models: [{ replies: [{ phase: 'dot', share: 0.1, reply: '550 a\r\n250 b' }] }] },
      /is no refusal in one line/,
    ],
    [
      { models: [{ replies: [{ phase: 'dot', share: 0.1 }] }] },
      /replies\[0\]\.reply: it takes either a reply or does/,
    ],
    [
      { models: [{ connection_limit: { count: 0, reply: '421 no' } }] },
      /count: 0 does not do; give a whole number of 1 or more/,
    ],
    [
      { models: [SITE, { ...SITE, domains: [] }] },
      /models\[1\]\.site: 'mx\.a\.test' stands in models\[0\], too/,
    ],
    [{ models: [SITE, { ...SITE, site: 'b' }] }, /models\[1\]\.domains: 'a\.test' stands in/],
  ];
  for (const [part, what] of refusals) {
    const text = JSON.stringify({ waybill_models: 1, models: [], ...part });
    assert.throws(() => readModels(text, 'm.json'), what);
  }
  assert.throws(() => readModels('{', 'm.json'), /^OptionError: m\.json: is no JSON/);
});

test('what a model answers always, is what becomes of the mail', async () => {
  const bad = await run({ replies: [{ phase: 'rcpt', share: 1, reply: '550 5.1.1 no' }] }, [
    SEND,
    HOUR,
  ]);
  assert.equal(bad.outcomes().bounced, 20);
  const dropped = await run({ replies: [{ phase: 'dot', share: 1, does: 'drop' }] }, [SEND, HOUR]);
  assert.equal(dropped.outcomes().waiting, 20);
  const good = await run({}, [SEND, HOUR]);
  assert.equal(good.outcomes().delivered, 20);
});

test('a transaction takes what the model says, and a refusal its own time', async () => {
  const latency_ms = { transaction: { p0: 400, p100: 500 }, refusal: { p50: 90 } };
  const replies = [{ phase: 'rcpt', share: 0.5, reply: '550 5.1.1 no' }] as const;
  const result = await run({ latency_ms, replies }, [{ ...SEND, count: 50 }, HOUR]);
  const took = (type: string) => result.events(type).map(({ body }) => Number(body['took']));
  const delivered = took('message.delivered');
  assert.ok(delivered.length > 10 && Math.min(...delivered) >= 400, String(delivered));
  assert.ok(Math.max(...delivered) <= 501, String(delivered));
  assert.ok(new Set(delivered).size > 5, `${delivered}`);
  const bounced = took('message.bounced');
  assert.ok(Math.min(...bounced) >= 90 && Math.max(...bounced) <= 92, `${bounced}`);
});

const REPLY = '421 4.7.0 too many';

const countBy = (values: readonly unknown[]): number[] => {
  const counts = new Map<unknown, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts.values()];
};

test('limits hold: connections, and messages of a session', async () => {
  const latency_ms = { transaction: { p50: 1_000 } };
  const limited = await run({ latency_ms, connection_limit: { count: 1, reply: REPLY } }, [
    { ...SEND, count: 100 },
    HOUR,
  ]);
  const texts = limited.events('message.deferred').map(({ body }) => String(body['text']));
  assert.ok(
    texts.some((text) => text.includes(REPLY)),
    `deferred: ${texts}`,
  );
  assert.equal(limited.outcomes().delivered, 100);

  const few = await run({ session_limit: { count: 3, reply: REPLY } }, [SEND, HOUR]);
  assert.equal(few.outcomes().delivered, 20);
  const sessions = few.events('message.delivered').map(({ body }) => body['session']);
  assert.equal(Math.max(...countBy(sessions)), 3);
});

test('limits hold: a rate in every window, a greylist for each recipient', async () => {
  const message_rate = { count: 5, per_ms: 600_000, reply: '451 4.7.1 slower' };
  const rated = await run({ message_rate }, [SEND, { do: 'wait', ms: 599_000 }]);
  assert.equal(rated.outcomes().delivered, 5);

  const grey = await run({ greylist: { ms: 90_000, reply: '451 4.7.1 greylisted' } }, [SEND, HOUR]);
  assert.equal(grey.outcomes().delivered, 20);
  const ages = grey.events('message.delivered').map(({ at }) => at - grey.observed.startedAt);
  assert.ok(Math.min(...ages) >= 90_000, `${ages}`);
});

test('domains of one provider share its site; others have one each; a seed is a run', async () => {
  const text = JSON.stringify({
    waybill_models: 1,
    models: [{ site: 'mx.big.test', domains: ['a.test', 'b.test'], hosts: ['mx.big.test'] }],
    others: { replies: [{ phase: 'dot', share: 0.5, reply: '550 5.7.1 spam' }] },
  });
  const models = readModels(text, 'm.json');
  const steps = ['a.test', 'b.test', 'c.test', 'd.test'].map(
    (domain): Step => ({ do: 'send', to: [`user@${domain}`], count: 30 }),
  );
  const again = async (seed: number) =>
    simulate(POLICY, { steps: [...steps, HOUR], settles: false }, { models, seed });
  const result = await again(7);
  const sites = new Set(result.events('message.offered').map(({ body }) => body['site']));
  assert.deepEqual([...sites].sort(), ['mx.big.test', 'mx.c.test', 'mx.d.test']);
  const { delivered, bounced } = result.outcomes();
  assert.equal(delivered + bounced, 120);
  assert.ok(bounced > 15 && bounced < 45, String(bounced));
  assert.equal((await again(7)).log(), result.log());
  assert.notEqual((await again(8)).log(), result.log());
});
