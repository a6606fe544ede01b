/**
 * Where operators and metrics meet the sources: which are suspended, what was counted, and the two
 * wishes about them, which are decided in a turn like any other. Decides nothing itself.
 */
import type { Refusal } from '../intake/host.ts';
import type { Core } from './core.ts';
import type { Command } from './input.ts';
import type { Kept } from './recorded.ts';
import type { SourceCount } from './source-health.ts';

/** A source out of rotation: why, and until when (engine time, ms). */
export interface Suspension {
  readonly source: string;
  readonly reason: string;
  readonly cause: string;
  readonly until: number;
}

type Answered = (refusal: string | undefined) => void;

/** The desk; `answered` comes when the wish is durable, or with why it makes no sense. */
export interface SourceDesk {
  now(): number;
  suspended(): readonly Suspension[];
  suspend(source: string, until: number, why: string, answered: Answered, by?: string): void;
  resume(source: string, answered: Answered, by?: string): void;
  meters(): {
    readonly suspended: readonly Readonly<SourceCount>[];
    readonly suspensions: readonly Readonly<SourceCount>[];
    readonly failures: readonly Readonly<SourceCount>[];
    readonly bindFailures: number;
    readonly proxyFailures: number;
  };
}

/** Makes the desk of an engine. */
export function makeSourceDesk(core: Core): SourceDesk {
  const wish = (command: Command, answered: Answered): void => {
    const said = (refusal?: Refusal): void => answered(refusal?.text);
    core.turns.push({ kind: 'commanded', command, answered: said });
  };
  return {
    now: () => core.ports.clock.now(),
    suspended: () => suspensionsOf(core),
    suspend: (source, until, why, answered, by) =>
      wish({ kind: 'source.suspend', source, until, why, by }, answered),
    resume: (source, answered, by) => wish({ kind: 'source.resume', source, by }, answered),
    meters: () => {
      const { failures, suspensions, bindFailures, proxyFailures } = core.health;
      return {
        suspended: gaugesOf(core),
        suspensions: suspensions.values(),
        failures: failures.values(),
        bindFailures,
        proxyFailures,
      };
    },
  };
}

/** The sources that are suspended, by name. */
export function suspensionsOf({ books }: Pick<Kept, 'books'>): Suspension[] {
  const found: Suspension[] = [];
  for (const { name: source, state, reason, cause, until } of books.sources.values()) {
    if (state === 'suspended') found.push({ source, reason, cause, until });
  }
  return found.sort((a, b) => (a.source < b.source ? -1 : 1));
}

/** 1 for each suspension in force, also one from before this start; 0 for those that were. */
function gaugesOf(core: Core): SourceCount[] {
  const past = core.health.suspensions.values().map(({ source, label }) => ({ source, label }));
  const now = suspensionsOf(core).map(({ source, reason }) => ({ source, label: reason }));
  const isNow = new Set(now.map(({ source, label }) => `${label} ${source}`));
  const over = past.filter(({ source, label }) => !isNow.has(`${label} ${source}`));
  return [
    ...now.map((one) => ({ ...one, value: 1 })),
    ...over.map((one) => ({ ...one, value: 0 })),
  ];
}
