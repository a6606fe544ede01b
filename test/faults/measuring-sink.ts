/**
 * A receiver that measures what others promise of themselves: how many connections are open at the
 * same time, and how many messages come in any span. Each message takes it a little while.
 * Deliberately unknown here: who sends, and what was promised.
 */
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';

interface Visit {
  readonly from: number;
  /** When the peer said QUIT or hung up. */
  to: number;
}

/** Our own loop may hear of an end a little after the next beginning, ms. */
const LAG_MS = 25;
const DOT = '\r\n.\r\n';

/** A sink on a loopback port. */
export class MeasuringSink {
  /** When each message was complete, ms. */
  readonly messages: number[] = [];
  readonly #visits: Visit[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  readonly #dotMs: number;

  constructor(dotMs: number) {
    this.#dotMs = dotMs;
    this.#server = createServer({ noDelay: true }, (socket) => this.#greet(socket));
  }

  /** Starts to listen; answers the port. */
  async open(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as { readonly port: number }).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** The most connections that were open at once since `since`. */
  connectionsMost(since = 0): number {
    const now = performance.now();
    const ends = this.#visits
      .filter(({ to }) => to > since)
      .flatMap(({ from, to }) => [
        { at: Math.max(since, from), by: 1 },
        { at: Math.max(Math.min(to, now) - LAG_MS, from, since), by: -1 },
      ])
      .sort((a, b) => a.at - b.at || a.by - b.by);
    let open = 0;
    return ends.reduce((most, { by }) => {
      open += by;
      return Math.max(most, open);
    }, 0);
  }

  /** In the worst span since `since`: how many messages came beyond what the rate allows in it. */
  messagesAbove(perS: number, since = 0): number {
    let worst = 0;
    let lowest = Number.POSITIVE_INFINITY;
    this.messages.forEach((at, index) => {
      if (at < since) return;
      lowest = Math.min(lowest, index - (at / 1_000) * perS);
      worst = Math.max(worst, index + 1 - (at / 1_000) * perS - lowest);
    });
    return worst;
  }

  #greet(socket: Socket): void {
    const visit = { from: performance.now(), to: Number.POSITIVE_INFINITY };
    const end = (): void => {
      visit.to = Math.min(visit.to, performance.now());
    };
    this.#visits.push(visit);
    this.#sockets.add(socket);
    socket.setEncoding('latin1');
    socket.on('error', () => socket.destroy());
    socket.on('end', end);
    socket.on('close', () => {
      end();
      this.#sockets.delete(socket);
    });
    let rest = '';
    let isData = false;
    socket.on('data', (text: string) => {
      rest += text;
      for (;;) {
        const mark = rest.indexOf(isData ? DOT : '\r\n');
        if (mark < 0) return;
        const line = rest.slice(0, mark).toUpperCase();
        rest = rest.slice(mark + (isData ? DOT.length : 2));
        if (isData) {
          isData = false;
          this.messages.push(performance.now());
          setTimeout(() => socket.write('250 2.0.0 taken\r\n'), this.#dotMs);
        } else if (line.startsWith('DATA')) {
          isData = true;
          socket.write('354 go on\r\n');
        } else if (line.startsWith('QUIT')) {
          end();
          socket.end('221 2.0.0 bye\r\n');
        } else {
          socket.write(line.startsWith('EHLO') ? '250 sink.example\r\n' : '250 2.0.0 ok\r\n');
        }
      }
    });
    socket.write('220 sink.example ESMTP\r\n');
  }
}
