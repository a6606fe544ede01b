/**
 * Law: once a version of the policy is in force nobody acts on the answers of another. The idea:
 * every version marks all its answers, and the log names the answers that queue, pool, source and
 * path have adopted; so at each act in the log (an offer, a deferral, a rest) the marks of all that
 * it rests on are those of the last activation before it. Only where the handler that was to
 * answer fails may an older answer stand.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StoredRecord } from '../../src/ports/ports.ts';
import type { Failing } from '../../src/testing/world/policy.ts';
import { MARKS } from '../../src/testing/world/policy.ts';
import type { World } from '../../src/testing/world/world.ts';
import { policyActs } from '../world/acts.ts';
import type { Play, Roughness } from '../world/law.ts';
import { runPlays } from '../world/law.ts';

/** Whose failing excuses an older answer of each kind. */
const EXCUSES: Readonly<Record<Failing, readonly Failing[]>> = {
  queue: ['queue', 'pool', 'source'],
  pool: ['queue', 'pool', 'source'],
  path: ['path', 'source'],
  source: ['path', 'source'],
};

interface Reader {
  readonly world: World;
  cursor: number;
  version: number;
  readonly answers: Map<string, string>;
  /** Answers in force, by kind and actor. */
  readonly inForce: Map<string, string>;
  readonly queueOf: Map<string, string>;
  /** Versions under which each message was offered. */
  readonly offers: Map<string, Set<number>>;
}

/** How often the law had something to say, of all plays. */
const judged = { acts: 0, ehlos: 0 };

const newReader = (world: World): Reader => ({
  world,
  cursor: 0,
  version: 0,
  answers: new Map(),
  inForce: new Map(),
  queueOf: new Map(),
  offers: new Map(),
});

function judge(reader: Reader, record: StoredRecord, kind: Failing, actor: string): void {
  const { version, world } = reader;
  // Version 0 changes under the engine's feet and marks nothing.
  if (version === 0) return;
  const failing = world.policies.versions[version]?.plan.failing;
  if (failing !== undefined && EXCUSES[kind].includes(failing)) return;
  const key = reader.inForce.get(`${kind} ${actor}`) ?? '';
  const text = reader.answers.get(key) ?? 'no answer';
  // What is built in belongs to every version: it stands in where a queue opens while all fails.
  if (text.includes('"name":"unspecified"')) return;
  judged.acts += 1;
  const what = `position ${record.position}, ${record.type} ${record.stream}`;
  const mark = MARKS[kind](version);
  assert.ok(text.includes(mark), `${what}: ${kind} ${actor} is not of ${version}: ${text}`);
}

function judgeQueue(reader: Reader, record: StoredRecord, queue: string): void {
  judge(reader, record, 'queue', queue);
  judge(reader, record, 'pool', queue);
}

function take(reader: Reader, record: StoredRecord): void {
  const body = JSON.parse(record.body) as Record<string, string> & { version: number };
  const { stream } = record;
  const { inForce, queueOf } = reader;
  switch (record.type) {
    case 'policy.activated':
      reader.version = body.version;
      return;
    case 'policy.answered':
      reader.answers.set(body['key'] as string, body['answer'] as string);
      return;
    case 'queue.opened':
    case 'queue.configured':
      inForce.set(`queue ${stream}`, body['answer'] as string);
      inForce.set(`pool ${stream}`, body['pool'] as string);
      return;
    case 'source.opened':
    case 'source.configured':
    case 'path.configured':
      inForce.set(`${record.type.split('.')[0]} ${stream}`, body['answer'] as string);
      return;
    case 'message.accepted':
    case 'message.rebound':
      queueOf.set(stream, body['queue'] as string);
      return;
    case 'message.deferred':
      return judgeQueue(reader, record, queueOf.get(stream) as string);
    case 'queue.rested':
      return judgeQueue(reader, record, stream);
    case 'message.offered':
      return takeOffer(reader, record, body);
  }
}

/** The source of an offer is a member of the pool that is in force for the queue. */
function judgeMember(
  { world, version, inForce, answers, queueOf }: Reader,
  record: StoredRecord,
  source: string,
): void {
  // The plan of version 0 is changed in place.
  if (version === 0 || world.policies.versions[version]?.plan.failing !== undefined) return;
  const key = inForce.get(`pool ${queueOf.get(record.stream)}`) ?? '';
  const { entries } = JSON.parse(answers.get(key) ?? '{}') as {
    entries: { name: string; weight: number }[];
  };
  const isMember = entries.some(({ name, weight }) => name === source && weight > 0);
  assert.ok(isMember, `position ${record.position}: ${source} is not in the pool in force`);
}

function takeOffer(reader: Reader, record: StoredRecord, body: Record<string, string>): void {
  const { stream } = record;
  const source = body['source'] as string;
  judgeQueue(reader, record, reader.queueOf.get(stream) as string);
  judgeMember(reader, record, source);
  judge(reader, record, 'source', source);
  judge(reader, record, 'path', `${source}->${body['site']}@smtp_client`);
  reader.offers.set(stream, (reader.offers.get(stream) ?? new Set()).add(reader.version));
}

function readOn(reader: Reader): void {
  const { records } = reader.world.witness;
  for (; reader.cursor < records.length; reader.cursor += 1) {
    take(reader, records[reader.cursor] as StoredRecord);
  }
}

/** What exchangers kept came over connections of the version under which it was offered. */
function judgeConnections({ world, offers }: Reader): void {
  for (const mail of world.mails.values()) {
    const mayBe = new Set(mail.messages.flatMap(({ id }) => [...(offers.get(id) ?? [])]));
    const isExcused = [...mayBe].some((version) => world.policies.versions[version]?.plan.failing);
    if (isExcused) continue;
    for (const { ehlo } of world.copiesOf(mail.mark)) {
      const version = Number(/^v(\d+)\./.exec(ehlo)?.[1] ?? 0);
      judged.ehlos += 1;
      const most = `offered under ${[...mayBe].join(', ')}`;
      assert.ok(mayBe.has(version), `${mail.mark} came over a connection of ${version}, ${most}`);
    }
  }
}

async function runLaw(rough: Roughness): Promise<void> {
  let reader: Reader;
  const before = { ...judged };
  const play: Play = {
    begin: (world) => {
      reader = newReader(world);
    },
    each: () => readOn(reader),
    end: async (world) => {
      await world.runFor(120_000, () => readOn(reader));
      readOn(reader);
      judgeConnections(reader);
    },
  };
  const hasSpoken = (): boolean => judged.acts > before.acts && judged.ehlos > before.ehlos;
  await runPlays(play, rough, 0.4, hasSpoken);
}

test('nothing acts on an old policy', () => runLaw({ hasFaults: true, hasCrashes: true }));

test('nor does a connection that was made under it', () =>
  runLaw({ hasFaults: false, hasCrashes: false, acts: policyActs }));

test('nor is the sweep needed for it', () => {
  const rough = { hasFaults: false, hasCrashes: false, acts: policyActs };
  return runLaw({ ...rough, limits: { sweepAsksMax: 0 } });
});
