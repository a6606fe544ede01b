/**
 * Which ready queues met broken TLS lately (`remember_broken_tls`): a bounded memory by name that
 * outlives the ready queue and dies with the process, as the reference's does. The one that was
 * noted longest ago goes first. It knows no handshakes and no postures.
 */
import type { At } from '../ports/ports.ts';

const NAMES_MAX = 65_536;

/** The memory. */
export class BrokenTls {
  readonly #until = new Map<string, At>();
  readonly #namesMax: number;

  constructor(namesMax = NAMES_MAX) {
    this.#namesMax = namesMax;
  }

  /** From now on, and until then, TLS counts as broken there. */
  note(name: string, until: At): void {
    this.#until.delete(name);
    this.#until.set(name, until);
    if (this.#until.size <= this.#namesMax) return;
    for (const oldest of this.#until.keys()) {
      this.#until.delete(oldest);
      return;
    }
  }

  isBroken(name: string, at: At): boolean {
    const until = this.#until.get(name);
    if (until === undefined) return false;
    if (at < until) return true;
    this.#until.delete(name);
    return false;
  }

  get size(): number {
    return this.#until.size;
  }
}
