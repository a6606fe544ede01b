/**
 * A message of a traffic file, at the moment when it comes in. Types only.
 * Deliberately unknown here: files, and what becomes of it.
 */

/** One submission. */
export interface Arriving {
  /** From the beginning of the simulation, ms. */
  readonly at: number;
  readonly from: string;
  readonly to: readonly string[];
  readonly bytes: number;
  /** Metadata of the connection: tenant and campaign are among them. */
  readonly meta: Readonly<Record<string, string>>;
}
