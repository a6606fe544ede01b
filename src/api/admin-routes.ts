/**
 * The routes by which operators stop queues, bounce and rebind messages: suspend, suspend-ready-q,
 * bounce, rebind. Each answers when what it says is durable. Knows neither engine nor manager: both
 * are lent as a desk.
 */
import type { FastifyInstance } from 'fastify';
import type { AdminCommand } from '../actors/admin/wishes.ts';
import type { AdminRule, Criteria, RuleKind } from '../domain/admin-rules.ts';
import {
  BOUNCE_BODY,
  BY_ID,
  REBIND_BODY,
  readBounce,
  readRebind,
  readSuspend,
  readSuspendReady,
  SUSPEND_BODY,
  SUSPEND_READY_BODY,
} from './admin-bodies.ts';
import {
  BOUNCE_LIST,
  BOUNCE_SAID,
  PLACED_SAID,
  REBIND_SAID,
  SUSPEND_LIST,
  SUSPEND_READY_LIST,
  SUSPEND_SAID,
} from './admin-shapes.ts';
import { Refused } from './refusals.ts';
import type { RouteDoc } from './route.ts';
import { addRoute } from './route.ts';
import { showBounce, showReadySuspension, showSuspension } from './rule-show.ts';

/** What an order would be about. */
export interface Meant {
  readonly messages: number;
  readonly queues: number;
}

/** Who sees to what operators wish. */
export interface AdminDesk {
  allocateId(): string;
  /** Settles when the wish is durable, with why it was refused if it was. */
  command(command: AdminCommand): Promise<string | undefined>;
  /** The rules that hold, oldest first, as of `at`. */
  listRules(): Promise<{ readonly rules: readonly AdminRule[]; readonly at: number }>;
  /** Counts what criteria mean just now, in slices. */
  count(criteria: Criteria): Promise<Meant>;
}

const SUSPEND = '/api/admin/suspend/v1';
const SUSPEND_READY = '/api/admin/suspend-ready-q/v1';
const BOUNCE = '/api/admin/bounce/v1';
const REBIND = '/api/admin/rebind/v1';
const tag = 'orders';
const UNKNOWN = { 404: 'No entry of this route has that id.' };
const REMOVED = { form: 'text', says: '`removed`' } as const;

/** Adds the routes to a scope that reads JSON. */
export function addAdminRoutes(scope: FastifyInstance, desk: AdminDesk): void {
  addSuspensions(scope, desk);
  addReadySuspensions(scope, desk);
  addBounces(scope, desk);
  const doc = {
    method: 'POST',
    path: REBIND,
    tag,
    says: 'Moves waiting messages to other queues, or makes them due.',
    body: REBIND_BODY,
    answer: REBIND_SAID,
  } as const;
  addRoute(scope, doc, async ({ body, where, by }) => {
    const wish = readRebind(body, where);
    if (body.dry_run) return await tryOut(desk, wish.criteria);
    await order(desk, { ...wish, id: desk.allocateId(), by }, where);
    return {};
  });
}

async function tryOut(desk: AdminDesk, criteria: Criteria) {
  return { dry_run: true as const, ...(await desk.count(criteria)) };
}

/** Has a wish done; 422 with the engine's reason where it makes no sense. */
async function order(desk: AdminDesk, command: AdminCommand, where: string): Promise<void> {
  const why = await desk.command(command);
  if (why !== undefined) throw new Refused(422, `${where}: ${why}`);
}

/** The rules of one kind, each as it is shown. */
const lister =
  <T>(desk: AdminDesk, kind: RuleKind, show: (rule: AdminRule, at: number) => T) =>
  async (): Promise<T[]> => {
    const { rules, at } = await desk.listRules();
    return rules.filter((rule) => rule.kind === kind).map((rule) => show(rule, at));
  };

type Removal = Extract<AdminCommand, { readonly kind: 'suspension.lift' | 'purge.cancel' }>;

/** Adds the route that takes an entry back. */
function addRemoval(
  scope: FastifyInstance,
  desk: AdminDesk,
  path: string,
  says: string,
  make: (id: string, by: string) => Removal,
): void {
  const doc = {
    method: 'DELETE',
    path,
    tag,
    says,
    body: BY_ID,
    answer: REMOVED,
    refusals: UNKNOWN,
  } as const;
  addRoute(scope, doc, async ({ body, by }) => {
    const why = await desk.command(make(body.id.toLowerCase(), by));
    if (why !== undefined) throw new Refused(404, why);
    return 'removed';
  });
}

const get = <Answer extends RouteDoc['answer']>(path: string, says: string, answer: Answer) =>
  ({ method: 'GET', path, tag, says, answer }) as const;

function addSuspensions(scope: FastifyInstance, desk: AdminDesk): void {
  const doc = {
    method: 'POST',
    path: SUSPEND,
    tag,
    says: 'Stops the scheduled queues that match until a time.',
    body: SUSPEND_BODY,
    answer: SUSPEND_SAID,
  } as const;
  addRoute(scope, doc, async ({ body, where, by }) => {
    const wish = readSuspend(body, where);
    if (body.dry_run) return await tryOut(desk, wish.about.criteria);
    const id = desk.allocateId();
    await order(desk, { ...wish, id, by }, where);
    return { id };
  });
  addRemoval(scope, desk, SUSPEND, 'Takes a suspension of queues back.', (id, by) => ({
    kind: 'suspension.lift',
    id,
    isReady: false,
    by,
  }));
  const list = get(SUSPEND, 'Lists the suspensions of scheduled queues.', SUSPEND_LIST);
  addRoute(scope, list, lister(desk, 'suspension', showSuspension));
}

function addReadySuspensions(scope: FastifyInstance, desk: AdminDesk): void {
  const doc = {
    method: 'POST',
    path: SUSPEND_READY,
    tag,
    says: 'Keeps a source from a site until a time.',
    body: SUSPEND_READY_BODY,
    answer: PLACED_SAID,
  } as const;
  addRoute(scope, doc, async ({ body, where, by }) => {
    const id = desk.allocateId();
    await order(desk, { ...readSuspendReady(body), id, by }, where);
    return { id };
  });
  addRemoval(scope, desk, SUSPEND_READY, 'Takes a suspension of a ready queue back.', (id, by) => ({
    kind: 'suspension.lift',
    id,
    isReady: true,
    by,
  }));
  const says = 'Lists the suspensions of ready queues.';
  const list = get(SUSPEND_READY, says, SUSPEND_READY_LIST);
  addRoute(scope, list, lister(desk, 'readySuspension', showReadySuspension));
}

function addBounces(scope: FastifyInstance, desk: AdminDesk): void {
  const doc = {
    method: 'POST',
    path: BOUNCE,
    tag,
    says: 'Bounces the messages of queues that match, those that come later too, until a time.',
    body: BOUNCE_BODY,
    answer: BOUNCE_SAID,
  } as const;
  addRoute(scope, doc, async ({ body, where, by }) => {
    const wish = readBounce(body, where);
    if (body.dry_run) return await tryOut(desk, wish.criteria);
    const id = desk.allocateId();
    await order(desk, { ...wish, id, by }, where);
    // Messages are bounced in slices from now on; GET counts them.
    return { id, bounced: {}, total_bounced: 0 };
  });
  addRemoval(scope, desk, BOUNCE, 'Takes a bounce back; what has ended stays so.', (id, by) => ({
    kind: 'purge.cancel',
    id,
    by,
  }));
  const list = get(BOUNCE, 'Lists the bounces, and what they have ended so far.', BOUNCE_LIST);
  addRoute(scope, list, lister(desk, 'purge', showBounce));
}
