/**
 * What the lives of workers have shown about versions: which one took mail, which one hung.
 * The one idea: a version that hangs twice, and one with which no worker came up while others did,
 * is to give way. Puts nothing in force.
 */
import type { Crash } from './supervisor-parts.ts';

/** A version that hangs twice within this gives way to the one before it, ms. */
const HANG_MEMORY_MS = 600_000;

/** Remembers for as long as the manager runs. */
export class TrackRecord {
  readonly #hangs = new Map<number, number>();
  readonly #fit = new Set<number>();

  /** A worker took mail with this version. */
  fit(version: number): void {
    this.#fit.add(version);
  }

  /** Why `version` is to give way after this crash of a worker that used it, if it is. */
  condemn(version: number, { hungIn, sentence }: Crash, at: number): string | undefined {
    if (hungIn === undefined) {
      const isAlone = this.#fit.size === 0 || this.#fit.has(version);
      return isAlone ? undefined : `no worker came up with version ${version}: ${sentence}`;
    }
    const before = this.#hangs.get(version);
    this.#hangs.set(version, at);
    if (before === undefined || at - before > HANG_MEMORY_MS) return undefined;
    const where = hungIn === '' ? '' : ` in the handler ${hungIn}`;
    return `version ${version} hung twice within 10 minutes${where}`;
  }
}
