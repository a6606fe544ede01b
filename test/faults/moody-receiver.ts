/**
 * An HTTP receiver of records with a manner that a run can change, behind a line that can be cut.
 * The one idea: what it holds is what it heard whole and did not say no to, whether or not the
 * sender ever learnt of it: so what comes again after a break is seen to come again.
 * Deliberately unknown here: hooks, the daemon, what a run concludes.
 */
import type { ServerResponse } from 'node:http';
import type { HeardRequest, HttpReceiver } from '../contracts/sink-http-receiver.ts';
import { openReceiver, recordsIn } from '../contracts/sink-http-receiver.ts';
import type { Line } from '../contracts/sink-line.ts';
import { openLine } from '../contracts/sink-line.ts';

/** What becomes of a request: taken, 500, 429 with Retry-After, or taken and never answered. */
export type Manner = 'take' | 'fail' | 'put off' | 'hang';

/** The Retry-After that it asks for, seconds. */
export const RETRY_AFTER_S = 3;

/** One request that came whole. */
export interface Heard {
  /** When, ms, as a steady reading. */
  readonly atMs: number;
  readonly manner: Manner;
  readonly records: number;
}

/** A receiver of the run's own. */
export class MoodyReceiver {
  /** Ids of the records that were taken, in the order in which they came. */
  readonly arrivals: string[] = [];
  readonly heard: Heard[] = [];
  manner: Manner = 'take';
  /** How long it takes to answer a batch that it takes. */
  takeMs = 0;
  readonly line: Line;
  readonly #server: HttpReceiver;

  private constructor(server: HttpReceiver, line: Line) {
    this.#server = server;
    this.line = line;
    server.manner = (request, response) => this.#hear(request, response);
  }

  /** Starts one. */
  static async open(): Promise<MoodyReceiver> {
    const server = await openReceiver();
    return new MoodyReceiver(server, await openLine({ target: () => server.port }));
  }

  /** Where records are posted to. */
  get url(): string {
    return `http://127.0.0.1:${this.line.port}/log`;
  }

  async close(): Promise<void> {
    await this.line.dispose();
    await this.#server.close();
  }

  #hear(request: HeardRequest, response: ServerResponse): void {
    const { manner } = this;
    const ids = recordsIn(request).map(({ eventId }) => eventId);
    this.heard.push({ atMs: performance.now(), manner, records: ids.length });
    // Nobody looks at them again, and a run hears thousands.
    this.#server.requests.length = 0;
    this.#server.taken.length = 0;
    if (manner === 'fail') response.writeHead(500).end('out of order');
    if (manner === 'put off')
      response.writeHead(429, { 'retry-after': String(RETRY_AFTER_S) }).end();
    if (manner === 'fail' || manner === 'put off') return;
    this.arrivals.push(...ids);
    if (manner === 'take') setTimeout(() => response.writeHead(204).end(), this.takeMs);
  }
}
