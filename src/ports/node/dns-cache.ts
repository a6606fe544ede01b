/**
 * Answers kept until they expire, at most so many; the one unused for longest goes first. A Map
 * keeps its keys in order of insertion, so touching an entry is taking it out and putting it back.
 * It does not know what the answers say.
 */
import type { At } from '../ports.ts';

/** A bounded store of things that expire. */
export interface ExpiringCache<T> {
  find(key: string, now: At): T | undefined;
  store(key: string, value: T): void;
  readonly size: number;
}

/** A cache of at most `entriesMax` values. */
export const createExpiringCache = <T extends { readonly expiresAt: At }>(
  entriesMax: number,
): ExpiringCache<T> => {
  const entries = new Map<string, T>();
  return {
    find: (key, now) => {
      const value = entries.get(key);
      if (value === undefined) return undefined;
      entries.delete(key);
      if (value.expiresAt <= now) return undefined;
      entries.set(key, value);
      return value;
    },
    store: (key, value) => {
      entries.delete(key);
      entries.set(key, value);
      if (entries.size <= entriesMax) return;
      for (const oldest of entries.keys()) {
        entries.delete(oldest);
        break;
      }
    },
    get size() {
      return entries.size;
    },
  };
};
