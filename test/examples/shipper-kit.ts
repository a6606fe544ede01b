/**
 * What the stories of log hooks share: a hook that has begun, records, what came of them.
 * Deliberately unknown here: what should have come of them.
 */
import type { LogRecord } from '../../src/projections/log-record/record.ts';
import { makeRecord } from '../world/hook-log.ts';
import type { HookKnobs } from '../world/hook-world.ts';
import { HookWorld } from '../world/hook-world.ts';

export const S = 1_000;

export function begin(knobs: Partial<HookKnobs> = {}): HookWorld {
  const world = new HookWorld({ seed: 7, ...knobs });
  world.start();
  return world;
}

export function commit(world: HookWorld, count: number, fields: Partial<LogRecord> = {}): void {
  for (let left = count; left > 0; left -= 1) {
    world.log.commit(makeRecord({ event_id: `e${world.log.upto() + 1}`, ...fields }));
  }
}

export const sizes = ({ receiver }: HookWorld): number[] =>
  receiver.sent.map(({ batch }) => batch.length);
export const taken = ({ receiver }: HookWorld): string =>
  receiver.taken.map(({ eventId }) => eventId).join(' ');
export const kinds = ({ news }: HookWorld): string[] =>
  news.map(({ kind }) => kind).filter((kind) => kind !== 'settled');
/** Gaps between the batches, ms. */
export const gaps = ({ receiver: { sent } }: HookWorld): number[] =>
  sent.slice(1).map(({ at }, index) => at - (sent[index]?.at ?? 0));
