/**
 * Law: whoever goes through a list of messages page by page, by tenant, recipient, both, and any
 * span of time, meets each message that fits once and no other; a page is never longer than it may
 * be, and what it says of how many more there are is so. The idea: logs of a few tenants with moves
 * between them, late ends and clocks that jump, and a plain look through all records as the judge.
 * Deliberately unknown here: how the index keeps its entries.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseQueueName } from '../../src/domain/queue-name.ts';
import { createMemoryStore } from '../../src/events/memory-log.ts';
import type { JourneyAnswer } from '../../src/forensics/journey/answering.ts';
import { answerJourney } from '../../src/forensics/journey/answering.ts';
import type { JourneyQuestion } from '../../src/forensics/journey/finding.ts';
import { MATCHES_MAX } from '../../src/forensics/journey/finding.ts';
import type { StoredRecord } from '../../src/ports/ports.ts';
import { acceptedBody, offeredBody, reboundBody } from '../world/journey-records.ts';
import { lookAt } from '../world/journeys.ts';
import { assertLaw } from '../world/law.ts';

const AT = 1_790_000_000_000;
const TENANTS = ['large', 'small', 'rare'] as const;
const PAGES_MAX = 50;

/** A message comes; later it may be moved, or tried. */
interface Mail {
  readonly tenant: number;
  readonly to: number;
  readonly gapMs: number;
  readonly later: number;
  readonly fate: 'moved' | 'tried' | 'nothing';
  readonly next: number;
}

const mails: fc.Arbitrary<readonly Mail[]> = fc.array(
  fc.record({
    // Most of one tenant and to one recipient, so that pages come about.
    tenant: fc.constantFrom(0, 0, 0, 0, 0, 1, 1, 2),
    to: fc.constantFrom(0, 0, 0, 1, 2),
    gapMs: fc.oneof(
      { weight: 30, arbitrary: fc.nat(200) },
      { weight: 1, arbitrary: fc.integer({ min: -40_000, max: 40_000 }) },
    ),
    later: fc.nat(300),
    fate: fc.constantFrom('moved', 'tried', 'nothing'),
    next: fc.nat(2),
  }),
  { minLength: 150, maxLength: 900, size: 'max' },
);

const queueOf = (tenant: number): string => `${TENANTS[tenant]}@d.example`;
const addressOf = (to: number): string => `user${to}@d.example`;

/** The log of these mails, a turn each. */
function makeStore(all: readonly Mail[]) {
  const store = createMemoryStore();
  const due = new Map<number, (readonly [string, string, number, object])[]>();
  let at = AT;
  const write = (stream: string, type: string, version: number, body: object): number => {
    const position = store.records.length + 1;
    const text = JSON.stringify(body);
    store.records.push({ position, turn: position, at, stream, type, version, body: text });
    return position;
  };
  for (const [number, mail] of all.entries()) {
    at += mail.gapMs;
    const stream = `m${number}`;
    const queue = queueOf(mail.tenant);
    const origin = write(stream, 'message.accepted', 3, acceptedBody(queue, addressOf(mail.to)));
    const moved = reboundBody(queue, queueOf(mail.next), origin);
    const then = due.get(number + mail.later) ?? [];
    if (mail.fate === 'moved') then.push([stream, 'message.rebound', 3, moved]);
    if (mail.fate === 'tried') then.push([stream, 'message.offered', 1, offeredBody]);
    due.set(number + mail.later, then);
    for (const words of due.get(number) ?? []) write(...words);
  }
  return store;
}

const tenantOf = (record: StoredRecord): string | undefined => {
  const isPlaced = /^message\.(accepted|rebound)$/.test(record.type);
  if (!isPlaced) return undefined;
  return parseQueueName((JSON.parse(record.body) as { queue: string }).queue).tenant;
};

/** By a look at every record. */
function judge(records: readonly StoredRecord[], question: JourneyQuestion): Set<string> {
  const { key, tenant, from = 0, upto = Number.MAX_SAFE_INTEGER } = question;
  const ofTenant = new Set(records.filter((one) => tenantOf(one) === tenant).map((r) => r.stream));
  const fitting = records.filter((record) => {
    if (record.at < from || record.at > upto) return false;
    if (key === undefined) return tenantOf(record) === tenant;
    if (record.type !== 'message.accepted') return false;
    const { to } = JSON.parse(record.body) as { to: readonly string[] };
    return to.includes(key) && (tenant === undefined || ofTenant.has(record.stream));
  });
  return new Set(fitting.map(({ stream }) => stream));
}

const idsOf = (answer: JourneyAnswer): string[] => {
  if (answer.kind === 'nothing') return [];
  return answer.kind === 'journey' ? [answer.journey.id] : answer.matches.map(({ id }) => id);
};

const restOf = (answer: JourneyAnswer) => (answer.kind === 'matches' ? answer.rest : undefined);

const questions = fc.record({
  key: fc.option(fc.constantFrom(addressOf(0), addressOf(2)), { nil: undefined }),
  tenant: fc.constantFrom(...TENANTS),
  anyTenant: fc.boolean(),
  from: fc.option(fc.nat(60_000), { nil: undefined }),
  forMs: fc.option(fc.nat(60_000), { nil: undefined }),
});

let pagesSeen = 0;

test('pages of a list have each message that fits once', async () => {
  const property = fc.property(mails, fc.array(questions, { minLength: 3 }), (all, asked) => {
    const store = makeStore(all);
    const records = store.records as StoredRecord[];
    const look = lookAt({ store });
    for (const { key, tenant, anyTenant, from, forMs } of asked) {
      const question = {
        key,
        tenant: key !== undefined && anyTenant ? undefined : tenant,
        from: from === undefined ? undefined : AT + from,
        upto: forMs === undefined ? undefined : AT + (from ?? 0) + forMs,
      };
      const wanted = judge(records, question);
      const listed: string[] = [];
      let before: number | undefined;
      for (let page = 1; page <= PAGES_MAX; page += 1) {
        const answer = answerJourney(look, { ...question, before });
        const ids = idsOf(answer);
        assert.ok(ids.length <= MATCHES_MAX, `a page of ${ids.length}`);
        listed.push(...ids);
        const rest = restOf(answer);
        if (rest === undefined) break;
        const left = wanted.size - new Set(listed).size;
        const said = `${rest.sure} ${rest.count} more, and there are ${left}`;
        if (rest.sure === 'exactly') assert.equal(rest.count, left, said);
        else assert.ok(rest.sure === 'least' ? rest.count <= left : rest.count >= left, said);
        assert.ok(before === undefined || rest.before < before, 'a page goes on');
        before = rest.before;
        pagesSeen += 1;
      }
      assert.deepEqual(listed.toSorted(), [...wanted].toSorted(), JSON.stringify(question));
    }
  });
  await assertLaw(property, 1, () => pagesSeen > 20);
});
