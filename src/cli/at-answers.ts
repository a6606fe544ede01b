/**
 * Questions to an instant of the past and their answers, in the JSON of the HTTP API. The one idea:
 * an answer has the shape of the route that answers it live, and beside it stands which fields of
 * that shape no log has. Knows neither arguments nor how answers are shown to people.
 */
import type { KeptReadyLook } from '../api/inspect-show.ts';
import {
  READY_HELD,
  showKeptReady,
  showMessageLook,
  showQueueLook,
  showRate,
  showSource,
  showTop,
} from '../api/inspect-show.ts';
import {
  showBounce,
  showReadySuspension,
  showSuspended,
  showSuspension,
} from '../api/rule-show.ts';
import type { Explanation, Subject } from '../domain/explanation.ts';
import type { Ranking } from '../domain/inspection.ts';
import type { Past } from '../forensics/past.ts';
import { tellExplanation } from '../manager/telling.ts';
import { CommandFailure, EXIT } from './terminal.ts';

/** What may be given with a question. */
export interface Asked {
  readonly name: string | undefined;
  readonly sort: Ranking;
  readonly limit: number;
  readonly prefix: string;
}

/** The answer, and which fields of its shape are not in the log. */
export interface Answered {
  readonly answer: unknown;
  readonly notInLog: readonly string[];
}

interface Question {
  /** What NAME is; undefined: it takes none. */
  readonly name?: string;
  /** In half a sentence. */
  readonly says: string;
  answer(past: Past, asked: Asked): unknown;
  readonly notInLog?: readonly string[];
}

const found = <T>(thing: T | undefined, what: string): T => {
  if (thing === undefined) throw new CommandFailure(`there was no ${what}`, EXIT.wanting);
  return thing;
};

/** The questions by name: those of the HTTP API, and an overview. */
export const QUESTIONS = {
  overview: {
    says: 'all of it in a few numbers',
    answer: (past) => overviewOf(past),
    notInLog: ['ready queues', 'connections'],
  },
  queues: {
    says: 'the first queues by depth, age or last error',
    answer: (past, { sort, limit, prefix }) => {
      const top = past.top({ by: sort, max: limit, prefix });
      return showTop(top, past.at);
    },
  },
  'inspect-sched-q': {
    name: 'a scheduled queue',
    says: 'a scheduled queue and its first messages',
    answer: (past, { name = '', limit }) =>
      showQueueLook(found(past.queue(name, limit), `queue ${name}`), past.at),
  },
  'inspect-message': {
    name: 'the id of a message',
    says: 'a message that was queued',
    answer: (past, { name = '' }) =>
      showMessageLook(found(past.message(name), `message ${name} in the queues`)),
  },
  'inspect-ready-q': {
    name: 'a ready queue',
    says: 'a ready queue as far as the log knows it: its options and bounds',
    answer: (past, { name = '' }) =>
      showKeptReady(found<KeptReadyLook>(past.ready(name), `ready queue ${name}`), past.at),
    notInLog: READY_HELD,
  },
  sources: {
    says: 'the egress sources, those that were suspended too',
    answer: (past) => ({ sources: past.sources().map(showSource) }),
  },
  'suspend-source': {
    says: 'the suspended sources',
    answer: (past) => ({ suspended: past.suspended().map((one) => showSuspended(one, past.at)) }),
  },
  suspend: {
    says: "operators' suspensions of scheduled queues",
    answer: (past) => past.rules('suspension').map((rule) => showSuspension(rule, past.at)),
  },
  'suspend-ready-q': {
    says: "operators' suspensions of ready queues",
    answer: (past) =>
      past.rules('readySuspension').map((rule) => showReadySuspension(rule, past.at)),
  },
  bounce: {
    says: "operators' bounces",
    answer: (past) => past.rules('purge').map((rule) => showBounce(rule, past.at)),
  },
  limits: {
    says: 'the rates that were used up to some later time',
    answer: (past) => ({ rates: past.rates().map(showRate) }),
  },
  policy: {
    says: 'the version of the policy that was in force',
    answer: (past) => {
      const { policyVersion: version, epoch } = past.overview().engine;
      return { version, epoch };
    },
  },
  why: {
    name: 'a queue, message, source or ready queue',
    says: 'why it waited',
    answer: (past, { name = '' }) => explainFirst(past, name),
    notInLog: ['held', 'reasons with "held": ready queues, connections, rates, look-ups'],
  },
} as const satisfies Readonly<Record<string, Question>>;

/** The name of a question. */
export type QuestionName = keyof typeof QUESTIONS;

const isQuestion = (name: string): name is QuestionName => Object.hasOwn(QUESTIONS, name);

/** The question of a name; CommandFailure where there is none, or NAME is missing or too much. */
export function findQuestion(name: string, about: string | undefined): QuestionName {
  if (!isQuestion(name)) {
    const names = [...Object.keys(QUESTIONS), 'step'].join(', ');
    throw new CommandFailure(`there is no question '${name}'; ask ${names}.`, EXIT.usage);
  }
  const question: Question = QUESTIONS[name];
  if (question.name !== undefined && about === undefined) {
    throw new CommandFailure(`${name} needs the name of ${question.name}.`, EXIT.usage);
  }
  if (question.name === undefined && about !== undefined) {
    throw new CommandFailure(`${name} takes no name, but '${about}' was given.`, EXIT.usage);
  }
  return name;
}

/** Answers a question. */
export function answerAt(past: Past, name: QuestionName, asked: Asked): Answered {
  const question: Question = QUESTIONS[name];
  return { answer: question.answer(past, asked), notInLog: question.notInLog ?? [] };
}

function overviewOf(past: Past) {
  const { engine, ledger, messages, queues, sources, rules } = past.overview();
  return {
    running: engine.isRunning,
    starts: engine.starts,
    policy: { version: engine.policyVersion, epoch: engine.epoch, hash: engine.policy },
    messages,
    queues,
    sources,
    suspended_sources: past.suspended().length,
    rules,
    recipients: ledger,
  };
}

const KINDS = ['queue', 'message', 'source', 'path'] as const satisfies readonly Subject['kind'][];

function explainFirst(past: Past, name: string) {
  const refusals: string[] = [];
  for (const kind of KINDS) {
    const told = past.explain({ kind, name });
    if (typeof told !== 'string') return tell(past, told);
    refusals.push(told);
  }
  throw new CommandFailure(refusals.join('; '), EXIT.wanting);
}

// Where an option was written is known to the version that was in force, not to the log.
function tell(past: Past, told: Explanation) {
  const { policyVersion, policy } = past.overview().engine;
  const version = policyVersion > 0 ? `version ${policyVersion} of the policy` : `policy ${policy}`;
  return tellExplanation(told, () => version);
}
