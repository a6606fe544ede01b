/**
 * The routes by which operators look at log hooks, pause and resume them, skip records and have
 * some sent again. Each answers when what it says is durable. Made for the scope of admin routes,
 * which reads JSON bodies and says refusals. Knows neither threads nor the log.
 */
import type { FastifyInstance } from 'fastify';
import { hookName } from '../domain/hook-name.ts';
import { moment } from '../domain/instant.ts';
import { OptionError } from '../domain/option-error.ts';
import { wholeNumber } from '../domain/option-kinds.ts';
import type { OptionTable } from '../domain/options.ts';
import { optional, readOptions, required } from '../domain/options.ts';
import type { HookAnswer, HookDesk, HookOrder, HookStatus } from '../projections/hook-status.ts';
import { Refused } from './admin-routes.ts';

const LIST = '/api/admin/hooks/v1';
const at = (verb: string): string => `/api/admin/hooks/${verb}/v1`;

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

type OrderOf<Verb extends HookOrder['do']> = Extract<HookOrder, { readonly do: Verb }>;

/** Reads a body into an order; `where` names the request in a refusal. */
const READERS = {
  pause: (body: unknown, where: string): OrderOf<'pause'> => ({
    do: 'pause',
    ...readOptions(NAMED, body, where),
  }),
  resume: (body: unknown, where: string): OrderOf<'resume'> => ({
    do: 'resume',
    ...readOptions(NAMED, body, where),
  }),
  cancel: (body: unknown, where: string): OrderOf<'cancel'> => ({
    do: 'cancel',
    ...readOptions(NAMED, body, where),
  }),
  skip: (body: unknown, where: string): OrderOf<'skip'> => ({
    do: 'skip',
    records: 'batch',
    ...readOptions(SKIP, body, where),
  }),
  replay: (body: unknown, where: string): OrderOf<'replay'> => {
    const span = readOptions(REPLAY, body, where);
    if (span.from < span.to) return { do: 'replay', ...span };
    throw new OptionError(where, 'to', 'is not after from', 'give a later time');
  },
};

/** Adds the routes to a scope. */
export function addHookRoutes(scope: FastifyInstance, desk: HookDesk): void {
  scope.get(LIST, async () => {
    const answer = await desk.ask({ do: 'list' });
    return answer.kind === 'hooks' ? answer.hooks.map(showHook) : sayDone(answer, `GET ${LIST}`);
  });
  for (const [verb, read] of Object.entries(READERS)) {
    const path = at(verb);
    scope.post(path, async ({ body }) =>
      sayDone(await desk.ask(read(body, `POST ${path}`)), `POST ${path}`),
    );
  }
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

function sayDone(answer: HookAnswer, where: string): { readonly said: string } {
  if (answer.kind === 'done') return { said: answer.said };
  if (answer.kind === 'hooks') return { said: 'done' };
  throw new Refused(answer.kind === 'unknown' ? 404 : 409, `${where}: ${answer.said}`);
}
