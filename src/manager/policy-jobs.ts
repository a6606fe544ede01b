/**
 * What a thread that runs a policy is asked, and what it answers. Plain data only. Knows nobody's
 * work.
 */
import type { PlainValue, StoredVersion, VersionFile } from '../domain/policy-version.ts';

/** Run a policy file that was compiled, with its data files from disk. */
export interface LoadJob {
  readonly kind: 'load';
  readonly source: string;
  /** The folder for compiled modules. */
  readonly outDir: string;
  readonly code: string;
  readonly map: string;
  /** Name servers to ask instead of those of the machine. */
  readonly dnsServers?: readonly string[];
}

/** Start from a stored version as a worker would. */
export interface ProveJob {
  readonly kind: 'prove';
  readonly version: StoredVersion;
  readonly dir: string;
}

/** Ask a stored version. */
export interface AskJob {
  readonly kind: 'ask';
  readonly version: StoredVersion;
  readonly dir: string;
  readonly questions: Questions;
}

/** Ask a stored version what the log says that another was asked. */
export interface ReplayJob {
  readonly kind: 'replay';
  readonly version: StoredVersion;
  readonly dir: string;
  readonly questions: readonly RecordedQuestion[];
}

/** A question as the log recorded it; each kind is a handler. */
export type RecordedQuestion =
  | { readonly kind: 'queue'; readonly name: string }
  | { readonly kind: 'pool'; readonly name: string }
  | { readonly kind: 'source'; readonly name: string }
  | {
      readonly kind: 'path';
      /** The ready queue. */
      readonly name: string;
      readonly domain: string;
      readonly source: string;
      readonly site: string;
      readonly hosts: readonly string[];
    };

/** What a version answers to recorded questions. */
export interface Replayed {
  /** In the order of the questions; undefined: it knows no such thing, or failed. */
  readonly answers: readonly (EffectiveAnswer | undefined)[];
  /** Key → JSON text. */
  readonly texts: ReadonlyMap<string, string>;
  readonly faults: readonly string[];
  /** Handlers it has whose questions the log does not record. */
  readonly unrecorded: readonly string[];
}

/** Names to ask about. */
export interface Questions {
  /** Scheduled queues, and the site each was last routed to; '' where that is not known. */
  readonly queues: readonly (readonly [name: string, site: string])[];
  readonly pools: readonly string[];
  readonly sources: readonly string[];
}

/** One answer of a version. */
export interface EffectiveAnswer {
  /** Names its text. */
  readonly key: string;
  /** Option → `file: key` of what set it, where a helper says so. */
  readonly origins?: Readonly<Record<string, string>>;
}

/** The answers for one way to a site; ways with the same answers share them. */
export interface PathAnswers {
  /** All keys, so that two versions are compared at once. */
  readonly keys: string;
  readonly bySource: ReadonlyMap<string, EffectiveAnswer>;
}

/** What a version answers; texts are shared by key. */
export interface Effective {
  /** By name; pools and sources that the version does not know are absent. */
  readonly queues: ReadonlyMap<string, EffectiveAnswer>;
  readonly pools: ReadonlyMap<string, EffectiveAnswer>;
  readonly sources: ReadonlyMap<string, EffectiveAnswer>;
  /** By way: the site, and the routing domain where that is another. */
  readonly paths: ReadonlyMap<string, PathAnswers>;
  /** Key → JSON text. */
  readonly texts: ReadonlyMap<string, string>;
  /** Queue → its pool; pool → its sources; way → the queues that go it. */
  readonly poolOf: ReadonlyMap<string, string>;
  readonly membersOf: ReadonlyMap<string, readonly string[]>;
  readonly queuesOf: ReadonlyMap<string, readonly string[]>;
  readonly faults: readonly string[];
}

/** Any order. */
export type PolicyJob = LoadJob | ProveJob | AskJob | ReplayJob;

/** What loading found besides refusals. */
export interface Loaded {
  readonly files: readonly VersionFile[];
  readonly facts: Readonly<Record<string, PlainValue>>;
  readonly settings: string;
  readonly globs: readonly string[];
  readonly intervalMs: number;
  readonly hasLawGate: boolean;
}

/** The answer: all refusals, or none and the result of the job. */
export interface JobResult {
  readonly refusals: readonly string[];
  readonly warnings: readonly string[];
  readonly loaded?: Loaded;
  readonly effective?: Effective;
  readonly replayed?: Replayed;
}
