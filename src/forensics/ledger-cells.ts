/**
 * The ledger cut into cells by tenant, domain and hour of acceptance: accepted = delivered +
 * bounced + expired + removed + lost + living must hold in each. The one idea: every end that a
 * record claims is counted, also one that there was nobody left to have, so what is too many shows
 * where it belongs. Deliberately unknown here: records, and how a table looks.
 */
import type { End, LedgerTotals } from '../domain/ledger-totals.ts';
import { imbalanceOf } from '../domain/ledger-totals.ts';
import { acceptedAtOfMessageId } from '../domain/message-id.ts';
import { parseQueueName } from '../domain/queue-name.ts';
import type { EndNote, LedgerWatch } from '../projections/ledger-report.ts';

/** What the ledger may be cut by. */
export const CUTS = ['tenant', 'domain', 'hour'] as const;
/** One of them. */
export type Cut = (typeof CUTS)[number];

/** Cells that are kept at a time; past it those that are balanced and empty are summed up. */
export const CELLS_MAX = 100_000;
/** Cells that are told one by one. */
export const CELLS_LISTED_MAX = 10_000;
/** Messages that are named in a cell. */
const IDS_MAX = 10;
const HOUR_MS = 3_600_000;
const ID_PATTERN = /^[0-9a-f]{32}$/;

/** One cell; a part it was not cut by is ''. */
export interface Cell extends LedgerTotals {
  readonly tenant: string;
  readonly domain: string;
  /** Beginning of the hour, RFC 3339, in UTC. */
  readonly hour: string;
  live: number;
  /** Messages with more ends than recipients, at most IDS_MAX. */
  readonly ids: string[];
}

/** What the cells say. */
export interface CellReport {
  readonly by: readonly Cut[];
  readonly cells: number;
  /** Of these, how many came to rest in balance and were let go of. */
  readonly summedUp: number;
  readonly unbalanced: number;
  readonly unbalancedListed: readonly Cell[];
  /** The first CELLS_LISTED_MAX, by hour, tenant and domain. */
  readonly listed: readonly Cell[];
}

const inOrder = (one: Cell, other: Cell): number => {
  const [a, b] = [one, other].map(({ hour, tenant, domain }) => `${hour} ${tenant} ${domain}`);
  return (a as string) < (b as string) ? -1 : 1;
};

/** Counts in cells; hand it to a ledger as its watch. */
export class LedgerCells implements LedgerWatch<Cell> {
  readonly #by: readonly Cut[];
  readonly #cells = new Map<string, Cell>();
  readonly #max: number;
  #sumAt: number;
  #summedUp = 0;

  constructor(by: readonly Cut[], max = CELLS_MAX) {
    this.#by = by;
    this.#max = max;
    this.#sumAt = max;
  }

  accepted(queue: string, total: number, stream: string): Cell {
    const cell = this.#find(queue, stream);
    cell.accepted += total;
    return cell;
  }

  ended(known: Cell | undefined, as: End, claims: number, taken: number, about: EndNote): void {
    const cell = known ?? this.#find(about.queue, about.stream);
    cell[as] += claims;
    if (taken < claims && cell.ids.length < IDS_MAX) cell.ids.push(about.stream);
  }

  living(cell: Cell, left: number): void {
    cell.live += left;
  }

  /** Ask the ledger for its report first: that tells what is living. */
  report(): CellReport {
    const all = [...this.#cells.values()].sort(inOrder);
    const unbalanced = all.filter((cell) => imbalanceOf(cell) !== 0);
    return {
      by: this.#by,
      cells: all.length + this.#summedUp,
      summedUp: this.#summedUp,
      unbalanced: unbalanced.length,
      unbalancedListed: unbalanced.slice(0, CELLS_LISTED_MAX),
      listed: all.slice(0, CELLS_LISTED_MAX),
    };
  }

  #find(queue: string, stream: string): Cell {
    const { tenant = '', domain } = parseQueueName(queue);
    const at = ID_PATTERN.test(stream) ? acceptedAtOfMessageId(stream) : 0;
    const parts = {
      tenant: this.#by.includes('tenant') ? tenant : '',
      domain: this.#by.includes('domain') ? domain : '',
      hour: this.#by.includes('hour') ? new Date(at - (at % HOUR_MS)).toISOString() : '',
    };
    const key = `${parts.hour} ${parts.tenant}@${parts.domain}`;
    const known = this.#cells.get(key);
    if (known !== undefined) return known;
    if (this.#cells.size >= this.#sumAt) this.#sumUp();
    const ends = { delivered: 0, bounced: 0, expired: 0, removed: 0, lost: 0 };
    const cell: Cell = { ...parts, accepted: 0, ...ends, live: 0, ids: [] };
    this.#cells.set(key, cell);
    return cell;
  }

  /** Lets go of what has come to rest: nobody of it is living, and it is balanced. */
  #sumUp(): void {
    for (const [key, cell] of this.#cells) {
      if (imbalanceOf(cell) !== 0) continue;
      this.#cells.delete(key);
      this.#summedUp += 1;
    }
    // Where most cells live, looking again at each new one would take longer than the log.
    this.#sumAt = Math.max(this.#max, 2 * this.#cells.size);
  }
}
