/**
 * Law: whoever is erased from whichever history, no byte of the data directory shows the address
 * afterwards; `verify` finds the log sound, with the same counts in every cell; the books at every
 * instant hold the same numbers; records about others are as they were. And whichever byte of an
 * erased segment is changed afterwards, and whichever record is emptied by somebody else, is found.
 * Deliberately unknown here: kills (test/faults/erase-kill), the command (test/examples/erase).
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { checkBodies } from '../../src/cli/verify-bodies.ts';
import { verifyLog } from '../../src/cli/verify-log.ts';
import { eraseRecipients } from '../../src/erasing/erase.ts';
import { LogPast } from '../../src/events/log-past.ts';
import { dropSeal } from '../../src/events/log-seals.ts';
import { Past } from '../../src/forensics/past.ts';
import { Rebuild } from '../../src/forensics/rebuild.ts';
import type { StoredRecord } from '../../src/ports/ports.ts';
import { withDir } from '../contracts/log-place.ts';
import { openStore } from '../contracts/log-store-place.ts';
import { BEGIN_AT, filesWith, makeHistory, PEOPLE, staleRuns } from '../world/erasure.ts';

const SEED = Number(process.env['LAW_SEED'] ?? Date.now());
const ID = '6f1c2a3b-1111-4222-8333-444455556666';
const WORLD = { now: () => BEGIN_AT + 1e9 };
const order = (...addresses: string[]) => ({ id: ID, addresses, by: 'dpo', cause: 'request 1' });

const recordsOf = (dir: string): StoredRecord[] => {
  const past = new LogPast(dir);
  return [...past.walk(past.first, past.last)].flat();
};

/** The numbers of the world at a position. */
const worldAt = (dir: string, position: number): unknown => {
  const past = new LogPast(dir);
  const rebuild = new Rebuild(past, position).foldTo(position);
  return new Past(past, rebuild, BEGIN_AT).overview();
};

const countsOf = (dir: string) => {
  const { recipients, messages, attempts, imbalance, differences, cells } = verifyLog(dir);
  return { recipients, messages, attempts, imbalance, differences, cells };
};

const wish = fc.record({
  seed: fc.nat(),
  messages: fc.integer({ min: 30, max: 70 }),
  who: fc.constantFrom(...PEOPLE),
});

test('who is erased is gone, the ledger stands, and others are as they were', () =>
  fc.assert(
    fc.asyncProperty(wish, ({ who, ...history }) =>
      withDir(async (dir) => {
        await makeHistory(dir, history);
        const before = recordsOf(dir);
        const counts = countsOf(dir);
        const instants = [1, 2, 3].map((part) => Math.floor((before.length * part) / 3));
        const worlds = instants.map((position) => worldAt(dir, position));
        const report = await eraseRecipients(dir, order(who), WORLD);
        assert.equal(report.leftRecords, leftIn(before, who));
        const inQueues = report.leftRecords > 0;
        assert.deepEqual(inQueues ? [] : report.left, []);
        const still = [who, who.replace('@', '=')].flatMap((one) => filesWith(dir, one));
        const isLog = (name: string): boolean => /^(log|snapshots)\//.test(name);
        assert.deepEqual(inQueues ? still.filter((name) => !isLog(name)) : still, []);

        assert.equal(staleRuns(dir), 0);
        const found = verifyLog(dir);
        assert.deepEqual(found.damage, []);
        assert.deepEqual(countsOf(dir), counts);
        assert.equal(found.erasures.records, report.records);
        assert.deepEqual([found.erasures.orders, found.erasures.unfinished], [[ID], []]);
        assert.deepEqual(
          instants.map((position) => worldAt(dir, position)),
          worlds,
        );
        const after = new Map(recordsOf(dir).map((record) => [record.position, record]));
        for (const record of before) {
          if (!isAbout(record, before, who)) assert.deepEqual(after.get(record.position), record);
        }
        assert.equal((await checkBodies(dir, [])).damaged, 0);
        // A second order for the same finds nothing, and a start goes on behind it.
        const again = await eraseRecipients(
          dir,
          { ...order(who), id: ID.replace('6', '7') },
          WORLD,
        );
        assert.equal(again.records, 0);
        const opened = openStore(dir);
        assert.deepEqual([opened.replay().length > 0, opened.reports], [true, []]);
        opened.store.close();
      }),
    ),
    { seed: SEED, endOnFailure: true, numRuns: Number(process.env['ERASE_RUNS'] ?? 6) },
  ));

const isIn = (text: string, who: string): boolean => {
  const [local = '', domain = ''] = who.toLowerCase().split('@');
  return text.toLowerCase().includes(local) && text.toLowerCase().includes(domain);
};

/** Records that may have changed: those of the erased one's messages, and those that name it. */
const isAbout = (record: StoredRecord, all: readonly StoredRecord[], who: string): boolean => {
  if (isIn(record.body, who)) return true;
  const accepted = all.find(
    ({ stream, type }) => stream === record.stream && type === 'message.accepted',
  );
  return accepted !== undefined && isIn(accepted.body, who);
};

/** Queues may be called like somebody's address. */
const leftIn = (records: readonly StoredRecord[], who: string): number =>
  records.filter(({ stream, body }) => {
    const { queue = stream } = JSON.parse(body) as { queue?: string };
    return queue.toLowerCase() === who.toLowerCase();
  }).length;

const WHO = PEOPLE[3];

test('a changed byte of an erased segment is found, with its seal or without', () =>
  withDir(async (dir) => {
    await makeHistory(dir, { seed: 7, messages: 60 });
    await eraseRecipients(dir, order(WHO), WORLD);
    const paths = readdirSync(join(dir, 'log'))
      .filter((name) => /^\d+\.db$/.test(name))
      .map((name) => join(dir, 'log', name));
    const erased = paths.filter((path) => readFileSync(path).includes('erased-6f1c2a3b'));
    assert.ok(erased.length > 0);
    for (const path of erased.slice(0, 2)) {
      const bytes = readFileSync(path);
      const at = bytes.indexOf('erased-6f1c2a3b');
      for (const isSealed of [true, false]) {
        if (!isSealed) dropSeal(path);
        const changed = Buffer.from(bytes);
        changed[at + 2] = 'x'.charCodeAt(0);
        writeFileSync(path, changed);
        assert.notDeepEqual(verifyLog(dir).damage, []);
      }
      writeFileSync(path, bytes);
    }
    assert.deepEqual(verifyLog(dir).damage, []);
  }));

const alter = (dir: string, change: (db: Database.Database) => void): void => {
  for (const name of readdirSync(join(dir, 'log')).filter((one) => /^\d+\.db$/.test(one))) {
    const path = join(dir, 'log', name);
    dropSeal(path);
    const db = new Database(path);
    db.function('crc', (text) => crcOf(String(text)));
    change(db);
    db.close();
  }
};

const crcOf = (text: string): number => crc32(text);
const SEAL_TEXT =
  "crc(position || ',' || turn || ',' || at || ',' || version || ',' || length(stream) || ',' || " +
  'length(type) || char(10) || stream || type || body)';

test('a record that somebody empties without an order is found, and one that comes back', () =>
  withDir(async (dir) => {
    await makeHistory(dir, { seed: 8, messages: 40 });
    const before = recordsOf(dir).find(({ body }) => body.includes(WHO)) as StoredRecord;
    await eraseRecipients(dir, order(WHO), WORLD);
    const other = recordsOf(dir).find(({ type }) => type === 'message.offered') as StoredRecord;
    const mark = (position: number, set: string): void =>
      alter(dir, (db) => {
        const where = `WHERE position = ${position}`;
        db.exec(`UPDATE event SET ${set} ${where}; UPDATE event SET sum = ${SEAL_TEXT} ${where}`);
      });
    const kinds = (): string[] => verifyLog(dir).damage.map(({ kind }) => kind);
    assert.deepEqual(kinds(), []);
    mark(other.position, "chain = unhex(hex(substr(chain, 1, 16)) || 'ee')");
    assert.deepEqual(kinds(), ['erasure-unproven']);
    mark(other.position, `body = '{"attempt":9}'`);
    assert.deepEqual(kinds(), ['erasure-unproven']);
    const text = before.body.replaceAll("'", "''");
    mark(before.position, `body = '${text}'`);
    assert.deepEqual(kinds(), ['erasure-unproven', 'erasure-unproven']);
  }));

test('mail on its way refuses the order, and nothing is changed', () =>
  withDir(async (dir) => {
    await makeHistory(dir, { seed: 9, messages: 40, living: PEOPLE[3] });
    const before = recordsOf(dir);
    await assert.rejects(eraseRecipients(dir, order(PEOPLE[3]), WORLD), /still on its way/);
    assert.deepEqual(recordsOf(dir), before);
    // Others may be erased meanwhile: the living body stays whole.
    await eraseRecipients(dir, order(PEOPLE[4]), WORLD);
    const places: (readonly [string, readonly [number, number, number, number]])[] = [];
    verifyLog(dir, { bodies: (found) => places.push(...found) });
    assert.equal(places.length, 1);
    assert.deepEqual((await checkBodies(dir, places)).lostListed, []);
  }));
