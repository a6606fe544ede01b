/**
 * What tests of simulated days share: a policy as a value, traffic as lines, and the sums that hold
 * for every report. Knows no test.
 */
import assert from 'node:assert/strict';
import { definePolicy } from '../../src/policy/define.ts';
import { asTestPolicy } from '../../src/testing/load-policy.ts';
import type { DayOrder, DayReport, OpenLines } from '../../src/testing/testing.ts';
import { simulateDay, surveyTraffic } from '../../src/testing/testing.ts';

/** One pool of two sources. */
export const makePolicy = (queue: object = {}) =>
  asTestPolicy(
    definePolicy({
      init: (setup: { smtpListener(options: object): void }) =>
        setup.smtpListener({ listen: '127.0.0.1:2025', relay_hosts: ['127.0.0.1'] }),
      get_queue_config: () => ({
        egress_pool: 'main',
        retry_interval: '5m',
        max_age: '1h',
        ...queue,
      }),
      get_egress_pool: (name: string) =>
        name === 'main'
          ? {
              entries: [
                { name: 'ip-1', weight: 1 },
                { name: 'ip-2', weight: 1 },
              ],
            }
          : undefined,
      get_egress_source: (name: string) => ({ source_address: `192.0.2.${name.slice(-1)}` }),
    } as never),
  );

/** Lines as a file has them. */
export const linesOf = (lines: readonly object[]): OpenLines =>
  async function* open() {
    for (const line of lines) yield await Promise.resolve(JSON.stringify(line));
  };

/** Simulates lines. */
export async function playDay(
  lines: readonly object[],
  order: Partial<DayOrder> = {},
): Promise<DayReport> {
  const open = linesOf(lines);
  const survey = await surveyTraffic('day.ndjson', open);
  return simulateDay({ policy: makePolicy(), survey, open, seed: 1, forMs: 3_600_000, ...order });
}

type Figures = DayReport['total'];

const ended = (one: Figures): number =>
  one.delivered + one.bounced + one.expired + one.cancelled + one.purged + one.lost;

/** In total, in each hour and for each domain, what came in ended or is queued. */
export function assertAddsUp(report: DayReport): void {
  const { total, hours, domains, sources, sites, replies, reception } = report;
  assert.equal(total.received, ended(total) + total.queued);
  let queued = 0;
  for (const hour of hours) {
    assert.equal(queued + hour.received, ended(hour) + hour.queued, `hour ${hour.hour}`);
    queued = hour.queued;
  }
  assert.equal(queued, total.queued);
  for (const domain of domains) assert.equal(domain.received, ended(domain) + domain.queued);
  const sum = (all: readonly Figures[], key: 'received' | 'delivered' | 'deferred') =>
    all.reduce((whole, one) => whole + one[key], 0);
  for (const key of ['received', 'delivered', 'deferred'] as const) {
    assert.equal(sum(hours, key), total[key], `${key} by hour`);
    assert.equal(sum(domains, key), total[key], `${key} by domain`);
  }
  for (const routes of [sources, sites]) {
    assert.equal(
      routes.reduce((whole, one) => whole + one.delivered, 0),
      total.delivered,
    );
  }
  const said = replies.filter(({ did }) => did === 'deferred');
  assert.equal(
    said.reduce((whole, one) => whole + one.count, 0),
    total.deferred,
  );
  const { submitted, accepted, refused, discarded, unanswered } = reception;
  assert.equal(submitted, accepted + refused + discarded + unanswered);
  assert.ok(unanswered >= 0);
}
