/**
 * What a world shows of itself, as laws and people read it: its durable log, the wire, the ends of
 * its messages. The one idea: a simulated policy and a swarm's world are looked at by the same
 * eyes. Deliberately unknown here: who submitted what, and what is judged.
 */
import type { StoredRecord } from '../ports/ports.ts';
import type { Happening, MailCommand, Observed } from './result.ts';
import type { World } from './world/world.ts';
import { START_AT } from './world/world.ts';

/** What needs nobody but the world to be known. */
export type Seen = Pick<
  Observed,
  | 'startedAt'
  | 'endedAt'
  | 'events'
  | 'messages'
  | 'dialled'
  | 'copies'
  | 'hosts'
  | 'diskFull'
  | 'oddities'
  | 'sinks'
  | 'said'
>;

const readRecord = ({ position, turn, at, type, stream, body }: StoredRecord): Happening => ({
  position,
  turn,
  at,
  type,
  stream,
  body: JSON.parse(body) as Record<string, unknown>,
});

/** Looks at a world as it is now. */
export function seenOf({ witness, zone, net, disk, now, said, hooks }: World): Seen {
  const hosts = [...zone.addresses].map(([name, [first = '']]) => [name, first] as const);
  return {
    startedAt: START_AT,
    endedAt: now,
    events: witness.records.map(readRecord),
    messages: witness.messages,
    dialled: net.dialled,
    copies: [...net.hosts.values()].flatMap(({ exchanger }) => exchanger.copies),
    hosts: new Map(hosts),
    diskFull: disk.full,
    oddities: witness.oddities,
    sinks: hooks?.seen() ?? [],
    said,
  };
}

/** MAIL commands as they leave, from now on. */
export function tapMail(world: World): readonly MailCommand[] {
  const mailed: MailCommand[] = [];
  world.onWrite = (link, bytes) => {
    if (bytes.toString('latin1', 0, 10) === 'MAIL FROM:') mailed.push({ at: world.now, link });
  };
  return mailed;
}
