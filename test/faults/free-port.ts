/**
 * A port of loopback that nobody listens on just now, for programs that must be told theirs.
 * The one idea: it lies below those the system gives away by itself (from 32768 on Linux), so that
 * neither a listener on port 0 nor a connection takes it while its program starts, or is away.
 * Deliberately unknown here: who takes it; another who asks here may be quicker.
 */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Room for what adds 10,000 to its port, as a node of a Redis cluster does. */
const [PORT_MIN, PORT_END] = [12_000, 22_000];
const TRIES_MAX = 100;

/** Finds a free port on 127.0.0.1; rejects when a hundred in a row are taken. */
export async function findFreePort(): Promise<number> {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const port = randomInt(PORT_MIN, PORT_END);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port found between ${PORT_MIN} and ${PORT_END}`);
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
