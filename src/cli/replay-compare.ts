/**
 * Recorded decisions against what a policy answers now: what is the same, what differs, option by
 * option, equal changes in one group. Asks through a function, so that a test may ask without
 * threads. Deliberately unknown here: logs, stores, terminals.
 */

import type { Collected, Decision, Unrecorded } from '../forensics/replay-decisions.ts';
import type { EffectiveAnswer, RecordedQuestion, Replayed } from '../manager/policy-jobs.ts';
import type { ChangeGroup } from './policy-compare.ts';
import { Grouping, withOrigins } from './policy-compare.ts';

/** Kinds of decisions. */
export const KINDS = ['queue', 'pool', 'source', 'path'] as const;
type Kind = (typeof KINDS)[number];

/** The handler that each kind is a question to. */
export const HANDLERS: Readonly<Record<Kind, string>> = {
  queue: 'get_queue_config',
  pool: 'get_egress_pool',
  source: 'get_egress_source',
  path: 'get_egress_path_config',
};

/** How the decisions of one kind came out. */
export interface Tally {
  asked: number;
  same: number;
  different: number;
}

/** One difference, as the log has it. */
export interface DifferenceSample {
  readonly kind: Kind;
  readonly name: string;
  readonly position: number;
  readonly at: number;
  readonly version: number;
  /** Events that say the same. */
  readonly times: number;
}

/** What came of asking. */
export interface ReplayReport {
  readonly asked: number;
  readonly same: number;
  readonly different: number;
  readonly kinds: Readonly<Record<Kind, Tally>>;
  /** Equal changes; `messages` are attempts that went by what would be different. */
  readonly groups: readonly (ChangeGroup & { readonly handler: string })[];
  /** In the order of the log, at most SAMPLES_MAX. */
  readonly samples: readonly DifferenceSample[];
  readonly faults: readonly string[];
  readonly unrecorded: readonly Unrecorded[];
}

/** Differences that are told one by one. */
const SAMPLES_MAX = 1_000;
const FAULTS_MAX = 100;
/** Stands for an answer whose text was let go of with the beginning of the log. */
const NOT_KEPT = '{"recorded":"text not kept"}';

/** Asks the policy that stands for a recorded version; undefined where that is not to be had. */
export type AskVersion = (
  version: number,
  questions: readonly RecordedQuestion[],
) => Promise<Replayed | undefined>;

const RECEPTION = /^(smtp_server_|http_message_|get_listener_domain)/;

/** How often a handler may have been asked whose questions are not on record. */
const askedOf = (handler: string, { asked }: Collected): number => {
  if (RECEPTION.test(handler)) return asked.receptions;
  if (handler === 'requeue_message') return asked.deferrals;
  return handler === 'throttle_insert_ready_queue' ? asked.offers : 0;
};

class Comparing {
  readonly kinds: Record<Kind, Tally>;
  readonly samples: DifferenceSample[] = [];
  readonly faults = new Set<string>();
  readonly texts = new Map<string, string>();
  readonly #collected: Collected;
  readonly #grouping: Grouping;

  constructor(collected: Collected) {
    this.#collected = collected;
    // What the log has left out as a secret is not told either: the new text has it in full.
    this.#grouping = new Grouping(
      (key) => collected.texts.get(key) ?? this.texts.get(key) ?? NOT_KEPT,
    );
    const none = (): Tally => ({ asked: 0, same: 0, different: 0 });
    this.kinds = { queue: none(), pool: none(), source: none(), path: none() };
  }

  compare(decisions: readonly Decision[], { answers, texts, faults }: Replayed): void {
    for (const [key, text] of texts) this.texts.set(key, text);
    for (const fault of faults) if (this.faults.size < FAULTS_MAX) this.faults.add(fault);
    for (const [at, decision] of decisions.entries()) this.#one(decision, answers[at]);
  }

  #one(decision: Decision, answer: EffectiveAnswer | undefined): void {
    const { question, key, times, position, at, version } = decision;
    const { kind, name } = question;
    const tally = this.kinds[kind];
    tally.asked += times;
    if ((answer?.key ?? '') === key) {
      tally.same += times;
      return;
    }
    tally.different += times;
    this.#grouping.add(kind, name, key === '' ? undefined : { key }, answer);
    if (this.samples.length >= SAMPLES_MAX) return;
    this.samples.push({ kind, name, position, at, version, times });
  }

  groups(): ReplayReport['groups'] {
    const { attempts } = this.#collected;
    return [...this.#grouping.groups.values()].map(({ what, names, changes, origins }) => {
      const all = [...new Set(names)].sort();
      const messages = all.reduce((sum, name) => sum + (attempts.get(`${what} ${name}`) ?? 0), 0);
      const placed = withOrigins(changes, origins);
      return { what, handler: HANDLERS[what], names: all, changes: placed, messages };
    });
  }
}

/** Asks about every decision and compares; `oneFor` maps a recorded version to whom is asked. */
export const replayDecisions = async (
  collected: Collected,
  ask: AskVersion,
  oneFor: (version: number) => number = (version) => version,
): Promise<ReplayReport> => {
  const groups = new Map<number, Decision[]>();
  for (const decision of collected.decisions) {
    const version = oneFor(decision.version);
    const found = groups.get(version);
    if (found === undefined) groups.set(version, [decision]);
    else found.push(decision);
  }
  const comparing = new Comparing(collected);
  const unrecorded = [...collected.unrecorded];
  const handlers = new Set<string>();
  for (const [version, decisions] of groups) {
    const questions = decisions.map(({ question }) => question);
    const replayed = await ask(version, questions);
    if (replayed === undefined) {
      const what = version === 0 ? 'version' : `version ${version}`;
      const why = version === 0 ? 'the log does not say which was in force' : 'it is not kept';
      unrecorded.push({ what, count: decisions.length, why });
      continue;
    }
    comparing.compare(decisions, replayed);
    for (const handler of replayed.unrecorded) handlers.add(handler);
  }
  for (const handler of handlers) {
    const why = 'its questions are not on record; up to so many may have been asked';
    unrecorded.push({ what: handler, count: askedOf(handler, collected), why });
  }
  const sum = (field: keyof Tally): number =>
    KINDS.reduce((total, kind) => total + comparing.kinds[kind][field], 0);
  return {
    asked: sum('asked'),
    same: sum('same'),
    different: sum('different'),
    kinds: comparing.kinds,
    groups: comparing.groups(),
    samples: comparing.samples,
    faults: [...comparing.faults],
    unrecorded,
  };
};
