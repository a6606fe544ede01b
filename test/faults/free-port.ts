/**
 * A port of loopback that nobody listens on just now, for programs that must be told theirs.
 * Deliberately unknown here: who takes it; another may be quicker.
 */
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';

/** Finds a free port on 127.0.0.1. */
export const findFreePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
