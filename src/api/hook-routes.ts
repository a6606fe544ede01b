/**
 * The routes by which operators look at log hooks, pause and resume them, skip records and have
 * some sent again. Each answers when what it says is durable. Knows neither threads nor the log.
 */
import type { FastifyInstance } from 'fastify';
import { hookName } from '../domain/hook-name.ts';
import { moment } from '../domain/instant.ts';
import { OptionError } from '../domain/option-error.ts';
import { listOf, tableOf, wholeNumber } from '../domain/option-kinds.ts';
import type { OptionTable } from '../domain/options.ts';
import { optional, required } from '../domain/options.ts';
import type { HookAnswer, HookDesk, HookOrder, HookStatus } from '../projections/hook-status.ts';
import { amount, count, orNull, says, saysKind, timeText, words } from './answer-kinds.ts';
import type { NoteAct } from './notes.ts';
import { Refused } from './refusals.ts';
import type { Shape } from './route.ts';
import { addRoute, bodyOf } from './route.ts';

const LIST = '/api/admin/hooks/v1';
const at = (verb: string): string => `/api/admin/hooks/${verb}/v1`;
const tag = 'hooks';

/** Records given up in one go, at most: more than a person has looked at. */
const SKIPPED_MAX = 1_000_000;

const NAMED = { name: required(hookName, 'which hook') } satisfies OptionTable;
const SKIP = {
  ...NAMED,
  records: optional(wholeNumber(1, SKIPPED_MAX), 'how many are not sent; else the batch at hand'),
} satisfies OptionTable;
const REPLAY = {
  ...NAMED,
  from: required(moment, 'the first moment that is sent again'),
  to: required(moment, 'the first moment that is not'),
} satisfies OptionTable;

type Verb = Exclude<HookOrder['do'], 'list'>;
type OrderOf<V extends Verb> = Extract<HookOrder, { readonly do: V }>;

interface Way<V extends Verb> {
  readonly says: string;
  readonly body: Shape<OrderOf<V>>;
}

/** A body that means an order. */
const way = <V extends Verb, Table extends OptionTable>(
  sentence: string,
  table: Table,
  make: (body: ReturnType<ReturnType<typeof bodyOf<Table>>['read']>, where: string) => OrderOf<V>,
): Way<V> => {
  const { schema, read } = bodyOf(table);
  const readOrder = (raw: unknown, where: string): OrderOf<V> => make(read(raw, where), where);
  return { says: sentence, body: { schema, read: readOrder } };
};

const WAYS: { readonly [V in Verb]: Way<V> } = {
  pause: way('Pauses a hook.', NAMED, (body) => ({ do: 'pause', ...body })),
  resume: way('Lets a paused hook go on.', NAMED, (body) => ({ do: 'resume', ...body })),
  cancel: way("Ends a hook's replays where they are.", NAMED, (body) => ({
    do: 'cancel',
    ...body,
  })),
  skip: way('Has a hook leave records out.', SKIP, (body) => ({
    do: 'skip',
    records: 'batch',
    ...body,
  })),
  replay: way('Has a hook send a span of time again.', REPLAY, (span, where) => {
    if (span.from < span.to) return { do: 'replay', ...span };
    throw new OptionError(where, 'to', 'is not after from', 'give a later time');
  }),
};

const STATUS = {
  name: required(words, 'its name'),
  sink: required(words, 'where it sends to'),
  state: required(words, 'what it does'),
  position: required(amount, 'how far it is in the log'),
  lag_records: required(count, 'records behind'),
  lag_seconds: required(amount, 'age of the first of them'),
  ready: required(count, 'records in hand'),
  failures: required(count, 'failures in a row'),
  last_error: required(
    orNull(tableOf({ at: required(timeText, 'when'), text: required(words, 'what') })),
    'the last failure',
  ),
  shipped: required(count, 'records sent'),
  failed_batches: required(count, 'batches that failed'),
  dead_lettered: required(count, 'records put aside'),
  fell_off: required(count, 'records that were gone before they were read'),
  replays: required(
    listOf(tableOf({ position: required(amount, 'here'), until: required(amount, 'up to here') })),
    'what is being sent again',
  ),
};

/** Adds the routes to a scope that reads JSON. */
export function addHookRoutes(scope: FastifyInstance, desk: HookDesk, note: NoteAct): void {
  const list = {
    method: 'GET',
    path: LIST,
    tag,
    says: 'Lists the log hooks and how they are.',
    answer: saysKind(listOf(tableOf(STATUS))),
    refusals: { 404: 'No hooks run.', 409: 'Not just now.' },
  } as const;
  addRoute(scope, list, async ({ where }) => {
    const answer = await desk.ask({ do: 'list' });
    if (answer.kind === 'hooks') return answer.hooks.map(showHook);
    throw refusalOf(answer, where);
  });
  for (const verb of Object.keys(WAYS) as Verb[]) addWay(scope, desk, note, verb);
}

function addWay(scope: FastifyInstance, desk: HookDesk, note: NoteAct, verb: Verb): void {
  const doc = {
    method: 'POST',
    path: at(verb),
    tag,
    says: WAYS[verb].says,
    body: WAYS[verb].body as Shape<OrderOf<Verb>>,
    answer: says({ said: required(words, 'what was done') }),
    refusals: { 404: 'There is no such hook.', 409: 'Not just now.' },
  } as const;
  addRoute(scope, doc, async ({ body, where, by }) => {
    const answer = await desk.ask(body);
    if (answer.kind !== 'done') throw refusalOf(answer, where);
    await note(`hook.${verb}`, body.name, by, where);
    return { said: answer.said };
  });
}

/** A hook as JSON: names of fields as in records, times as text. */
export const showHook = (hook: HookStatus) => ({
  name: hook.name,
  sink: hook.sink,
  state: hook.state,
  position: hook.position,
  lag_records: hook.lagRecords,
  lag_seconds: hook.lagSeconds,
  ready: hook.ready,
  failures: hook.failures,
  last_error:
    hook.lastError === undefined
      ? null
      : { at: new Date(hook.lastError.at).toISOString(), text: hook.lastError.text },
  shipped: hook.shipped,
  failed_batches: hook.failedBatches,
  dead_lettered: hook.deadLettered,
  fell_off: hook.fellOff,
  replays: hook.replays ?? [],
});

function refusalOf(answer: HookAnswer, where: string): Refused {
  if (answer.kind === 'hooks' || answer.kind === 'done') return new Refused(409, `${where}: done`);
  return new Refused(answer.kind === 'unknown' ? 404 : 409, `${where}: ${answer.said}`);
}
