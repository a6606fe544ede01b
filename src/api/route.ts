/**
 * One description for a route: what it is asked with, what it answers, when it refuses. The
 * description checks requests, types the handler, and is what the OpenAPI document is made from, so
 * they cannot disagree. A route that is added without one is refused at start.
 * Deliberately unknown here: what routes do, and who may use them.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AuthInfo } from '../domain/auth-info.ts';
import { nameAsker } from '../domain/auth-info.ts';
import { OptionError, showValue } from '../domain/option-error.ts';
import { schemaOf } from '../domain/option-schema.ts';
import type { JsonSchema, Kind, OptionTable, Parsed } from '../domain/options.ts';
import { isTable, readOptions } from '../domain/options.ts';
import { Refused } from './refusals.ts';

/** How something is read, and how documents describe it. */
export interface Shape<T> {
  readonly schema: JsonSchema;
  /** Throws OptionError; `where` names the request. */
  read(raw: unknown, where: string): T;
}

/** What a route answers with 200. */
export type Answer<T> =
  | { readonly form: 'json'; readonly kind: Kind<T> }
  | { readonly form: 'text'; readonly says: string }
  /** Bytes that the handler sends itself. */
  | { readonly form: 'own'; readonly type: string; readonly says: string }
  | { readonly form: 'empty' };

/** The description of a route. */
export interface RouteDoc<Query = unknown, Body = unknown, Said = unknown> {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  /** One sentence. */
  readonly says: string;
  readonly tag: string;
  readonly query?: Shape<Query>;
  readonly body?: Shape<Body>;
  /** Media types of the body, where it is not JSON alone. */
  readonly takes?: readonly string[];
  readonly answer: Answer<Said>;
  /** Refusals beyond those that every route has: status and when. */
  readonly refusals?: Readonly<Record<number, string>>;
  /** Refusals that are a sentence as text, as those of the reference, and no JSON. */
  readonly textRefusals?: 'all' | readonly number[];
}

declare module 'fastify' {
  interface FastifyContextConfig {
    doc?: RouteDoc;
  }
  interface FastifyRequest {
    /** Who asks; set before any handler runs. */
    auth: AuthInfo;
  }
}

/** A request as its handler gets it. */
export interface Asked<Query, Body> {
  readonly query: Query;
  readonly body: Body;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  /** Who asks, in words for the log. */
  readonly by: string;
  /** Names the request in sentences. */
  readonly where: string;
}

/** Adds a route to a scope; a body is expected to be parsed by the scope. */
export function addRoute<Query, Body, Said>(
  scope: FastifyInstance,
  doc: RouteDoc<Query, Body, Said>,
  handle: (asked: Asked<Query, Body>) => Said | Promise<Said>,
): void {
  const where = `${doc.method} ${doc.path}`;
  scope.route({
    method: doc.method,
    url: doc.path,
    config: { doc: doc as RouteDoc },
    handler: async (request, reply) => {
      const query = readQuery(doc.query, request.query, where) as Query;
      const body = doc.body?.read(request.body, where) as Body;
      const by = nameAsker(request.auth);
      const said = await handle({ query, body, request, reply, by, where });
      return await send(reply, doc.answer as Answer<unknown>, said);
    },
  });
}

async function send(reply: FastifyReply, { form }: Answer<unknown>, said: unknown) {
  if (form === 'own' || reply.sent) return reply;
  if (form === 'empty') return await reply.send();
  if (form === 'text') return await reply.type('text/plain; charset=utf-8').send(said);
  return await reply.type('application/json; charset=utf-8').send(JSON.stringify(said));
}

// The reference's split: a query that makes no sense is 400, a body of the wrong shape 422.
function readQuery(shape: Shape<unknown> | undefined, raw: unknown, where: string): unknown {
  if (shape === undefined) return {};
  try {
    return shape.read(raw, where);
  } catch (error) {
    if (error instanceof OptionError) throw new Refused(400, error.message);
    throw error;
  }
}

/** The shape of a JSON object; `null` is as good as left out. */
export function bodyOf<Table extends OptionTable>(table: Table): Shape<Parsed<Table>> {
  return {
    schema: withNulls(schemaOf(table), table),
    read: (raw, where) => readOptions(table, withoutNulls(raw, where), where),
  };
}

function withNulls(schema: JsonSchema, table: OptionTable): JsonSchema {
  const given = schema['properties'] as Readonly<Record<string, JsonSchema>>;
  const properties = Object.entries(given).map(([key, { description, ...one }]) => {
    const isNeeded = table[key]?.presence === 'required';
    const value = isNeeded ? one : { anyOf: [one, { type: 'null' }] };
    return [key, { description, ...value }] as const;
  });
  return { ...schema, properties: Object.fromEntries(properties) };
}

function withoutNulls(raw: unknown, where: string): unknown {
  if (!isTable(raw)) {
    throw new OptionError(where, '', `${showValue(raw)} is not an object`, 'send a JSON object');
  }
  return Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== null));
}

/** The shape of a query string: its values are texts until their kind says what they are. */
export function queryOf<Table extends OptionTable>(table: Table): Shape<Parsed<Table>> {
  return {
    schema: schemaOf(table),
    read(raw, where) {
      // What is empty is not given: `?queues=` of the reference's tools means all.
      const given = Object.entries(raw as Readonly<Record<string, unknown>>).filter(
        ([key, value]) => value !== '' || rowOf(table, key)?.presence === 'required',
      );
      const values = given.map(([key, value]) => {
        const schema = rowOf(table, key)?.kind.schema;
        if (schema?.['type'] === 'array') return [key, [value].flat()] as const;
        if (typeof value === 'string') return [key, typed(value, schema)] as const;
        throw new OptionError(where, key, 'is given twice', 'give it once');
      });
      return readOptions(table, Object.fromEntries(values), where);
    },
  };
}

/** A key may be any text: `__proto__` is no row. */
const rowOf = (table: OptionTable, key: string) =>
  Object.hasOwn(table, key) ? table[key] : undefined;

function typed(value: string, schema: JsonSchema | undefined): unknown {
  const type = schema?.['type'];
  if (type === 'boolean' && (value === 'true' || value === 'false')) return value === 'true';
  if ((type === 'integer' || type === 'number') && /^\d{1,15}$/.test(value)) return Number(value);
  return value;
}
