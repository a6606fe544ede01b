/**
 * Why the rows of a scheduled queue do not go on: suspension, rest, the retry schedule, the route,
 * room in ready queues. Only looks. Does not know single messages beyond their due times.
 */
import type { QueueRow } from '../../domain/books.ts';
import type { Reason, Rule } from '../../domain/explanation.ts';
import { readyQueueName } from '../../domain/site-name.ts';
import type { Core, HeldQueue } from '../core.ts';
import { isHeldByRate } from '../slow-rates.ts';
import { explainReady, pathRule, readyReason } from './ready.ts';
import { explainQueueShaping } from './shaping.ts';

/** Rows looked at for the earliest due time; a longer queue says that there are more. */
const LOOK_ROWS_MAX = 10_000;

/** The rule of a queue's option. */
export function queueRule(row: QueueRow, option: string, value: string): Rule {
  return { handler: 'get_queue_config', args: [row.name], option, value };
}

/** What holds the due rows of a queue, the binding reason first; none while they go out. */
export function explainDue(core: Core, row: QueueRow, at: number): Reason[] {
  // An operator's rule holds also where the queue has not come to act on it.
  const order = core.rules.verdictOf(row).suspension;
  if (order !== undefined || row.state === 'suspended') {
    const { cause, until } = order ?? row;
    return [{ name: 'suspended', text: `the queue is suspended: ${cause}`, until }];
  }
  const held = core.queues.get(row.slot);
  const sources = explainSources(core, held);
  if (row.state === 'resting') {
    return [{ name: 'resting', text: row.cause, until: row.until }, ...sources];
  }
  if (held === undefined) return [];
  if (held.isRouting) {
    const domain = held.name.routing_domain ?? held.name.domain;
    return [{ name: 'route', text: `the exchangers of ${domain} are being looked up` }];
  }
  const rates = explainQueueShaping(core, held, queueRule, pathRule);
  return [...rates, ...explainRoom(core, held, at), ...sources];
}

function explainRoom(core: Core, held: HeldQueue, at: number): Reason[] {
  return [...held.waitsFor].flatMap((ready) => {
    // Nothing waits in it: what holds it up holds this queue up.
    if (isHeldByRate(ready)) return explainReady(core, ready, at);
    const { max_ready } = ready.path;
    const text = `the ready queue ${ready.name} holds ${ready.size} messages`;
    const rule = pathRule(ready, 'max_ready', String(max_ready));
    return [{ name: 'max_ready', text, rule }, ...explainReady(core, ready, at)];
  });
}

function explainSources(core: Core, held: HeldQueue | undefined): Reason[] {
  const pool = held === undefined ? undefined : core.pools.find(held.row.pool);
  return (pool?.known ?? []).flatMap(({ name }) => {
    const order = findOrder(core, held, name);
    if (order !== undefined) return [readyReason(order)];
    const source = core.books.sources.get(name);
    if (source?.state !== 'suspended') return [];
    const text = `the source ${name} is suspended: ${source.cause}`;
    return [{ name: 'source suspended', text, until: source.until }];
  });
}

/** The operators' suspension of the ready queue of this queue over a source. */
function findOrder(core: Core, held: HeldQueue | undefined, source: string) {
  const site = held?.site?.site;
  return site === undefined ? undefined : core.rules.findReady(readyQueueName(source, site));
}

/** What a queue waits for as a whole. */
export function explainQueue(core: Core, row: QueueRow, at: number) {
  const { rows } = core.books;
  let next = Number.POSITIVE_INFINITY;
  let looked = 0;
  let due = 0;
  for (let slot = row.head; slot >= 0 && looked < LOOK_ROWS_MAX; slot = rows.next[slot] as number) {
    const dueAt = rows.columns.dueAt[slot] as number;
    if (dueAt <= at) due += 1;
    else next = Math.min(next, dueAt);
    looked += 1;
  }
  const part = looked < row.count ? ` among the first ${looked}` : '';
  const state = `${row.count} messages, ${due} of them due${part}`;
  const reasons = due > 0 || row.state !== 'ready' ? explainDue(core, row, at) : [];
  if (next !== Number.POSITIVE_INFINITY) reasons.push(retryReason(core, row, next, part));
  return { state, reasons };
}

/** The retry schedule, with the option behind it. */
export function retryReason(core: Core, row: QueueRow, until: number, part = ''): Reason {
  const { retry_interval } = core.answers.recordedQueueConfig(row.answer);
  const rule = queueRule(row, 'retry_interval', `${retry_interval / 1_000} s`);
  const text = `the retry schedule: the next attempt${part} is due then`;
  return { name: 'retry', text, until, rule };
}
