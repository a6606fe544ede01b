/**
 * The ledger by tenant, domain and hour: what balances, and where what does not is shown. The one
 * idea: the same events are told twice, once in order and once with an end too many.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { imbalanceOf } from '../../src/domain/ledger-totals.ts';
import type { Event } from '../../src/events/catalogue.ts';
import { encode } from '../../src/events/codec.ts';
import type { Cut } from '../../src/forensics/ledger-cells.ts';
import { LedgerCells } from '../../src/forensics/ledger-cells.ts';
import { MessageLedger } from '../../src/projections/ledger.ts';
import { withDir, writeTurns } from '../contracts/log-place.ts';
import { waybill } from './cli-run.ts';

const HOUR_MS = 3_600_000;
const NOON = Date.UTC(2026, 0, 2, 12);

const idOf = (number: number, at = NOON): string =>
  at.toString(16).padStart(12, '0') + number.toString(16).padStart(20, '0');

const accepted = (stream: string, queue: string, recipients = 1): Event => ({
  type: 'message.accepted',
  stream,
  body: {
    queue,
    from: 'a@test',
    to: Array.from({ length: recipients }, (_, at) => `r${at}@x.test`),
    body: [1, 0, 10, 0],
    service: 's',
    peer: '',
    helo: '',
  },
});

const expired = (stream: string, index: readonly number[], queue?: string): Event => ({
  type: 'message.expired',
  stream,
  body: { to: [], index, text: 'old', queue },
});

const cut = (by: readonly Cut[], events: readonly Event[], max?: number) => {
  const cells = new LedgerCells(by, max);
  const ledger = new MessageLedger(true, { watch: cells });
  for (const [at, event] of events.entries()) {
    ledger.fold(event, { stream: event.stream, position: at + 1, at });
  }
  const report = ledger.report();
  return { report, cells: cells.report() };
};

const STORY = [
  accepted(idOf(1), 'ann@x.test', 2),
  accepted(idOf(2), 'bob@x.test'),
  accepted(idOf(3, NOON + HOUR_MS), 'ann@y.test'),
  expired(idOf(1), [0]),
  expired(idOf(2), [0]),
];

test('each part of the ledger balances on its own', () => {
  const { cells } = cut(['tenant', 'domain', 'hour'], STORY);
  assert.equal(cells.unbalanced, 0);
  const rows = cells.listed.map((one) => [
    one.hour,
    one.tenant,
    one.domain,
    one.accepted,
    one.live,
  ]);
  assert.deepEqual(rows, [
    ['2026-01-02T12:00:00.000Z', 'ann', 'x.test', 2, 1],
    ['2026-01-02T12:00:00.000Z', 'bob', 'x.test', 1, 0],
    ['2026-01-02T13:00:00.000Z', 'ann', 'y.test', 1, 1],
  ]);
  const byDomain = cut(['domain'], STORY).cells.listed;
  assert.deepEqual(
    byDomain.map(({ domain, expired: old }) => [domain, old]),
    [
      ['x.test', 2],
      ['y.test', 0],
    ],
  );
});

test('an end too many shows in its cell, with the message', () => {
  const twice = cut(['tenant'], [...STORY, expired(idOf(1), [0])]);
  assert.equal(twice.cells.unbalanced, 1);
  const [ann] = twice.cells.unbalancedListed;
  assert.deepEqual([ann?.tenant, ann && imbalanceOf(ann), ann?.ids], ['ann', -1, [idOf(1)]]);
  assert.equal(twice.report.differences, 1);
  // Of a message that is gone the record itself says whose it was.
  const late = cut(['tenant', 'hour'], [...STORY, expired(idOf(2), [0], 'bob@x.test')]);
  const [bob] = late.cells.unbalancedListed;
  assert.deepEqual([bob?.tenant, bob && imbalanceOf(bob)], ['bob', -1]);
});

test('however many cells there were, few are kept', () => {
  const events = Array.from({ length: 500 }, (_, at) => [
    accepted(idOf(at, NOON + at * HOUR_MS), 'ann@x.test'),
    ...(at % 100 === 0 ? [] : [expired(idOf(at, NOON + at * HOUR_MS), [0])]),
  ]).flat();
  const { cells } = cut(['hour'], events, 20);
  assert.equal(cells.cells, 500);
  assert.ok(cells.summedUp > 450, `${cells.summedUp}`);
  assert.equal(cells.unbalanced, 0);
  const living = cells.listed.filter(({ live }) => live > 0);
  assert.equal(living.length, 5);
});

test('verify prints the table, and what does not balance in it', () =>
  withDir(async (dir) => {
    await writeTurns(dir, [STORY.map((event) => encode(event))]);
    const good = await waybill('verify', dir, '--by', 'tenant,hour');
    assert.equal(good.code, 0, good.err);
    assert.match(good.out, /cells +3 by tenant, hour; all balance/);
    assert.match(good.out, /ann +2026-01-02T12 +2 +0 +0 +1 +0 +0 +1 +0/);
    await writeTurns(dir, [[encode(expired(idOf(2), [0], 'bob@x.test'))]]);
    const bad = await waybill('verify', dir);
    assert.equal(bad.code, 1);
    assert.match(bad.out, /tenant +domain +hour/);
    assert.match(bad.out, new RegExp(`ends too many: ${idOf(2)}`));
    // Nothing of the bodies is there.
    const bodies = await waybill('verify', dir, '--bodies', '--json');
    const found = JSON.parse(bodies.out) as { bodies: { living: number; lost: number } };
    assert.deepEqual([found.bodies.living, found.bodies.lost], [2, 2]);
    const wrong = await waybill('verify', dir, '--by', 'sender');
    assert.equal(wrong.code, 64);
  }));
