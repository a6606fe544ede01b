/**
 * Laws about egress sources: a suspended one is not used, and mail whose sources are all suspended
 * waits for the first that comes back. Deliberately unknown here: why a source was suspended.
 */
import { recount } from '../history.ts';
import type { Law } from './law.ts';
import { showSpan } from './law.ts';

/** Between a suspension's commit and the last dial that did not know of it. */
const UNDER_WAY_MS = 100;

/** What is suspended is not used. */
export const noSuspendedSourceIsChosen: Law = {
  name: 'no-suspended-source-is-chosen',
  says: 'From its suspension until its end nothing is offered over a source.',
  find: ({ events }) => {
    const since = new Map<string, number>();
    for (const [{ type, stream, at, body }, standing] of recount(events)) {
      if (type === 'source.suspended') since.set(stream, at);
      if (type !== 'message.offered') continue;
      const source = String(body['source']);
      const until = standing.sources.get(source)?.until;
      if (until === undefined || at - (since.get(source) ?? at) < UNDER_WAY_MS) continue;
      const queue = standing.queueOf.get(stream) ?? '';
      const left = showSpan(until - at);
      const says = `mail of ${queue} was offered over ${source}, suspended for another ${left}`;
      return { says, at, about: [stream, source, queue] };
    }
    return undefined;
  },
};

/** Members of a queue's pool, from when on. */
interface Membership {
  readonly at: number;
  readonly members: readonly string[];
}

/** A source is one of the pool's. */
export const onlyMembersAreChosen: Law = {
  name: 'only-members-are-chosen',
  says: 'Mail is offered over no source but those with a weight in the pool of its queue.',
  find: ({ events, messages }) => {
    const pools = new Map<string, Membership[]>();
    for (const [{ type, stream, at, body }, standing] of recount(events)) {
      if (type === 'queue.opened' || type === 'queue.configured') {
        const before = pools.get(stream) ?? [];
        pools.set(stream, [...before, { at, members: standing.membersOf(stream) }]);
      }
      if (type !== 'message.offered') continue;
      const queue = standing.queueOf.get(stream) ?? '';
      const source = String(body['source']);
      // What was made ready by an earlier answer goes as it was, in its time.
      const since = messages.get(stream)?.acceptedAt ?? 0;
      const known = pools.get(queue) ?? [];
      const inForce = known.filter((_, index) => (known[index + 1]?.at ?? at) >= since);
      if (inForce.some(({ members }) => members.includes(source))) continue;
      const pool = standing.queues.get(queue)?.config.egress_pool ?? 'unspecified';
      const says = `mail of ${queue} was offered over ${source}, which is not in its pool ${pool}`;
      return { says, at, about: [stream, queue, source] };
    }
    return undefined;
  },
};

/** All suspended: until the first is back. */
export const allSuspendedWaitsForTheEarliest: Law = {
  name: 'all-suspended-waits-for-the-earliest',
  says: 'While every source of its pool is suspended a queue rests until the first is back.',
  find: ({ events }) => {
    for (const [{ type, stream, at, body }, standing] of recount(events)) {
      if (type !== 'queue.rested') continue;
      const members = standing.membersOf(stream);
      const untils = members.map((name) => standing.sources.get(name)?.until);
      if (members.length === 0 || untils.some((until) => until === undefined)) continue;
      const earliest = Math.min(...(untils as number[]));
      const until = Number(body['until']);
      if (until <= earliest) continue;
      const late = showSpan(until - earliest);
      const says = `${stream} rests ${late} longer than until its first source is back`;
      return { says, at, about: [stream, ...members] };
    }
    return undefined;
  },
};

/** A suspension is shorter than the life of the mail that waits for it. */
export const suspensionsEndBeforeTheMail: Law = {
  name: 'suspensions-end-before-the-mail',
  says: 'A rule suspends no source for longer than max_age of a queue that has no other.',
  find: ({ events }) => {
    for (const [{ type, stream, at, body }, standing] of recount(events)) {
      if (type !== 'source.suspended' || body['reason'] === 'Operator') continue;
      const span = Number(body['until']) - at;
      for (const [queue, { config }] of standing.queues) {
        const members = standing.membersOf(queue);
        if (!members.includes(stream) || span < config.max_age) continue;
        if (members.some((name) => standing.sources.get(name)?.until === undefined)) continue;
        const age = showSpan(config.max_age);
        const says = `${stream} is suspended for ${showSpan(span)}; mail of ${queue} lives ${age}`;
        return { says, at, about: [stream, queue] };
      }
    }
    return undefined;
  },
};
