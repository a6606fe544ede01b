/**
 * What clients were refused, for those who read the log: a bounded number a second and a bounded
 * text each, so that nobody can fill a disk by being refused. What is left out is counted, and the
 * next one that is written says how many there were. Answers nobody: the reply has left before.
 */
import { scrubText } from '../domain/reply.ts';
import type { Event } from '../events/catalogue.ts';
import type { RefusedCommand } from '../intake/host.ts';

/** Refusals written at once after a quiet time. */
export const REFUSALS_BURST_MAX = 100;
/** Refusals written a second in the long run. */
export const REFUSALS_PER_S_MAX = 10;
/** Of each text that a client chose, UTF-16 units. */
export const REFUSAL_TEXT_CHARS_MAX = 512;

/** Which refusals are written, and how many were not. */
export class Refusals {
  /** Counted since the start. */
  readonly counts = { told: 0, missed: 0 };
  #room = REFUSALS_BURST_MAX;
  #countedAt = 0;
  #missed = 0;

  /** The event to be written for a refusal; undefined where it is one too many. */
  take(refused: RefusedCommand, at: number, mayWrite: boolean): Event | undefined {
    const grown = (Math.max(0, at - this.#countedAt) / 1000) * REFUSALS_PER_S_MAX;
    this.#countedAt = at;
    this.#room = Math.min(REFUSALS_BURST_MAX, this.#room + grown);
    if (!mayWrite || this.#room < 1) {
      this.#missed += 1;
      this.counts.missed += 1;
      return undefined;
    }
    this.#room -= 1;
    this.counts.told += 1;
    const missed = this.#missed === 0 ? undefined : this.#missed;
    this.#missed = 0;
    const { listener: stream, ...told } = refused;
    return { type: 'reception.refused', stream, body: { ...told, ...shorten(refused), missed } };
  }
}

const cut = (text: string): string => scrubText(text.slice(0, REFUSAL_TEXT_CHARS_MAX));

const shorten = ({ text, command, helo, from, to }: RefusedCommand) => ({
  text: cut(text),
  command: cut(command),
  helo: cut(helo),
  from: from === undefined ? undefined : cut(from),
  to: to === undefined ? undefined : cut(to),
});
