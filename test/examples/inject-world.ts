/**
 * HTTP injection over real sockets into a simulated world: what a client posts, and what comes out
 * at the exchangers. Knows no test.
 */

import { startHttpListener } from '../../src/api/http.ts';
import { parseHttpListenerConfig } from '../../src/domain/options-http.ts';
import { createQuotas } from '../../src/domain/quotas.ts';
import type { ThrottleSpec } from '../../src/domain/throttle-spec.ts';
import type { InjectAnswer } from '../../src/intake/inject/injecting.ts';
import { openInjection } from '../../src/manager/injecting.ts';
import { createClock } from '../../src/ports/node/clock.ts';
import type { LogRecord } from '../../src/projections/log-record/record.ts';
import { accepting } from '../../src/testing/world/manners.ts';
import type { WorldKnobs } from '../../src/testing/world/world.ts';
import { World } from '../../src/testing/world/world.ts';
import { projectAll } from '../world/records.ts';
import { httpParts } from './http-parts.ts';

/** The path under test. */
export const INJECT = '/api/inject/v1';

/** What an answer was. */
export interface Reply {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

/** How a world is opened. */
export interface InjectKnobs {
  readonly options?: Record<string, unknown>;
  readonly rate?: ThrottleSpec;
  readonly world?: Partial<WorldKnobs>;
}

/** Opens a world with a listener. */
export async function openInjectWorld({ options = {}, rate, world: knobs }: InjectKnobs = {}) {
  const world = await World.start({ seed: 5, manners: { 'a.test': accepting }, ...knobs });
  await world.runFor(100);
  const clock = createClock();
  const said: string[] = [];
  const log = (text: unknown): void => void said.push(String(text));
  const injection = openInjection(
    { injectRate: rate },
    { engine: world.engine, bodies: world.spool as never, clock, quotas: createQuotas(clock) },
    { info: log, warn: log, error: log } as never,
  );
  const config = parseHttpListenerConfig({ listen: '127.0.0.1:0', ...options }, 'test');
  const listener = await startHttpListener(
    config,
    httpParts({
      inject: {
        service: injection.service,
        bodyLimit: config.request_body_limit,
        hostname: 'h.test',
      },
    }),
  );
  const pump = setInterval(() => void world.runFor(50), 5);
  const url = `http://127.0.0.1:${listener.port}${INJECT}`;
  return new InjectWorld(world, injection, url, said, async () => {
    await listener.stop(0);
    await injection.stop();
    clearInterval(pump);
  });
}

/** A world that takes messages by HTTP. */
export class InjectWorld {
  readonly world: World;
  readonly injection: ReturnType<typeof openInjection>;
  readonly url: string;
  /** Lines for the operator. */
  readonly said: readonly string[];
  readonly stop: () => Promise<void>;

  constructor(
    world: World,
    injection: ReturnType<typeof openInjection>,
    url: string,
    said: readonly string[],
    stop: () => Promise<void>,
  ) {
    this.world = world;
    this.injection = injection;
    this.url = url;
    this.said = said;
    this.stop = stop;
  }

  /** Posts bytes or JSON. */
  async post(body: unknown, headers: Record<string, string> = {}): Promise<Reply> {
    const isRaw = typeof body === 'string' || body instanceof Uint8Array;
    const answer = await fetch(this.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: (isRaw ? body : JSON.stringify(body)) as string,
    });
    return { status: answer.status, text: await answer.text(), headers: answer.headers };
  }

  /** Posts a request that must be answered with 200. */
  async inject(request: Record<string, unknown>): Promise<InjectAnswer> {
    const { status, text } = await this.post({ envelope_sender: 's@x.test', ...request });
    if (status !== 200) throw new Error(`${status} ${text}`);
    return JSON.parse(text) as InjectAnswer;
  }

  /** Every message that exchangers took, oldest first, once there are `count`. */
  async copies(count: number): Promise<readonly string[]> {
    const found = (): string[] =>
      [...this.world.net.hosts.values()].flatMap(({ exchanger }) =>
        exchanger.copies.map(({ body }) => body),
      );
    for (let left = 500; left > 0 && found().length < count; left -= 1) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    if (found().length < count) throw new Error(`${found().length} of ${count} messages`);
    return found();
  }

  /** Public records of a type. */
  records(type: LogRecord['type']): LogRecord[] {
    return projectAll(this.world.witness.records)
      .map(({ record }) => record)
      .filter((record) => record.type === type);
  }
}

/** Header lines of a message, unfolded. */
export function fieldsOf(message: string): string[] {
  const end = message.indexOf('\r\n\r\n');
  return message
    .slice(0, end)
    .replace(/\r\n(?=[ \t])/g, '')
    .split('\r\n');
}

/** What stands behind the header. */
export const bodyOf = (message: string): string => message.slice(message.indexOf('\r\n\r\n') + 4);
