/**
 * Lists of messages at their edges: a tenant with very many costs what one with hundreds does, a
 * time outside of the log is said to be so, and what was not looked at is never said not to be.
 * Deliberately unknown here: how the index keeps its entries.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeAnswer } from '../../src/cli/journey-text.ts';
import { createMemoryStore } from '../../src/events/memory-log.ts';
import type { AsTold, Matches } from '../../src/forensics/journey/answering.ts';
import { answerJourney, tellAnswer } from '../../src/forensics/journey/answering.ts';
import type { JourneyQuestion } from '../../src/forensics/journey/finding.ts';
import type { IndexedLog } from '../../src/forensics/journey/journey-index.ts';
import { JourneyIndex } from '../../src/forensics/journey/journey-index.ts';
import { LogLook } from '../../src/forensics/journey/log-look.ts';
import { openRunFolder } from '../../src/forensics/journey/run-files.ts';
import { acceptedBody, deliveredBody } from '../world/journey-records.ts';
import { buildIndex, segmented } from '../world/journeys.ts';

const AT = 1_790_000_000_000;
const STEP_MS = 100;
const MESSAGES = 15_000;
const SHARED = 'abuse@d.example';
/** Messages of a page; records of each: accepted, delivered. */
const PAGE = 100;

const tenantOf = (number: number): string => (number % 5_000 === 7 ? 'rare' : 'large');

/** So many messages of two tenants to one recipient; each is delivered with the next one. */
function makeLog(): IndexedLog {
  const store = createMemoryStore();
  let at = AT;
  const write = (number: number, type: string, version: number, body: object): void => {
    const position = store.records.length + 1;
    const text = JSON.stringify(body);
    const stream = `m${number}`;
    store.records.push({ position, turn: position, at, stream, type, version, body: text });
  };
  for (let number = 0; number < MESSAGES; number += 1, at += STEP_MS) {
    write(number, 'message.accepted', 3, acceptedBody(`${tenantOf(number)}@d.example`, SHARED));
    if (number > 0)
      write(number - 1, 'message.delivered', 2, deliveredBody(SHARED, number * 2 - 2));
  }
  return segmented({ store });
}

const log = makeLog();
const index = buildIndex(log);

/** The answer, and how many records were read for it. */
function ask(question: JourneyQuestion) {
  let reads = 0;
  const counted: IndexedLog = {
    ...log,
    find: (position) => {
      reads += 1;
      return log.find(position);
    },
  };
  const answer = tellAnswer(answerJourney(new LogLook(counted, index), question));
  return { answer, reads, text: describeAnswer(answer) };
}

const listIn = ({ answer }: ReturnType<typeof ask>): AsTold<Matches> => {
  assert.equal(answer.kind, 'matches');
  return answer as AsTold<Matches>;
};

test('a page of a tenant with very many is bounded, says how many more and how to go on', () => {
  const asked = ask({ tenant: 'large' });
  const { matches, more, rest } = listIn(asked);
  assert.equal(matches.length, PAGE);
  assert.equal(matches[0]?.id, `m${MESSAGES - 1}`);
  assert.equal(more, true);
  assert.deepEqual(rest?.sure, 'about');
  assert.equal(rest?.count, MESSAGES - 3 - PAGE);
  assert.ok(asked.reads < 5 * PAGE, `${asked.reads} records were read`);
  const said = `and about 14,897 more: narrow the time, or go on with --before ${rest?.before}`;
  assert.equal(asked.text.split('\n').at(-1), said);
  const next = listIn(ask({ tenant: 'large', before: rest?.before }));
  assert.equal(next.matches[0]?.id, `m${MESSAGES - 1 - PAGE}`);
  assert.equal(next.rest?.count, MESSAGES - 3 - 2 * PAGE);
});

test('a time is kept to, and few more are counted exactly', () => {
  const from = AT + 5_000 * STEP_MS;
  const exact = ask({ tenant: 'large', from, upto: from + 150 * STEP_MS });
  assert.deepEqual(listIn(exact).rest?.sure, 'exactly');
  assert.equal(listIn(exact).rest?.count, 150 - PAGE, 'm5007 is of another tenant');
  assert.match(exact.text, /\n100 messages; ask for one by its id\nand 50 more: narrow the time, /);
  const whole = listIn(ask({ tenant: 'large', from, upto: from + 98 * STEP_MS }));
  assert.deepEqual([whole.matches.length, whole.more, whole.rest], [98, false, undefined]);
  const many = ask({ tenant: 'large', from, upto: from + 4_000 * STEP_MS });
  const count = listIn(many).rest?.count ?? 0;
  assert.ok(count >= 3_900 && count <= 3_900 * 1.05, `about ${count} more`);
  assert.ok(many.reads < 5 * PAGE + 2_048, `${many.reads} records were read`);
});

test('a tenant with few, or none, costs a look at what it has', () => {
  const rare = ask({ tenant: 'rare' });
  assert.deepEqual(
    listIn(rare).matches.map(({ id }) => id),
    ['m10007', 'm5007', 'm7'],
  );
  assert.ok(rare.reads < 20, `${rare.reads} records were read`);
  const none = ask({ tenant: 'nobody' });
  assert.equal(none.answer.kind, 'nothing');
  assert.ok(none.reads <= 2, `${none.reads} records were read`);
});

test('of a time outside of the log it is said how far the log reaches', () => {
  const early = ask({ tenant: 'large', upto: AT - 1 });
  assert.equal(
    early.text,
    'the log has no message of tenant large up to 2026-09-21T14:13:19.999Z; it reaches from ' +
      'position 1 (2026-09-21T14:13:20.000Z) to position 29999 (2026-09-21T14:38:19.900Z)',
  );
  const late = ask({ tenant: 'large', from: AT + MESSAGES * STEP_MS });
  assert.match(
    late.text,
    /^the log has no message of tenant large from 2026-09-21T14:38:20.000Z; /,
  );
  assert.ok(early.reads <= 2 && late.reads <= 2, 'no message is looked at');
});

test('what was not looked at is not said to be not there', () => {
  let asked = ask({ key: SHARED, tenant: 'rare' });
  const found: string[] = [];
  let pages = 1;
  for (; pages < 100; pages += 1) {
    const { matches, rest } = listIn(asked);
    found.push(...matches.map(({ id }) => id));
    if (rest === undefined) break;
    assert.equal(rest.sure, 'least');
    assert.ok(asked.reads <= 12_000, `${asked.reads} records were read for a page`);
    assert.match(asked.text, /and perhaps more: .*--before \d+$/);
    const next = ask({ key: SHARED, tenant: 'rare', before: rest.before });
    if (next.answer.kind === 'nothing') break;
    asked = next;
  }
  assert.deepEqual(found, ['m10007', 'm5007', 'm7']);
  assert.ok(pages > 1, 'one look was not enough');
});

test('an index that lags behind says so, whatever it found', () => {
  const { answer } = ask({ tenant: 'nobody' });
  const said = 'the newest 1,200 records are not in the index yet: ask again in a moment';
  assert.equal(
    describeAnswer({ ...answer, behind: 1_200 })
      .split('\n')
      .at(-1),
    said,
  );
  const lagging = new JourneyIndex(log, openRunFolder('/nonexistent/journey'));
  while (lagging.next <= 10_000) lagging.step(1_000);
  const none = answerJourney(new LogLook(log, lagging), { tenant: 'nobody' });
  assert.match(none.kind === 'nothing' ? none.text : '', /to position 10\d\d\d \(2026-/);
});
