/**
 * From the name of a behaviour to a receiver that behaves so: a manner of the exchanger, its TLS,
 * and whether it answers at all. Good receivers offer TLS with a good certificate. Knows no policy.
 */
import type { BehaviourName, WorldStep } from './scenario.ts';
import type { Manner } from './world/exchanger.ts';
import * as manners from './world/manners.ts';
import type { Host } from './world/network.ts';

type Behaviour = Extract<WorldStep, { readonly do: 'receiver' }>;

const WINDOW_MS = 60_000;

/** Blocks everybody for `ms` once more than `count` messages came within a minute. */
const rateBlocking =
  (count: number, ms: number): Manner =>
  ({ stage, at, memory }) => {
    if (stage !== 'mail') return undefined;
    const blockedUntil = memory.get('blocked until') ?? 0;
    if (at < blockedUntil) return { say: '421 4.7.28 blocked, too many messages', ends: 'fin' };
    const beganAt = memory.get('window began') ?? 0;
    const isNew = at - beganAt > WINDOW_MS;
    const seen = isNew ? 1 : (memory.get('window count') ?? 0) + 1;
    memory.set('window began', isNew ? at : beganAt);
    memory.set('window count', seen);
    if (seen <= count) return undefined;
    memory.set('blocked until', at + ms);
    return { say: '421 4.7.28 too many messages, try later', ends: 'fin' };
  };

const MANNERS: Readonly<Partial<Record<BehaviourName, (count: number, ms: number) => Manner>>> = {
  judging: () => manners.judging,
  greylisting: (_count, ms) => manners.greylisting(ms),
  limiting: (count) => manners.closingAfter(count),
  'rate blocking': rateBlocking,
  tarpitting: (_count, ms) => manners.tarpitting(ms),
  'late at the dot': (_count, ms) => manners.answeringDotAfter(ms),
  'dropping after the dot': (count) => manners.droppingAfterDot(count),
  'few recipients': (count) => manners.takingFew(count),
  busy: () => manners.sayingAt('mail', '451 4.3.2 not now'),
  refusing: () => manners.refusing,
  silent: () => manners.silentAt('greeting'),
};

const TLS: Readonly<Partial<Record<BehaviourName, 'broken' | 'unverifiable' | 'none'>>> = {
  'bad tls': 'broken',
  'untrusted tls': 'unverifiable',
  'no tls': 'none',
  // Its greeting is its own: what it offers is fixed.
  tarpitting: 'none',
};

const COUNT = 2;
const SPAN_MS = 60_000;

/** Has a receiver behave so from now on. */
export function behave(
  host: Host,
  { is, ms = SPAN_MS, count = COUNT }: Omit<Behaviour, 'do'>,
): void {
  const { exchanger } = host;
  exchanger.manner = MANNERS[is]?.(count, ms) ?? manners.accepting;
  // Whoever had a model behaves by name now, over links like any other.
  exchanger.isPunctual = false;
  exchanger.tls = TLS[is] ?? 'valid';
  if (is === 'closed') host.answers = 'refused';
  else host.answers = is === 'unreachable' ? 'never' : 'open';
}

/** Everything is taken, at once. */
export const behaveWell = (host: Host): void => behave(host, { domain: '', is: 'accepting' });
