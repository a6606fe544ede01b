/**
 * What can be wrong with a data directory, as data.
 * The one idea: damage is reported in sentences an operator can act on and never stops a start;
 * only a directory written by a newer format, or one that cannot be used at all, does.
 * Deliberately unknown here: how damage is found.
 */

/** The closed union of findings; `verify` and the start both speak it. */
export type DamageKind =
  | 'record-damaged'
  | 'chain-broken'
  | 'position-missing'
  | 'segment-missing'
  | 'segment-unreadable'
  | 'segment-meta-damaged'
  | 'segment-changed'
  | 'seal-damaged'
  | 'log-shortened'
  | 'log-foreign'
  | 'high-water-missing'
  | 'high-water-damaged'
  | 'snapshot-damaged'
  | 'erasure-unproven'
  | 'erasure-undone';

/** One finding. `position`..`upto` is the range of positions it concerns. */
export interface DamageReport {
  readonly kind: DamageKind;
  readonly position?: number;
  readonly upto?: number;
  readonly segment?: string;
  readonly sentence: string;
}

/** The data directory cannot be opened at all; the message is one clear sentence. */
export class LogOpenError extends Error {
  override readonly name = 'LogOpenError';
}

/** Collects findings, each once, however often a walk meets them. */
export class DamageReports {
  readonly all: DamageReport[] = [];
  readonly #seen = new Set<string>();
  readonly #found: (report: DamageReport) => void;

  constructor(found: (report: DamageReport) => void = () => {}) {
    this.#found = found;
  }

  add(report: DamageReport): void {
    const key = `${report.kind} ${report.position ?? ''} ${report.segment ?? ''}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.all.push(report);
    this.#found(report);
  }
}

/** `7` or `7 to 9`, for sentences. */
export const sayPositions = (position: number, upto: number): string =>
  position === upto ? `position ${position}` : `positions ${position} to ${upto}`;
