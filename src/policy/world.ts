/**
 * What the process that loads a policy lends to it: the text of data files and the facts learnt
 * when its version was prepared. A policy is bundled with its own copy of this file, so the loan
 * lies on the global object under a name of ours. Reads no file itself: in the loader the text
 * comes from disk and is noted, in a worker it comes from the version, so both see the same.
 */
import type { OptionValue } from './hooks.ts';
import { PolicyError } from './policy-error.ts';

/** The loan. */
export interface PolicyWorld {
  /** The text of a data file; throws PolicyError when there is none. */
  readDataFile(path: string): string;
  /** What `prepare` kept, by name. */
  readonly facts: Readonly<Record<string, OptionValue>>;
}

const KEY = Symbol.for('waybill.policy.world.1');
type Lent = { [KEY]?: PolicyWorld | undefined };

/** Lends `world` to policies loaded from here on; undefined takes it back. */
export function lendWorld(world: PolicyWorld | undefined): void {
  (globalThis as Lent)[KEY] = world;
}

/** The world lent just now, to be kept by a part that needs it later; throws without one. */
export function borrowWorld(): PolicyWorld {
  const world = (globalThis as Lent)[KEY];
  if (world !== undefined) return world;
  const problem = 'data files can only be read while a policy is loaded';
  throw new PolicyError('', problem, 'read them at the top level of the policy');
}

/** The text of a data file of this version, found from the folder of the policy file. */
export const readDataFile = (path: string): string => borrowWorld().readDataFile(path);

// Lent for the life of a worker, and to nobody else: a policy that is only loaded bumps nothing.
const BUMP_KEY = Symbol.for('waybill.policy.bump.1');
type LentBump = { [BUMP_KEY]?: (() => void) | undefined };

/** Lends what `bumpConfigEpoch` does; undefined takes it back. */
export function lendBump(bump: (() => void) | undefined): void {
  (globalThis as LentBump)[BUMP_KEY] = bump;
}

/** What `bumpConfigEpoch` does here: nothing where nobody lent anything. */
export const askForBump = (): void => (globalThis as LentBump)[BUMP_KEY]?.();

/** Signs octets of a message, with signatures as JSON; gives complete header lines. */
export type LentSigning = (
  chunks: readonly Uint8Array[],
  signings: readonly string[],
) => Promise<string>;

const SIGNING_KEY = Symbol.for('waybill.policy.signing.1');
type LentSigner = { [SIGNING_KEY]?: LentSigning | undefined };

/** Lends what signs messages, for the life of a worker; undefined takes it back. */
export function lendSigning(sign: LentSigning | undefined): void {
  (globalThis as LentSigner)[SIGNING_KEY] = sign;
}

const signNothing: LentSigning = () =>
  Promise.reject(new Error('nothing is signed here: only a worker that takes mail signs it'));

/** What signs messages here; where nobody lent it, it rejects. */
export const borrowSigning = (): LentSigning =>
  (globalThis as LentSigner)[SIGNING_KEY] ?? signNothing;
