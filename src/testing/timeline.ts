/**
 * A simulation told as text: its steps and what followed, with the policy's own names and times
 * from the start. The one idea: a counterexample is read by a person who did not write it, so only
 * what the breach is about is told, and of long runs the beginning and the end.
 * Deliberately unknown here: laws, terminals.
 */
import type { Happening, Observed, Result } from './result.ts';
import type { Step } from './scenario.ts';
import type { Given } from './sinks/seen.ts';

/** Which part of a run is told. */
export interface TimelineOptions {
  /** Messages, queues and sources; all without it. */
  readonly about?: readonly string[] | undefined;
  /** Lines of events at most; the middle is left out. */
  readonly linesMax?: number | undefined;
}

const LINES_MAX = 40;

/** A point in time as a timeline shows it. */
export function showAt(ms: number): string {
  const days = Math.floor(ms / 86_400_000);
  const clock = new Date(ms % 86_400_000).toISOString().slice(11, 23);
  return `${days > 0 ? `${days}d ` : ''}${clock}`;
}

/** Who is like this does something with `ms` and `count`; for all others they mean nothing. */
const TIMED = /greylisting|blocking|tarpitting|late|flapping|slow|flaky/;
const COUNTED = /limiting|blocking|dropping|few/;

const isTold = ({ do: verb, ...rest }: Step, key: string): boolean => {
  const { is = '' } = rest as { readonly is?: string };
  if (verb !== 'receiver' && verb !== 'source' && verb !== 'sink') return true;
  return key === 'ms' ? TIMED.test(is) : key !== 'count' || COUNTED.test(is);
};

/** A step in one line. */
export function showStep(step: Step): string {
  const { do: verb, ...rest } = step;
  const parts = Object.entries(rest)
    .filter(([key, value]) => value !== undefined && isTold(step, key))
    .map(([key, value]) => {
      if (key === verb) return String(value);
      if (key === 'ms') return `for ${showAt(Number(value))}`;
      if (key === 'is') return `is ${String(value)}`;
      if (key === 'count') return `× ${String(value)}`;
      if (Array.isArray(value)) return `${key} ${value.join(', ')}`;
      return `${key} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`;
    });
  return [verb, ...parts].join(' ');
}

/** Messages are told by number, in the order in which they were taken over. */
class Namer {
  readonly #numbers = new Map<string, number>();
  readonly #observed: Observed;

  constructor(observed: Observed) {
    this.#observed = observed;
    for (const id of observed.messages.keys()) this.#numbers.set(id, this.#numbers.size + 1);
  }

  name(stream: string): string {
    const number = this.#numbers.get(stream);
    return number === undefined ? stream : `message ${number}`;
  }

  recipients(stream: string): string {
    return this.#observed.messages.get(stream)?.to.join(', ') ?? '';
  }
}

const OF: Readonly<Record<string, readonly string[]>> = {
  'message.offered': ['source', 'site'],
  'message.delivered': ['source', 'peer'],
  'message.deferred': ['source', 'code', 'text'],
  'message.bounced': ['source', 'code', 'text'],
  'message.unsettled': ['source', 'cause'],
  'message.expired': ['text'],
  'message.rebound': ['queue', 'cause'],
  'queue.rested': ['cause'],
  'queue.suspended': ['cause'],
  'queue.routed': ['site'],
  'source.suspended': ['reason', 'cause'],
  'policy.faulted': ['sentence'],
  'policy.activated': ['version'],
  'engine.started': [],
  'engine.stopped': [],
};

function showEvent(event: Happening, namer: Namer, startedAt: number): string {
  const { type, stream, body } = event;
  const verb = type.slice(type.indexOf('.') + 1);
  const told = (OF[type] ?? [])
    .map((key) => body[key])
    .filter((value) => value !== undefined && value !== '')
    .map(String);
  const until =
    body['until'] === undefined ? [] : [`until ${showAt(Number(body['until']) - startedAt)}`];
  const queue = type === 'message.accepted' ? [`into ${String(body['queue'])}`] : [];
  const to = type === 'message.accepted' ? [`for ${namer.recipients(stream)}`] : [];
  return [namer.name(stream), verb, ...to, ...queue, ...told, ...until].join('  ');
}

/** Records of a batch that are named; of more it is told how many there are. */
const NAMED_MAX = 3;

/** A batch in one line. */
function showBatch(name: string, batch: readonly Given[], namer: Namer): string {
  const named = batch
    .slice(0, NAMED_MAX)
    .map(({ record: { type, id } }) => (id === '' ? type : `${type} of ${namer.name(id)}`));
  const more = batch.length > NAMED_MAX ? [`${batch.length - NAMED_MAX} more`] : [];
  const fates = [...new Set(batch.map(({ fate }) => fate))];
  return `sink ${name}  ${[...named, ...more].join(', ')}: ${fates.join(', ')}`;
}

/** What the sinks were given, batch by batch. */
function tellSinks({ sinks }: Observed, isTold: (name: string) => boolean, namer: Namer): Line[] {
  return sinks
    .filter(({ name }) => isTold(name))
    .flatMap(({ name, given }) => {
      const batches = new Map<number, Given[]>();
      for (const one of given) batches.set(one.batch, [...(batches.get(one.batch) ?? []), one]);
      return [...batches.values()].map((batch) => {
        const text = showBatch(name, batch, namer);
        return { at: batch[0]?.at ?? 0, text, isStep: false };
      });
    });
}

const DULL = new Set(['policy.answered', 'rate.reserved', 'message.moved']);

/** Tells a run. */
export function timeline({ observed }: Result, options: TimelineOptions = {}): string {
  const { about, linesMax = LINES_MAX } = options;
  const { startedAt, steps, calmAt } = observed;
  const namer = new Namer(observed);
  const wanted = new Set(about);
  const lines = observed.events
    .filter(({ type, stream, at }) => {
      if (DULL.has(type)) return false;
      if (about === undefined || about.length === 0) return true;
      return wanted.has(stream) || (stream === 'engine' && at > startedAt);
    })
    .map((event) => ({ at: event.at, text: showEvent(event, namer, startedAt), isStep: false }));
  const isTold = (name: string) => about === undefined || about.length === 0 || wanted.has(name);
  const given = tellSinks(observed, isTold, namer);
  const all = given.length === 0 ? lines : [...lines, ...given].sort((a, b) => a.at - b.at);
  const told = shorten(all, linesMax);
  const marks = steps.map(({ at, step }, index) => ({
    at,
    text: `${index + 1}. ${showStep(step)}`,
    isStep: true,
  }));
  if (calmAt !== undefined) {
    marks.push({ at: calmAt, text: 'all faults have ended; one more message each', isStep: true });
  }
  // A step comes before what it leads to.
  return [...marks, ...told]
    .sort((a, b) => a.at - b.at || Number(b.isStep) - Number(a.isStep))
    .map(({ at, text, isStep }) => `${showAt(at - startedAt)}  ${isStep ? text : `     ${text}`}`)
    .join('\n');
}

type Line = { readonly at: number; readonly text: string; readonly isStep: boolean };

function shorten(lines: readonly Line[], most: number): readonly Line[] {
  if (lines.length <= most) return lines;
  const half = Math.floor(most / 2);
  const left = lines.length - 2 * half;
  const gap = { at: lines[half]?.at ?? 0, text: `… ${left} events more …`, isStep: false };
  return [...lines.slice(0, half), gap, ...lines.slice(-half)];
}
