/**
 * Law: whatever happened in a world, each message is found by each of its keys; its journey has
 * each of its events once and in order; and an index that followed the log, in slices and over
 * restarts, answers as one that was made from the whole log. The idea: histories of the simulated
 * world, and a plain look through all records as the judge.
 * Deliberately unknown here: how the index keeps its entries.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findMessages } from '../../src/forensics/journey/finding.ts';
import { journeyOf } from '../../src/forensics/journey/journey.ts';
import type { IndexedLog } from '../../src/forensics/journey/journey-index.ts';
import { JourneyIndex } from '../../src/forensics/journey/journey-index.ts';
import { LogLook } from '../../src/forensics/journey/log-look.ts';
import { tokensOf } from '../../src/forensics/journey/reply-tokens.ts';
import { openRunFolder } from '../../src/forensics/journey/run-files.ts';
import type { StoredRecord } from '../../src/ports/ports.ts';
import { lookAt, segmented } from '../world/journeys.ts';
import { runPlays } from '../world/law.ts';

const inFolder = (task: (path: string) => void): void => {
  const path = mkdtempSync(join(tmpdir(), 'waybill-journeys-'));
  try {
    task(path);
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
};

/** Goes through the log in slices; now and then a process ends and another goes on. */
function follow(log: IndexedLog, path: string, seed: number): JourneyIndex {
  let index = new JourneyIndex(log, openRunFolder(path));
  for (let step = 1; index.step(1 + ((seed + step * 7) % 40)); step += 1) {
    if ((seed + step) % 5 !== 0) continue;
    if ((seed + step) % 2 === 0) index.keep();
    index = new JourneyIndex(log, openRunFolder(path));
  }
  return index;
}

type Body = Readonly<Record<string, unknown>> & {
  readonly to: readonly string[];
  readonly queue: string;
  readonly text: string;
};

const bodyOf = (record: StoredRecord): Body => JSON.parse(record.body) as Body;

/** By id, the records of each message. */
function messagesIn(records: readonly StoredRecord[]): Map<string, StoredRecord[]> {
  const messages = new Map<string, StoredRecord[]>();
  for (const record of records) {
    if (!record.type.startsWith('message.')) continue;
    const known = messages.get(record.stream);
    if (known === undefined) messages.set(record.stream, [record]);
    else known.push(record);
  }
  return messages;
}

/** Every key under which a message must be found. */
function keysOf(records: readonly StoredRecord[]): readonly string[] {
  return records.flatMap((record) => {
    const body = bodyOf(record);
    if (record.type === 'message.accepted') return [record.stream, ...body.to];
    return record.type === 'message.delivered' ? tokensOf(body.text) : [];
  });
}

function judge(look: LogLook, id: string, records: readonly StoredRecord[]): void {
  const at = records[0]?.at ?? 0;
  for (const key of keysOf(records)) {
    const found = findMessages(look, { key, from: at, upto: records.at(-1)?.at ?? at });
    assert.ok(found.messages.has(id) || found.rest !== undefined, `${id} is not found by ${key}`);
  }
  const positions = records.map(({ position }) => position);
  const journey = journeyOf(look, id);
  assert.ok(journey !== undefined, `${id} has no journey`);
  assert.deepEqual(
    journey.events.map(({ position }) => position),
    positions,
  );
  const told = journey.steps.flatMap((step) =>
    step.kind === 'wait' || step.kind === 'decision' ? [] : step.positions,
  );
  assert.deepEqual(
    told.toSorted((one, other) => one - other),
    positions,
    'each event belongs to one step',
  );
  for (const step of journey.steps) {
    if (step.kind === 'attempt') {
      const numbers = step.positions.flatMap((position) => {
        const body = bodyOf(records.find((one) => one.position === position) as StoredRecord);
        return body['attempt'] === undefined ? [] : [body['attempt']];
      });
      assert.ok(
        numbers.every((number) => number === step.attempt),
        'outcomes join their attempt',
      );
    }
    if (step.kind !== 'wait') continue;
    assert.ok(step.until >= step.at, 'no wait ends before it begins');
    for (const cause of step.causes) {
      const isWithin = step.open === true || cause.until <= step.until;
      assert.ok(cause.from >= step.at && isWithin, `${cause.name} is outside`);
    }
  }
}

test('every message is found by its keys, with all of its events', async () => {
  let judged = 0;
  await runPlays(
    {
      each: () => undefined,
      end: (world) => {
        inFolder((path) => {
          const log = segmented(world);
          const records = world.store.records.flatMap((record) => record ?? []);
          const followed = new LogLook(log, follow(log, join(path, 'journey'), world.seed));
          const built = lookAt(world);
          for (const [id, own] of messagesIn(records)) {
            judge(followed, id, own);
            assert.deepEqual(journeyOf(followed, id), journeyOf(built, id));
            judged += 1;
          }
        });
      },
    },
    { hasFaults: true, hasCrashes: true },
    1,
    () => judged > 0,
  );
});
