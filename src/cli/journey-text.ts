/**
 * A journey, or the messages there are to choose from, as people read it: one line a step, what
 * belongs to it below. Takes the answer as it is told, offline or live, and adds nothing.
 */
import process from 'node:process';
import type { AsTold, JourneyAnswer, Matches } from '../forensics/journey/answering.ts';
import type {
  AttemptResult,
  AttemptStep,
  Cause,
  DecisionStep,
  Journey,
  ReceptionStep,
  Step,
  WaitStep,
} from '../forensics/journey/steps.ts';
import type { Told } from '../manager/telling.ts';
import { formatSpan } from './span.ts';
import { counted, harmless, paint } from './terminal.ts';
import { describeWhy } from './why.ts';

/** An answer as it came: beside what the log says, what holds a living message just now. */
export type ToldAnswer = AsTold<JourneyAnswer> & {
  readonly why?: Told;
  /** How many of the newest records are not in the index of a running daemon yet. */
  readonly behind?: number;
};

const bold = (text: string): string => paint(process.stdout, 'bold', text);
const dim = (text: string): string => paint(process.stdout, 'dim', text);

const clock = (at: string): string => at.replace('T', ' ').replace('Z', '');
const indent = (line: string): string => `    ${line}`;
const withValue = (name: string, value: string | undefined): string[] =>
  value === undefined || value === '' ? [] : [`${name} ${value}`];

/** The answer for people. */
export function describeAnswer(told: ToldAnswer): string {
  const answer = inOneLine(told);
  return [describeKind(answer), ...describeBehind(answer.behind)].join('\n');
}

function describeKind(answer: ToldAnswer): string {
  if (answer.kind === 'nothing') return answer.text;
  if (answer.kind === 'matches') return describeMatches(answer);
  return describeJourney(answer.journey, answer.why);
}

const describeBehind = (behind = 0): readonly string[] =>
  behind === 0
    ? []
    : [`the newest ${counted(behind, 'record')} are not in the index yet: ask again in a moment`];

/** All texts without line ends and what else a peer could play with: a step is one line. */
function inOneLine<T>(value: T): T {
  const tidy = (one: unknown): unknown => {
    if (typeof one === 'string') return harmless(one.trim().replace(/\s*[\r\n]\s*/g, ' '));
    if (Array.isArray(one)) return one.map(tidy);
    if (typeof one !== 'object' || one === null) return one;
    return Object.fromEntries(Object.entries(one).map(([key, each]) => [key, tidy(each)]));
  };
  return tidy(value) as T;
}

function describeMatches({ matches, rest }: AsTold<Matches>): string {
  const lines = matches.map(
    ({ id, at, from, to, text }) =>
      `${clock(at)}  ${bold(id)}  <${from}> to ${to.map((one) => `<${one}>`).join(' ')}: ${text}`,
  );
  const listed = `${counted(matches.length, 'message')}; ask for one by its id`;
  return [...lines, listed, ...(rest === undefined ? [] : [describeRest(rest)])].join('\n');
}

function describeRest({ count, sure, before }: NonNullable<AsTold<Matches>['rest']>): string {
  const more = {
    exactly: `and ${counted(count, 'more', 'more')}`,
    about: `and about ${counted(count, 'more', 'more')}`,
    least: count === 0 ? 'and perhaps more' : `and ${counted(count, 'more', 'more')} at least`,
  }[sure];
  return `${more}: narrow the time, or go on with --before ${before}`;
}

function describeJourney(journey: AsTold<Journey>, why: Told | undefined): string {
  const { id, steps, standing, gaps, upto } = journey;
  return [
    bold(`message ${id}: ${standing.text}`),
    ...steps.flatMap((step) => describeStep(step)),
    ...standing.recipients.map(({ address, fate, at }) =>
      indent(`<${address}> ${fate === 'live' ? 'still queued' : fate}${at ? ` ${clock(at)}` : ''}`),
    ),
    ...gaps.map((gap) => dim(`gap: ${gap}`)),
    dim(`told from the log up to position ${upto.position}, ${clock(upto.at)}`),
    ...(why === undefined ? [] : [bold('now'), describeWhy(why)]),
  ].join('\n');
}

function describeStep(step: AsTold<Step>): string[] {
  const [head = '', ...below] = linesOf(step);
  return [`${clock(step.at)}  ${head}`, ...below.map(indent)];
}

function linesOf(step: AsTold<Step>): string[] {
  switch (step.kind) {
    case 'reception':
      return receptionLines(step);
    case 'decision':
      return decisionLines(step);
    case 'wait':
      return waitLines(step);
    case 'attempt':
      return attemptLines(step);
    case 'event':
      return [step.text];
  }
}

function receptionLines(step: AsTold<ReceptionStep>): string[] {
  const { peer, helo, service, from, to, size, queue, policy, tls, cipher, meta } = step;
  const version = policy?.version === undefined ? policy?.hash : `version ${policy.version}`;
  const name = helo === '' ? '' : ` (${helo})`;
  return [
    bold(`received from ${peer}${name} by ${service}`),
    `from <${from}> to ${to.map((one) => `<${one}>`).join(' ')}, ${size} octets`,
    ...withValue('queue', queue),
    ...withValue('Message-ID', step.message_id),
    ...withValue('session', step.session),
    ...withValue('TLS', tls === undefined ? undefined : `${tls} ${cipher ?? ''}`.trim()),
    ...withValue('policy', version && `${version} (${policy?.file})`),
    ...(meta === undefined ? [] : [`meta ${JSON.stringify(meta)}`]),
  ];
}

/** Options of an answer that say where mail goes and how long it waits. */
const TELLING_OPTIONS = [
  'egress_pool',
  'retry_interval',
  'max_retry_interval',
  'max_age',
  'source_address',
  'connection_limit',
  'max_message_rate',
  'max_connection_rate',
  'max_ready',
  'enable_tls',
] as const;

function decisionLines({ about, text, answer }: AsTold<DecisionStep>): string[] {
  const options = (answer ?? {}) as Readonly<Record<string, unknown>>;
  const shown = TELLING_OPTIONS.flatMap((name) =>
    options[name] === undefined || options[name] === null
      ? []
      : [`${name} = ${JSON.stringify(options[name])}`],
  );
  return [dim(`${about}: ${text}`), ...(shown.length === 0 ? [] : [dim(shown.join(', '))])];
}

const spanOf = (from: string, until: string): string =>
  formatSpan(Date.parse(until) - Date.parse(from));

function waitLines({ at, until, queue, open, causes }: AsTold<WaitStep>): string[] {
  const span = spanOf(at, until);
  const head = open ? `waits in ${queue}, for ${span} so far` : `waited in ${queue} for ${span}`;
  return [head, ...causes.map((cause) => describeCause(cause))];
}

const describeCause = ({ name, text, from, until }: AsTold<Cause>): string =>
  `${spanOf(from, until)} ${name}: ${text} (until ${clock(until)})`;

function attemptLines(step: AsTold<AttemptStep>): string[] {
  const { attempt, source, peer, tls, cipher, via, local, session, results } = step;
  const where = peer === undefined ? 'reached nobody' : `to ${peer}`;
  const ways = [
    ...withValue('source', source),
    ...withValue('from', local),
    ...withValue('via', via),
    ...withValue('TLS', tls === undefined ? undefined : `${tls} ${cipher ?? ''}`.trim()),
    ...withValue('session', session),
  ];
  return [
    bold(`attempt ${attempt} ${where}`),
    ...(ways.length === 0 ? [] : [ways.join(', ')]),
    ...results.map((result) => describeResult(result)),
    ...(results.length === 0 ? ['no outcome yet'] : []),
  ];
}

const COLOURS = {
  delivered: 'green',
  bounced: 'red',
  deferred: 'yellow',
  unknown: 'red',
  'taken back': 'yellow',
} as const;

function describeResult(result: AsTold<AttemptResult>): string {
  const { fate, to, code, enhanced, text, took, own, due, command } = result;
  const reply = [code || undefined, enhanced || undefined, text].filter(Boolean).join(' ');
  const asked = command === undefined ? '' : ` to ${command.trimEnd()}`;
  const said = own === undefined ? '' : ' (our own words)';
  const span = took === undefined ? '' : ` after ${took} ms`;
  const next = due === undefined ? '' : `; next due ${clock(due)}`;
  const whom = to.length === 0 ? '' : ` for ${to.map((one) => `<${one}>`).join(' ')}`;
  const shown = paint(process.stdout, COLOURS[fate], fate);
  return `${shown}${whom}${span}: ${reply}${asked}${said}${next}`;
}
