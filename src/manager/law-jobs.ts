/**
 * What a thread that holds a policy against the laws is asked, and what it says. Plain data only.
 * Knows nobody's work.
 */
import type { StoredVersion } from '../domain/policy-version.ts';
import type { CheckVerdict, Tenants } from '../testing/verdict.ts';

/** A policy file that was compiled; its data files are read from disk. */
export interface LawFile {
  readonly kind: 'file';
  /** As it was named. */
  readonly file: string;
  readonly source: string;
  readonly code: string;
  readonly map: string;
  /** The modules it was compiled of, by absolute path. */
  readonly inputs: readonly string[];
}

/** A stored version. */
export interface LawVersion {
  readonly kind: 'version';
  readonly version: StoredVersion;
}

/** How long is searched, and where all chance comes from. */
export interface LawSearch {
  readonly seconds: number;
  readonly seed: number;
  readonly path?: string;
  readonly tenants: Tenants;
}

/** The job. Without a search it is done as the policy's own `checkLaws` says, if it says so. */
export interface LawJob {
  readonly policy: LawFile | LawVersion;
  readonly search?: LawSearch;
}

/** thread → its watch. */
export type LawWord =
  /** It is loaded; undefined: the policy asks for no check. */
  | { readonly kind: 'searching'; readonly search: LawSearch | undefined }
  | { readonly kind: 'ran'; readonly runs: number; readonly isShrinking: boolean }
  /** Something breaks a law, and is being made smaller. */
  | { readonly kind: 'found'; readonly verdict: CheckVerdict }
  | { readonly kind: 'judged'; readonly verdict: CheckVerdict }
  /** Nothing could be loaded. */
  | { readonly kind: 'refused'; readonly sentence: string }
  /** Our own mistake. */
  | { readonly kind: 'broke'; readonly stack: string };
