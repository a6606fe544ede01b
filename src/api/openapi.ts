/**
 * The OpenAPI 3.1 document of a listener, made from the routes that were added to it, so that no
 * route can be missing from it. Knows no route by name but its own.
 */
import type { FastifyInstance, RouteOptions } from 'fastify';
import type { JsonSchema } from '../domain/options.ts';
import { anyTable, saysKind } from './answer-kinds.ts';
import type { RouteDoc } from './route.ts';
import { addRoute } from './route.ts';

const ERROR = {
  type: 'object',
  properties: { error: { type: 'string', description: 'a sentence' } },
  required: ['error'],
};
const EVERYWHERE: Readonly<Record<number, string>> = {
  401: 'Nobody we know, or credentials that are not accepted.',
  403: 'Not for whoever this is.',
};
const OF_BODIES: Readonly<Record<number, string>> = {
  400: 'The body is not JSON.',
  413: 'The body is longer than request_body_limit.',
  415: 'The body is not declared as JSON.',
  422: 'The body has a wrong shape; the sentence names the key.',
};

/** Gathers the routes of a server from here on. */
export function gatherRoutes(server: FastifyInstance): readonly RouteDoc[] {
  const docs: RouteDoc[] = [];
  server.addHook('onRoute', (route: RouteOptions) => {
    // Fastify adds a HEAD route to each GET one.
    if (route.method === 'HEAD') return;
    docs.push(route.config?.doc ?? undescribed(route));
  });
  return docs;
}

/** The tag of routes that were added without a description; a test says that there are none. */
export const UNDESCRIBED = 'undescribed';

const undescribed = ({ method, url }: RouteOptions): RouteDoc => ({
  method: String(method) as RouteDoc['method'],
  path: url,
  tag: UNDESCRIBED,
  says: 'Not described.',
  answer: { form: 'own', type: 'application/octet-stream', says: 'Not described.' },
});

/** Adds the route that serves the document. */
export function addOpenApi(
  scope: FastifyInstance,
  docs: readonly RouteDoc[],
  version: string,
): void {
  const doc = {
    method: 'GET',
    path: '/api-docs/openapi.json',
    tag: 'health',
    says: 'This description.',
    answer: saysKind(anyTable),
  } as const;
  let made: Readonly<Record<string, unknown>> | undefined;
  addRoute(scope, doc, () => {
    made ??= describe(docs, version);
    return made;
  });
}

/** The document for these routes. */
export function describe(docs: readonly RouteDoc[], version: string) {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const doc of docs) {
    const path = paths[doc.path] ?? {};
    path[doc.method.toLowerCase()] = operationOf(doc);
    paths[doc.path] = path;
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Waybill',
      version,
      description: 'The HTTP interface of waybilld.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: [...new Set(docs.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: { Error: ERROR },
      securitySchemes: {
        basic: { type: 'http', scheme: 'basic' },
        bearer: { type: 'http', scheme: 'bearer' },
      },
    },
    // Peers in trusted_hosts need neither.
    security: [{}, { basic: [] }, { bearer: [] }],
  };
}

function operationOf(doc: RouteDoc) {
  const { method, path, says, tag, query, body } = doc;
  const parts = path.split('/').filter((part) => part !== '' && part !== 'api');
  const refusals = {
    ...EVERYWHERE,
    ...(query === undefined ? {} : { 400: 'The query makes no sense.' }),
    ...(body === undefined ? {} : OF_BODIES),
    ...doc.refusals,
  };
  return {
    operationId: [method.toLowerCase(), ...parts].join('_').replace(/[^A-Za-z0-9]+/g, '_'),
    summary: says,
    tags: [tag],
    ...(query === undefined ? {} : { parameters: parametersOf(query.schema) }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: contentOf(doc, body.schema) } }),
    responses: {
      200: answerOf(doc),
      ...Object.fromEntries(
        Object.entries(refusals).map(([code, why]) => [code, refusalOf(doc, Number(code), why)]),
      ),
    },
  };
}

const contentOf = ({ takes = ['application/json'] }: RouteDoc, schema: JsonSchema) =>
  Object.fromEntries(takes.map((type) => [type, { schema }]));

function refusalOf({ textRefusals = [] }: RouteDoc, code: number, description: string) {
  const isText = textRefusals === 'all' || textRefusals.includes(code);
  return {
    description,
    content: isText
      ? { 'text/plain': { schema: { type: 'string' } } }
      : { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
  };
}

function answerOf({ answer, says }: RouteDoc) {
  switch (answer.form) {
    case 'empty':
      return { description: 'Done.' };
    case 'text':
      return {
        description: answer.says,
        content: { 'text/plain': { schema: { type: 'string' } } },
      };
    case 'own':
      return { description: answer.says, content: { [answer.type]: {} } };
    case 'json':
      return {
        description: says,
        content: { 'application/json': { schema: answer.kind.schema ?? {} } },
      };
  }
}

function parametersOf(schema: JsonSchema) {
  const properties = (schema['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>;
  const needed = (schema['required'] ?? []) as readonly string[];
  return Object.entries(properties).map(([name, { description, ...value }]) => ({
    name,
    in: 'query',
    required: needed.includes(name),
    description,
    schema: value,
  }));
}
