/**
 * The policy behind a synchronous surface: a question of the engine in, a parsed answer out. Where
 * a handler fails, the last good answer to the same question stands in, else the default where
 * there is one, and the answer says so. Not bounded here: the time a handler takes. It knows no
 * queues and records nothing.
 */
import { freezeDeep } from '../domain/freeze-deep.ts';
import { OptionError } from '../domain/option-error.ts';
import { isTable } from '../domain/options.ts';
import { parsePoolConfig, parseSourceConfig, UNSPECIFIED } from '../domain/options-egress.ts';
import { parsePathConfig } from '../domain/options-path.ts';
import { parseQueueConfig } from '../domain/options-queue.ts';
import type { Answer, PolicyAsker } from '../domain/policy-asker.ts';
import { formatQueueName } from '../domain/queue-name.ts';
import { Recent } from '../domain/recent.ts';
import { answerKey, answerText } from './answer-text.ts';
import { createMessageAsker } from './ask-message.ts';
import type { AskedHandler, Caller, CallWatch, PolicyFault } from './calling.ts';
import { createCaller } from './calling.ts';
import type { Policy } from './define.ts';
import { createReceptionAsker } from './hearing.ts';
import type { PlaceFinder } from './setup.ts';

export type { CallWatch, PolicyFault } from './calling.ts';

const LAST_ANSWERS_MAX = 65_536;
const KNOWN_ANSWERS_MAX = 4_096;
const NO_HOSTS: readonly string[] = Object.freeze([]);

/** A question with an answer that configures something. */
export interface Question<T> {
  readonly handler: AskedHandler;
  readonly args: readonly unknown[];
  /** The same question has the same id. */
  readonly id: string;
  /** What is asked about, for sentences. */
  readonly about: string;
  /** The name that a pool or a source carries in its own options. */
  readonly name?: string;
  readonly read: (raw: unknown, where: string) => T;
}

// What JSON would drop or bend must not look like an answer without it.
const rawText = (raw: unknown): string =>
  JSON.stringify(raw, (_key, value: unknown) => {
    const isBent =
      ['function', 'bigint', 'symbol'].includes(typeof value) ||
      (typeof value === 'number' && !Number.isFinite(value));
    return isBent ? `\u0000${typeof value} ${String(value)}` : value;
  });

const withName = (raw: unknown, name: string | undefined, where: string): unknown => {
  if (name === undefined || !isTable(raw)) return raw;
  const given = raw['name'];
  if (given !== undefined && given !== name) {
    throw new OptionError(where, 'name', `is another than '${name}'`, 'leave the name out');
  }
  return { ...raw, name };
};

const makeAnswer = <T>(value: T): Answer<T> => {
  const text = answerText(value);
  return Object.freeze({ value: freezeDeep(value), text, key: answerKey(text) });
};

// Equal answers are read once and shared: a hundred thousand queues may have one configuration.
const createReader = () => {
  const known = new Recent<Answer<unknown>>(KNOWN_ANSWERS_MAX);
  return <T>(question: Question<T>, given: unknown): Answer<T> => {
    const where = `${question.handler} for ${question.about}`;
    const raw = withName(given, question.name, where);
    const key = `${question.handler} ${rawText(raw)}`;
    const same = known.get(key);
    if (same !== undefined) return same as Answer<T>;
    const answer = makeAnswer(question.read(raw, where));
    known.set(key, answer);
    return answer;
  };
};

/** Asks; 'unknown' where nobody answered and that is no fault, undefined where one failed. */
export type Ask = <T>(
  question: Question<T>,
  mayBeUnknown?: boolean,
) => Answer<T> | 'unknown' | undefined;

/** Asks over the handlers of a policy, remembering the last good answer to each question. */
export const createAsk = (caller: Caller): Ask => {
  const last = new Recent<Answer<unknown>>(LAST_ANSWERS_MAX);
  const readAnswer = createReader();
  // Pools and sources have no default: one that nobody knows is a mistake of the policy.
  const tellUnknown = ({ handler, about }: Question<unknown>): void => {
    const what = handler === 'get_egress_pool' ? 'pool' : 'source';
    const sentence = `no part of the policy knows the ${what} ${about}; answer it in ${handler}`;
    caller.tell(handler, sentence, sentence);
  };
  return <T>(question: Question<T>, mayBeUnknown = false) => {
    const id = `${question.handler} ${question.id}`;
    const read = (raw: unknown): Answer<T> => readAnswer(question, raw);
    const { handler, args, about } = question;
    const called = caller.call({ handler, args, about, read });
    if (called.kind === 'answer') {
      last.set(id, called.value);
      return called.value;
    }
    if (called.kind === 'nothing') {
      if (mayBeUnknown) return 'unknown';
      if (question.name !== undefined) tellUnknown(question);
      return undefined;
    }
    const before = last.get(id) as Answer<T> | undefined;
    return before === undefined ? undefined : standIn(before);
  };
};

const standIn = <T>(answer: Answer<T>): Answer<T> => ({ ...answer, isStandIn: true });

/** `answer`, else the default: as an answer where nobody said anything, else as a stand-in. */
const orDefault = <T>(
  answer: Answer<T> | 'unknown' | undefined,
  standard: Answer<T>,
): Answer<T> => {
  if (answer === 'unknown') return standard;
  return answer ?? { ...standIn(standard), isDefault: true };
};

const named = <T>(answer: Answer<T> | 'unknown' | undefined): Answer<T> | undefined =>
  answer === 'unknown' ? undefined : answer;

const STANDARDS = () => {
  const only = { name: UNSPECIFIED, entries: [{ name: UNSPECIFIED, weight: 1 }] };
  return {
    queue: makeAnswer(parseQueueConfig({}, 'default')),
    path: makeAnswer(parsePathConfig({}, 'default')),
    pool: makeAnswer(parsePoolConfig(only, 'default')),
    source: makeAnswer(parseSourceConfig({ name: UNSPECIFIED }, 'default')),
  };
};

/** Asks `policy`; `onFault` hears of each fault once, `findPlace` says where it was thrown. */
export const createPolicyAsker = (
  policy: Policy,
  onFault: (fault: PolicyFault) => void,
  findPlace: PlaceFinder = () => '',
  watch: CallWatch = {},
): PolicyAsker => {
  const caller = createCaller(policy, onFault, findPlace, watch);
  const ask = createAsk(caller);
  const standard = STANDARDS();
  const askSource = (name: string, mayBeUnknown?: true) => {
    if (name === UNSPECIFIED) return standard.source;
    const handler = 'get_egress_source';
    const read = parseSourceConfig;
    return ask(
      { handler, args: [name], id: name, about: `'${name}'`, name, read },
      mayBeUnknown === true,
    );
  };

  return {
    ...createMessageAsker(caller),
    reception: createReceptionAsker(caller),
    queueConfig: (name) => {
      const about = formatQueueName(name);
      const args = [name.domain, name.tenant, name.campaign, name.routing_domain];
      const handler = 'get_queue_config';
      const answer = ask({ handler, args, id: about, about, read: parseQueueConfig }, true);
      return orDefault(answer, standard.queue);
    },
    pathConfig: (routingDomain, source, site, mxHosts = NO_HOSTS) => {
      const about = `${source}->${site}`;
      const args = [routingDomain, source, site, mxHosts];
      const id = `${routingDomain} ${about}`;
      const handler = 'get_egress_path_config';
      return orDefault(
        ask({ handler, args, id, about, read: parsePathConfig }, true),
        standard.path,
      );
    },
    pool: (name) => {
      if (name === UNSPECIFIED) return standard.pool;
      const handler = 'get_egress_pool';
      const read = parsePoolConfig;
      return named(ask({ handler, args: [name], id: name, about: `'${name}'`, name, read }));
    },
    source: askSource as PolicyAsker['source'],
  };
};
