/**
 * What a world is made of, and the wishes that are told to it. Types only.
 * Deliberately unknown here: what a world does with them.
 */
import type { Command } from '../../actors/input.ts';
import type { CaptureList } from '../../domain/capture.ts';
import type { Limits } from '../../domain/limits.ts';
import type { MemoryStore } from '../../events/memory-log.ts';
import type { Refusal } from '../../intake/host.ts';
import type { ReadersVersion } from '../../manager/readers.ts';
import type { PolicyPart } from '../../policy/hooks.ts';
import type { StoredRecord } from '../../ports/ports.ts';
import type { Faults } from './chance.ts';
import type { Manner } from './exchanger.ts';
import type { PolicyPlan } from './policy.ts';
import type { QuotasKind } from './quotas.ts';

/** Reads the durable log along, after each step. */
export interface LogReader {
  read(store: MemoryStore): void;
  /** What the engine tells its operator; without it the world keeps all of it. */
  hear?(text: string): void;
}

/** What a world is made of; all but the seed has a default. */
export interface WorldKnobs {
  readonly seed: number;
  readonly limits?: Partial<Limits>;
  readonly faults?: Faults;
  /** Who counts rates and limits; without it the process does. */
  readonly quotas?: QuotasKind;
  readonly plan?: PolicyPlan;
  /** The share of mails whose bodies may stay in memory (deferred_spool); none without it. */
  readonly deferring?: number;
  /** What readers of the log want to know of messages. */
  readonly capture?: CaptureList;
  /** Whose log hooks run, with simulated sinks; what readers want to know is then theirs to say. */
  readonly hooks?: ReadersVersion;
  /** Handlers beside those of the plan. */
  readonly handlers?: PolicyPart;
  /** What the log holds already. */
  readonly past?: readonly StoredRecord[];
  /** By domain: how its exchanger behaves. */
  readonly manners?: Readonly<Record<string, Manner>>;
  /**
   * Reads the log in place of the witness. Such a world is for much mail: it keeps no copies, dials
   * or dots, and bytes travel whole.
   */
  readonly reader?: LogReader | undefined;
}

/** A wish and what was answered. */
export interface Wish {
  readonly command: Command;
  readonly wishedAt: number;
  answeredAt: number | undefined;
  refusal: Refusal | undefined;
}
