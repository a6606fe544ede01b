/**
 * What a scrape may see of a worker. All of it is read at the moment it is written out; a part that
 * is not there yet, or not used, is undefined and has no series. Counts nothing itself.
 */

import type { Delays } from '../../actors/core.ts';
import type { Figures, TlsNumbers } from '../../actors/figures.ts';
import type { NdrDesk } from '../../actors/ndr-desk.ts';
import type { ListenerCounts } from '../../intake/desk.ts';
import type { TransactionTimes } from '../../intake/times.ts';
import type { ProcessFigures } from '../../ports/node/process-figures.ts';
import type { ResolverCounts } from '../../ports/node/resolver.ts';
import type { SigningNumbers } from '../../ports/node/signing.ts';
import type { HookAnswer, HookStatus } from '../../projections/hook-status.ts';

/** Something counted for a source and a label. */
export interface LabelledCount {
  readonly source: string;
  readonly label: string;
  readonly value: number;
}

/** The health of sources. */
export interface SourceMeters {
  /** By source and reason: 1 while it is suspended, 0 after. */
  readonly suspended: readonly LabelledCount[];
  readonly suspensions: readonly LabelledCount[];
  /** By source and kind. */
  readonly failures: readonly LabelledCount[];
  readonly bindFailures: number;
  readonly proxyFailures: number;
}

/** Quotas shared through Redis. */
export interface RedisNumbers {
  readonly isAvailable: boolean;
  readonly fallbacks: number;
  readonly errors: number;
  readonly leases: number;
}

/** An SMTP listener. */
export interface ListenerMeters {
  readonly address: string;
  readonly port: number;
  readonly counts: Readonly<ListenerCounts>;
  readonly times: TransactionTimes;
  sessions(): number;
}

/** What a worker shows of itself. */
export interface Meters {
  readonly version: number;
  readonly epoch: number;
  readonly counters: {
    readonly activations: number;
    readonly refusals: number;
    readonly workerRestarts: number;
  };
  /** Faults of the policy, by handler. */
  readonly faults: ReadonlyMap<string, number>;
  readonly figures?: Omit<Figures, 'delays' | 'tls'> | undefined;
  readonly tls?: (() => TlsNumbers) | undefined;
  /** Refused commands: written to the log, and left out because they were too many. */
  readonly refusals?: { readonly told: number; readonly missed: number } | undefined;
  /** Messages that had to wait for a rate or for room, by queue. */
  readonly delays?: Delays | undefined;
  readonly redis?: (() => RedisNumbers) | undefined;
  readonly hooks?: (() => Promise<HookAnswer>) | undefined;
  readonly listeners?: readonly ListenerMeters[] | undefined;
  readonly process?: (() => ProcessFigures) | undefined;
  /** Reports of failure that are owed, and what became of them. */
  readonly ndrs?: Pick<NdrDesk, 'owed' | 'counts'> | undefined;
  /** Undefined as long as nothing was signed. */
  readonly signing?: (() => SigningNumbers | undefined) | undefined;
  readonly dns?: Readonly<ResolverCounts> | undefined;
}

/** One scrape: what it sees, each asked for at most once where asking takes time. */
export class Scrape {
  readonly meters: Meters;
  readonly sources: (() => SourceMeters) | undefined;
  #hooks: Promise<readonly HookStatus[]> | undefined;

  constructor(meters: Meters, sources: (() => SourceMeters) | undefined) {
    this.meters = meters;
    this.sources = sources;
  }

  /** The log hooks, asked for once. */
  hooks(): Promise<readonly HookStatus[]> {
    this.#hooks ??= askHooks(this.meters.hooks);
    return this.#hooks;
  }
}

async function askHooks(ask: Meters['hooks']): Promise<readonly HookStatus[]> {
  const answer = await ask?.();
  return answer?.kind === 'hooks' ? answer.hooks : [];
}
