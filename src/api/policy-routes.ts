/**
 * The routes about the policy: its versions, the one in force, and asking for a new epoch. Knows
 * no store.
 */
import type { FastifyInstance } from 'fastify';
import { flag, listOf, tableOf, wholeNumber } from '../domain/option-kinds.ts';
import { option, required } from '../domain/options.ts';
import type { VersionSummary } from '../domain/policy-version.ts';
import { count, orNull, says, timeText, words } from './answer-kinds.ts';
import type { NoteAct } from './notes.ts';
import { addRoute, queryOf } from './route.ts';

/** What these routes stand on. */
export interface PolicyDesk {
  /** The newest versions, newest first; none where versions are not kept. */
  versions(max: number): Promise<readonly VersionSummary[]>;
  inForce(): { readonly version: number; readonly epoch: number };
  /** Asks for a reload and a new epoch; what comes of it is told elsewhere. */
  requestBump(reason: string): void;
}

const tag = 'policy';
const BUMP = '/api/admin/bump-config-epoch';
const LISTED = 20;
/** The store is read on the main thread: so many are a few milliseconds. */
const LISTED_MAX = 100;

const VERSION = {
  number: required(count, 'its number'),
  at: required(timeText, 'when it was compiled'),
  state: required(words, '`candidate`, `accepted` or `refused`'),
  is_current: required(flag, 'it is in force'),
  accepted_at: required(orNull(timeText), 'when it last came into force'),
  source: required(words, 'the policy file'),
  hash: required(words, 'of its content; empty where it never came to be'),
  reason: required(words, 'why it was loaded'),
  sentence: required(words, 'why it was refused'),
};

/** Adds the routes to a scope that takes any body. */
export function addPolicyRoutes(scope: FastifyInstance, desk: PolicyDesk, note: NoteAct): void {
  const bump = {
    method: 'POST',
    path: BUMP,
    tag,
    says: 'Has everything that was configured asked for again.',
    answer: { form: 'empty' },
  } as const;
  addRoute(scope, bump, async ({ by }) => {
    desk.requestBump(`POST ${BUMP} by ${by}`);
    await note('policy.bump', 'policy', by, `POST ${BUMP}`);
  });
  const list = {
    method: 'GET',
    path: '/api/admin/policy/versions/v1',
    tag,
    says: 'Lists the newest versions of the policy, newest first.',
    query: queryOf({ limit: option(wholeNumber(1, LISTED_MAX), LISTED, 'how many') }),
    answer: says({ versions: required(listOf(tableOf(VERSION)), 'newest first') }),
  } as const;
  addRoute(scope, list, async ({ query }) => ({
    versions: (await desk.versions(query.limit)).map(show),
  }));
  const current = {
    method: 'GET',
    path: '/api/admin/policy/current/v1',
    tag,
    says: 'Says which version of the policy is in force, and its epoch.',
    answer: says({
      version: required(count, 'its number; 0 where versions are not numbered'),
      epoch: required(count, 'how often configuration came into force anew'),
    }),
  } as const;
  addRoute(scope, current, () => desk.inForce());
}

const show = (version: VersionSummary) => ({
  number: version.number,
  at: new Date(version.at).toISOString(),
  state: version.state,
  is_current: version.isCurrent,
  accepted_at: version.acceptedAt === undefined ? null : new Date(version.acceptedAt).toISOString(),
  source: version.source,
  hash: version.hash,
  reason: version.reason,
  sentence: version.sentence,
});
