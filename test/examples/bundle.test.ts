/**
 * An incident recorded in one data directory, and the same incident from its file in another: the
 * queue and the source walk the same way, the message's records are the same but for who it was
 * from and for, and the file tells nobody's name. The one idea: a simulated bad afternoon is
 * written as a real log first.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Books } from '../../src/domain/books.ts';
import { decode } from '../../src/events/codec.ts';
import { toRecord } from '../../src/events/log-walk.ts';
import type { ReplayedStep } from '../../src/events/replay.ts';
import { Replay } from '../../src/events/replay.ts';
import type { Incident } from '../../src/forensics/bundle-choose.ts';
import { makeBundle } from '../../src/forensics/bundle-make.ts';
import { openBundle } from '../../src/forensics/bundle-open.ts';
import { readLog } from '../../src/forensics/replay-walk.ts';
import type { RecordDraft, StoredRecord } from '../../src/ports/ports.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import { World } from '../../src/testing/world/world.ts';
import { writeTurns } from '../contracts/log-place.ts';
import { waybill } from './cli-run.ts';
import { FILES, POLICY, VersionFolder } from './policy-version-files.ts';

const SECRET = 'hunter2-of-the-relay';
const HOUR_MS = 3_600_000;

let folder: VersionFolder;
let scratch: string;

/** Mail that is put off, bounced and delivered while an operator stops a queue and a source. */
const liveAnAfternoon = async (): Promise<void> => {
  const version = await folder.activate();
  const manners = {
    'a.test': ({ stage }: { stage: string }) =>
      stage === 'mail' ? { say: '451 4.3.2 not now, ann.secret@a.test' } : undefined,
    'b.test': () => undefined,
    'c.test': ({ stage }: { stage: string }) =>
      stage === 'rcpt' ? { say: '550 5.1.1 no such user' } : undefined,
  };
  const world = await World.start({ seed: 11, manners, plan: makePlan() });
  await world.runFor(100);
  const { policy } = await folder.loadVersion(version);
  world.policies.useLoaded(policy, version, world.engine, () => {});
  for (let round = 0; round < 6; round += 1) {
    for (const domain of ['a.test', 'b.test', 'c.test'])
      world.submit([`ann.secret${round}@${domain}`]);
    await world.runFor(HOUR_MS / 4);
    if (round === 2) {
      const pause = { until: world.now + HOUR_MS / 2, why: 'looking' };
      world.command({ kind: 'queue.suspend', queue: 'a.test', ...pause });
      world.command({ kind: 'source.suspend', source: 'ip-1', by: 'somebody', ...pause });
      await world.runFor(60_000);
    }
  }
  await world.runFor(HOUR_MS);
  const turns = new Map<number, RecordDraft[]>();
  for (const record of world.store.records as readonly StoredRecord[]) {
    const { turn, stream, type, version: form, body } = record;
    turns.set(turn, [...(turns.get(turn) ?? []), { stream, type, version: form, body }]);
  }
  await writeTurns(folder.data, [...turns.values()]);
};

const recordsOf = (dir: string): StoredRecord[] =>
  [...readLog(dir).rows()].flat().map((row) => toRecord(row));

/** The walk of one queue or source: each step of its chart, with its time. */
const walkOf = (dir: string, name: string) => {
  const steps: (ReplayedStep & { at: number })[] = [];
  let at = 0;
  const replay = new Replay(new Books(), undefined, (step) => {
    if (step.name === name) steps.push({ ...step, at });
  });
  for (const record of recordsOf(dir)) {
    at = record.at;
    replay.apply(record);
  }
  return { steps, books: replay.books };
};

/** What happened to a message: everything that is nobody's name. */
const storyOf = (dir: string, id: string): object[] =>
  recordsOf(dir)
    .filter(({ stream }) => stream === id)
    .map((record) => {
      const { from, to, text, command, origin, headers, meta, ...rest } = decode(record)
        .body as Record<string, unknown>;
      return { type: record.type, at: record.at, turn: record.turn, ...rest };
    });

const ALL = { from: 0, upto: Number.MAX_SAFE_INTEGER };

/** Writes a file and opens it in another directory. */
const bundle = async (name: string, about: Partial<Incident>): Promise<string> => {
  const file = join(scratch, `${name}.wbundle`);
  const incident = { ...ALL, ...about };
  const order = { incident, title: name, isRedacted: true, program: 'test', at: 0 };
  await makeBundle({ dir: folder.data, file, ...order });
  const dir = join(scratch, name);
  await openBundle(file, dir);
  return dir;
};

const unpacked = (name: string): string =>
  gunzipSync(readFileSync(join(scratch, `${name}.wbundle`))).toString();

const deferredMessage = (): string => {
  const found = recordsOf(folder.data).find(({ type }) => type === 'message.deferred');
  return found?.stream as string;
};

describe('an incident in a file', () => {
  before(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'waybill-bundle-'));
    const policy = `${POLICY}\nexport const relay = { password: '${SECRET}' };\n`;
    folder = new VersionFolder({ ...FILES, 'policy.ts': policy });
    await liveAnAfternoon();
  });
  after(() => {
    folder.remove();
    rmSync(scratch, { recursive: true, force: true });
  });

  it('walks the same way elsewhere: a message, its queue and its source', async () => {
    const id = deferredMessage();
    const dir = await bundle('message', { message: id });
    assert.deepEqual(storyOf(dir, id), storyOf(folder.data, id));
    assert.ok(storyOf(dir, id).length > 2);
    for (const name of ['a.test', 'ip-1']) {
      const here = walkOf(folder.data, name);
      const there = walkOf(dir, name);
      assert.deepEqual(there.steps, here.steps, name);
      assert.deepEqual(there.books.findQueue(name)?.state, here.books.findQueue(name)?.state);
      assert.deepEqual(there.books.sources.get(name), here.books.sources.get(name));
    }
    assert.ok(walkOf(folder.data, 'a.test').steps.length >= 1, 'the queue went nowhere');
    const streams = new Set(recordsOf(dir).map(({ stream }) => stream));
    assert.ok(!streams.has('b.test'), 'another queue came along');
  });

  it('has everything of a queue, and all of a time', async () => {
    const dir = await bundle('queue', { queue: 'a.test' });
    assert.deepEqual(walkOf(dir, 'a.test').steps, walkOf(folder.data, 'a.test').steps);
    const ledger = walkOf(dir, 'a.test').books.ledger;
    assert.equal(ledger.accepted, 6);
    const all = await bundle('time', {});
    const left = new Set(['generation', 'rate']);
    const wanted = recordsOf(folder.data).filter(({ type }) => !left.has(type.split('.')[0] ?? ''));
    assert.equal(recordsOf(all).length, wanted.length);
    assert.deepEqual(
      walkOf(all, 'b.test').books.ledger,
      walkOf(folder.data, 'b.test').books.ledger,
    );
  });

  it('is a data directory to the commands that need no daemon', async () => {
    const file = join(scratch, 'commands.wbundle');
    const dir = join(scratch, 'commands');
    const made = await waybill('bundle', 'a.test', '--data', folder.data, '--out', file);
    assert.equal(made.code, 0, made.err);
    const opened = await waybill('bundle', 'open', file, '--data', dir);
    assert.equal(opened.code, 0, opened.err);
    const verified = await waybill('verify', dir);
    assert.equal(verified.code, 0, verified.out);
    const replayed = await waybill('replay', '--policy', 'active', '--data', dir, '--json');
    const report = JSON.parse(replayed.out) as { asked: number; different: number };
    assert.equal(report.different, 0, replayed.out);
    assert.ok(report.asked > 0);
  });

  it('tells nobody’s name and no secret, unless that is asked for', async () => {
    await bundle('quiet', { queue: 'a.test' });
    const quiet = unpacked('quiet');
    assert.ok(!/ann\.secret|hunter2/.test(quiet), 'a name or a secret is in the file');
    const tokens = new Set(quiet.match(/r-[0-9a-f]{12}@a\.test/g));
    assert.ok(tokens.size >= 6);
    const loud = await waybill(
      ...['bundle', 'a.test', '--no-redact', '--data', folder.data],
      ...['--out', join(scratch, 'loud.wbundle')],
    );
    assert.match(loud.err, /stay readable/);
    assert.match(unpacked('loud'), /ann\.secret0@a\.test/);
    assert.match(unpacked('loud'), new RegExp(SECRET));
  });

  it('refuses a file that was changed or cut, and a directory that is in use', async () => {
    const file = join(scratch, 'quiet.wbundle');
    const bytes = readFileSync(file);
    const cut = join(scratch, 'cut.wbundle');
    writeFileSync(cut, bytes.subarray(0, bytes.length - 40));
    const whole = /cut\.wbundle (is not whole|cannot be read)/;
    await assert.rejects(openBundle(cut, join(scratch, 'cut')), whole);
    for (let place = 20; place < bytes.length; place += 997) {
      const spoiled = Buffer.from(bytes);
      spoiled[place] = (spoiled[place] as number) ^ 1;
      writeFileSync(cut, spoiled);
      await assert.rejects(openBundle(cut, join(scratch, 'cut')), whole, `byte ${place}`);
    }
    const used = await waybill('bundle', 'open', file, '--data', folder.data);
    assert.match(used.err, /is not empty/);
    const nobody = await waybill('bundle', 'x.example', '--data', folder.data, '--out', cut + 2);
    assert.match(nobody.err, /belongs to x\.example/);
  });
});
