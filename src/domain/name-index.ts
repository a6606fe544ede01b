/**
 * From a queue's name to its slot, for millions of names. The idea: many small maps instead of one,
 * since a map that outgrows its room is copied whole, and with half a million names that holds up
 * everything else. Knows nothing of queues.
 */

const SHARDS = 256;

/** FNV-1a, cut to a number of maps that is a power of two. */
function shardOf(name: string, shards: number): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at += 1) {
    hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  }
  return (hash ^ (hash >>> 15)) & (shards - 1);
}

/** Slots by name. */
export class NameIndex {
  readonly #shards: readonly Map<string, number>[];
  #size = 0;

  constructor(shards = SHARDS) {
    this.#shards = Array.from({ length: shards }, () => new Map<string, number>());
  }

  get size(): number {
    return this.#size;
  }

  /** Names in the fullest of the maps: what a single copy may come to. */
  get fullest(): number {
    return Math.max(...this.#shards.map(({ size }) => size));
  }

  has(name: string): boolean {
    return this.#of(name).has(name);
  }

  get(name: string): number | undefined {
    return this.#of(name).get(name);
  }

  set(name: string, slot: number): void {
    const shard = this.#of(name);
    const before = shard.size;
    shard.set(name, slot);
    this.#size += shard.size - before;
  }

  delete(name: string): void {
    if (this.#of(name).delete(name)) this.#size -= 1;
  }

  #of(name: string): Map<string, number> {
    return this.#shards[shardOf(name, this.#shards.length)] as Map<string, number>;
  }
}
