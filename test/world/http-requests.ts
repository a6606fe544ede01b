/**
 * Requests made from an OpenAPI document: mostly of the right shape, with values that fit or nearly
 * fit, and now and then broken in every way a client can think of. Deliberately unknown here: what
 * answers them.
 */
import fc from 'fast-check';

/** A JSON Schema as far as routes use one. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** One operation of a document. */
export interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { schema: Schema }>> };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { schema?: Schema }>> }>
  >;
}

/** A document, as far as requests are made from it. */
export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** A request to be sent. */
export interface Request {
  readonly method: string;
  /** As the document has it. */
  readonly route: string;
  /** What goes on the wire: path and query. */
  readonly target: string;
  /** The path is the route's own, letter by letter. */
  readonly isPlain: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** Words that mean something here or elsewhere, or should mean nothing at all. */
const SAMPLES = [
  ...['a.test', 'b.test', 'x@a.test', 'c:x@a.test', 'u', 'ip-1', 'ip-2', 'unspecified', 'one'],
  ...['ip-1->mx.a.test@smtp_client', '5m', '1s', '0', '-1', '1e9', '2026-01-31T12:00:00Z', 'true'],
  ...['9999-12-31T23:59:59Z', '../../etc/passwd', '..%2f..%2f', '%00', '\u0000', 'ä\u202e', '💥'],
  ...['__proto__', 'constructor', 'toString', "' OR 1=1 --", '{{7*7}}', 'data', 'debug', 'webhook'],
  ...['a'.repeat(300), '[::1]', '[1.2.3.4]', '!', '@', ':', '@@', '0'.repeat(32), 'f'.repeat(32)],
];
const word = fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...SAMPLES) }, fc.string());
const junk = fc.jsonValue({ maxDepth: 2 });

/** A value of a schema, or nearly. */
export function someValue(schema: Schema): fc.Arbitrary<unknown> {
  const right = rightOf(schema);
  return fc.oneof({ weight: 12, arbitrary: right }, { weight: 1, arbitrary: junk });
}

function rightOf(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(someValue));
  const { minimum = 0, maximum = 2_000 } = schema;
  switch (schema.type) {
    case 'string':
      return word;
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.oneof(fc.integer({ min: minimum, max: maximum }), fc.integer());
    case 'number':
      return fc.oneof(fc.integer({ min: 0, max: 10 }), fc.double());
    case 'null':
      return fc.constant(null);
    case 'array':
      return fc.array(someValue(schema.items ?? {}), { maxLength: 4 });
    case 'object':
      return objectOf(schema);
    default:
      return junk;
  }
}

function objectOf({ properties, required = [], additionalProperties }: Schema) {
  if (properties === undefined) {
    const inner = typeof additionalProperties === 'object' ? someValue(additionalProperties) : junk;
    const key = fc.oneof(fc.constantFrom('tenant', 'campaign', 'queue', 'routing_domain'), word);
    return fc.dictionary(key, inner, { maxKeys: 3 });
  }
  const model = Object.fromEntries(
    Object.entries(properties).map(([key, one]) => [key, someValue(one)]),
  );
  const whole = fc.record(model, { requiredKeys: [...required] });
  const strange = fc
    .tuple(whole, word, junk)
    .map(([one, key, value]) => ({ ...one, [key]: value }));
  const less = fc.record(model, { requiredKeys: [] });
  return fc.oneof(
    { weight: 8, arbitrary: whole },
    { weight: 1, arbitrary: strange },
    { weight: 1, arbitrary: less },
  );
}

const jsonHeaders = fc.oneof(
  { weight: 8, arbitrary: fc.constant('application/json') },
  fc.constantFrom('application/json; charset=utf-8', 'text/plain', 'a/b', '', 'application/xml'),
);
const authorization = fc.oneof(
  { weight: 8, arbitrary: fc.constant(undefined) },
  fc.constantFrom('Basic dTpw', 'Basic !!', 'Bearer good', 'Bearer a b', 'Digest x', 'Basic'),
);

/** The same path, written in ways that a router may or may not see through. */
const spelling = (path: string): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constant(path) },
    fc.constantFrom(
      ...[`${path}/`, `/${path}`, `${path}/..`, `${path}%00`, path.replace('/api', '/%61pi')],
      ...[`${path}/../../../etc/passwd`, path.toUpperCase(), `${path};x=1`, `${path}%2f`],
    ),
  );

function queryOf(operation: Operation): fc.Arbitrary<string> {
  const given = operation.parameters ?? [];
  const pairs = given.map(({ name, schema }) =>
    fc.option(someValue(schema), { freq: 6 }).map((value): [string, string][] => {
      if (value === null) return [];
      return [[name, typeof value === 'string' ? value : JSON.stringify(value)]];
    }),
  );
  const strange = fc.oneof(
    { weight: 8, arbitrary: fc.constant([]) },
    fc.tuple(word, word).map((pair) => [pair]),
  );
  const all = fc.tuple(...pairs, strange).map((lists) => lists.flat() as [string, string][]);
  return all.map((entries) => {
    const text = entries.map((pair) => pair.map(encodeSafely).join('=')).join('&');
    return text === '' ? '' : `?${text}`;
  });
}

/** A lone surrogate has no spelling in a path. */
const encodeSafely = (text: string): string =>
  encodeURIComponent(Buffer.from(text, 'utf8').toString('utf8'));

const bodyOf = (operation: Operation): fc.Arbitrary<string | undefined> => {
  const schema = Object.values(operation.requestBody?.content ?? {})[0]?.schema;
  if (schema === undefined) return fc.constant(undefined);
  const text = someValue(schema).map((value) => JSON.stringify(value) ?? 'null');
  const cut = fc.tuple(text, fc.nat(40)).map(([whole, at]) => whole.slice(0, at));
  return fc.oneof({ weight: 12, arbitrary: text }, cut, fc.string(), fc.constant(''));
};

/** Requests to all operations of a document. */
export function requestsOf(document: Document): fc.Arbitrary<Request> {
  const all = Object.entries(document.paths).flatMap(([route, methods]) =>
    Object.entries(methods).map(([method, operation]) => oneOf(route, method, operation)),
  );
  return fc.oneof(...all);
}

const oneOf = (route: string, verb: string, operation: Operation): fc.Arbitrary<Request> => {
  const method = verb.toUpperCase();
  return fc
    .record({
      path: spelling(route),
      query: queryOf(operation),
      body: bodyOf(operation),
      type: jsonHeaders,
      who: authorization,
    })
    .map(({ path, query, body, type, who }) => ({
      method,
      route,
      target: path + query,
      isPlain: path === route,
      headers: {
        ...(body === undefined || type === '' ? {} : { 'content-type': type }),
        ...(who === undefined ? {} : { authorization: who }),
      },
      body: method === 'GET' ? undefined : body,
    }));
};
