/**
 * The routes by which operators stop queues, bounce and rebind messages: suspend, suspend-ready-q,
 * bounce, rebind. Each answers when what it says is durable. Bodies are JSON and nothing else;
 * what is refused says why, as `{"error": …}`. Knows neither engine nor manager: both are lent as
 * a desk.
 */
import type { FastifyError, FastifyInstance } from 'fastify';
import type { AdminCommand } from '../actors/admin/wishes.ts';
import type { AdminRule, RuleKind } from '../domain/admin-rules.ts';
import { formatDuration } from '../domain/duration.ts';
import { OptionError } from '../domain/option-error.ts';
import { readBounce, readId, readRebind, readSuspend, readSuspendReady } from './admin-bodies.ts';

/** Who sees to what operators wish. */
export interface AdminDesk {
  allocateId(): string;
  /** Settles when the wish is durable, with why it was refused if it was. */
  command(command: AdminCommand): Promise<string | undefined>;
  /** The rules that hold, oldest first, as of `at`. */
  listRules(): Promise<{ readonly rules: readonly AdminRule[]; readonly at: number }>;
}

const SUSPEND = '/api/admin/suspend/v1';
const SUSPEND_READY = '/api/admin/suspend-ready-q/v1';
const BOUNCE = '/api/admin/bounce/v1';
const REBIND = '/api/admin/rebind/v1';

/** A refusal with its status. */
export class Refused extends Error {
  readonly statusCode: number;

  constructor(statusCode: number, sentence: string) {
    super(sentence);
    this.statusCode = statusCode;
  }
}

/** Adds the routes to a scope of their own. */
export function addAdminRoutes(scope: FastifyInstance, desk: AdminDesk): void {
  readJsonOnly(scope);
  addSuspensions(scope, desk);
  addBounces(scope, desk);
  scope.post(REBIND, async (request) => {
    const wish = readRebind(request.body, `POST ${REBIND}`);
    const why = await desk.command({ ...wish, id: desk.allocateId() });
    if (why !== undefined) throw new Refused(422, `POST ${REBIND}: ${why}`);
    return {};
  });
}

function readJsonOnly(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  const parse = { parseAs: 'string' } as const;
  scope.addContentTypeParser('application/json', parse, (_request, text, done) => {
    try {
      done(null, JSON.parse(text as string));
    } catch (error) {
      done(new Refused(400, `the body is not JSON: ${(error as Error).message}`));
    }
  });
  scope.addHook('preValidation', async (request) => {
    if (request.method === 'GET' || request.body !== undefined) return;
    throw new Refused(415, 'a JSON body is needed, with content-type application/json');
  });
  scope.setErrorHandler(async (error: FastifyError, _request, reply) => {
    const code = error instanceof OptionError ? 422 : (error.statusCode ?? 500);
    const isOurs = error instanceof OptionError || error instanceof Refused;
    const hint = code === 415 && !isOurs ? '; send application/json' : '';
    await reply.code(code).send({ error: `${error.message}${hint}` });
  });
}

/** The rules of one kind. */
async function list(desk: AdminDesk, kind: RuleKind) {
  const { rules, at } = await desk.listRules();
  return { at, rules: rules.filter((rule) => rule.kind === kind) };
}

const criteriaFields = ({ criteria }: AdminRule) => ({
  campaign: criteria.campaign ?? null,
  tenant: criteria.tenant ?? null,
  domain: criteria.domain ?? null,
  ...(criteria.queue_names === undefined ? {} : { queue_names: criteria.queue_names }),
});

const leftOf = ({ until }: AdminRule, at: number): string => formatDuration(until - at);

/** Takes an entry back, or answers 404. */
async function cancel(
  desk: AdminDesk,
  command: Extract<AdminCommand, { readonly kind: 'suspension.lift' | 'purge.cancel' }>,
): Promise<string> {
  const why = await desk.command(command);
  if (why !== undefined) throw new Refused(404, why);
  return 'removed';
}

function addSuspensions(scope: FastifyInstance, desk: AdminDesk): void {
  const place = async (wish: ReturnType<typeof readSuspend>) => {
    const id = desk.allocateId();
    const why = await desk.command({ ...wish, id });
    if (why !== undefined) throw new Refused(422, why);
    return { id };
  };
  const lift = (isReady: boolean, path: string) => async (request: { body: unknown }) => {
    const id = readId(request.body, `DELETE ${path}`);
    return await cancel(desk, { kind: 'suspension.lift', id, isReady });
  };
  scope.post(SUSPEND, ({ body }) => place(readSuspend(body, `POST ${SUSPEND}`)));
  scope.delete(SUSPEND, lift(false, SUSPEND));
  scope.get(SUSPEND, async () => {
    const { rules, at } = await list(desk, 'suspension');
    return rules.map((rule) => ({
      id: rule.id,
      ...criteriaFields(rule),
      reason: rule.cause,
      duration: leftOf(rule, at),
    }));
  });
  scope.post(SUSPEND_READY, ({ body }) => place(readSuspendReady(body, `POST ${SUSPEND_READY}`)));
  scope.delete(SUSPEND_READY, lift(true, SUSPEND_READY));
  scope.get(SUSPEND_READY, async () => {
    const { rules, at } = await list(desk, 'readySuspension');
    return rules.map((rule) => ({
      id: rule.id,
      name: rule.ready,
      reason: rule.cause,
      duration: leftOf(rule, at),
      expires: new Date(rule.until).toISOString(),
    }));
  });
}

function addBounces(scope: FastifyInstance, desk: AdminDesk): void {
  scope.post(BOUNCE, async ({ body }) => {
    const wish = readBounce(body, `POST ${BOUNCE}`);
    const id = desk.allocateId();
    const why = await desk.command({ ...wish, id });
    if (why !== undefined) throw new Refused(422, why);
    // Messages are bounced in slices from now on; GET counts them.
    return { id, bounced: {}, total_bounced: 0 };
  });
  scope.delete(BOUNCE, async ({ body }) => {
    const id = readId(body, `DELETE ${BOUNCE}`);
    return await cancel(desk, { kind: 'purge.cancel', id });
  });
  scope.get(BOUNCE, async () => {
    const { rules, at } = await list(desk, 'purge');
    return rules.map((rule) => ({
      id: rule.id,
      ...criteriaFields(rule),
      routing_domain: rule.criteria.routing_domain ?? null,
      reason: rule.cause,
      duration: leftOf(rule, at),
      bounced: Object.fromEntries(rule.counts),
      total_bounced: [...rule.counts.values()].reduce((sum, count) => sum + count, 0),
    }));
  });
}
