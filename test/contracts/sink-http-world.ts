/**
 * An HTTP sink with a receiver, made in one call and taken down at the end of its test.
 * Deliberately unknown here: what is sent and expected.
 */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { parseHttpSinkConfig } from '../../src/domain/options-hook-http.ts';
import { createSecretReader } from '../../src/ports/node/secrets.ts';
import type { OutgoingRecord, Sink, SinkAnswer } from '../../src/ports/sink.ts';
import type { HttpSinkPorts } from '../../src/projections/sinks/http.ts';
import { createHttpSink } from '../../src/projections/sinks/http.ts';
import type { HttpReceiver, Manner, ReceiverTls } from './sink-http-receiver.ts';
import { openReceiver } from './sink-http-receiver.ts';
import { timersAt } from './sink-timers.ts';

/** How a world is made; everything has a default. */
export interface HttpWorldOptions {
  /** Options of the sink; `url` and a timeout of two seconds are added. */
  readonly options?: object;
  readonly path?: string;
  readonly isBatched?: boolean;
  readonly tls?: ReceiverTls;
  readonly ports?: Partial<HttpSinkPorts>;
}

/** A sink and who it sends to. */
export interface HttpWorld {
  readonly sink: Sink;
  readonly receiver: HttpReceiver;
  send(batch: readonly OutgoingRecord[]): Promise<SinkAnswer>;
}

/** Makes a sink for a URL. */
export function sinkFor(
  options: object,
  isBatched = true,
  ports: Partial<HttpSinkPorts> = {},
): Sink {
  const config = parseHttpSinkConfig({ timeout: '2s', ...options }, 'test');
  const readSecret = createSecretReader(() => {});
  return createHttpSink(config, isBatched, { timers: timersAt(), readSecret, ...ports });
}

/** Makes both, for the length of a test. */
export async function httpWorld(t: TestContext, given: HttpWorldOptions = {}): Promise<HttpWorld> {
  const { options = {}, path = '/log', isBatched = true, tls, ports = {} } = given;
  const receiver = await openReceiver(tls);
  const scheme = tls === undefined ? 'http' : 'https';
  const url = `${scheme}://127.0.0.1:${receiver.port}${path}`;
  const sink = sinkFor({ url, ...options }, isBatched, ports);
  t.after(async () => {
    await sink.close();
    await receiver.close();
  });
  return { sink, receiver, send: (batch) => sink.send(batch, new AbortController().signal) };
}

/** An answer that must be `failed`. */
export function failedOf(answer: SinkAnswer): Extract<SinkAnswer, { readonly kind: 'failed' }> {
  assert.ok(answer.kind === 'failed', JSON.stringify(answer));
  return answer;
}

/** A manner that always says the same. */
export const saying =
  (status: number, headers: Record<string, string> = {}, body = ''): Manner =>
  (_, response) =>
    response.writeHead(status, headers).end(body);
