/**
 * Memory before the world's disk: bodies that may be deferred, of one life of the engine only.
 * Deliberately unknown here: which mails may, and what becomes of them.
 */
import { LIMITS } from '../../domain/limits.ts';
import type { DeferringBodies } from '../../ports/deferred-bodies.ts';
import { deferBodies } from '../../ports/deferred-bodies.ts';
import { checksum } from '../memory-bodies-segment.ts';
import type { Timing } from './mail.ts';
import type { World } from './world.ts';

/** Sets the chance of deferral apart from that of everything else. */
export const DEFER_SEED = 0x5b001;

/** What is to be sent later is stored, as intakes do it. */
export const isNear = ({ dueAt, schedule }: Timing): boolean =>
  dueAt === undefined && schedule === undefined;

/** Opens it; nothing is answered once that life is over. */
export const openSpool = (world: World, isAlive: () => boolean): DeferringBodies =>
  deferBodies(world.bodies, {
    bytesMax: world.limits.deferredBodyBytesMax ?? LIMITS.deferredBodyBytesMax,
    sumOf: (chunks) => checksum(Buffer.concat(chunks)),
    soon: (task) => {
      world.time.after(world.chance.between(0, 3), () => {
        if (isAlive()) task();
      });
    },
  });
