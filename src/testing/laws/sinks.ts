/**
 * Laws about log hooks: their sinks miss nothing that was asked for, hear nothing that did not
 * happen, and hold up no memory. The one idea: what each sink was given is held against the log
 * read along, whatever became of sink and process meanwhile; a policy without hooks gives no
 * occasion. Deliberately unknown here: shippers, transports.
 */
import type { Observed } from '../result.ts';
import type { Given, SinkSeen } from '../sinks/seen.ts';
import type { Breach, Law } from './law.ts';
import { showSpan } from './law.ts';
import type { DueRecord } from './records-due.ts';
import { isAsked, recordsDue } from './records-due.ts';

/** The first breach that any sink gives. */
const eachSink =
  (find: (sink: SinkSeen, observed: Observed, due: readonly DueRecord[]) => Breach | undefined) =>
  (observed: Observed): Breach | undefined => {
    if (observed.sinks.length === 0) return undefined;
    const due = recordsDue(observed.events);
    for (const sink of observed.sinks) {
      const breach = find(sink, observed, due);
      if (breach !== undefined) return breach;
    }
    return undefined;
  };

const show = ({ type, to }: Pick<DueRecord, 'type' | 'to'>): string =>
  to.length === 0 ? `the ${type}` : `the ${type} for ${to.join(', ')}`;

const hasArrived = ({ fate }: Given): boolean => fate.startsWith('taken');

/** What became of the records of one sink, as it is told batch by batch. */
class Ledger {
  readonly #sink: SinkSeen;
  /** Asked for by every version, so missing from none. */
  readonly #due: readonly DueRecord[];
  readonly #settled = new Set<number>();
  #next = 0;

  constructor(sink: SinkSeen, due: readonly DueRecord[]) {
    const declined = new Set([...sink.declined].map(positionOf));
    this.#sink = sink;
    this.#due = due.filter(
      (one) =>
        one.position > sink.since &&
        !declined.has(one.position) &&
        sink.configs.every((config) => isAsked(config, one)),
    );
  }

  /** Of a record it is known what became of it. */
  settle(position: number): void {
    this.#settled.add(position);
  }

  /** The first record before `position` that came to nothing. */
  findMissing(position: number): DueRecord | undefined {
    for (; this.#next < this.#due.length; this.#next += 1) {
      const one = this.#due[this.#next] as DueRecord;
      if (one.position >= position) return undefined;
      if (!this.#settled.has(one.position) && !this.#hasFallen(one.position)) return one;
    }
    return undefined;
  }

  #hasFallen(position: number): boolean {
    return this.#sink.fallen.some(({ after, upto }) => position > after && position <= upto);
  }
}

/** An `event_id` begins with the position in the log. */
const positionOf = (eventId: string): number => Number.parseInt(eventId, 10);

/** At least once, in order, and all of it. */
export const sinksMissNothing: Law = {
  name: 'sinks-miss-nothing',
  says:
    'Each record that a log hook asks for reaches its sink at least once and in the order of the ' +
    'log, whatever sink and process do meanwhile; once all faults have ended, all of them.',
  find: eachSink((sink, { endedAt }, due) => {
    const ledger = new Ledger(sink, due);
    const refused = new Set(sink.letters.map(({ position }) => position));
    for (const one of sink.given) {
      const { position, record, at } = one;
      if (one.fate === 'refused') ledger.settle(position);
      if (!hasArrived(one)) continue;
      ledger.settle(position);
      // One that was refused may be taken when a power cut has it sent again.
      const missing =
        one.isRepeat || refused.has(position) ? undefined : ledger.findMissing(position);
      if (missing === undefined) continue;
      const before = show({ type: record.type, to: [record.recipient].flat() });
      const never = `and never ${show(missing)} before it`;
      const says = `the sink ${sink.name} was given ${before}, ${never}`;
      return { says, at, about: [sink.name, missing.stream] };
    }
    const missing = sink.isKept ? ledger.findMissing(sink.dueUpto + 1) : undefined;
    if (missing === undefined) return undefined;
    const since = showSpan(endedAt - missing.at);
    const says = `${show(missing)} did not reach the sink ${sink.name} in ${since}`;
    return { says, at: missing.at, about: [sink.name, missing.stream] };
  }),
};

/** Nothing is made up, told too early, or told to those who did not ask. */
export const sinksHearOnlyWhatHappened: Law = {
  name: 'sinks-hear-only-what-happened',
  says:
    'What a sink is given, an event of the log justifies, which was durable before; and its hook ' +
    'asked for it.',
  find: eachSink((sink, _observed, due) => {
    const known = new Map(due.map((one) => [one.position, one]));
    const declined = new Set([...sink.declined].map(positionOf));
    for (const { position, record, at, batch } of sink.given) {
      const one = known.get(position);
      const about = [sink.name, record.id];
      const what = `the sink ${sink.name} was given a ${record.type}`;
      if (one?.type !== record.type || (record.id !== '' && record.id !== one.stream)) {
        return { says: `${what} of which the log knows nothing`, at, about };
      }
      if (position > (sink.backlogs[batch]?.upto ?? 0)) {
        return { says: `${what} before it was durable`, at, about };
      }
      const isWanted = sink.configs.some((config) => isAsked(config, one));
      if (!isWanted || (declined.has(position) && sink.configs.length === 1)) {
        return { says: `${what} that its hook does not take`, at, about };
      }
    }
    return undefined;
  }),
};

/** A sink that is away costs memory up to a bound, and mail nothing. */
export const sinksHoldABoundedBacklog: Law = {
  name: 'sinks-hold-a-bounded-backlog',
  says:
    'However long a sink is away, no more than `max_ready` records are read ahead for it, and no ' +
    'more than `batch_size` are sent at once; the rest waits in the log, and mail waits for none.',
  find: eachSink((sink) => {
    const batchMax = Math.max(...sink.configs.map(({ batching }) => batching.batchSize));
    for (const { at, records, ready, readyMax } of sink.backlogs) {
      if (ready <= readyMax && records <= batchMax) continue;
      const [many, most, name] =
        records > batchMax ? [records, batchMax, 'batch_size'] : [ready, readyMax, 'max_ready'];
      const says = `${many} records were at hand for the sink ${sink.name}; ${name} is ${most}`;
      return { says, at, about: [sink.name] };
    }
    return undefined;
  }),
};
