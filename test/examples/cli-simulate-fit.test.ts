/**
 * Story: an operator asks what a policy would do at the receivers that the log of a daemon has met.
 * The fit is said with its error, and the day bounces and defers the shares of that log within it;
 * without the fit it does not. A directory that has nothing to fit is refused, not simulated.
 * Deliberately unknown here: how a fit is made.
 */
import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Happening } from '../../src/testing/result.ts';
import type { Step } from '../../src/testing/scenario.ts';
import { simulate } from '../../src/testing/simulate.ts';
import type { DayReport } from '../../src/testing/testing.ts';
import { closeLog } from '../contracts/log-contract.ts';
import { openLog } from '../contracts/log-place.ts';
import { modelsOf, POLICY } from '../world/one-site.ts';
import { waybill } from './cli-run.ts';
import { assertAddsUp } from './day-kit.ts';
import { writePlanted } from './planted-policy.ts';

/** The site of the log bounces and defers these shares of what it is offered; a.test is its own. */
const BOUNCES = 0.2;
const DEFERS = 0.15;
const KNOWN = modelsOf({
  latency_ms: { transaction: { p0: 100, p50: 300, p100: 800 }, refusal: { p50: 15 } },
  replies: [
    { phase: 'rcpt', share: BOUNCES, reply: '550 5.1.1 no such user' },
    { phase: 'mail', share: DEFERS, reply: '451 4.3.2 system busy' },
  ],
});

const LOGGED = 1_000;
const SLICES = 100;
const SIMULATED = 1_000;
const TRAFFIC = { flow: 'news', for: '2h', messages: SIMULATED, domains: { 'a.test': 1 } };

/** Mail over an hour, everybody another recipient. */
const steps = Array.from({ length: SLICES }, (_, slice): Step[] => [
  ...Array.from({ length: LOGGED / SLICES }, (_, index): Step => {
    return { do: 'send', to: [`u${slice}-${index}@a.test`] };
  }),
  { do: 'wait', ms: 3_600_000 / SLICES },
]).flat();

/** Writes what happened as a daemon does, turn by turn. */
async function writeLog(data: string, events: readonly Happening[]): Promise<void> {
  const turns = new Map<number, Happening[]>();
  for (const event of events) {
    const turn = turns.get(event.turn) ?? [];
    turns.set(event.turn, [...turn, event]);
  }
  const { log, listener } = await openLog(data);
  let turn = 0;
  let position = 1;
  for (const happened of turns.values()) {
    const drafts = happened.map(({ stream, type, body }) => {
      return { stream, type, version: 1, body: JSON.stringify(body) };
    });
    turn += 1;
    log.append({ turn, at: happened[0]?.at ?? 0, position, drafts });
    position += drafts.length;
  }
  if (turn > 0) await listener.untilDurable(turn);
  await closeLog(log);
}

/** Four times what chance does to a share of so many. */
const chanceOf = (share: number, many: number): number =>
  4 * Math.sqrt((share * (1 - share)) / many);

/** What became of the recipients of a day: bounces by recipient that was looked at, deferrals. */
function sharesOf({ total, sites, replies }: DayReport) {
  const attempts = sites.reduce((sum, one) => sum + one.attempts, 0);
  const many = (did: string): number =>
    replies.filter((one) => one.did === did).reduce((sum, { count }) => sum + count, 0);
  return {
    attempts,
    bounced: total.bounced / total.received,
    deferred: many('deferred') / attempts,
  };
}

describe('receivers fitted from a data directory', () => {
  let policy = '';
  let traffic = '';
  let data = '';
  let words: readonly string[] = [];

  before(async () => {
    policy = await writePlanted();
    traffic = join(dirname(policy), 'day.ndjson');
    data = join(dirname(policy), 'data');
    await writeFile(traffic, `${JSON.stringify(TRAFFIC)}\n`);
    const scenario = { steps: [...steps, { do: 'wait', ms: 600_000 } as const], settles: false };
    const { observed } = await simulate(POLICY, scenario, { seed: 5, models: KNOWN });
    await writeLog(data, observed.events);
    words = ['simulate', policy, '--traffic', traffic, '--quiet'];
  });
  after(() => rm(dirname(policy), { recursive: true }));

  test('the day has the shares of the log, within the error that is stated', async () => {
    const fitted = await waybill(...words, '--fit', data, '--json');
    assert.equal(fitted.code, 0, fitted.err);
    const report = JSON.parse(fitted.out) as DayReport;
    assertAddsUp(report);
    assert.equal(report.receivers, `fitted from ${data}`);
    assert.equal(report.fit?.messages, LOGGED);
    const stated = report.fit?.sites['mx.a.test'];
    assert.ok(stated !== undefined && stated.outcomes !== null, JSON.stringify(report.fit));
    assert.ok(stated.held_out > 100 && stated.outcomes < 0.2, JSON.stringify(stated));
    const { attempts, bounced, deferred } = sharesOf(report);
    assert.ok(attempts > SIMULATED, 'what was put off is tried again');
    for (const [share, found] of [
      [BOUNCES, bounced],
      [DEFERS, deferred],
    ] as const) {
      const bound = stated.outcomes + chanceOf(share, 0.8 * LOGGED) + chanceOf(share, SIMULATED);
      assert.ok(bound < share, `a share of ${share} is told from none: ${bound}`);
      assert.ok(Math.abs(found - share) <= bound, `${share}: ${found}, may differ by ${bound}`);
    }
    assert.ok(report.replies.some(({ text }) => text.includes('system busy')));

    const without = await waybill(...words, '--json');
    const well = JSON.parse(without.out) as DayReport;
    assert.deepEqual([well.fit, well.receivers], [undefined, 'well behaved']);
    assert.deepEqual([sharesOf(well).bounced, sharesOf(well).deferred], [0, 0]);
  });

  test('the tables state the error of the fit', async () => {
    const told = await waybill(...words, '--fit', data);
    assert.equal(told.code, 0, told.err);
    const fit =
      /^models fitted from ([\d ,]+) attempts, (\S+) to (\S+), outcomes off by (\S+) ?%, /m;
    assert.match(told.out, fit);
    assert.match(told.out, /mean times off by \d/);
  });

  test('a directory with nothing to fit is refused', async () => {
    const none = join(dirname(policy), 'none');
    const missing = await waybill(...words, '--fit', none);
    assert.deepEqual([missing.code, missing.out], [69, '']);
    assert.match(missing.err, /none holds no log\./);
    const idle = join(dirname(policy), 'idle');
    await mkdir(idle);
    const bare = await waybill(...words, '--fit', idle);
    assert.deepEqual([bare.code, bare.out], [69, '']);
    await writeLog(idle, []);
    const empty = await waybill(...words, '--fit', idle);
    assert.deepEqual([empty.code, empty.out], [69, '']);
    assert.match(empty.err, /idle: its log tells of no attempt to fit; give a data directory that/);
    const both = await waybill(...words, '--fit', data, '--models', traffic);
    assert.equal(both.code, 64);
    assert.match(both.err, /--fit <dir>' cannot be used with option '--models <file>'/);
  });
});
