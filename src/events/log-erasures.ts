/**
 * Proves the records that an order of erasure rewrote. The one idea: the chain goes on past such a
 * record without proving it, and the order, which is in the chain, lists a seal of its new text; so
 * neither a changed byte nor a record that somebody else emptied passes for an erasure.
 * Deliberately unknown here: segments, and who was erased.
 */
import type { EventRow } from './log-chain.ts';
import { erasureSealOf, isErased, textOf } from './log-chain.ts';
import type { DamageReports } from './log-report.ts';

const LISTED = 'erasure.listed';
const FINISHED = 'erasure.finished';
const ORDERED = 'erasure.ordered';

/** What the log says of erasures. */
export interface ErasuresFound {
  /** Records that were rewritten, all of them proven where there is no damage. */
  readonly records: number;
  /** Ids of the orders, and of those that were not carried out to their end. */
  readonly orders: readonly string[];
  readonly unfinished: readonly string[];
}

interface Listed {
  readonly seal: string;
  readonly order: string;
}

/** Follows a log from its first record to its last. */
export class ErasureProof {
  /** By position: the seal of the text that is there. */
  readonly #erased = new Map<number, string>();
  readonly #listed = new Map<number, Listed>();
  readonly #orders = new Map<string, boolean>();
  #first = Number.MAX_SAFE_INTEGER;

  /** Hears the whole records, in order. */
  see(rows: readonly EventRow[]): void {
    this.#first = Math.min(this.#first, rows[0]?.[0] ?? this.#first);
    for (const row of rows) {
      if (isErased(row)) this.#erased.set(row[0], erasureSealOf(textOf(row) ?? ''));
      else if (row[4].startsWith('erasure.')) this.#hear(row);
    }
  }

  #hear([, , , order, type, , body]: EventRow): void {
    if (type === ORDERED) this.#orders.set(order, this.#orders.get(order) ?? false);
    if (type === FINISHED) this.#orders.set(order, true);
    if (type !== LISTED) return;
    const { positions, seals } = JSON.parse(body) as { positions: number[]; seals: string[] };
    // A record that two orders rewrote is as the later one says.
    for (const [index, position] of positions.entries()) {
      this.#listed.set(position, { seal: seals[index] ?? '', order });
    }
  }

  /** Reports what no order vouches for, and what an order should have rewritten and did not. */
  report(reports: DamageReports, isThere: (position: number) => boolean): ErasuresFound {
    for (const [position, seal] of this.#erased) {
      const listed = this.#listed.get(position);
      if (listed?.seal === seal) continue;
      const what =
        listed === undefined
          ? 'was emptied, and no order of erasure on record says so'
          : `is not as the erasure ${listed.order} left it`;
      const sentence = `the record at position ${position} ${what}`;
      reports.add({ kind: 'erasure-unproven', position, upto: position, sentence });
    }
    for (const [position, { order }] of this.#listed) {
      if (position < this.#first || this.#erased.has(position) || !isThere(position)) continue;
      const sentence =
        `the record at position ${position} was to be erased by ${order} and is not: ` +
        'finish it with waybill erase --resume';
      reports.add({ kind: 'erasure-undone', position, upto: position, sentence });
    }
    const unfinished = [...this.#orders].filter(([, isDone]) => !isDone).map(([id]) => id);
    return { records: this.#erased.size, orders: [...this.#orders.keys()], unfinished };
  }
}
