/**
 * What stands at the ends of the world's links, and what is noted of each dial.
 * Values only; how bytes travel between them is not known here.
 */
import type { Exchanger } from './exchanger.ts';

/** What answers at an address. */
export interface Host {
  readonly exchanger: Exchanger;
  answers: 'open' | 'refused' | 'never';
}

/** Sees what an engine writes, when it writes it. */
export type Tap = (link: number, bytes: Buffer) => void;

/** Who dialled, from where and through what. */
export interface Dialled {
  readonly at: number;
  readonly from: string;
  readonly to: string;
  readonly through?: string;
  /** When the link was gone, from our side. */
  endedAt?: number;
}
