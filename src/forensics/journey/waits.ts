/**
 * The stretches of time in which a message waited, from its own events: between its acceptance, a
 * deferral or an offer taken back, and the next attempt or its end. Knows what the message itself
 * says of the cause (its schedule), and nothing of queues and sources.
 */
import type { LogEvent } from './log-look.ts';

/** A wait, and until when the message's own schedule made it wait. */
export interface Wait {
  readonly from: number;
  readonly until: number;
  readonly queue: string;
  readonly due: number;
  readonly schedule: 'retry' | 'scheduled' | 'none';
  /** It was set aside from then on. */
  readonly asideAt: number | undefined;
  readonly isOpen: boolean;
  /** The record that began it. */
  readonly position: number;
  /** The record that ended it; undefined where it is not over. */
  readonly lastPosition: number | undefined;
}

interface Begun {
  readonly from: number;
  readonly due: number;
  readonly schedule: Wait['schedule'];
  readonly position: number;
}

/** The waits of one message; one that is not over ends at `now`. */
export function waitsOf(events: readonly LogEvent[], now: number): readonly Wait[] {
  const waits: Wait[] = [];
  let queue = '';
  let begun: Begun | undefined;
  let asideAt: number | undefined;
  let left: number | undefined;
  const end = (until: number, lastPosition?: number): void => {
    const isOpen = lastPosition === undefined;
    if (begun !== undefined && (until > begun.from || isOpen)) {
      const { from } = begun;
      const over = { until: Math.max(from, until), lastPosition, isOpen };
      waits.push({ ...begun, ...over, queue, asideAt });
    }
    begun = undefined;
  };
  for (const { event, at, position } of events) {
    const { type, body } = event;
    if (type === 'message.accepted' || type === 'message.recovered') {
      queue = event.body.queue;
      left = event.body.to.length;
      const due = event.body.due ?? at;
      begun = { from: at, due, schedule: due > at ? 'scheduled' : 'none', position };
    } else if (type === 'message.scheduled') {
      begun = { from: at, due: event.body.due, schedule: 'scheduled', position };
    } else if (type === 'message.offered') {
      end(at, position);
    } else if (type === 'message.deferred') {
      end(at - event.body.took, position);
      begun = { from: at, due: event.body.due, schedule: 'retry', position };
    } else if (type === 'message.unsettled') {
      end(at, position);
      begun = { from: at, due: event.body.due, schedule: 'retry', position };
    } else if (type === 'message.returned') {
      end(at, position);
      const { due } = event.body;
      begun = { from: at, due, schedule: due > at ? 'retry' : 'none', position };
    } else if (type === 'message.rebound') {
      const isWaiting = begun !== undefined;
      end(at, position);
      queue = event.body.queue;
      const { due } = event.body;
      if (isWaiting) begun = { from: at, due, schedule: due > at ? 'retry' : 'none', position };
    } else if (type === 'message.quarantined') {
      asideAt = at;
      begun ??= { from: at, due: at, schedule: 'none', position };
    }
    if (ENDS.has(type) && left !== undefined) {
      left -= (body as { index: readonly number[] }).index.length;
      const took = type === 'message.bounced' ? (body as { took: number }).took : 0;
      if (left <= 0) end(at - took, position);
    }
  }
  if (begun !== undefined) end(now);
  return waits;
}

const ENDS: ReadonlySet<string> = new Set([
  'message.delivered',
  'message.bounced',
  'message.expired',
  'message.cancelled',
  'message.lost',
  'message.purged',
]);
