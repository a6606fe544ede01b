/**
 * What every log must do, whatever it is made of: the suite runs over memory and SQLite alike.
 * The one idea: a test knows only the port and a way to end the process and open the log again.
 * Deliberately unknown here: files, threads, damage.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type {
  Fault,
  Log,
  LogListener,
  RecordDraft,
  StoredRecord,
  TurnBatch,
} from '../../src/ports/ports.ts';

/** A log with what its opening told. */
export interface OpenedForTest {
  readonly log: Log;
  readonly lastPosition: number;
  readonly lastTurn: number;
  readonly snapshot?: { readonly position: number; readonly bytes: Uint8Array };
  replay(from: number, each: (records: StoredRecord[]) => void): Promise<void>;
}

/** One disk: opened, closed, opened again. */
export interface LogPlace {
  open(listener: LogListener): Promise<OpenedForTest>;
  dispose(): Promise<void>;
}

/** A listener that can be waited for. */
export class TestListener implements LogListener {
  readonly durableTurns: number[] = [];
  readonly faults: Fault[] = [];
  readonly rooms: boolean[] = [];
  readonly #waits: { isMet: () => boolean; met: () => void }[] = [];

  durable(turn: number, commitMs: number): void {
    assert.ok(commitMs >= 0);
    this.durableTurns.push(turn);
    this.#look();
  }

  failed(fault: Fault): void {
    this.faults.push(fault);
    this.#look();
  }

  room(hasRoom: boolean): void {
    this.rooms.push(hasRoom);
    this.#look();
  }

  #look(): void {
    for (const wait of this.#waits) if (wait.isMet()) wait.met();
  }

  until(isMet: () => boolean): Promise<void> {
    if (isMet()) return Promise.resolve();
    return new Promise((met) => this.#waits.push({ isMet, met }));
  }

  untilDurable(turn: number): Promise<void> {
    return this.until(() => this.durableTurns.includes(turn));
  }
}

export const draft = (body: string, stream = 'queue:a'): RecordDraft => ({
  stream,
  type: 'message.accepted',
  version: 1,
  body,
});

export const closeLog = (log: Log): Promise<void> => new Promise((done) => log.close(done));

export const readRecords = (log: Log, positions: readonly number[]) =>
  new Promise<readonly (StoredRecord | undefined)[]>((done) => log.read(positions, done));

export const replayAll = async (opened: OpenedForTest, from = 1): Promise<StoredRecord[]> => {
  const all: StoredRecord[] = [];
  await opened.replay(from, (records) => all.push(...records));
  return all;
};

/** Turns with running positions, from lists of drafts. */
export const toBatches = (
  turns: readonly (readonly RecordDraft[])[],
  { position = 1, turn = 1, at = 1_700_000_000_000 } = {},
): TurnBatch[] => {
  let next = position;
  return turns.map((drafts, index) => {
    const batch = { turn: turn + index, at: at + index, position: next, drafts };
    next += drafts.length;
    return batch;
  });
};

export const toStored = (batches: readonly TurnBatch[]): StoredRecord[] =>
  batches.flatMap(({ turn, at, position, drafts }) =>
    drafts.map((one, index) => ({ ...one, turn, at, position: position + index })),
  );

type MakePlace = () => Promise<LogPlace>;

const withPlace = async (make: MakePlace, body: (place: LogPlace) => Promise<void>) => {
  const place = await make();
  try {
    await body(place);
  } finally {
    await place.dispose();
  }
};

/** Writes turns, ends the log, and answers it opened again. */
const writeAndReopen = async (place: LogPlace, batches: readonly TurnBatch[]) => {
  const listener = new TestListener();
  const { log } = await place.open(listener);
  for (const batch of batches) log.append(batch);
  await closeLog(log);
  return { listener, again: await place.open(new TestListener()) };
};

const TEXTS = ['', '{}', '{"a":"ä€😀"}', 'x'.repeat(100_000), '\u0000 \n\t', "it's; DROP"];

const orderTests = (name: string, make: MakePlace): void => {
  test(`${name}: turns become durable in order, and never before append returns`, () =>
    withPlace(make, async (place) => {
      const listener = new TestListener();
      const { log, lastPosition } = await place.open(listener);
      assert.equal(lastPosition, 0);
      const batches = toBatches(
        Array.from({ length: 50 }, (_, index) => [draft(`{"n":${index}}`)]),
      );
      for (const batch of batches) {
        const before = listener.durableTurns.length;
        log.append(batch);
        assert.equal(listener.durableTurns.length, before);
      }
      await listener.untilDurable(50);
      assert.deepEqual(
        listener.durableTurns,
        batches.map(({ turn }) => turn),
      );
      await closeLog(log);
    }));

  test(`${name}: a position that does not follow is refused for good`, () =>
    withPlace(make, async (place) => {
      const listener = new TestListener();
      const { log } = await place.open(listener);
      log.append({ turn: 1, at: 1, position: 2, drafts: [draft('{}')] });
      log.append({ turn: 2, at: 1, position: 1, drafts: [draft('{}')] });
      await listener.until(() => listener.faults.length > 0);
      assert.deepEqual(
        listener.faults.map(({ code }) => code),
        ['FAULT_LOG_UNWRITABLE'],
      );
      await closeLog(log);
      assert.deepEqual(listener.durableTurns, []);
      const again = await place.open(new TestListener());
      assert.equal(again.lastPosition, 0);
      await closeLog(again.log);
    }));
};

const memoryTests = (name: string, make: MakePlace): void => {
  test(`${name}: what was appended before close is there afterwards, field by field`, () =>
    withPlace(make, async (place) => {
      const batches = toBatches([TEXTS.map((text) => draft(text)), [draft('{}', 'Ünï/cødé')]]);
      const { listener, again } = await writeAndReopen(place, batches);
      assert.deepEqual(listener.durableTurns, [1, 2]);
      assert.equal(again.lastPosition, TEXTS.length + 1);
      assert.equal(again.lastTurn, 2);
      assert.deepEqual(await replayAll(again), toStored(batches));
      assert.deepEqual(await replayAll(again, 4), toStored(batches).slice(3));
      await closeLog(again.log);
    }));

  test(`${name}: single records are read back; what is not there is undefined`, () =>
    withPlace(make, async (place) => {
      const batches = toBatches([[draft('1'), draft('2'), draft('3')]]);
      const { again } = await writeAndReopen(place, batches);
      const stored = toStored(batches);
      const found = await readRecords(again.log, [3, 99, 1]);
      // Some logs add the proof of a record's past.
      const bare = found.map((one) => one && { ...one, chain: '' });
      const wanted = [stored[2], undefined, stored[0]].map((one) => one && { ...one, chain: '' });
      assert.deepEqual(bare, wanted);
      await closeLog(again.log);
    }));

  test(`${name}: the newest snapshot comes back, and history goes on behind it`, () =>
    withPlace(make, async (place) => {
      const listener = new TestListener();
      const { log } = await place.open(listener);
      for (const batch of toBatches([[draft('1')], [draft('2')], [draft('3')]])) log.append(batch);
      await listener.untilDurable(3);
      for (const position of [1, 2, 3]) {
        const bytes = Uint8Array.from([position, 0, 255]);
        const fault = await new Promise((done) => log.saveSnapshot(position, bytes, done));
        assert.equal(fault, undefined);
      }
      await closeLog(log);
      const again = await place.open(new TestListener());
      assert.equal(again.snapshot?.position, 3);
      assert.deepEqual([...(again.snapshot?.bytes ?? [])], [3, 0, 255]);
      assert.deepEqual(await replayAll(again, 4), []);
      await closeLog(again.log);
    }));
};

const propertyTests = (name: string, make: MakePlace, numRuns: number): void => {
  const drafts = fc.array(
    fc.record({
      stream: fc.string({ maxLength: 20, unit: 'grapheme' }),
      type: fc.constantFrom('message.accepted', 'queue.rested', 'source.resumed'),
      version: fc.integer({ min: 1, max: 9 }),
      body: fc.json(),
    }),
    { minLength: 1, maxLength: 8 },
  );
  test(`${name}: any history is replayed as it was written, over any number of restarts`, () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.array(drafts, { maxLength: 5 }), { maxLength: 3 }), (runs) =>
        withPlace(make, async (place) => {
          const written: StoredRecord[] = [];
          for (const run of [...runs, []]) {
            const listener = new TestListener();
            const opened = await place.open(listener);
            assert.deepEqual(await replayAll(opened), written);
            const start = { position: opened.lastPosition + 1, turn: opened.lastTurn + 1 };
            const batches = toBatches(run, start);
            for (const batch of batches) opened.log.append(batch);
            await closeLog(opened.log);
            assert.deepEqual(listener.faults, []);
            written.push(...toStored(batches));
          }
        }),
      ),
      { numRuns },
    ));
};

/** The whole contract; `numRuns` is how many histories are tried. */
export const logContract = (name: string, make: MakePlace, numRuns: number): void => {
  orderTests(name, make);
  memoryTests(name, make);
  propertyTests(name, make, numRuns);
};
