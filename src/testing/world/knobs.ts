/**
 * What a world is made of, and the wishes that are told to it. Types only.
 * Deliberately unknown here: what a world does with them.
 */
import type { Command } from '../../actors/input.ts';
import type { CaptureList } from '../../domain/capture.ts';
import type { Limits } from '../../domain/limits.ts';
import type { Refusal } from '../../intake/host.ts';
import type { PolicyPart } from '../../policy/hooks.ts';
import type { StoredRecord } from '../../ports/ports.ts';
import type { Faults } from './chance.ts';
import type { Manner } from './exchanger.ts';
import type { PolicyPlan } from './policy.ts';
import type { QuotasKind } from './quotas.ts';

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
  /** Handlers beside those of the plan. */
  readonly handlers?: PolicyPart;
  /** What the log holds already. */
  readonly past?: readonly StoredRecord[];
  /** By domain: how its exchanger behaves. */
  readonly manners?: Readonly<Record<string, Manner>>;
}

/** A wish and what was answered. */
export interface Wish {
  readonly command: Command;
  readonly wishedAt: number;
  answeredAt: number | undefined;
  refusal: Refusal | undefined;
}
