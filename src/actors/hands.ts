/**
 * The hands of the durable charts: what entering a state does to what is held. Called while
 * signalling, after the commit, so they only touch memory, arm alarms and ask for a turn; they emit
 * nothing.
 */
import type { Core } from './core.ts';
import { PLACE_READY } from './held-rows.ts';
import { rowIsDue } from './queue/due.ts';
import type { Hands } from './registry.ts';
import { withdrawSource } from './suspending.ts';

/** Makes the hands; `find` gives the core once it is made. */
export function makeHands(find: () => Core): Hands {
  return {
    armAlarm: (name) => armAlarm(find(), name),
    placeRows: (name) => placeRows(find(), name),
    withdrawRows: (name) => withdrawLater(find(), name),
    emptyReadyQueues: (name) => emptyLater(find(), name),
    offerAgain: (source) => find().turns.push({ kind: 'sourceFreed', source }),
  };
}

function armAlarm(core: Core, name: string): void {
  const queue = core.books.findQueue(name);
  if (queue !== undefined && queue.until > 0) core.alarms.set(`queue ${name}`, queue.until);
  const source = core.books.sources.get(name);
  if (source !== undefined && source.until > 0) core.alarms.set(`source ${name}`, source.until);
  core.turns.ringNow();
}

function placeRows(core: Core, name: string): void {
  const row = core.books.findQueue(name);
  const queue = row === undefined ? undefined : core.queues.get(row.slot);
  if (queue === undefined) return;
  core.touchedQueues.add(queue);
  core.turns.ringNow();
}

/** A suspended queue has its rows back from ready queues, in a turn of its own. */
function withdrawLater(core: Core, name: string): void {
  const run = (at: number): void => {
    const queue = core.books.findQueue(name);
    if (queue?.state !== 'suspended') return;
    const { rows } = core.books;
    for (let slot = queue.head; slot >= 0; slot = rows.next[slot] as number) {
      if (core.held.placeOf(slot) === PLACE_READY) rowIsDue(core, slot, at);
    }
  };
  core.turns.push({ kind: 'run', run });
}

/** The rows of a source that is out, or gone, go back to their queues, in a turn of its own. */
function emptyLater(core: Core, name: string): void {
  const run = (at: number): void => {
    if (core.books.sources.get(name)?.state !== 'open') withdrawSource(core, name, at);
  };
  core.turns.push({ kind: 'run', run });
}
