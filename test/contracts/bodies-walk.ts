/**
 * The random walk over a body store: write, read, release, move, reopen, compact, in any order. The
 * model is a list of what is alive; whatever the store does, each of these bodies must be readable.
 * Deliberately unknown here: which store is walked over.
 */

import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { OpenedBodies } from '../../src/ports/body-store.ts';
import type { BodyRef } from '../../src/ports/ports.ts';
import { call, mustRead, writeBody } from './bodies-calls.ts';
import type { BodiesSubject } from './bodies-contract.ts';

/** A living body of the model: `seed` and the reference give its bytes. */
export interface LivingBody {
  readonly ref: BodyRef;
  readonly seed: number;
}

/** One step of a walk. */
export type Step =
  | { readonly do: 'write'; readonly sizes: readonly number[] }
  | { readonly do: 'release' | 'move' | 'read'; readonly picks: readonly number[] }
  | { readonly do: 'reopen' }
  | { readonly do: 'compact' };

const sizes = fc.array(
  fc.oneof(fc.nat(200), fc.integer({ min: 2000, max: 12_000 }), fc.constant(20_000)),
  { minLength: 1, maxLength: 8 },
);
const picks = fc.array(fc.nat(), { minLength: 1, maxLength: 8 });

/** Walks of some length, mostly writing and releasing. */
export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant('write' as const), sizes }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('release' as const), picks }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('move' as const, 'read'), picks }) },
    { weight: 1, arbitrary: fc.constantFrom<Step>({ do: 'reopen' }, { do: 'compact' }) },
  ),
  { minLength: 10, maxLength: 60 },
);

/** No two bodies are alike, so that a mix-up shows. */
let seeds = 0;

/** The bytes of a model's body. */
export const bytesOf = (seed: number, length: number): Buffer =>
  Buffer.alloc(length, `${seed.toString(36)}~`);

/** Takes one step; answers the living bodies after it. */
export async function takeStep(
  subject: BodiesSubject,
  store: OpenedBodies,
  alive: readonly LivingBody[],
  step: Step,
): Promise<{ store: OpenedBodies; alive: LivingBody[] }> {
  if (step.do === 'write') {
    const written = step.sizes.map(async (size) => {
      seeds += 1;
      const seed = seeds;
      const ref = await writeBody(store, `{"seed":${seed}}`, [bytesOf(seed, size)]);
      assert.ok('segment' in ref, JSON.stringify(ref));
      return { ref, seed };
    });
    return { store, alive: [...alive, ...(await Promise.all(written))] };
  }
  if (step.do === 'reopen') {
    const next = await subject.reopen();
    for (const { ref } of alive) next.refer(ref.segment, 1, ref.length);
    next.settle();
    return { store: next, alive: [...alive] };
  }
  if (step.do === 'compact') {
    const sparse = new Set(store.sparse().map(({ segment }) => segment));
    const picked = alive.filter(({ ref }) => sparse.has(ref.segment));
    return { store, alive: await moveAll(store, alive, picked) };
  }
  const picked = pick(alive, step.picks);
  if (step.do === 'move') return { store, alive: await moveAll(store, alive, picked) };
  if (step.do === 'read') await checkAll(store, picked);
  else for (const { ref } of picked) store.refer(ref.segment, -1, ref.length);
  const rest = step.do === 'read' ? [...alive] : alive.filter((body) => !picked.includes(body));
  return { store, alive: rest };
}

/** Moves bodies as the engine does: the old reference goes when the new place is known. */
export async function moveAll(
  store: OpenedBodies,
  alive: readonly LivingBody[],
  picked: readonly LivingBody[],
): Promise<LivingBody[]> {
  const moved = await Promise.all(
    picked.map(async ({ ref, seed }) => {
      const outcome = await call<Awaited<ReturnType<typeof writeBody>>>((done) =>
        store.move(ref, done),
      );
      if ('segment' in outcome) {
        store.refer(ref.segment, -1, ref.length);
        return { ref: outcome, seed };
      }
      // More at once than may wait: it stays where it is, to be moved another time.
      assert.equal(outcome.code, 'FAULT_OVERLOADED', outcome.cause);
      return { ref, seed };
    }),
  );
  return [...alive.filter((body) => !picked.includes(body)), ...moved];
}

/** Every one of these bodies must be there as it was written. */
export async function checkAll(store: OpenedBodies, alive: readonly LivingBody[]): Promise<void> {
  await Promise.all(
    alive.map(async ({ ref, seed }) => {
      assert.ok((await mustRead(store, ref)).equals(bytesOf(seed, ref.length)));
    }),
  );
}

function pick(alive: readonly LivingBody[], numbers: readonly number[]): LivingBody[] {
  const picked = new Set<LivingBody>();
  for (const number of numbers) {
    const body = alive[number % Math.max(1, alive.length)];
    if (body !== undefined) picked.add(body);
  }
  return [...picked];
}

/** Random walks, each over a store of its own. */
export async function walkAtRandom(make: () => Promise<BodiesSubject>): Promise<void> {
  const property = fc.asyncProperty(steps, async (walk) => {
    const subject = await make();
    let { store } = subject;
    let alive: LivingBody[] = [];
    store.settle();
    try {
      for (const step of walk) ({ store, alive } = await takeStep(subject, store, alive, step));
      await checkAll(store, alive);
    } finally {
      await subject.dispose();
    }
  });
  await fc.assert(property, { numRuns: 100, interruptAfterTimeLimit: 2500 });
}
