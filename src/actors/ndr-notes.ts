/**
 * What messages failed of in the turn that is being decided, noted where they come to their end, so
 * that one report can be owed for each of them; and what is held about reports in all. Costs a
 * comparison where nobody is to be told. Owes and writes nothing.
 */
import type { NdrDuties, OwedNdr } from '../domain/ndrs.ts';
import { ROW_NULL_SENDER } from '../domain/rows.ts';
import type { Event } from '../events/catalogue.ts';
import type { BodyPlace } from '../events/message.ts';
import type { Core } from './core.ts';

/** What a message failed of in this turn. */
export interface Failed {
  readonly origin: number;
  /** Undefined where it is lost. */
  readonly body: BodyPlace | undefined;
  readonly failures: number[];
}

/** What became of failures, for metrics. */
export interface NdrCounts {
  owed: number;
  generated: number;
  waived: number;
  /** Failures that nobody is told of, because too many were owed. */
  crowded: number;
}

/** What is held about reports. */
export interface NdrDuty {
  /** Undefined: nobody is told of anything. */
  duties: NdrDuties | undefined;
  /** Messages that failed in this turn, by id. */
  readonly failed: Map<string, Failed>;
  /** Owed and durable, in no hands; from `head` on. */
  line: OwedNdr[];
  head: number;
  bodyBytes: number;
  isCrowded: boolean;
  readonly counts: NdrCounts;
  /** Told when the line has grown. */
  wake: () => void;
}

/** Nothing is owed. */
export const newNdrDuty = (): NdrDuty => ({
  duties: undefined,
  failed: new Map(),
  line: [],
  head: 0,
  bodyBytes: 0,
  isCrowded: false,
  counts: { owed: 0, generated: 0, waived: 0, crowded: 0 },
  wake: () => {},
});

function isReported({ duties }: NdrDuty, { type }: Event): boolean {
  if (duties === undefined) return false;
  if (type === 'message.bounced') return duties.bounces;
  // Nobody refused what was lost: it is no bounce.
  return (type === 'message.expired' || type === 'message.lost') && duties.expirations;
}

/** An event that may end a message is about to be emitted: notes what is to be reported of it. */
export function noteForReport(core: Core, slot: number, event: Event): void {
  const { ndrs, books, turns } = core;
  if (!isReported(ndrs, event)) return;
  const { flags } = books.rows.columns;
  // Nobody is told of what nobody sent: two servers would report each other's reports for ever.
  if (((flags[slot] as number) & ROW_NULL_SENDER) !== 0) return;
  const known = ndrs.failed.get(event.stream);
  if (known !== undefined) {
    known.failures.push(turns.position);
    return;
  }
  const { position, bodySegment, bodyOffset, bodyBytes, bodySum } = books.rows.columns;
  ndrs.failed.set(event.stream, {
    origin: position[slot] as number,
    body:
      event.type === 'message.lost'
        ? undefined
        : [
            bodySegment[slot] as number,
            bodyOffset[slot] as number,
            bodyBytes[slot] as number,
            bodySum[slot] as number,
          ],
    failures: [turns.position],
  });
}
