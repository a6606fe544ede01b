/**
 * The ledger on hand-made events: what balances, and every kind of difference it must find.
 * One idea: each story is a short list of events and the sentence that is expected. Does not know
 * the log.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Event } from '../../src/events/catalogue.ts';
import { MessageLedger } from '../../src/projections/ledger.ts';
import type { LedgerReport } from '../../src/projections/ledger-report.ts';
import { findImbalance, LISTED_MAX } from '../../src/projections/ledger-report.ts';

const M = '0'.repeat(31).concat('1');

const attemptOf = (index: readonly number[], attempt: number) => ({
  to: index.map((one) => `r${one}@x.test`),
  index,
  attempt,
  source: 's',
  site: 'x',
  peer: '192.0.2.1:25',
  code: 250,
  enhanced: '2.0.0',
  text: 'ok',
  tls: '',
  took: 1,
});

const accepted = (to: number, stream = M): Event => ({
  type: 'message.accepted',
  stream,
  body: {
    queue: 'x.test',
    from: 'a@test',
    to: Array.from({ length: to }, (_, index) => `r${index}@x.test`),
    body: [1, 0, 10, 0],
    service: 'smtp',
    peer: '',
    helo: '',
  },
});

const offered = (attempt: number, stream = M): Event => ({
  type: 'message.offered',
  stream,
  body: { attempt, source: 's', site: 'x', peer: '192.0.2.1:25', link: 1 },
});

const delivered = (index: readonly number[], attempt = 1, stream = M): Event => ({
  type: 'message.delivered',
  stream,
  body: attemptOf(index, attempt),
});

const bounced = (index: readonly number[], attempt = 1, stream = M): Event => ({
  type: 'message.bounced',
  stream,
  body: attemptOf(index, attempt),
});

const deferred = (index: readonly number[], stream = M): Event => ({
  type: 'message.deferred',
  stream,
  body: { ...attemptOf(index, 1), attempts: 1, due: 9 },
});

const ended = (
  type: 'message.expired' | 'message.cancelled',
  index: readonly number[],
  stream = M,
): Event => ({ type, stream, body: { to: index.map(() => ''), index, text: 'over' } });

const unsettled = (attempt: number, stream = M): Event => ({
  type: 'message.unsettled',
  stream,
  body: { attempt, attempts: attempt, due: 9, cause: 'link lost' },
});

const stopped: Event = { type: 'engine.stopped', stream: 'engine', body: {} };

const tell = (events: readonly Event[], isWhole = true): LedgerReport => {
  const ledger = new MessageLedger(isWhole);
  events.forEach((event, index) => {
    ledger.fold(event, { stream: event.stream, position: index + 1, at: 1000 + index });
  });
  return ledger.report();
};

test('a message with five recipients and five fates balances', () => {
  const report = tell([
    accepted(5),
    offered(1),
    delivered([0, 2]),
    bounced([1]),
    deferred([3, 4]),
    ended('message.expired', [3]),
  ]);
  const fates = { delivered: 2, bounced: 1, expired: 1, removed: 0, lost: 0, live: 1 };
  assert.deepEqual(report.recipients, { accepted: 5, ...fates });
  assert.deepEqual([report.messages.live, report.differences], [1, 0]);
  assert.equal(findImbalance(report), 0);
  const after = tell([accepted(1), ended('message.cancelled', [0]), stopped]);
  assert.deepEqual([after.recipients.removed, after.messages.live, after.differences], [1, 0, 0]);
});

test('attempts of unknown outcome are listed, those still open at the end too', () => {
  const other = M.replace('1', '2');
  const report = tell([
    accepted(1),
    offered(1),
    unsettled(1),
    accepted(1, other),
    offered(1, other),
  ]);
  const peer = '192.0.2.1:25';
  assert.deepEqual(report.unknownListed, [
    { message: M, attempt: 1, at: 1002, peer, cause: 'link lost' },
    { message: other, attempt: 1, at: 1004, peer, cause: 'the log ends before an outcome' },
  ]);
  assert.deepEqual(report.attempts, { offered: 2, deferred: 0, unknown: 2, open: 1 });
  assert.equal(report.differences, 0);
});

const WRONG: readonly [name: string, events: readonly Event[], sentence: RegExp][] = [
  ['an end without acceptance', [delivered([0])], /never accepted/],
  ['a second end', [accepted(1), bounced([0]), bounced([0])], /never accepted, or has ended/],
  ['a recipient ended twice', [accepted(2), bounced([0]), bounced([0])], /number 0, who had come/],
  ['twice in one record', [accepted(1), bounced([0, 0])], /twice for its recipient/],
  ['a recipient too many', [accepted(2), bounced([2])], /no recipient number 2/],
  ['accepted twice', [accepted(1), accepted(1)], /in the queue already/],
  ['accepted for nobody', [accepted(0)], /for nobody/],
  ['offered twice', [accepted(1), offered(1), offered(2)], /while an offer was open/],
  ['delivered, not offered', [accepted(1), delivered([0])], /never offered/],
  ['another attempt', [accepted(1), offered(1), delivered([0], 2)], /attempt 2, which was never/],
  ['unsettled, not offered', [accepted(1), unsettled(1)], /but was never offered/],
  ['stopped with an open offer', [accepted(1), offered(1), stopped], /although the engine stopped/],
  ['an offer of nothing', [offered(1)], /never accepted/],
];

for (const [name, events, sentence] of WRONG) {
  test(`a difference is found: ${name}`, () => {
    const report = tell(events);
    assert.equal(report.differences, 1);
    assert.match(report.differencesListed[0]?.sentence ?? '', sentence);
    assert.equal(report.differencesListed[0]?.position, events.length);
  });
}

test('in a log whose beginning was released, ends of older messages are no difference', () => {
  const report = tell([offered(3), delivered([0, 1], 3), accepted(1, 'b')], false);
  assert.deepEqual([report.differences, report.endedFromBefore], [0, 2]);
  assert.equal(report.recipients.accepted, 1);
});

test('lists are bounded, counts are not', () => {
  const many = LISTED_MAX * 3;
  const events = [accepted(1), ...Array.from({ length: many }, () => [offered(1), unsettled(1)])];
  const report = tell(events.flat());
  assert.equal(report.attempts.unknown, many);
  assert.equal(report.unknownListed.length, LISTED_MAX);
  assert.equal(report.unknownListed.at(-1)?.at, 1000 + many * 2);
  const wrong = tell(Array.from({ length: many }, () => delivered([0])));
  assert.deepEqual([wrong.differences, wrong.differencesListed.length], [many, LISTED_MAX]);
});

test('any order of lawful ends balances', () => {
  const fate = fc.constantFrom('delivered', 'bounced', 'expired', 'removed', 'live');
  fc.assert(
    fc.property(
      fc.array(fc.array(fate, { minLength: 1, maxLength: 6 }), { maxLength: 20 }),
      (all) => {
        const events = all.flatMap((fates, number) => {
          const stream = `m${number}`;
          const ends = fates.map((as, index) => {
            if (as === 'delivered')
              return [offered(index, stream), delivered([index], index, stream)];
            if (as === 'bounced') return [bounced([index], 1, stream)];
            if (as === 'expired') return [ended('message.expired', [index], stream)];
            return as === 'removed' ? [ended('message.cancelled', [index], stream)] : [];
          });
          return [accepted(fates.length, stream), ...ends.flat()];
        });
        const report = tell(events);
        assert.equal(report.differences, 0);
        assert.equal(findImbalance(report), 0);
        const left = all.flat().filter((as) => as === 'live').length;
        assert.equal(report.recipients.live, left);
        assert.equal(report.messages.live, all.filter((fates) => fates.includes('live')).length);
      },
    ),
  );
});
