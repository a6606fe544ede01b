/**
 * A process that writes bodies until it is killed, for the tests that kill it. It takes the living
 * references on its arguments and says on standard output, line by line, what was answered and what
 * it is about to release.
 * Deliberately unknown here: who reads the lines.
 */

import { openBodies } from '../../src/ports/node/bodies.ts';
import type { BodyRef } from '../../src/ports/ports.ts';
import { writeLine } from './write-line.ts';

/** What the child says. */
export interface ChildLine {
  readonly says: 'kept' | 'released' | 'fault';
  readonly ref?: BodyRef;
  readonly seed?: number;
  readonly code?: string;
}

/** The bytes of the child's bodies. */
export const childBytes = (seed: number): Buffer =>
  Buffer.alloc((seed * 7919) % 20_000, `${seed.toString(36)}~`);

const say = (line: ChildLine): void => writeLine(JSON.stringify(line));

async function run(dir: string, alive: BodyRef[], firstSeed: number): Promise<void> {
  const store = await openBodies({ dir, segmentBytes: 256 * 1024, sparesMax: 2 });
  for (const ref of alive) store.refer(ref.segment, 1, ref.length);
  store.settle();
  let seed = firstSeed;
  const next = (): void => {
    const mine = seed;
    seed += 1;
    store.write(`{"seed":${mine}}`, [childBytes(mine)], (ref) => {
      if ('code' in ref) {
        say({ says: 'fault', code: ref.code });
        setTimeout(next, 5);
        return;
      }
      say({ says: 'kept', ref, seed: mine });
      alive.push(ref);
      while (alive.length > 60) release(alive.splice(Math.floor(Math.random() * 30), 1)[0]);
      next();
    });
  };
  const release = (ref: BodyRef | undefined): void => {
    if (ref === undefined) return;
    say({ says: 'released', ref });
    store.refer(ref.segment, -1, ref.length);
  };
  for (let writer = 0; writer < 20; writer += 1) next();
}

const [dir, alive, firstSeed] = process.argv.slice(2);
if (import.meta.url === `file://${process.argv[1]}` && dir !== undefined) {
  await run(dir, JSON.parse(alive ?? '[]') as BodyRef[], Number(firstSeed));
}
