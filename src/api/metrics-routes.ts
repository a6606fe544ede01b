/**
 * The routes of the metrics: text in two formats and JSON, by what the client accepts, compressed
 * where it likes, whole or a part. What is wrong with a request is said in one sentence.
 * Deliberately unknown here: what is measured, and who may come in.
 */
import { pipeline, Readable, Writable } from 'node:stream';
import { constants, createDeflate, createGzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { jsonWriter } from './metrics/json.ts';
import type { Writer } from './metrics/text.ts';
import { openMetricsWriter, prometheusWriter } from './metrics/text.ts';
import type { Choice, Metrics } from './metrics.ts';
import type { RouteDoc, Shape } from './route.ts';

/** Patterns of names in one request. */
const NAMES_MAX = 64;
/** The most series of a family that may be asked for as the greatest. */
const TOP_MAX = 10_000;
/** When a client is to come back that is one too many, s. */
const RETRY_AFTER_S = 5;
const CHUNK_BYTES = 65_536;
/** A UTF-16 unit in UTF-8, at most. */
const UTF8_BYTES_MAX = 3;
/** For a chunk of text, and some more. */
const SCRATCH_BYTES = 4 * CHUNK_BYTES;

const PREFIX = /^[A-Za-z_:][A-Za-z0-9_:]*$/;
const PATTERN = /^[A-Za-z0-9_:*]{1,200}$/;

const NAME = { type: 'array', items: { type: 'string', pattern: PATTERN.source } };
const TOP = { type: 'integer', minimum: 0, maximum: TOP_MAX };

// Read below: a name may be given several times, which other queries may not.
const queryOf = (properties: Readonly<Record<string, object>>): Shape<unknown> => ({
  schema: { type: 'object', properties, additionalProperties: false },
  read: (raw) => raw,
});

const TEXT: RouteDoc = {
  method: 'GET',
  path: '/metrics',
  tag: 'metrics',
  says: 'Everything that is counted, for Prometheus.',
  query: queryOf({ name: NAME, top: TOP, prefix: { type: 'string', pattern: PREFIX.source } }),
  answer: { form: 'own', type: 'text/plain', says: 'the text exposition format, or OpenMetrics' },
  refusals: { 503: 'Too many ask at once.' },
};
const JSON_TEXT: RouteDoc = {
  method: 'GET',
  path: '/metrics.json',
  tag: 'metrics',
  says: 'Everything that is counted, as one JSON object.',
  query: queryOf({ name: NAME, top: TOP }),
  answer: { form: 'own', type: 'application/json', says: 'an object with a key a metric' },
  refusals: { 503: 'Too many ask at once.' },
};

const NO_BODY = Readable.from([]);

/** A request that makes no sense. */
class BadRequest extends Error {}

type Query = Readonly<Record<string, string | readonly string[]>>;

/** Adds the routes to a listener, in a scope of their own. */
export function addMetricsRoutes(server: FastifyInstance, metrics: Metrics): void {
  server.register((scope, _options, done) => {
    const add = (doc: RouteDoc, keys: readonly string[], write: WriterChoice): void => {
      const options = { exposeHeadRoute: false, config: { doc } };
      scope.get(doc.path, options, (request, reply) => {
        answer(metrics, request, reply, keys, write);
      });
      // Fastify would make all of it to answer HEAD.
      scope.head(doc.path, { config: { doc } }, (request, reply) => {
        answer(undefined, request, reply, keys, write);
      });
    };
    add(TEXT, ['name', 'top', 'prefix'], ({ headers }, prefix) =>
      wantsOpenMetrics(headers.accept) ? openMetricsWriter(prefix) : prometheusWriter(prefix),
    );
    add(JSON_TEXT, ['name', 'top'], () => jsonWriter());
    done();
  });
}

type WriterChoice = (request: FastifyRequest, prefix: string) => Writer;

/** Without metrics only the head is answered. */
function answer(
  metrics: Metrics | undefined,
  request: FastifyRequest,
  reply: FastifyReply,
  keys: readonly string[],
  write: WriterChoice,
): void {
  try {
    const query = request.query as Query;
    refuseUnknown(query, keys);
    const writer = write(request, readPrefix(query));
    const choice = readChoice(query);
    const stream = metrics === undefined ? NO_BODY : metrics.open(writer, choice);
    if (stream === undefined) {
      reply.header('retry-after', RETRY_AFTER_S);
      void reply.code(503).send({ error: 'too many scrapes at once; come back later' });
      return;
    }
    const coding = chooseCoding(request.headers['accept-encoding']);
    reply.type(writer.contentType).header('vary', 'accept, accept-encoding');
    if (coding !== undefined) reply.header('content-encoding', coding);
    void reply.send(stream === NO_BODY ? '' : compress(stream, coding));
  } catch (error) {
    if (!(error instanceof BadRequest)) throw error;
    void reply.code(400).send({ error: error.message });
  }
}

/** Whoever ends, the other end ends with it; the answer is then cut short, which clients notice. */
function compress(stream: Readable, coding: 'gzip' | 'deflate' | undefined): Readable {
  if (coding === undefined) return stream;
  const options = { level: constants.Z_BEST_SPEED, chunkSize: CHUNK_BYTES };
  const coder = coding === 'gzip' ? createGzip(options) : createDeflate(options);
  pipeline(stream, makeFeed(coder), (error) => {
    if (error) coder.destroy(error);
  });
  coder.once('close', () => stream.destroy());
  return coder;
}

/** Gives texts to a coder by way of one buffer: it has taken a text when it wants the next. */
function makeFeed(coder: Writable): Writable {
  const scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  return new Writable({
    objectMode: true,
    highWaterMark: 1,
    write: (text: string, _encoding, done) => {
      const fits = text.length * UTF8_BYTES_MAX <= SCRATCH_BYTES;
      coder.write(fits ? scratch.subarray(0, scratch.write(text)) : Buffer.from(text), done);
    },
    final: (done) => {
      coder.end(done);
    },
  });
}

function refuseUnknown(query: Query, keys: readonly string[]): void {
  for (const key of Object.keys(query)) {
    if (keys.includes(key)) continue;
    throw new BadRequest(`${key}: is not an option here; there are ${keys.join(', ')}`);
  }
}

const listOf = (value: string | readonly string[] | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === 'string' ? [value] : value;

function oneOf(query: Query, key: string): string | undefined {
  const [value, ...more] = listOf(query[key]);
  if (more.length > 0) throw new BadRequest(`${key}: is given more than once`);
  return value;
}

function readPrefix(query: Query): string {
  const prefix = oneOf(query, 'prefix') ?? '';
  if (prefix === '' || PREFIX.test(prefix)) return prefix;
  throw new BadRequest('prefix: must begin with a letter, _ or :, and go on with these or digits');
}

function readChoice(query: Query): Choice {
  const names = listOf(query['name']);
  if (names.length > NAMES_MAX) throw new BadRequest(`name: at most ${NAMES_MAX} may be given`);
  for (const name of names) {
    if (PATTERN.test(name)) continue;
    throw new BadRequest(
      'name: must be the name of a metric, in which * stands for any characters',
    );
  }
  const top = oneOf(query, 'top');
  const isGood = top === undefined || (/^\d{1,5}$/.test(top) && Number(top) <= TOP_MAX);
  if (!isGood) throw new BadRequest(`top: must be a number from 0 to ${TOP_MAX}`);
  return { names, top: top === undefined ? undefined : Number(top) };
}

/** The weights of a header such as Accept (RFC 9110 section 12.4.2), by what they are given to. */
function readWeights(header: string | undefined): Map<string, number> {
  const weights = new Map<string, number>();
  for (const part of (header ?? '').split(',')) {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    const q = parameters.find((text) => text.startsWith('q='));
    const weight = q === undefined ? 1 : Number(q.slice(2));
    if (name !== '') weights.set(name, Number.isNaN(weight) ? 0 : weight);
  }
  return weights;
}

/** OpenMetrics is for those who name it, and like it no less than plain text. */
export function wantsOpenMetrics(accept: string | undefined): boolean {
  const weights = readWeights(accept);
  const open = weights.get('application/openmetrics-text') ?? 0;
  const text = weights.get('text/plain') ?? weights.get('text/*') ?? weights.get('*/*') ?? 0;
  return open > 0 && open >= text;
}

/** The coding the client likes best, gzip before deflate; undefined: none. */
export function chooseCoding(accept: string | undefined): 'gzip' | 'deflate' | undefined {
  const weights = readWeights(accept);
  const any = weights.get('*') ?? 0;
  const gzip = weights.get('gzip') ?? weights.get('x-gzip') ?? any;
  const deflate = weights.get('deflate') ?? any;
  const best = Math.max(gzip, deflate);
  if (best <= 0 || best < (weights.get('identity') ?? 0)) return undefined;
  return gzip === best ? 'gzip' : 'deflate';
}
