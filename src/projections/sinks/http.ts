/**
 * Records posted to a web server, a batch a request, over one connection that is kept.
 * The one idea: only a whole answer of 2xx settles a batch; whatever else happens is either said by
 * the receiver to be for good, or nothing is known and the connection is given up.
 * Deliberately unknown here: back-off, dead letters, which records a hook takes.
 */
import type { Client, Dispatcher } from 'undici';
import type { HttpSinkConfig } from '../../domain/options-hook-http.ts';
import type { OutgoingRecord, Sink, SinkAnswer } from '../../ports/sink.ts';
import type { Timers } from '../../ports/timers.ts';
import { judgeAnswer } from './http-answer.ts';
import type { FindHostAddresses, Linking } from './http-link.ts';
import { createLinking, findBySystem } from './http-link.ts';
import type { Parcel, WireBody } from './http-parcel.ts';
import { packBatch, wireBodyOf } from './http-parcel.ts';
import type { ReadSecret, RequestSecrets } from './http-secrets.ts';
import { readPem, readRequestSecrets, scrubberOf } from './http-secrets.ts';
import { oneLineOf } from './scrub.ts';
import { signatureOf } from './webhook-signature.ts';

/** What an HTTP sink needs of the world. */
export interface HttpSinkPorts {
  readonly timers: Timers;
  readonly readSecret: ReadSecret;
  /** The machine's own look-up where nothing is given. */
  readonly findAddresses?: FindHostAddresses;
}

/** Bytes read of an answer's body; with more to come the connection is given up. */
const ANSWER_BYTES_MAX = 65_536;
const ANSWER_HEADER_BYTES_MAX = 16_384;
/** An idle connection is kept for so long, or for as long as the receiver says. */
const IDLE_MS_MAX = 30_000;
const REASON_CHARS_MAX = 300;

interface Link {
  readonly client: Client;
  readonly linking: Linking;
}

class HttpSink implements Sink {
  #link: Link | undefined;
  readonly #config: HttpSinkConfig;
  readonly #isBatched: boolean;
  readonly #ports: HttpSinkPorts;
  readonly #origin: string;
  readonly #path: string;

  constructor(config: HttpSinkConfig, isBatched: boolean, ports: HttpSinkPorts) {
    const { origin, pathname, search } = new URL(config.url);
    this.#config = config;
    this.#isBatched = isBatched;
    this.#ports = ports;
    this.#origin = origin;
    this.#path = pathname + search;
  }

  async send(batch: readonly OutgoingRecord[], signal: AbortSignal): Promise<SinkAnswer> {
    if (signal.aborted) return { kind: 'failed', reason: 'stopped before anything was sent' };
    const { timeout } = this.#config;
    const over = new AbortController();
    const stop = (): void => over.abort(new Error('stopped while waiting for the answer'));
    signal.addEventListener('abort', stop);
    const cancel = this.#ports.timers.after(timeout, () =>
      over.abort(new Error(`no whole answer within ${timeout} ms`)),
    );
    try {
      return await unlessOver(this.#exchange(batch, over.signal), over.signal);
    } catch (error) {
      await this.close();
      return { kind: 'failed', reason: this.#tell(error) };
    } finally {
      cancel();
      signal.removeEventListener('abort', stop);
    }
  }

  async close(): Promise<void> {
    const link = this.#link;
    this.#link = undefined;
    link?.linking.stop();
    await link?.client.destroy();
  }

  async #exchange(batch: readonly OutgoingRecord[], over: AbortSignal): Promise<SinkAnswer> {
    const config = this.#config;
    const secrets = readRequestSecrets(config, this.#ports.readSecret);
    const parcel = packBatch(batch, {
      content: config.content,
      isEnveloped: config.cloudevents !== undefined,
      isBatched: this.#isBatched,
    });
    const plain = Buffer.from(parcel.text, 'utf8');
    const wire = await wireBodyOf(plain, config.gzip);
    const { client } = await this.#open(over);
    const response = await client.request({
      method: config.method,
      path: this.#path,
      headers: this.#headersFor(parcel, plain, wire, secrets),
      body: wire.bytes,
      signal: over,
    });
    const body = await this.#readBody(response.body);
    const { statusCode: status, statusText, headers } = response;
    const retryAfter = headers['retry-after']?.toString();
    const scrub = scrubberOf(config, this.#ports.readSecret);
    const now = this.#ports.timers.now();
    return judgeAnswer({ status, statusText, body, retryAfter }, batch.length, scrub, now);
  }

  #headersFor(parcel: Parcel, plain: Buffer, wire: WireBody, secrets: RequestSecrets) {
    const { id, traceparent } = parcel;
    const seconds = Math.floor(this.#ports.timers.now() / 1_000);
    return {
      'content-type': parcel.contentType,
      'user-agent': 'waybill',
      ...secrets.headers,
      'webhook-id': id,
      'webhook-timestamp': String(seconds),
      ...(secrets.keys.length > 0 && {
        'webhook-signature': signatureOf({ id, seconds, body: plain }, secrets.keys),
      }),
      ...(parcel.isReplay && { 'waybill-replay': 'true' }),
      ...(traceparent !== undefined && { traceparent }),
      ...(wire.isGzip && { 'content-encoding': 'gzip' }),
    };
  }

  async #open(over: AbortSignal): Promise<Link> {
    const undici = await import('undici');
    // Who stopped meanwhile would not close what is opened now.
    over.throwIfAborted();
    if (this.#link !== undefined) return this.#link;
    const linking = createLinking(this.#linkOptions());
    const client = new undici.Client(this.#origin, {
      connect: linking.connector,
      pipelining: 1,
      // One deadline, ours, holds for the request as a whole.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: IDLE_MS_MAX,
      maxHeaderSize: ANSWER_HEADER_BYTES_MAX,
    });
    this.#link = { client, linking };
    return this.#link;
  }

  #linkOptions() {
    const { tls, connect_timeout: connectTimeoutMs, allow_addresses: allowed } = this.#config;
    const { timers, readSecret, findAddresses = findBySystem } = this.#ports;
    const base = { allowed, connectTimeoutMs, findAddresses, timers };
    if (!this.#origin.startsWith('https:')) return base;
    const [ca, cert, key] = [tls.ca, tls.certificate, tls.private_key].map((source) =>
      readPem(source, readSecret),
    );
    return {
      ...base,
      tls: {
        rejectUnauthorized: !tls.insecure,
        ...(ca !== undefined && { ca }),
        ...(cert !== undefined && { cert }),
        ...(key !== undefined && { key }),
        ...(tls.server_name !== undefined && { servername: tls.server_name }),
      },
    };
  }

  /** Reads an answer to its end, so that the connection can be used again. */
  async #readBody(body: Dispatcher.ResponseData['body']): Promise<string> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes < ANSWER_BYTES_MAX) continue;
      await this.close();
      break;
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  #tell(error: unknown): string {
    const scrub = scrubberOf(this.#config, this.#ports.readSecret);
    return oneLineOf(scrub(describe(error)), REASON_CHARS_MAX) || 'the request failed';
  }
}

/** The client hears of an abort only once it is connected; nobody waits for that. */
async function unlessOver<T>(work: Promise<T>, over: AbortSignal): Promise<T> {
  const ended = new Promise<never>((_, reject) => {
    over.addEventListener('abort', () => reject(over.reason), { once: true });
  });
  work.catch(() => {});
  return await Promise.race([work, ended]);
}

/** What went wrong, with the parts of errors that have several. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const parts = error instanceof AggregateError ? error.errors.map(describe) : [];
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const own = error.message === '' ? code || error.name : error.message;
  return [...(parts.length > 0 && error.message === '' ? [] : [own]), ...parts].join('; ');
}

/**
 * A sink over HTTP. With `isBatched` (a hook whose `batch_size` is above 1) a body is a list even
 * when it holds one record.
 */
export const createHttpSink = (
  config: HttpSinkConfig,
  isBatched: boolean,
  ports: HttpSinkPorts,
): Sink => new HttpSink(config, isBatched, ports);
