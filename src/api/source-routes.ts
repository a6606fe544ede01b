/**
 * The route by which an operator lists, places and lifts suspensions of egress sources. Reads JSON;
 * what is wrong with a request is said in one sentence that names the field and the fix.
 * Deliberately unknown here: the engine, and who may come in.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { formatDuration, parseDuration } from '../domain/duration.ts';
import { OptionValueError } from '../domain/option-error.ts';

/** A source that is out of rotation. */
export interface SuspendedSource {
  readonly source: string;
  /** `Unplumbed`, `ProxyUnhealthy` or `Operator`. */
  readonly reason: string;
  /** In words: what failed, or what the operator said. */
  readonly cause: string;
  /** Engine time, ms. */
  readonly until: number;
}

/** What the route stands on; `answered` hears why not, or nothing once it is durable. */
export interface SourceControl {
  now(): number;
  suspended(): readonly SuspendedSource[];
  suspend(
    source: string,
    until: number,
    why: string,
    answered: (refusal: string | undefined) => void,
  ): void;
  resume(source: string, answered: (refusal: string | undefined) => void): void;
}

const PATH = '/api/admin/suspend-source/v1';
/** Without `duration` and `expires`, ms. */
const DURATION_DEFAULT = 5 * 60_000;
/** A suspension is to end some day: about a hundred years, ms. */
const DURATION_MAX = 100 * 366 * 86_400_000;
const KEYS: ReadonlySet<string> = new Set(['source', 'duration', 'expires', 'reason']);

/** A request that makes no sense. */
class BadRequest extends Error {}

type Fields = Readonly<Record<string, unknown>>;

/** Adds the route to a listener; in a scope of its own, for it alone reads bodies as JSON. */
export function addSourceRoutes(server: FastifyInstance, control: SourceControl): void {
  server.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    const asText = { parseAs: 'string' } as const;
    scope.addContentTypeParser('*', asText, (_request, body, done) => done(null, body));
    scope.get(PATH, async (_request, reply) => {
      await reply.send({ suspended: control.suspended().map((one) => show(one, control.now())) });
    });
    scope.post(PATH, (request, reply) =>
      answer(request, reply, (fields) => place(control, fields)),
    );
    scope.delete(PATH, (request, reply) =>
      answer(request, reply, (fields) => lift(control, fields)),
    );
    done();
  });
}

const show = ({ source, reason, cause, until }: SuspendedSource, now: number) => ({
  source,
  reason,
  cause,
  until: new Date(until).toISOString(),
  remaining: formatDuration(Math.max(0, until - now)),
});

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  act: (fields: Fields) => Promise<{ refusal: string | undefined; said: object }>,
): Promise<void> {
  try {
    const { refusal, said } = await act(readFields(request.body));
    if (refusal === undefined) await reply.code(200).send(said);
    else await reply.code(404).send({ error: refusal });
  } catch (error) {
    if (!(error instanceof BadRequest)) throw error;
    await reply.code(400).send({ error: error.message });
  }
}

function readFields(body: unknown): Fields {
  let value: unknown;
  try {
    value = JSON.parse(typeof body === 'string' ? body : '');
  } catch {
    throw new BadRequest('the body is not JSON: send {"source": "ip-1", "duration": "5m"}');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new BadRequest('the body is not a JSON object: send {"source": "ip-1"}');
  }
  for (const key of Object.keys(value)) {
    if (KEYS.has(key)) continue;
    throw new BadRequest(`${key}: is not known here; use source, duration or expires, and reason`);
  }
  return value as Fields;
}

function textOf(fields: Fields, key: string): string {
  const value = fields[key];
  if (typeof value === 'string' && value !== '') return value;
  throw new BadRequest(`${key}: ${value === undefined ? 'is missing' : 'is not a text'}`);
}

function untilOf(fields: Fields, now: number): number {
  const { duration, expires } = fields;
  if (expires !== undefined && duration !== undefined) {
    throw new BadRequest('duration and expires: give one of them');
  }
  const until = expires === undefined ? now + spanOf(duration) : timeOf(expires);
  if (until > now && until - now <= DURATION_MAX) return Math.round(until);
  const key = expires === undefined ? 'duration' : 'expires';
  throw new BadRequest(`${key}: the end must lie in the future, and within a hundred years`);
}

function spanOf(duration: unknown): number {
  if (duration === undefined) return DURATION_DEFAULT;
  try {
    return parseDuration(duration);
  } catch (error) {
    if (!(error instanceof OptionValueError)) throw error;
    throw new BadRequest(`duration: ${error.message}`);
  }
}

// RFC 3339: anything less would be read as local time, or not at all.
const TIME = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

function timeOf(expires: unknown): number {
  const at = typeof expires === 'string' && TIME.test(expires) ? Date.parse(expires) : Number.NaN;
  if (Number.isFinite(at)) return at;
  throw new BadRequest('expires: is not a time; write it like "2026-11-22T13:00:00Z"');
}

function place(control: SourceControl, fields: Fields) {
  const source = textOf(fields, 'source');
  const until = untilOf(fields, control.now());
  const why = fields['reason'] === undefined ? 'by an operator' : textOf(fields, 'reason');
  const said = { source, until: new Date(until).toISOString() };
  return new Promise<{ refusal: string | undefined; said: object }>((resolve) => {
    control.suspend(source, until, oneLine(why), (refusal) => resolve({ refusal, said }));
  });
}

function lift(control: SourceControl, fields: Fields) {
  const source = textOf(fields, 'source');
  return new Promise<{ refusal: string | undefined; said: object }>((resolve) => {
    control.resume(source, (refusal) => resolve({ refusal, said: { source } }));
  });
}

/** The reason stands in log lines: one line, and not a long one. */
const oneLine = (text: string): string => text.replace(/[\x00-\x1f\x7f]+/g, ' ').slice(0, 500);
