/**
 * Answers "why is this waiting?" for a message, a queue, a source or a path: what the books say,
 * and between what binds and what holds as well, what is held in memory, marked as such. It reads
 * and changes nothing, so it may be asked at any time.
 * Deliberately unknown here: how the question came in, and where rules were written down.
 */
import type { Explanation, Reason, Subject } from '../../domain/explanation.ts';
import { numberOfMessageId } from '../../domain/message-id.ts';
import { ROW_OFFERED, ROW_QUARANTINED } from '../../domain/rows.ts';
import { sayAny, sayMany } from '../../domain/waiting.ts';
import type { Core, ReadyQueue } from '../core.ts';
import { PLACE_OFFERED, PLACE_READY } from '../held-rows.ts';
import { heldOfDue } from './held.ts';
import { keptPart } from './kept.ts';
import { lastAnswer } from './last-answer.ts';
import { explainReady, heldOfReady } from './ready.ts';

/** What memory adds. */
interface HeldPart {
  readonly held?: string;
  readonly reasons: readonly Reason[];
}

const NOTHING: HeldPart = { reasons: [] };

/** The explanation, or a sentence that says why there is none. */
export function explain(core: Core, subject: Subject, at: number): Explanation | string {
  const kept = keptPart(core, subject, at);
  if (typeof kept === 'string') return kept;
  const added = heldPart(core, subject, kept.binding.length > 0, at);
  if (typeof added === 'string') return added;
  const { state, binding, further } = kept;
  // What the log says as well is told once, as what the log says.
  const known = new Set([...binding, ...further].map(({ text }) => text));
  const news = added.reasons.filter(({ text }) => !known.has(text));
  const held = news.map((reason) => ({ ...reason, held: true as const }));
  const reasons = [...binding, ...held, ...further];
  const said = added.held === undefined ? {} : { held: added.held };
  const last = lastAnswer(core, subject, {
    ofMessage: (id) => core.lastErrors.ofMessages.get(id),
    ofQueue: (name) => core.lastErrors.ofQueues.get(name),
  });
  return { subject, at, state, ...said, reasons, ...(last === undefined ? {} : { last }) };
}

function heldPart(
  core: Core,
  { kind, name }: Subject,
  isBound: boolean,
  at: number,
): HeldPart | string {
  switch (kind) {
    case 'message':
      return heldOfMessage(core, core.books.rows.find(numberOfMessageId(name)), isBound, at);
    case 'queue': {
      const row = core.books.findQueue(name);
      if (row === undefined || isBound || row.count === 0) return NOTHING;
      return { reasons: heldOfDue(core, row, at) };
    }
    case 'source':
      return heldOfSource(core, name, isBound, at);
    case 'path': {
      const ready = core.readyQueues.get(name);
      if (ready === undefined) return `there is no ready queue ${name}`;
      const connections = sayAny(ready.sessions.size, 'connection');
      const held = `${sayAny(ready.size, 'message')} ready, ${connections}`;
      return { held, reasons: heldOfReady(core, ready, at) };
    }
  }
}

function heldOfMessage(core: Core, slot: number, isBound: boolean, at: number): HeldPart {
  const c = core.books.rows.columns;
  const flags = c.flags[slot] as number;
  if ((flags & ROW_QUARANTINED) !== 0) return NOTHING;
  const place = core.held.placeOf(slot);
  if (place === PLACE_OFFERED) return { held: sayOffer(core, slot), reasons: [] };
  const ready = core.readyOf.get(slot);
  if (place === PLACE_READY && ready !== undefined) {
    const among = ready.size > 1 ? `one of ${ready.size}` : 'the only one';
    const held = `ready in ${ready.name}, ${among}`;
    return { held, reasons: explainReady(core, ready, at) };
  }
  const isDue = (flags & ROW_OFFERED) === 0 && (c.dueAt[slot] as number) <= at;
  if (!isDue || isBound) return NOTHING;
  return { reasons: heldOfDue(core, core.books.queueOfRow(slot), at) };
}

function sayOffer(core: Core, slot: number): string {
  const session = core.offerOf.get(slot)?.session;
  if (session === undefined) return 'with a connection';
  const to = session.peer;
  const since = new Date(session.givenAt).toISOString();
  const peer = to === undefined ? session.ready.site.site : `${to.name} (${to.address})`;
  return `with a connection of ${session.ready.name} to ${peer} since ${since}`;
}

function heldOfSource(core: Core, name: string, isBound: boolean, at: number): HeldPart {
  const paths = [...core.readyQueues.values()].filter((ready) => ready.source.name === name);
  const rows = paths.reduce((sum, { size }) => sum + size, 0);
  const held =
    paths.length === 0
      ? 'no path in use'
      : `${sayAny(rows, 'message')} ready on ${sayMany(paths.length, 'path')}`;
  if (isBound) return { held, reasons: [] };
  const tell = (ready: ReadyQueue): Reason[] =>
    explainReady(core, ready, at).map((one) => ({ ...one, text: `${ready.name}: ${one.text}` }));
  return { held, reasons: paths.flatMap((ready) => (ready.size === 0 ? [] : tell(ready))) };
}
