/**
 * A replay: a span of the log sent once more, in order, with the same event ids and marked as a
 * replay. The one idea: it is a second shipper with a cursor of its own and an end, so it survives
 * a restart, keeps every rule of the first, and the live cursor does not know of it.
 * Deliberately unknown here: which replays there are, how operators name a span.
 */
import type { ShipperParts } from './held.ts';
import type { ShipperNews } from './news.ts';
import type { Shipper } from './shipper.ts';
import { startShipper } from './shipper.ts';
import type { SavedCursor } from './surroundings.ts';

/** The parts of a live hook, but a cursor with an end, and a keeper for that one. */
export interface ReplayParts extends ShipperParts {
  readonly cursor: SavedCursor & { readonly until: number };
}

/**
 * Begins a replay, or goes on with one that a restart broke off. `ended` comes with true when it is
 * through and its cursor is forgotten, with false when it was stopped and can go on. A cursor that
 * cannot be forgotten is found at the next start to be through, and goes then.
 */
export function startReplay(parts: ReplayParts, ended: (isThrough: boolean) => void): Shipper {
  let records = parts.cursor.shipped;
  const tell = (news: ShipperNews): void => {
    if (news.kind === 'settled') records += news.records;
    parts.tell(news);
  };
  return startShipper({ ...parts, tell }, (isThrough) => {
    if (!isThrough) return ended(false);
    parts.tell({ kind: 'replayed', records });
    parts.keeper.forget(() => ended(true));
  });
}
