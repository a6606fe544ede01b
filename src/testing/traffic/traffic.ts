/**
 * A traffic file as arrivals in order. The one idea: it is read twice as a stream: once to find all
 * that is wrong with it, its flows and its domains, and once more while time goes on; so a file of
 * any length needs little memory, and nothing is simulated of a file with an error.
 * Knows no disk: whoever calls hands over the lines.
 */
import { domainOf } from '../../domain/address.ts';
import { OptionError } from '../../domain/option-error.ts';
import type { Arriving } from './arriving.ts';
import { flowArrivals } from './flow.ts';
import type { FlowLine, MessageLine, When } from './line.ts';
import { readTrafficLine } from './line.ts';

/** The lines of a file, from its beginning, whenever it is asked for. */
export type OpenLines = () => AsyncIterable<string>;

/** Messages that may stand before an earlier one: records are written as mail becomes durable. */
const DISORDER_MAX = 1_024;
const FLOWS_MAX = 1_000;
const DOMAINS_MAX = 20_000;
const ERRORS_MAX = 20;
const DAY_MS = 86_400_000;

/** What a whole file says. */
export interface TrafficSurvey {
  readonly file: string;
  readonly flows: readonly (FlowLine & { readonly beginsMs: number })[];
  /** Single messages. */
  readonly messages: number;
  /** Records of a log that tell of no reception. */
  readonly otherRecords: number;
  readonly domains: readonly string[];
  /** What the simulation begins at, by the calendar; undefined where no line speaks of it. */
  readonly beginsAt: number | undefined;
}

/** A file that cannot be simulated: all that is wrong with it, a sentence each. */
export class TrafficError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'TrafficError';
    this.problems = problems;
  }
}

/** A message that has its time and its place in the file. */
interface Dated {
  readonly at: number;
  readonly line: number;
  readonly told: MessageLine;
}

/** Where an instant lies; the first one says which day it is, unless that was said before. */
class Calendar {
  beginsAt: number | undefined;

  constructor(beginsAt: number | undefined) {
    this.beginsAt = beginsAt;
  }

  place(when: When): number {
    if ('sinceMs' in when) return when.sinceMs;
    this.beginsAt ??= Math.floor(when.at / DAY_MS) * DAY_MS;
    return when.at - this.beginsAt;
  }
}

/** Messages in order, though a few stand in the file after later ones. */
async function* inOrder(
  lines: AsyncIterable<{ readonly line: number; readonly told: MessageLine }>,
  [file, calendar]: readonly [string, Calendar],
): AsyncGenerator<Dated, void> {
  const held: Dated[] = [];
  let last = Number.NEGATIVE_INFINITY;
  const take = (): Dated => {
    const first = held.shift() as Dated;
    last = first.at;
    return first;
  };
  for await (const { line, told } of lines) {
    const at = calendar.place(told.when);
    const place = `${file}:${line}`;
    if (at < 0) {
      throw new OptionError(place, 'at', 'is before the beginning', 'give an earlier --from');
    }
    if (at < last) {
      const problem = `is earlier than a message ${DISORDER_MAX} lines before`;
      throw new OptionError(place, 'at', problem, 'sort the lines by time');
    }
    let index = held.length;
    while (index > 0 && (held[index - 1] as Dated).at > at) index -= 1;
    held.splice(index, 0, { at, line, told });
    if (held.length > DISORDER_MAX) yield take();
  }
  while (held.length > 0) yield take();
}

class Surveyor {
  readonly flows: (FlowLine & { readonly beginsMs: number })[] = [];
  readonly problems: string[] = [];
  readonly domains = new Set<string>();
  otherRecords = 0;
  readonly #file: string;
  readonly #calendar: Calendar;

  constructor(file: string, calendar: Calendar) {
    this.#file = file;
    this.#calendar = calendar;
  }

  /** Reads all lines; hands messages on and keeps the rest. */
  async *messages(lines: AsyncIterable<string>) {
    let line = 0;
    for await (const text of lines) {
      line += 1;
      if (text.trim() === '') continue;
      if (this.problems.length >= ERRORS_MAX) return;
      try {
        const told = readTrafficLine(text, `${this.#file}:${line}`);
        if (told.kind === 'message') {
          this.#note(told.to.map(domainOf), line);
          yield { line, told };
        } else if (told.kind === 'flow') this.#addFlow(told, line);
        else this.otherRecords += 1;
      } catch (error) {
        this.complain(error);
      }
    }
  }

  complain(error: unknown): void {
    if (!(error instanceof OptionError)) throw error;
    this.problems.push(error.message);
  }

  #addFlow(flow: FlowLine, line: number): void {
    const place = `${this.#file}:${line}`;
    if (this.flows.length >= FLOWS_MAX) {
      throw new OptionError(place, 'flow', `is one of more than ${FLOWS_MAX}`, 'join some');
    }
    const beginsMs = this.#calendar.place(flow.begins);
    if (beginsMs < 0) {
      throw new OptionError(place, 'from', 'is before the beginning', 'give an earlier --from');
    }
    this.flows.push({ ...flow, beginsMs });
    this.#note(
      flow.domains.map(([domain]) => domain),
      line,
    );
  }

  #note(domains: readonly string[], line: number): void {
    for (const domain of domains) this.domains.add(domain);
    if (this.domains.size <= DOMAINS_MAX) return;
    const fix = 'leave some out: each is simulated with a receiver of its own';
    const problem = `comes to more than ${DOMAINS_MAX} domains`;
    throw new OptionError(`${this.#file}:${line}`, 'to', problem, fix);
  }
}

/** Reads the whole file; throws a TrafficError that names everything that is wrong with it. */
export async function surveyTraffic(
  file: string,
  open: OpenLines,
  beginsAt?: number,
): Promise<TrafficSurvey> {
  const calendar = new Calendar(beginsAt);
  const surveyor = new Surveyor(file, calendar);
  let messages = 0;
  try {
    for await (const _one of inOrder(surveyor.messages(open()), [file, calendar])) messages += 1;
  } catch (error) {
    surveyor.complain(error);
  }
  const { flows, problems, otherRecords, domains } = surveyor;
  if (problems.length === 0 && messages + flows.length === 0) {
    problems.push(`${file}: has no message and no flow; write one JSON object on each line`);
  }
  if (problems.length > 0) throw new TrafficError(problems);
  return {
    file,
    flows,
    messages,
    otherRecords,
    domains: [...domains],
    beginsAt: calendar.beginsAt,
  };
}

/** All arrivals in order of time: the messages of a surveyed file, and those of its flows. */
export async function* arrivals(
  survey: TrafficSurvey,
  open: OpenLines,
  seed: number,
): AsyncGenerator<Arriving, void> {
  const flows = survey.flows.map((flow, ordinal) => {
    const items = flowArrivals(flow, [flow.beginsMs, ordinal, seed]);
    return { items, next: items.next().value };
  });
  const earliest = () => {
    let first: (typeof flows)[number] | undefined;
    for (const flow of flows) {
      if (flow.next === undefined) continue;
      if (first?.next === undefined || flow.next.at < first.next.at) first = flow;
    }
    return first;
  };
  for await (const { at, told } of singles(survey, open)) {
    for (let flow = earliest(); flow?.next !== undefined && flow.next.at <= at; flow = earliest()) {
      yield flow.next;
      flow.next = flow.items.next().value;
    }
    const { from, to, bytes, meta } = told;
    yield { at, from, to, bytes, meta };
  }
  for (let flow = earliest(); flow?.next !== undefined; flow = earliest()) {
    yield flow.next;
    flow.next = flow.items.next().value;
  }
}

async function* singles(survey: TrafficSurvey, open: OpenLines): AsyncGenerator<Dated, void> {
  if (survey.messages === 0) return;
  const calendar = new Calendar(survey.beginsAt);
  const surveyor = new Surveyor(survey.file, calendar);
  yield* inOrder(surveyor.messages(open()), [survey.file, calendar]);
  // It was in order when it was surveyed: somebody has changed it since.
  if (surveyor.problems.length > 0) throw new TrafficError(surveyor.problems);
}
