/**
 * Why the due rows of a scheduled queue that nothing stops do not go on: the route, rates, room in
 * ready queues. All of it is held in memory and dies with the process. Only looks.
 */
import type { QueueRow } from '../../domain/books.ts';
import type { Reason } from '../../domain/explanation.ts';
import { sayMany, sayRoute, WAIT } from '../../domain/waiting.ts';
import type { Core, HeldQueue } from '../core.ts';
import { isHeldByRate } from '../slow-rates.ts';
import { queueRule } from './kept.ts';
import { explainReady, pathRule } from './ready.ts';
import { explainQueueShaping } from './shaping.ts';

/** What holds the due rows of a queue, the binding reason first; none while they go out. */
export function heldOfDue(core: Core, row: QueueRow, at: number): Reason[] {
  const held = core.queues.get(row.slot);
  if (held === undefined) return [];
  if (held.isRouting) {
    const domain = held.name.routing_domain ?? held.name.domain;
    return [{ name: WAIT.route, text: sayRoute(domain) }];
  }
  const rates = explainQueueShaping(core, held, queueRule, pathRule);
  return [...rates, ...explainRoom(core, held, at)];
}

function explainRoom(core: Core, held: HeldQueue, at: number): Reason[] {
  return [...held.waitsFor].flatMap((ready) => {
    // Nothing waits in it: what holds it up holds this queue up.
    if (isHeldByRate(ready)) return explainReady(core, ready, at);
    const { max_ready } = ready.path;
    const text = `the ready queue ${ready.name} holds ${sayMany(ready.size, 'message')}`;
    const rule = pathRule(ready, 'max_ready', String(max_ready));
    return [{ name: 'max_ready', text, rule }, ...explainReady(core, ready, at)];
  });
}
