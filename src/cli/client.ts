/**
 * Speaks with a running daemon over HTTP for every command: where it is, who we are, how long we
 * wait, and what each refusal means as a sentence and an exit code.
 * Deliberately unknown here: what is asked, and how answers are shown.
 */
import process from 'node:process';
import type { Endpoint, EndpointFlags } from './endpoint.ts';
import { findEndpoint } from './endpoint.ts';
import { CommandFailure, DaemonRefusal, EXIT, explain } from './terminal.ts';

/** Longest wait for the head of an answer, ms; what streams after it has no bound. */
const ANSWER_MS_MAX = 60_000;
/** Of a refusal nobody reads more. */
const REFUSAL_CHARS_MAX = 1_000;

/** Parts of a query: undefined is left out, a list is given several times. */
export type Query = Readonly<
  Record<string, string | number | boolean | readonly string[] | undefined>
>;

/** A daemon that listens for HTTP. */
export class DaemonClient {
  readonly #endpoint: Endpoint;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
    this.#headers = credentialsOf(endpoint.url);
  }

  /** The address, without credentials. */
  get name(): string {
    return this.#endpoint.url.origin;
  }

  /** What a websocket needs. */
  socketParts(path: string): { url: string; headers: Readonly<Record<string, string>> } {
    const url = this.#urlOf(path, {});
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    return { url: url.href, headers: this.#headers };
  }

  get<T>(path: string, query: Query = {}): Promise<T> {
    return this.#ask('GET', path, query);
  }

  post<T>(path: string, body: object, query: Query = {}): Promise<T> {
    return this.#ask('POST', path, query, body);
  }

  /** Takes something back. */
  remove<T>(path: string, body: object): Promise<T> {
    return this.#ask('DELETE', path, {}, body);
  }

  /** The text of an answer, piece by piece as it comes. */
  async *stream(path: string, query: Query): AsyncGenerator<string> {
    const { body } = await this.#send('GET', path, query);
    if (body === null) return;
    const decoder = new TextDecoder();
    try {
      for await (const chunk of body) yield decoder.decode(chunk as Uint8Array, { stream: true });
    } catch (error) {
      throw this.failure(error);
    }
  }

  /** A sentence for what kept us from asking. */
  failure(error: unknown): CommandFailure {
    if (error instanceof CommandFailure) return error;
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const { origin } = this.#endpoint;
    const name = (cause as Error).name;
    const why = name === 'TimeoutError' ? 'there was no answer in time' : explain(cause);
    return new CommandFailure(
      `no waybilld answers at ${this.name} (${origin}): ${why}. Start one with waybilld --policy ` +
        'FILE whose init has setup.httpListener, or point to it with --endpoint URL or --data DIR.',
    );
  }

  async #ask<T>(method: string, path: string, query: Query, body?: object): Promise<T> {
    const answer = await this.#send(method, path, query, body);
    try {
      const text = await answer.text();
      return (isJson(answer) && text !== '' ? JSON.parse(text) : text) as T;
    } catch (error) {
      throw this.failure(error);
    }
  }

  async #send(method: string, path: string, query: Query, body?: object) {
    const headers = { ...this.#headers };
    if (body !== undefined) headers['content-type'] = 'application/json';
    const enough = new AbortController();
    const timer = setTimeout(() => {
      enough.abort(new DOMException('no answer', 'TimeoutError'));
    }, ANSWER_MS_MAX);
    try {
      const answer = await fetch(this.#urlOf(path, query), {
        method,
        headers,
        redirect: 'error',
        signal: enough.signal,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (!answer.ok) throw await this.#refusal(answer);
      return answer;
    } catch (error) {
      throw this.failure(error);
    } finally {
      clearTimeout(timer);
    }
  }

  #urlOf(path: string, query: Query): URL {
    const { url } = this.#endpoint;
    const whole = new URL(url.origin);
    whole.pathname = `${url.pathname.replace(/\/+$/, '')}${path}`;
    for (const [key, value] of Object.entries(query)) {
      const values = Array.isArray(value) ? value : [value];
      for (const one of values) if (one !== undefined) whole.searchParams.append(key, String(one));
    }
    return whole;
  }

  async #refusal(answer: Response): Promise<CommandFailure> {
    const text = (await answer.text()).slice(0, REFUSAL_CHARS_MAX);
    const said = readRefusal(text) || answer.statusText || `status ${answer.status}`;
    if (answer.status === 401 || answer.status === 403) {
      const fix = 'ask from an address in its trusted_hosts, or give credentials (WAYBILL_TOKEN)';
      return new DaemonRefusal(`${this.name} does not let us: ${said}; ${fix}.`, EXIT.forbidden);
    }
    const isOurs = answer.status === 400 || answer.status === 422;
    return new DaemonRefusal(said, isOurs ? EXIT.usage : EXIT.failed);
  }
}

const isJson = (answer: Response): boolean =>
  answer.headers.get('content-type')?.startsWith('application/json') === true;

const readRefusal = (text: string): string => {
  try {
    const { error } = JSON.parse(text) as { readonly error?: unknown };
    return typeof error === 'string' ? error : text;
  } catch {
    // A plain sentence, as some routes have them.
    return text.trim();
  }
};

function credentialsOf({ username, password }: URL): Record<string, string> {
  if (username !== '' || password !== '') {
    const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
  }
  const token = process.env['WAYBILL_TOKEN'] ?? '';
  return token === '' ? {} : { authorization: `Bearer ${token}` };
}

/** The daemon that the options mean. */
export const openClient = (flags: EndpointFlags): DaemonClient =>
  new DaemonClient(findEndpoint(flags));
