/**
 * Why the rows of a ready queue are not with a connection just now: from its own state, without
 * changing any. Does not know scheduled queues.
 */
import type { Reason, Rule } from '../../domain/explanation.ts';
import { formatLimit } from '../../domain/throttle-spec.ts';
import { sayMany } from '../../domain/waiting.ts';
import type { Core, ReadyQueue } from '../core.ts';
import { pathReasons } from './kept.ts';
import { explainPathShaping } from './shaping.ts';

/** The rule of a path's option, for who wants to know where it was written. */
export function pathRule(ready: ReadyQueue, option: string, value: string): Rule {
  const hosts = ready.site.hosts.map(({ name }) => name);
  const args = [ready.routingDomain, ready.source.name, ready.site.site, hosts];
  return { handler: 'get_egress_path_config', args, option, value };
}

/** What holds the rows of a ready queue, the binding reason first; none while it is served. */
export const explainReady = (core: Core, ready: ReadyQueue, at: number): Reason[] => [
  ...pathReasons(core, ready.name),
  ...heldOfReady(core, ready, at),
];

/** The part of it that only the running process knows. */
export function heldOfReady(core: Core, ready: ReadyQueue, at: number): Reason[] {
  const reasons: Reason[] = [];
  if (core.isStopping) reasons.push({ name: 'stopping', text: 'the daemon is stopping' });
  if (ready.notBefore > at) {
    const many = sayMany(ready.failures, 'connection');
    const text = `${many} in a row reached no host of ${ready.site.site}`;
    reasons.push({ name: 'reconnecting', text, until: ready.notBefore });
  }
  reasons.push(...explainPathShaping(ready, pathRule));
  reasons.push(...explainConnections(core, ready));
  return reasons;
}

const sayInUse = (limit: number, whose: string): string =>
  limit === 1
    ? `the one connection ${whose} is in use`
    : `all ${limit} connections ${whose} are in use`;

function explainConnections(core: Core, ready: ReadyQueue): Reason[] {
  const { connection_limit } = ready.path;
  const open = [...ready.sessions].filter(({ peer }) => peer !== undefined).length;
  const opening = ready.sessions.size - open + ready.planning;
  if (ready.sessions.size >= connection_limit.limit) {
    const text = sayInUse(connection_limit.limit, `to ${ready.site.site}`);
    const rule = pathRule(ready, 'connection_limit', formatLimit(connection_limit));
    return [{ name: 'connection_limit', text, rule }];
  }
  if (core.starved.has(ready)) {
    const text = sayInUse(core.limits.connectionsMax, 'of the daemon');
    return [{ name: 'connectionsMax', text }];
  }
  if (opening > 0 && open === 0) {
    const isOne = opening === 1;
    const many = `${sayMany(opening, 'connection')} to ${ready.site.site}`;
    const text = `${many} ${isOne ? 'is' : 'are'} being opened`;
    return [{ name: 'connecting', text }];
  }
  return [];
}
