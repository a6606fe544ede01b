/**
 * Answers "why is this waiting?" for a message, a queue, a source or a path, from the books and
 * from what is held in memory. It reads and changes nothing, so it may be asked at any time.
 * Deliberately unknown here: how the question came in, and where rules were written down.
 */
import type { Explanation, Reason, Subject } from '../../domain/explanation.ts';
import { numberOfMessageId } from '../../domain/message-id.ts';
import { ROW_QUARANTINED } from '../../domain/rows.ts';
import type { Core } from '../core.ts';
import { PLACE_DUE, PLACE_OFFERED, PLACE_READY } from '../held-rows.ts';
import { expiresAtOf } from '../rows-in-hand.ts';
import { explainDue, explainQueue, queueRule, retryReason } from './queue.ts';
import { explainReady } from './ready.ts';

interface Told {
  readonly state: string;
  readonly reasons: readonly Reason[];
}

/** The explanation, or a sentence that says why there is none. */
export function explain(core: Core, subject: Subject, at: number): Explanation | string {
  const told = tell(core, subject, at);
  return typeof told === 'string' ? told : { subject, at, ...told };
}

function tell(core: Core, { kind, name }: Subject, at: number): Told | string {
  switch (kind) {
    case 'message': {
      const slot = core.books.rows.find(numberOfMessageId(name));
      return slot < 0 ? `message ${name} is not queued here` : explainMessage(core, slot, at);
    }
    case 'queue': {
      const row = core.books.findQueue(name);
      return row === undefined ? `there is no queue ${name}` : explainQueue(core, row, at);
    }
    case 'source':
      return explainSource(core, name, at);
    case 'path': {
      const ready = core.readyQueues.get(name);
      if (ready === undefined) return `there is no ready queue ${name}`;
      const state = `${ready.size} messages ready, ${ready.sessions.size} connections`;
      return { state, reasons: explainReady(core, ready, at) };
    }
  }
}

function explainMessage(core: Core, slot: number, at: number): Told {
  const c = core.books.rows.columns;
  const row = core.books.queueOfRow(slot);
  const attempts = c.attempts[slot] as number;
  const where = `in ${row.name}, ${attempts} attempts made`;
  if (((c.flags[slot] as number) & ROW_QUARANTINED) !== 0) {
    const text = 'its body cannot be read; it is kept until it expires';
    return { state: where, reasons: [{ name: 'set aside', text }, ageOf(core, slot)] };
  }
  const place = core.held.placeOf(slot);
  if (place === PLACE_OFFERED) return { state: `${where}; ${sayOffer(core, slot)}`, reasons: [] };
  const ready = core.readyOf.get(slot);
  if (place === PLACE_READY && ready !== undefined) {
    const state = `${where}; ready in ${ready.name}, one of ${ready.size}`;
    return { state, reasons: [...explainReady(core, ready, at), ageOf(core, slot)] };
  }
  const dueAt = c.dueAt[slot] as number;
  const isDue = place === PLACE_DUE || dueAt <= at;
  const reasons = isDue ? explainDue(core, row, at) : [retryReason(core, row, dueAt)];
  // A queue that is held holds also what falls due meanwhile.
  if (!isDue && row.state !== 'ready') reasons.push(...explainDue(core, row, at));
  return {
    state: `${where}; ${isDue ? 'due' : 'not due yet'}`,
    reasons: [...reasons, ageOf(core, slot)],
  };
}

function ageOf(core: Core, slot: number): Reason {
  const row = core.books.queueOfRow(slot);
  const { max_age } = core.answers.recordedQueueConfig(row.answer);
  const rule = queueRule(row, 'max_age', `${max_age / 1_000} s`);
  return { name: 'max_age', text: 'it expires then', until: expiresAtOf(core, slot), rule };
}

function sayOffer(core: Core, slot: number): string {
  const session = core.offerOf.get(slot)?.session;
  if (session === undefined) return 'with a connection';
  const to = session.peer;
  const since = new Date(session.givenAt).toISOString();
  const peer = to === undefined ? session.ready.site.site : `${to.name} (${to.address})`;
  return `with a connection of ${session.ready.name} to ${peer} since ${since}`;
}

function explainSource(core: Core, name: string, at: number): Told | string {
  const source = core.books.sources.get(name);
  if (source === undefined) return `no source ${name} is in use`;
  const paths = [...core.readyQueues.values()].filter((ready) => ready.source.name === name);
  const rows = paths.reduce((sum, { size }) => sum + size, 0);
  const state = `${source.state}; ${rows} messages ready on ${paths.length} paths`;
  if (source.state === 'suspended') {
    const text = `suspended: ${source.cause}`;
    return { state, reasons: [{ name: 'source suspended', text, until: source.until }] };
  }
  const reasons = paths.flatMap((ready) =>
    ready.size === 0
      ? []
      : explainReady(core, ready, at).map((one) => ({
          ...one,
          text: `${ready.name}: ${one.text}`,
        })),
  );
  return { state, reasons };
}
