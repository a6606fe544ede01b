/**
 * The policy behind a synchronous surface. Handlers are the operator's code, so nothing they do may
 * stop the engine: a throw, a promise or an unreadable answer becomes a fault, and the last good
 * answer to the same question stands in, else the default where there is one. Not bounded here: the
 * time a handler takes. It knows no queues and records nothing.
 */
import { OptionError } from '../domain/option-error.ts';
import { isTable } from '../domain/options.ts';
import type { PoolConfig, SourceConfig } from '../domain/options-egress.ts';
import { parsePoolConfig, parseSourceConfig, UNSPECIFIED } from '../domain/options-egress.ts';
import type { PathConfig } from '../domain/options-path.ts';
import { parsePathConfig } from '../domain/options-path.ts';
import type { QueueConfig } from '../domain/options-queue.ts';
import { parseQueueConfig } from '../domain/options-queue.ts';
import type { QueueName } from '../domain/queue-name.ts';
import { formatQueueName } from '../domain/queue-name.ts';
import { answerKey, answerText, freezeDeep } from './answer-text.ts';
import type { Policy } from './define.ts';
import { handlersOf } from './define.ts';
import type { HandlerName } from './hooks.ts';
import { describeThrown, oneLine } from './policy-error.ts';
import type { PlaceFinder } from './setup.ts';
import { isThenable } from './setup.ts';

/** One answer: the configuration, frozen, with a canonical text and a key that names it. */
export interface Answer<T> {
  readonly value: T;
  readonly text: string;
  readonly key: string;
}

/** A handler that failed; told once per handler and problem. */
export interface PolicyFault {
  readonly handler: HandlerName;
  readonly sentence: string;
}

/** The questions of the engine. */
export interface PolicyAsker {
  queueConfig(name: QueueName): Answer<QueueConfig>;
  pathConfig(routingDomain: string, source: string, site: string): Answer<PathConfig>;
  /** Undefined when the policy has no such pool, or failed. */
  pool(name: string): Answer<PoolConfig> | undefined;
  /** Undefined when the policy has no such source, or failed. */
  source(name: string): Answer<SourceConfig> | undefined;
}

const LAST_ANSWERS_MAX = 65_536;
const KNOWN_ANSWERS_MAX = 4_096;
const TOLD_FAULTS_MAX = 256;

type AskedHandler = Exclude<HandlerName, 'init'>;
type AnyHandler = (...args: readonly (string | undefined)[]) => unknown;

interface Question<T> {
  readonly handler: AskedHandler;
  readonly args: readonly (string | undefined)[];
  /** What is asked about, for sentences. */
  readonly about: string;
  /** The name that a pool or a source carries in its own options. */
  readonly name?: string;
  readonly read: (raw: unknown, where: string) => T;
}

// A map that forgets what was stored first.
const keep = <T>(map: Map<string, T>, key: string, value: T, max: number): void => {
  map.delete(key);
  map.set(key, value);
  if (map.size <= max) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
};

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
  const known = new Map<string, Answer<unknown>>();
  return <T>(question: Question<T>, given: unknown): Answer<T> => {
    const where = `${question.handler} for ${question.about}`;
    const raw = withName(given, question.name, where);
    const key = `${question.handler} ${rawText(raw)}`;
    const same = known.get(key);
    if (same !== undefined) return same as Answer<T>;
    const answer = makeAnswer(question.read(raw, where));
    keep(known, key, answer, KNOWN_ANSWERS_MAX);
    return answer;
  };
};

const callFirst = (handlers: readonly AnyHandler[], question: Question<unknown>): unknown => {
  for (const handler of handlers) {
    const answer = handler(...question.args);
    if (isThenable(answer)) {
      // Its own failure, if any, is of no interest any more and must not end the process.
      answer.then(undefined, () => undefined);
      throw new Error('it returned a promise, but handlers answer at once');
    }
    if (answer !== undefined) return answer;
  }
  return undefined;
};

type Ask = <T>(question: Question<T>) => Answer<T> | undefined;

const createAsk = (
  policy: Policy,
  onFault: (fault: PolicyFault) => void,
  findPlace: PlaceFinder,
): Ask => {
  const handlers = new Map<AskedHandler, readonly AnyHandler[]>();
  const last = new Map<string, Answer<unknown>>();
  const told = new Set<string>();
  const readAnswer = createReader();

  const tell = (handler: AskedHandler, problem: string, sentence: string): void => {
    const id = `${handler} ${problem}`;
    if (told.has(id)) return;
    if (told.size >= TOLD_FAULTS_MAX) told.clear();
    told.add(id);
    onFault({ handler, sentence: oneLine(sentence) });
  };
  // Pools and sources have no default: one that nobody knows is a mistake of the policy.
  const tellUnknown = ({ handler, about }: Question<unknown>): void => {
    const what = handler === 'get_egress_pool' ? 'pool' : 'source';
    const sentence = `no part of the policy knows the ${what} ${about}; answer it in ${handler}`;
    tell(handler, sentence, sentence);
  };
  const findHandlers = (name: AskedHandler): readonly AnyHandler[] => {
    const found = handlers.get(name) ?? (handlersOf(policy, name) as readonly AnyHandler[]);
    handlers.set(name, found);
    return found;
  };
  const ask = <T>(question: Question<T>): Answer<T> | undefined => {
    const id = `${question.handler} ${question.args.join('\u0000')}`;
    try {
      const raw = callFirst(findHandlers(question.handler), question);
      if (raw === undefined) {
        if (question.name !== undefined) tellUnknown(question);
        return undefined;
      }
      const answer = readAnswer(question, raw);
      keep(last, id, answer, LAST_ANSWERS_MAX);
      return answer;
    } catch (thrown) {
      const { handler, about } = question;
      const problem = describeThrown(thrown);
      const place = findPlace(thrown);
      const what =
        thrown instanceof OptionError ? problem : `${handler} failed for ${about}: ${problem}`;
      const key = thrown instanceof OptionError ? `${thrown.key} ${thrown.problem}` : problem;
      tell(handler, key, place === '' ? what : `${place}: ${what}`);
      return last.get(id) as Answer<T> | undefined;
    }
  };
  return ask;
};

/** Asks `policy`; `onFault` hears of each fault once, `findPlace` says where it was thrown. */
export const createPolicyAsker = (
  policy: Policy,
  onFault: (fault: PolicyFault) => void,
  findPlace: PlaceFinder = () => '',
): PolicyAsker => {
  const ask = createAsk(policy, onFault, findPlace);
  const queueDefault = makeAnswer(parseQueueConfig({}, 'default'));
  const pathDefault = makeAnswer(parsePathConfig({}, 'default'));
  const only = { name: UNSPECIFIED, entries: [{ name: UNSPECIFIED, weight: 1 }] };
  const poolBuiltIn = makeAnswer(parsePoolConfig(only, 'default'));
  const sourceBuiltIn = makeAnswer(parseSourceConfig({ name: UNSPECIFIED }, 'default'));

  return {
    queueConfig: (name) =>
      ask({
        handler: 'get_queue_config',
        args: [name.domain, name.tenant, name.campaign, name.routing_domain],
        about: formatQueueName(name),
        read: parseQueueConfig,
      }) ?? queueDefault,
    pathConfig: (routingDomain, source, site) =>
      ask({
        handler: 'get_egress_path_config',
        args: [routingDomain, source, site],
        about: `${source}->${site}`,
        read: parsePathConfig,
      }) ?? pathDefault,
    pool: (name) =>
      name === UNSPECIFIED
        ? poolBuiltIn
        : ask({
            handler: 'get_egress_pool',
            args: [name],
            about: `'${name}'`,
            name,
            read: parsePoolConfig,
          }),
    source: (name) =>
      name === UNSPECIFIED
        ? sourceBuiltIn
        : ask({
            handler: 'get_egress_source',
            args: [name],
            about: `'${name}'`,
            name,
            read: parseSourceConfig,
          }),
  };
};
