/**
 * What a version of the policy is: the compiled module, every file it was made of, and what was
 * learnt from the network when it was prepared; so the past can be asked with the policy that was
 * in force then, on any machine. Types only: who makes, keeps or loads versions is not known here.
 */

/** A plain value: what JSON can hold; absent entries of a table may be undefined. */
export type PlainValue =
  | string
  | number
  | boolean
  | readonly PlainValue[]
  | { readonly [name: string]: PlainValue | undefined };

/** A file that a version was made of; its path is relative to the folder of the policy file. */
export interface VersionFile {
  readonly path: string;
  readonly sha256: string;
  readonly text: string;
}

/** A version before it has a number. */
export interface VersionDraft {
  /** Names the module and the files, not the facts. */
  readonly hash: string;
  /** The policy file, as an absolute path. */
  readonly source: string;
  /** Why it was loaded, one line. */
  readonly reason: string;
  readonly at: number;
  readonly code: string;
  /** The source map of `code`, as JSON text. */
  readonly map: string;
  /** Every source module and data file that was read. */
  readonly files: readonly VersionFile[];
  /** What `prepare` kept, by name. */
  readonly facts: Readonly<Record<string, PlainValue>>;
  /** Names the settings that only a start of a worker can change: listeners. */
  readonly settingsHash: string;
  readonly warnings: readonly string[];
}

/** Loaded but not proved; proved and once in force; refused by the canary or never come to be. */
export type VersionState = 'candidate' | 'accepted' | 'refused';

/** A version in the store. */
export interface StoredVersion extends VersionDraft {
  readonly number: number;
  readonly state: VersionState;
  /** Why it was refused; '' otherwise. */
  readonly sentence: string;
}

/** The version in force, without its texts. */
export interface VersionInForce {
  readonly number: number;
  readonly hash: string;
  readonly settingsHash: string;
  readonly source: string;
  /** Which program put it in force; '' where that is not known. */
  readonly program: string;
  readonly files: readonly Pick<VersionFile, 'path' | 'sha256'>[];
}

/** How a version comes into force. */
export interface Acceptance {
  /** Who proved it. */
  readonly program?: string;
  /** It comes back in place of the present one, which is taken back. */
  readonly isReturn?: boolean;
}

/** A version in a list, without what it is made of. */
export interface VersionSummary {
  readonly number: number;
  readonly state: VersionState;
  readonly isCurrent: boolean;
  /** '' for a version that never came to be. */
  readonly hash: string;
  readonly source: string;
  readonly reason: string;
  readonly at: number;
  /** When it was last put in force; undefined when it never was. */
  readonly acceptedAt: number | undefined;
  /** Why it was refused; '' otherwise. */
  readonly sentence: string;
  readonly warnings: readonly string[];
}
