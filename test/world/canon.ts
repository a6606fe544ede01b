/**
 * Books as plain values that can be compared: rows by message number, queues and sources by name.
 * The one idea: slots are an accident of history (a snapshot renumbers them), so nothing here names
 * one. Deliberately unknown here: how the books came to be.
 */

import { Registry } from '../../src/actors/registry.ts';
import type { Books } from '../../src/domain/books.ts';
import { Books as EmptyBooks } from '../../src/domain/books.ts';
import { packGenerations } from '../../src/domain/generations.ts';
import type { RowColumns } from '../../src/domain/rows.ts';
import { packRules } from '../../src/domain/rule-snapshot.ts';
import { Replay } from '../../src/events/replay.ts';
import type { StoredRecord } from '../../src/ports/ports.ts';

const byText = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

/** Keys of the answers that a queue or a source rests on. */
function answersInUse({ queues, sources }: Books): Set<string> {
  const rows = queues.filter((queue) => queue !== undefined);
  const keys = rows.flatMap(({ answer, pool }) => [answer, pool]);
  return new Set([...keys, ...Array.from(sources.values(), ({ answer }) => answer)]);
}

/** The books without slots. */
export function canonOf(books: Books) {
  const { rows } = books;
  const messages: Record<string, unknown> = {};
  const queues = books.queues.filter((queue) => queue !== undefined);
  for (const queue of queues) {
    for (let slot = queue.head; slot >= 0; slot = rows.next[slot] as number) {
      messages[String(rows.columns.number[slot])] = rowOf(books, slot, queue.name);
    }
  }
  // An answer nobody rests on may have been forgotten, and may not.
  const inUse = answersInUse(books);
  const answers = [...books.answers].filter(([key]) => inUse.has(key));
  return {
    engine: { ...books.engine },
    ledger: { ...books.ledger },
    rowCount: rows.count,
    messages,
    queues: queues
      .map(({ slot: _slot, head: _head, tail: _tail, ...queue }) => queue)
      .sort((a, b) => byText(a.name, b.name)),
    sources: [...books.sources.values()].sort((a, b) => byText(a.name, b.name)),
    // Histories from before rates were on record have none.
    ...(books.rates.size > 0 ? { rates: [...books.rates] } : {}),
    answers: Object.fromEntries(answers.sort(([a], [b]) => byText(a, b))),
    // Histories of versions that generated nothing have none.
    ...(books.generations.size > 0 ? { generations: packGenerations(books.generations) } : {}),
    // Histories of versions that wrote no reports have none.
    ...(books.ndrs.size > 0 ? { ndrs: [...books.ndrs.values()] } : {}),
    // Histories of versions that knew no rules have none.
    ...(hasOrders(books) ? { orders: packRules(books.rules) } : {}),
  };
}

const hasOrders = ({ rules }: Books): boolean =>
  rules.size + rules.rebinds.size + rules.suspended.size > 0;

function rowOf(books: Books, slot: number, queue: string) {
  const { columns, settled } = books.rows;
  const row: Record<string, unknown> = { inQueue: queue };
  for (const name of Object.keys(columns) as (keyof RowColumns)[]) row[name] = columns[name][slot];
  row['queue'] = books.queueOfRow(slot).name;
  row['settled'] = [...(settled.get(slot) ?? [])].sort((a, b) => a - b);
  const schedule = books.rows.schedules.get(slot);
  // Histories from before messages brought any have none.
  if (schedule !== undefined) row['schedule'] = schedule;
  return row;
}

/** What a fold of records gives: the books, and the charts after walking the same steps. */
export function foldRecords(
  records: readonly StoredRecord[],
  books: Books = new EmptyBooks(),
): { books: Books; charts: Registry } {
  const charts = new Registry();
  const replay = new Replay(books, undefined, (step) => charts.signal(step));
  for (const record of records) replay.apply(record);
  return { books: replay.books, charts };
}
