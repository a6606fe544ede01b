/**
 * Where a message stands, from its own events: what became of each recipient, and what the message
 * as a whole waits for. Knows neither its queue's state nor what the engine holds in memory.
 */
import type { LogEvent } from './log-look.ts';

/** What became of a recipient. */
export type Fate = 'delivered' | 'bounced' | 'expired' | 'removed' | 'lost' | 'live';

/** A recipient and its fate. */
export interface RecipientFate {
  readonly address: string;
  readonly fate: Fate;
  /** When, and by which record; absent while it lives. */
  readonly at?: number;
  readonly position?: number;
}

/** Where a message stands. `unknown`: its acceptance is not in the log any more. */
export interface Standing {
  readonly state: 'waiting' | 'with a connection' | 'set aside' | 'ended' | 'unknown';
  readonly text: string;
  readonly attempts: number;
  /** When the next attempt is due, ms; only of one that waits. */
  readonly due?: number;
  readonly recipients: readonly RecipientFate[];
}

const FATES = {
  'message.delivered': 'delivered',
  'message.bounced': 'bounced',
  'message.purged': 'bounced',
  'message.expired': 'expired',
  'message.cancelled': 'removed',
  'message.lost': 'lost',
} as const;

interface Ending {
  readonly fate: Fate;
  readonly at: number;
  readonly position: number;
}

/** The events of one message, in order, folded one by one. */
export class StandingFold {
  to: readonly string[] | undefined;
  readonly ends = new Map<number, Ending>();
  attempts = 0;
  due: number | undefined;
  isOffered = false;
  isAside = false;

  /** Each recipient has its fate: nothing that follows changes where the message stands. */
  get isEnded(): boolean {
    return this.to !== undefined && this.ends.size >= this.to.length;
  }

  take({ event, at, position }: LogEvent): void {
    const { body } = event;
    if ('attempt' in body) this.attempts = Math.max(this.attempts, body.attempt);
    if ('due' in body && body.due !== undefined) this.due = body.due;
    if (event.type.startsWith('message.')) this.#move(event.type);
    if (event.type === 'message.accepted' || event.type === 'message.recovered') {
      this.to = event.body.to;
      this.due ??= at;
    }
    if (!(event.type in FATES)) return;
    const fate = FATES[event.type as keyof typeof FATES];
    for (const index of (body as { index: readonly number[] }).index) {
      this.ends.set(index, { fate, at, position });
    }
  }

  #move(type: string): void {
    if (type === 'message.offered') this.isOffered = true;
    else if (type !== 'message.moved') this.isOffered = false;
    if (type === 'message.quarantined') this.isAside = true;
  }

  recipients(): RecipientFate[] {
    return (this.to ?? []).map((address, index) => ({
      address,
      ...(this.ends.get(index) ?? { fate: 'live' as const }),
    }));
  }
}

/** Folds the events of one message, which are in order. */
export function standingOf(events: readonly LogEvent[]): Standing {
  const folding = new StandingFold();
  for (const one of events) folding.take(one);
  const { to, ends, attempts, due } = folding;
  const recipients = folding.recipients();
  const state = stateOf(folding, recipients);
  const isDue = state === 'waiting' && due !== undefined;
  const counts = countFates(recipients.length > 0 ? recipients : [...ends.values()]);
  const shown = to === undefined ? `its acceptance is not in the log; ${counts}` : counts;
  const tried = attempts === 1 ? '1 attempt' : `${attempts} attempts`;
  const text = `${shown === '' ? state : shown}, ${tried}`;
  return { state, text, attempts, recipients, ...(isDue ? { due } : {}) };
}

function stateOf({ to, isAside, isOffered }: StandingFold, all: readonly RecipientFate[]) {
  if (to === undefined) return 'unknown';
  if (all.every(({ fate }) => fate !== 'live')) return 'ended';
  if (isAside) return 'set aside';
  return isOffered ? 'with a connection' : 'waiting';
}

function countFates(all: readonly { readonly fate: Fate }[]): string {
  const counts = new Map<Fate, number>();
  for (const { fate } of all) counts.set(fate, (counts.get(fate) ?? 0) + 1);
  if (counts.size === 1) return [...counts.keys()].map((fate) => sayFate(fate)).join('');
  return [...counts].map(([fate, count]) => `${count} ${sayFate(fate)}`).join(', ');
}

const sayFate = (fate: Fate): string => (fate === 'live' ? 'still queued' : fate);
