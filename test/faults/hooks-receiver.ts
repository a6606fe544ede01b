/**
 * A web server that takes what log hooks post, and remembers it in order.
 * The one idea: it outlives the daemon under test, so its memory is the truth about what arrived.
 * Deliberately unknown here: the daemon, and what ought to arrive.
 */
import type { IncomingHttpHeaders, Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One record that was posted. */
export interface Posted {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly record: Readonly<Record<string, unknown>>;
}

/** Answers a status for a record; 200 takes it. */
export type Judge = (record: Posted['record']) => number;

/** A receiver on a loopback port. */
export class HookReceiver {
  /** What was answered with 200. */
  readonly taken: Posted[] = [];
  judge: Judge = () => 200;
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      request.on('end', () => {
        const record = JSON.parse(text) as Posted['record'];
        const { url: path = '', headers } = request;
        const status = this.judge(record);
        if (status === 200) this.taken.push({ path, headers, record });
        response.writeHead(status).end(status === 200 ? 'thanks' : 'no');
      });
    });
  }

  async open(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  /** The records that came to one path. */
  at(path: string): Posted[] {
    return this.taken.filter((posted) => posted.path === path);
  }
}
