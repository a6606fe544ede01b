/**
 * The records a shipper has at hand: read ahead of the sink, in order, each with its size and the
 * time it was read. A record leaves it when its batch is settled, not when it is sent; so what is
 * at hand and not settled is always exactly what the cursor does not cover.
 * Deliberately unknown here: where records come from and what becomes of them.
 */
import type { Ms } from '../../ports/ports.ts';
import type { OutgoingRecord } from '../../ports/sink.ts';
import { cutBatch } from './batch.ts';

/** Records gone from the front before the arrays are made shorter. */
const GONE_MAX = 4_096;

/** A queue of records. */
export class Hand {
  #records: OutgoingRecord[] = [];
  #sizes: number[] = [];
  #readAts: number[] = [];
  #from = 0;
  #bytes = 0;

  get count(): number {
    return this.#records.length - this.#from;
  }

  get bytes(): number {
    return this.#bytes;
  }

  put(record: OutgoingRecord, bytes: number, steadyMs: Ms): void {
    this.#records.push(record);
    this.#sizes.push(bytes);
    this.#readAts.push(steadyMs);
    this.#bytes += bytes;
  }

  /** How many of the first make a batch of at most `countMax`. */
  cut(countMax: number): number {
    return cutBatch(this.#sizes, this.#from, countMax);
  }

  /** The first `count`, which stay. */
  peek(count: number): OutgoingRecord[] {
    return this.#records.slice(this.#from, this.#from + count);
  }

  /** The position of the first; undefined when empty. */
  position(): number | undefined {
    return this.#records[this.#from]?.position;
  }

  /** How long the first was here, ms. */
  ageMs(steadyMs: Ms): Ms {
    return steadyMs - (this.#readAts[this.#from] ?? steadyMs);
  }

  drop(count: number): void {
    for (let at = this.#from; at < this.#from + count; at += 1) {
      this.#bytes -= this.#sizes[at] ?? 0;
    }
    this.#from += count;
    if (this.count === 0) this.clear();
    else if (this.#from >= GONE_MAX) this.#shorten();
  }

  clear(): void {
    this.#records = [];
    this.#sizes = [];
    this.#readAts = [];
    this.#from = 0;
    this.#bytes = 0;
  }

  #shorten(): void {
    this.#records = this.#records.slice(this.#from);
    this.#sizes = this.#sizes.slice(this.#from);
    this.#readAts = this.#readAts.slice(this.#from);
    this.#from = 0;
  }
}
