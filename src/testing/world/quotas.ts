/**
 * Whoever counts rates and limits in a world: in the process, as production does without a server;
 * or outside of it, as a server would, with answers that come late and counts that survive a crash;
 * or nobody who ever grants anything. Deliberately unknown here: who asks, and what for.
 */
import { createQuotas } from '../../domain/quotas.ts';
import type { Quotas } from '../../ports/quotas.ts';
import type { Chance } from './chance.ts';
import type { LifeClock, WorldTime } from './clock.ts';

/** Who counts. */
export type QuotasKind = 'here' | 'late' | 'denying';

/** The longest that an answer takes, ms. */
export const ANSWER_MS_MAX = 40;
const DENIED_MS = 700;

/** What is counted outside of the process. */
export const createServer = (time: WorldTime): Quotas => createQuotas({ now: () => time.now });

/** The quotas of one life. */
export function makeQuotas(
  kind: QuotasKind,
  parts: { readonly clock: LifeClock; readonly chance: Chance; readonly server: Quotas },
): Quotas {
  const { clock, chance, server } = parts;
  if (kind === 'here') return createQuotas({ now: () => clock.now() });
  // One connection to the server: it hears in order, and is heard in order.
  const inOrder = (): ((task: () => void) => void) => {
    let freeAt = 0;
    return (task) => {
      freeAt = Math.max(freeAt, clock.now() + chance.between(0, ANSWER_MS_MAX));
      clock.after(freeAt - clock.now(), task);
    };
  };
  const ask = inOrder();
  const answer = inOrder();
  if (kind === 'denying') return makeDenying(answer);
  return {
    take: (rates, count, answered) =>
      ask(() => server.take(rates, count, (taken) => answer(() => answered(taken)))),
    giveBack: (rates, count, at) => ask(() => server.giveBack(rates, count, at)),
    acquire: (limits, lifeMs, answered) =>
      ask(() => server.acquire(limits, lifeMs, (leased) => answer(() => answered(leased)))),
    extend: (lease, lifeMs, answered) =>
      ask(() => server.extend(lease, lifeMs, (isHeld) => answer(() => answered(isHeld)))),
    release: (lease) => ask(() => server.release(lease)),
    isShared: () => true,
  };
}

function makeDenying(later: (task: () => void) => void): Quotas {
  return {
    take: ([rate], _count, answered) => {
      const binding = rate?.name ?? '';
      later(() => answered({ granted: 0, waitMs: DENIED_MS, binding, at: 0 }));
    },
    giveBack: () => {},
    acquire: ([limit], _lifeMs, answered) => {
      const binding = limit?.name ?? '';
      later(() => answered({ kind: 'denied', binding, waitMs: DENIED_MS }));
    },
    extend: (_lease, _lifeMs, answered) => later(() => answered(false)),
    release: () => {},
    isShared: () => true,
  };
}
