/**
 * A stretch in its file. The one idea: only the head is in memory; it says in which pages a hash
 * can be, so an answer reads those, and of a hash with many entries its count needs two at most.
 * Deliberately unknown here: the folder, and how a damaged file is made again.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { partitionPoint } from '../../domain/partition-point.ts';
import type { RunHead } from './run-format.ts';
import { decodePage, entriesIn, PAGE_ENTRIES, placesIn, RUN_PAGE_BYTES } from './run-format.ts';
import type { Stretch, StretchData, TimeSpan } from './stretch.ts';
import { blockSpan, spanOf } from './stretch.ts';

/** A page of a file is damaged, or the file is gone: whoever asked makes it anew. */
export class RunUnreadable extends Error {
  override readonly name = 'RunUnreadable';
}

/** A stretch in its file. */
export class RunFile implements Stretch {
  readonly path: string;
  readonly head: RunHead;
  readonly span: TimeSpan;

  constructor(path: string, head: RunHead) {
    this.path = path;
    this.head = head;
    this.span = spanOf(head.times);
  }

  get first(): number {
    return this.head.first;
  }

  get last(): number {
    return this.head.last;
  }

  positionsOf(hash: number): readonly number[] {
    return this.positionsOfEach([hash])[0] ?? [];
  }

  positionsOfEach(hashes: readonly number[]): readonly (readonly number[])[] {
    const { first } = this.head;
    return this.#reading((file) =>
      hashes.map((hash) => this.#placesOf(file, hash).map((place) => first + place)),
    );
  }

  #placesOf(file: number, hash: number): readonly number[] {
    const places: number[] = [];
    for (let page = this.#firstPage(hash); this.#mayHold(page, hash); page += 1) {
      placesIn(this.#page(file, page), this.#countIn(page), hash, places);
    }
    return places;
  }

  countOf(hash: number): number {
    const { fences } = this.head;
    let count = 0;
    this.#reading((file) => {
      for (let page = this.#firstPage(hash); this.#mayHold(page, hash); page += 1) {
        if (fences[page] === hash && fences[page + 1] === hash) count += PAGE_ENTRIES;
        else count += placesIn(this.#page(file, page), this.#countIn(page), hash).length;
      }
    });
    return count;
  }

  /** The page before the first that begins with the hash may end with entries of it. */
  #firstPage(hash: number): number {
    const { fences } = this.head;
    return Math.max(0, partitionPoint(0, fences.length, (at) => (fences[at] as number) < hash) - 1);
  }

  #mayHold(page: number, hash: number): boolean {
    const { fences } = this.head;
    return page < fences.length && (fences[page] as number) <= hash;
  }

  spanAt(position: number): TimeSpan {
    return blockSpan(this.head.times, this.head.first, position);
  }

  /** All of it, to go on with. */
  data(): StretchData {
    const { first, last, count, times, proof, fences } = this.head;
    const entries = new Float64Array(count);
    this.#reading((file) => {
      for (let page = 0; page < fences.length; page += 1) {
        entries.set(entriesIn(this.#page(file, page), this.#countIn(page)), page * PAGE_ENTRIES);
      }
    });
    return { first, last, entries, times, proof };
  }

  #countIn(page: number): number {
    return Math.min(PAGE_ENTRIES, this.head.count - page * PAGE_ENTRIES);
  }

  #page(file: number, page: number): Uint32Array {
    const words = new Uint32Array(RUN_PAGE_BYTES / 4);
    const at = this.head.bytes + page * RUN_PAGE_BYTES;
    const length = readSync(file, words, 0, RUN_PAGE_BYTES, at);
    const found = length === RUN_PAGE_BYTES ? decodePage(words) : undefined;
    if (found === undefined) throw new RunUnreadable(`${this.path} is damaged`);
    return found;
  }

  #reading<T>(task: (file: number) => T): T {
    let file: number;
    try {
      file = openSync(this.path, 'r');
    } catch (error) {
      throw new RunUnreadable((error as Error).message);
    }
    try {
      return task(file);
    } finally {
      closeSync(file);
    }
  }
}
