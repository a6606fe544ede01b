/**
 * Ready queues and connections as operators look at them, and the way that mail of a domain would
 * take. The policy may be asked, but nothing it says becomes a fact. Changes nothing.
 */
import type {
  PathBounds,
  PathLook,
  Phase,
  ReadyLook,
  ReadyStates,
  SessionLook,
} from '../../domain/inspection.ts';
import type { SiteAnswer } from '../../domain/mx-site.ts';
import { resolveSite } from '../../domain/mx-site.ts';
import { UNSPECIFIED } from '../../domain/options-egress.ts';
import type { PathConfig } from '../../domain/options-path.ts';
import { parseQueueName } from '../../domain/queue-name.ts';
import { readyQueueName } from '../../domain/site-name.ts';
import { formatLimit } from '../../domain/throttle-spec.ts';
import type { Core, ReadyQueue, Session } from '../core.ts';
import { recordedConfigOf } from '../rows-in-hand.ts';
import {
  choosingRates,
  dialingRates,
  leasedLimits,
  promotingRates,
  sendingRates,
} from '../shaping.ts';
import { lookThrough } from './slices.ts';

/** Rows of one ready queue whose scheduled queues are named, at most. */
const NAMED_ROWS_MAX = 10_000;

/** One ready queue; undefined where there is none of that name. */
export function lookAtReady(core: Core, name: string, wantsQueues: boolean): ReadyLook | undefined {
  const ready = core.readyQueues.get(name);
  if (ready === undefined) return undefined;
  const slots = ready.rows.peek(wantsQueues ? NAMED_ROWS_MAX : 1, core.held.isGood);
  const [head] = slots;
  const pool = head === undefined ? undefined : recordedConfigOf(core, head).egress_pool;
  const names = new Set(slots.map((slot) => core.books.queueOfRow(slot).name));
  return {
    name,
    source: ready.source.name,
    pool: pool ?? UNSPECIFIED,
    site: ready.site,
    size: ready.size,
    states: statesOf(ready),
    suspended: core.rules.findReady(name),
    bounds: boundsOf(core, { name, source: ready.source.name, path: ready.path }),
    sessions: [...ready.sessions].map((session) => lookAtSession(session)),
    queues: wantsQueues ? [...names] : undefined,
  };
}

/** What bounds a path. */
export function boundsOf(
  core: Parameters<typeof leasedLimits>[0],
  { name, source, path }: { readonly name: string; readonly source: string; path: PathConfig },
): PathBounds {
  const own = { name: 'connection_limit', spec: path.connection_limit };
  const others = leasedLimits(core, name, path).filter(
    (limit) => limit.spec !== path.connection_limit,
  );
  return {
    path,
    limits: [own, ...others],
    sending: sendingRates(name, path),
    dialing: dialingRates(name, path),
    choosing: choosingRates(name, source, path),
  };
}

/** The states of a ready queue that hold it up. */
export function statesOf(ready: ReadyQueue): ReadyStates {
  const { limitedSince, throttledSince } = ready.marks;
  const limit = formatLimit(ready.path.connection_limit);
  const context = `${ready.sessions.size} connections, connection_limit ${limit}`;
  const binding = ready.shaping.dialer.binding?.name ?? 'max_connection_rate';
  return {
    ...(limitedSince === 0 ? {} : { connection_limited: { context, since: limitedSince } }),
    ...(throttledSince === 0
      ? {}
      : { connection_rate_throttled: { context: binding, since: throttledSince } }),
  };
}

/** The states of these ready queues, or of all that have some; in slices. */
export function findStates(
  core: Core,
  names: readonly string[],
  done: (states: ReadonlyMap<string, ReadyStates>) => void,
): void {
  const found = new Map<string, ReadyStates>();
  const all = names.length > 0 ? [...new Set(names)] : [...core.readyQueues.keys()];
  lookThrough({
    soon: (task) => core.ports.clock.soon(task),
    length: all.length,
    visit: (index) => {
      const name = all[index] as string;
      const ready = core.readyQueues.get(name);
      if (ready !== undefined) found.set(name, statesOf(ready));
    },
    done: () => done(found),
  });
}

function lookAtSession(session: Session): SessionLook {
  const { meter, offer, givenAt, connection } = session;
  return {
    id: session.uuid,
    phase: phaseOf(session),
    detail: connection.state(),
    startedAt: meter.startedAt,
    since: offer === undefined ? meter.since : Math.max(meter.since, givenAt),
    delivered: meter.delivered,
    deferred: meter.deferred,
    bounced: meter.bounced,
  };
}

function phaseOf({ peer, offer, isStopping, isParting, ready, connection }: Session): Phase {
  if (ready.shaping.resending.some((one) => one.connection === connection)) {
    return 'MessageRateThrottled';
  }
  if (connection.state() === 'asking') return 'ConnectionRateThrottled';
  if (peer === undefined) return 'AttemptingConnection';
  if (offer !== undefined) return 'DeliveringMessage';
  return isStopping || isParting ? 'Closing' : 'Idle';
}

/** Finds the way that mail of a domain would take from a source; a sentence where there is none. */
export function findPath(
  core: Core,
  { domain, source }: { readonly domain: string; readonly source: string },
  answered: (look: PathLook | string) => void,
): void {
  const asker = core.answers.messages;
  if (source !== UNSPECIFIED) {
    const known = asker.source(source, true);
    if (known === undefined || known === 'unknown') {
      return answered(`there is no source ${source}`);
    }
  }
  const name = parseQueueName(domain);
  const queue = asker.queueConfig(name).value;
  const routingDomain = name.routing_domain ?? name.domain;
  const route = { routingDomain, mxList: queue.protocol.smtp.mx_list };
  const show = (answer: SiteAnswer): void => {
    // The reference's stand-in where the name cannot be resolved.
    const site = answer.kind === 'site' ? answer : undefined;
    const siteName = site?.site ?? routingDomain;
    const hosts = site?.hosts.map((host) => host.name) ?? [];
    const path = asker.pathConfig(routingDomain, source, siteName, hosts).value;
    const readyName = readyQueueName(source, siteName);
    const bounds = boundsOf(core, { name: readyName, source, path });
    answered({ site, readyName, queue, queueRates: promotingRates(domain, queue), bounds });
  };
  resolveSite(core.ports.resolver, route, show, core.sts);
}
