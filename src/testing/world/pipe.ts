/**
 * One direction of a link: bytes in order, cut anywhere, each piece after its own delay.
 * The one idea: what was sent arrives in order or not at all, as TCP promises, and nothing else is
 * promised. Deliberately unknown here: what the bytes say and who listens.
 */
import type { Chance, Faults } from './chance.ts';
import type { WorldTime } from './clock.ts';

const DELAY_MS_MAX = 30;
const PIECES_MAX = 4;
const STALL_MS_MIN = 20_000;
const STALL_MS_MAX = 900_000;

/** What the pipe stands in. */
export interface PipeWorld {
  readonly time: WorldTime;
  readonly chance: Chance;
  readonly faults: Faults;
  /** Bytes travel whole. */
  readonly isLean: boolean;
}

/** The end that listens. */
export interface PipeEnd {
  received(bytes: Buffer): void;
  ended(): void;
  /** The world cut the link just here. */
  broke(): void;
}

/** One direction. */
export class Pipe {
  readonly #world: PipeWorld;
  readonly #end: PipeEnd;
  readonly #isPunctual: boolean;
  #lastAt = 0;
  #isCut = false;

  constructor(world: PipeWorld, end: PipeEnd, isPunctual = false) {
    this.#world = world;
    this.#end = end;
    this.#isPunctual = isPunctual;
  }

  send(bytes: Buffer, waitMs = 0): void {
    const { chance, faults, time } = this.#world;
    for (const piece of this.#cutUp(bytes)) {
      const isBreaking = chance.hits(faults.reset);
      time.schedule(this.#delayMs(waitMs), () => {
        if (this.#isCut) return;
        this.#end.received(piece);
        if (!isBreaking || this.#isCut) return;
        this.cut();
        this.#end.broke();
      });
    }
  }

  /** After everything that was sent: the end, or a break. */
  finish(kind: 'ended' | 'broke', waitMs = 0): void {
    this.#world.time.schedule(this.#delayMs(waitMs), () => {
      if (this.#isCut) return;
      this.cut();
      this.#end[kind]();
    });
  }

  /** Nothing more arrives. */
  cut(): void {
    this.#isCut = true;
  }

  #cutUp(bytes: Buffer): Buffer[] {
    const { chance } = this.#world;
    const isWhole = this.#isPunctual || this.#world.isLean;
    if (bytes.length < 2 || isWhole || chance.hits(0.5)) return [bytes];
    const places = Array.from({ length: chance.between(1, PIECES_MAX - 1) }, () =>
      chance.between(1, bytes.length - 1),
    );
    const ends = [...new Set(places), bytes.length].sort((a, b) => a - b);
    return ends.map((end, at) => bytes.subarray(ends[at - 1] ?? 0, end));
  }

  /** How long what is sent now takes; never less than what was sent before it. */
  #delayMs(waitMs: number): number {
    const { chance, faults, time } = this.#world;
    const stallMs = chance.hits(faults.stall) ? chance.between(STALL_MS_MIN, STALL_MS_MAX) : 0;
    const delayMs = this.#isPunctual ? 0 : chance.between(1, DELAY_MS_MAX);
    const dueAt = time.now + waitMs + stallMs + delayMs;
    this.#lastAt = Math.max(this.#lastAt, dueAt);
    return this.#lastAt - time.now;
  }
}
