/**
 * A candidate before the court: the policy-loader makes it, the canary proves it, the store
 * remembers how it went. Nothing here puts a version in force. Does not know workers.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { StoredVersion, VersionInForce } from '../domain/policy-version.ts';
import { sha256Of } from '../events/log-files.ts';
import type { PolicyStore } from '../events/policy-store.ts';
import { oneLine } from '../policy/policy-error.ts';
import { EXIT_POLICY } from './exit.ts';
import type { LoadVerdict } from './messages.ts';
import type { Steps } from './steps.ts';

/** Why a candidate did not come into force. */
export interface Refusal {
  readonly kind: 'refused';
  /** Of the version, or of the refusal where no version came to be. */
  readonly number: number;
  readonly sentence: string;
  /** More lines, for who asked. */
  readonly account?: string;
  /** The exit code for a cold start. */
  readonly code: number;
}

/** A candidate that may be put in force. */
export type Loaded = Extract<LoadVerdict, { readonly kind: 'loaded' }>;

/** A candidate that was held against the laws, too, where it asks for that. */
export type Passed = Loaded & {
  /** How far the check came; undefined where there was none. */
  readonly held?: string;
};

/** What judging stands on. */
export interface JudgeParts {
  readonly dir: string;
  readonly steps: Steps;
  readonly store: PolicyStore;
}

/** The operator's policy: its file, and what judges and keeps versions of it. */
export interface Versioned extends JudgeParts {
  /** The policy file, as an absolute path. */
  readonly source: string;
  /** This program and what runs it: a version that another one proved is proved again. */
  readonly program: string;
}

/** Loads the policy file and proves what came of it. A version in force needs no other proof. */
export async function judge(
  parts: Versioned,
  reason: string,
  inForce: number | undefined,
): Promise<Loaded | Refusal> {
  const { steps, store, dir, source } = parts;
  const loaded = await steps.load({ kind: 'load', source, reason, dir });
  if (loaded.kind === 'failed') {
    const sentence = oneLine(loaded.sentence);
    const number = store.addRefusal(Date.now(), source, reason, sentence);
    return { kind: 'refused', number, sentence, code: loaded.code };
  }
  if (loaded.kind === 'refused') {
    const sentence = `the policy-loader refused the policy: ${loaded.sentence}`;
    return { kind: 'refused', number: loaded.number, sentence, code: EXIT_POLICY };
  }
  if (loaded.number === inForce) return loaded;
  return (await prove(parts, loaded.number)) ?? loaded;
}

/** Proves a stored version; answers the refusal, which the store then knows. */
export async function prove(parts: JudgeParts, number: number): Promise<Refusal | undefined> {
  const { steps, store, dir } = parts;
  const proof = await steps.prove({ kind: 'prove', number, dir });
  if (proof.kind === 'proved') return undefined;
  store.refuse(number, proof.sentence);
  const isRefused = proof.kind === 'refused';
  const sentence = isRefused ? `the canary refused it: ${proof.sentence}` : proof.sentence;
  return { kind: 'refused', number, sentence, code: isRefused ? EXIT_POLICY : proof.code };
}

/** Sends a candidate through the gate of laws, unless it was in force once. */
export async function passLaws(
  parts: JudgeParts,
  loaded: Loaded,
  log: (level: 'info', text: string) => void,
): Promise<Passed | Refusal> {
  if (!hasGateBefore(parts, loaded)) return loaded;
  const { number } = loaded;
  log('info', `version ${number} is being held against the laws`);
  const held = await holdToLaws(parts, number);
  if (typeof held !== 'string') return held;
  log('info', `version ${number}: ${held}`);
  return { ...loaded, held };
}

function hasGateBefore({ store }: JudgeParts, { hasLawGate, number }: Loaded): boolean {
  return hasLawGate && store.find(number)?.state !== 'accepted';
}

/** What may be used meanwhile, where a candidate must still be held against the laws. */
export async function findStandIn(
  parts: Versioned,
  loaded: Loaded,
): Promise<VersionInForce | undefined> {
  if (!hasGateBefore(parts, loaded)) return undefined;
  const before = parts.store.inForce();
  if (before?.source !== parts.source) return undefined;
  return (await prove(parts, before.number)) === undefined ? before : undefined;
}

/** Proves a version that somebody wants back; the laws, too, where a stop kept it from them. */
export async function proveAgain(
  parts: JudgeParts,
  { number, state }: StoredVersion,
): Promise<Refusal | undefined> {
  const refusal = await prove(parts, number);
  if (refusal !== undefined || state === 'accepted') return refusal;
  const held = await holdToLaws(parts, number);
  return typeof held === 'string' ? undefined : held;
}

/**
 * Holds a stored version against the laws where it asks for that; answers the refusal, which the
 * store then knows, or how far the check came.
 */
async function holdToLaws(parts: JudgeParts, number: number): Promise<Refusal | string> {
  const { steps, store, dir } = parts;
  const verdict = await steps.checkLaws({ kind: 'check laws', number, dir });
  if (verdict.kind === 'held') return verdict.sentence;
  const { sentence } = verdict;
  const account = verdict.kind === 'refused' ? verdict.account : undefined;
  store.refuse(number, account === undefined ? sentence : `${sentence}\n\n${account}`);
  const isRefused = verdict.kind === 'refused';
  return {
    kind: 'refused',
    number,
    sentence: isRefused ? `the laws: ${sentence}` : sentence,
    ...(account === undefined ? {} : { account }),
    code: isRefused ? EXIT_POLICY : verdict.code,
  };
}

/**
 * The version in force, where judging again could only say what it said before: this program proved
 * it, from this policy file, and no file it was made of has another content now.
 */
export function findStanding({ store, source, program }: Versioned): VersionInForce | undefined {
  const inForce = store.inForce();
  if (inForce?.source !== source || inForce.program !== program) return undefined;
  const isAsProved = ({ path, sha256 }: VersionInForce['files'][number]): boolean =>
    hashFile(resolve(dirname(source), path)) === sha256;
  const { files } = inForce;
  return files.length > 0 && files.every(isAsProved) ? inForce : undefined;
}

function hashFile(path: string): string | undefined {
  try {
    return sha256Of(readFileSync(path));
  } catch {
    return undefined;
  }
}
