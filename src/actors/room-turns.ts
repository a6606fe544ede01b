/**
 * Turns at a full ready queue. The one idea: its room is shared by those who wait for it, first
 * come, first called, each with as many places as there are for each; who has more goes behind the
 * others again. So a queue with a million due messages holds up nobody else's few. Chooses no
 * source, and knows no rate.
 */
import type { Core, HeldQueue, ReadyQueue } from './core.ts';

/** True where a queue may put one more row: in its turn, or while nobody waits for one. */
export function hasTurn({ waiting, size, called, path }: ReadyQueue, places?: number): boolean {
  if (places !== undefined) return places > 0;
  return waiting.size === 0 && size + called < path.max_ready;
}

/** Half of the room is free: those who wait are called, as far as it goes round. */
export function callInTurn(core: Core, ready: ReadyQueue): void {
  const { waiting, path } = ready;
  const taken = ready.size + ready.called;
  if (waiting.size === 0 || taken * 2 > path.max_ready) return;
  let room = path.max_ready - taken;
  const places = Math.max(1, Math.floor(room / waiting.size));
  for (const queue of waiting) {
    if (room < places) return;
    room -= places;
    waiting.delete(queue);
    queue.waitsFor.delete(ready);
    queue.turns.set(ready, places);
    ready.called += places;
    // It may wait for a rate of another source, too: there is room here.
    core.lines.leave(queue.shaping.chooser);
    core.touchedQueues.add(queue);
  }
}

/** A row was put where it was this queue's turn, if it was. */
export function useTurn({ turns }: HeldQueue, ready: ReadyQueue): void {
  const places = turns.get(ready);
  if (places === undefined) return;
  turns.set(ready, places - 1);
  ready.called -= 1;
}

/** A queue that was called has come: what it has no use for is for others. */
export function endTurns(core: Core, { turns }: HeldQueue): void {
  for (const [ready, places] of turns) {
    ready.called -= places;
    core.touchedReady.add(ready);
  }
  turns.clear();
}
