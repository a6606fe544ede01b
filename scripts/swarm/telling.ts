/**
 * A play of the swarm, told: the knobs of its world, each act, a line for each notable turn of the
 * log, at the end the ledger; and its log as a history, with the books that it folds to. The one
 * idea: the same seed tells the same story, byte for byte. Deliberately unknown here: the laws.
 */
import { writeFileSync } from 'node:fs';
import type { StoredRecord } from '../../src/ports/ports.ts';
import type { World } from '../../src/testing/world/world.ts';
import type { Eyes } from '../../test/swarm/swarm.ts';
import { canonOf, foldRecords } from '../../test/world/canon.ts';

/** Attempts are many; what ends, pauses or starts something is worth a line. */
const QUIET = new Set(['message.accepted', 'message.offered', 'policy.answered', 'message.moved']);

/** Looks on and tells. */
export interface Teller {
  readonly eyes: Eyes;
  /** What came after the last act, and the ledger. */
  readonly end: () => void;
  readonly write: (file: string) => void;
}

/** A teller, line by line. */
export function makeTeller(say: (line: string) => void): Teller {
  let world: World | undefined;
  let told = 0;
  const tellNews = (): void => {
    if (world === undefined) return;
    const { records } = world.witness;
    for (const turn of groupByTurn(records.slice(told))) tell(say, turn, world.time.startAt);
    told = records.length;
  };
  return {
    eyes: {
      onWorld: (opened, knobs) => {
        world = opened;
        say(`world ${JSON.stringify(knobs)}`);
      },
      onAct: (_world, act) => {
        tellNews();
        say(act === undefined ? 'the world turns kind' : JSON.stringify(act));
      },
    },
    end: () => {
      tellNews();
      if (world === undefined) return;
      say(`ledger ${JSON.stringify(world.engine.core.books.ledger)}, ${world.crashes} crashes`);
    },
    write: (file) => {
      if (world !== undefined) say(writeHistory(world, file));
    },
  };
}

function tell(say: (line: string) => void, records: readonly StoredRecord[], startAt: number) {
  const notable = records.filter(({ type }) => !QUIET.has(type));
  if (notable.length === 0) return;
  const counts = new Map<string, number>();
  for (const { type } of notable) counts.set(type, (counts.get(type) ?? 0) + 1);
  const words = [...counts].map(([type, count]) => (count === 1 ? type : `${type} x${count}`));
  const { at, turn } = notable[0] as StoredRecord;
  say(`${String((at - startAt) / 1_000).padStart(10)} s  turn ${turn}  ${words.join(', ')}`);
}

function groupByTurn(records: readonly StoredRecord[]): StoredRecord[][] {
  const turns = new Map<number, StoredRecord[]>();
  for (const record of records) turns.set(record.turn, [...(turns.get(record.turn) ?? []), record]);
  return [...turns.values()];
}

function writeHistory(world: World, file: string): string {
  const { records } = world.witness;
  writeFileSync(file, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  const books = canonOf(foldRecords(records).books);
  writeFileSync(file.replace('.jsonl', '.books.json'), `${JSON.stringify(books, null, 1)}\n`);
  const types = [...new Set(records.map(({ type }) => type))].sort();
  return `history ${file}: ${records.length} records of ${types.length} types: ${types.join(', ')}`;
}
