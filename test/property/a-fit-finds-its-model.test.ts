/**
 * Law: a log made by receivers that behave by a model is fitted back to that model. Shares may
 * differ by the error that the fit states and the chance of so many attempts, quantiles of times by
 * the chance alone; limits are found as they are.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fitModels } from '../../src/testing/fit/fit.ts';
import type { ProviderModel, ReplyShare } from '../../src/testing/models/model.ts';
import { pointsOf, quantileAt } from '../../src/testing/models/quantiles.ts';
import { readModels } from '../../src/testing/models/reading.ts';
import type { Step } from '../../src/testing/scenario.ts';
import { simulate } from '../../src/testing/simulate.ts';
import { assertLaw } from '../world/law.ts';
import { modelsOf, POLICY } from '../world/one-site.ts';

const MESSAGES = 500;

/** Mail over an hour, so that each stretch of the time has some; everybody another recipient. */
const traffic = (slices: number): Step[] =>
  Array.from({ length: slices }, (_, slice): Step[] => [
    ...Array.from({ length: MESSAGES / slices }, (_, index): Step => {
      return { do: 'send', to: [`u${slice}-${index}@a.test`] };
    }),
    { do: 'wait', ms: 3_600_000 / slices },
  ]).flat();

/** Runs a model, and fits the log of it. */
async function refit(model: Partial<ProviderModel>, seed: number, slices = 100) {
  const models = modelsOf(model);
  const scenario = { steps: [...traffic(slices), { do: 'wait', ms: 600_000 } as const] };
  const result = await simulate(POLICY, { ...scenario, settles: false }, { seed, models });
  const { startedAt: from, endedAt: to } = result.observed;
  const fitted = fitModels(result.events(), { span: { from, to } });
  // What was fitted is a file that can be read.
  assert.deepEqual(readModels(JSON.stringify(fitted), 'f').models[0]?.site, 'mx.a.test');
  return { fitted: fitted.models[0] as ProviderModel, fit: fitted.fit };
}

const shareOf = (replies: readonly ReplyShare[], { phase, reply, does }: ReplyShare): number =>
  replies.find((one) => one.phase === phase && one.reply === reply && one.does === does)?.share ??
  0;

const share = fc.double({ min: 0.02, max: 0.2, noNaN: true });
const times = fc
  .array(fc.integer({ min: 30, max: 900 }), { minLength: 4, maxLength: 4 })
  .map((ms) => [...ms].sort((a, b) => a - b))
  .map(([p0 = 0, p50 = 0, p90 = 0, p100 = 0]) => ({ p0, p50, p90, p100 }));

const model = fc.record({ mail: share, rcpt: share, dot: share, drop: share, times }).map(
  ({ mail, rcpt, dot, drop, times: transaction }) =>
    ({
      latency_ms: { transaction, refusal: { p50: 15 } },
      replies: [
        { phase: 'mail', share: mail, reply: '451 4.3.2 system busy' },
        { phase: 'rcpt', share: rcpt, reply: '550 5.1.1 no such user' },
        { phase: 'dot', share: dot, reply: '554 5.7.1 looks like spam' },
        { phase: 'dot', share: drop, does: 'drop' },
      ],
    }) as const,
);

test('shares and times are found again', { timeout: 300_000 }, async () => {
  await assertLaw(
    fc.asyncProperty(model, fc.integer({ min: 1, max: 1e6 }), async (known, seed) => {
      const { fitted, fit } = await refit(known, seed);
      const stated = fit?.sites['mx.a.test'];
      assert.ok(stated !== undefined && stated.outcomes !== null, JSON.stringify(fit));
      assert.ok(stated.held_out > 50 && stated.outcomes < 0.25, JSON.stringify(stated));
      for (const one of known.replies) {
        const found = shareOf(fitted.replies, one);
        // Four times what chance does to a share of the attempts that are fitted.
        const chance = 4 * Math.sqrt((one.share * (1 - one.share)) / (0.6 * MESSAGES));
        const isNear = Math.abs(found - one.share) <= stated.outcomes + chance;
        assert.ok(isNear, `${one.phase} ${one.share}: ${found}, stated ${stated.outcomes}`);
      }
      assert.equal(fitted.replies.length, known.replies.length);
      const points = pointsOf(known.latency_ms.transaction);
      const p50 = fitted.latency_ms.transaction?.['p50'] ?? Number.NaN;
      // Whichever way times are spread: the median of so many lies between these.
      const [low, high] = [quantileAt(points, 0.36), quantileAt(points, 0.64)];
      assert.ok(p50 >= low - 1 && p50 <= high + 2, `p50 ${p50}, of ${low} to ${high}`);
      assert.deepEqual(
        [fitted.session_limit, fitted.message_rate, fitted.greylist, fitted.connection_limit],
        [undefined, undefined, undefined, undefined],
      );
    }),
  );
});

test('a limit of the messages of a session is found', { timeout: 60_000 }, async () => {
  const session_limit = { count: 7, reply: '421 4.7.0 enough for one session' };
  const { fitted } = await refit({ session_limit }, 3, 10);
  assert.deepEqual(fitted.session_limit, session_limit);
  assert.deepEqual(fitted.replies, []);
});

test('a limit of connections is found', { timeout: 60_000 }, async () => {
  const connection_limit = { count: 2, reply: '421 4.7.0 too many connections' };
  const latency_ms = { transaction: { p50: 2_000 } };
  const { fitted } = await refit({ connection_limit, latency_ms }, 3, 2);
  assert.deepEqual(fitted.connection_limit, connection_limit);
  assert.deepEqual(fitted.replies, []);
});

test('a rate of messages is found', { timeout: 60_000 }, async () => {
  const message_rate = { count: 20, per_ms: 60_000, reply: '451 4.7.1 slow down' };
  const { fitted } = await refit({ message_rate }, 3, 4);
  assert.deepEqual(fitted.message_rate, message_rate);
  assert.deepEqual(fitted.replies, []);
});

test('greylisting is found, within what the retries can tell', { timeout: 60_000 }, async () => {
  const greylist = { ms: 100_000, reply: '451 4.7.1 greylisted' };
  const { fitted } = await refit({ greylist }, 3);
  assert.equal(fitted.greylist?.reply, greylist.reply);
  const ms = fitted.greylist?.ms ?? Number.NaN;
  assert.ok(ms > 60_000 && ms < 240_000, `${ms}`);
  assert.deepEqual(fitted.replies, []);
});
