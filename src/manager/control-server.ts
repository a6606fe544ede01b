/**
 * The control socket: a unix socket of the owner alone, one JSON object a line in, one out. Its
 * file is replaced at a start, since the lock of the data directory says that nobody else is there.
 * Does not know what a request does.
 */
import { chmodSync, rmSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { findControlPath } from './control-path.ts';
import type { ControlReply, ControlRequest } from './messages.ts';

const LINE_CHARS_MAX = 65_536;
const CONNECTIONS_MAX = 64;

/** Does what is asked; what it throws is the answer, in one sentence. */
export type ControlWork = (request: ControlRequest) => Promise<Readonly<Record<string, unknown>>>;

/** The socket, open. */
export interface ControlServer {
  close(): void;
}

/** Opens the control socket of a data directory; rejects when it cannot. */
export async function openControl(dir: string, work: ControlWork): Promise<ControlServer> {
  const path = findControlPath(dir);
  if (path === undefined) throw new Error(`${dir} is too long a name for a control socket`);
  rmSync(path, { force: true });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    serve(socket, work);
  });
  server.maxConnections = CONNECTIONS_MAX;
  await listen(server, path);
  return {
    close: () => {
      server.close();
      // What was answered last is still sent.
      for (const socket of sockets) socket.end();
    },
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // Never open to others, not even for a moment.
    const mask = process.umask(0o177);
    server.listen(path, () => {
      server.off('error', reject);
      server.on('error', () => {});
      chmodSync(path, 0o600);
      resolve();
    });
    process.umask(mask);
  });
}

function serve(socket: Socket, work: ControlWork): void {
  let rest = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LINE_CHARS_MAX) socket.destroy();
    for (const line of lines) {
      answer(line, work).then(
        (reply) => socket.write(`${JSON.stringify(reply)}\n`),
        () => socket.destroy(),
      );
    }
  });
}

async function answer(line: string, work: ControlWork): Promise<ControlReply> {
  let request: ControlRequest;
  try {
    request = JSON.parse(line) as ControlRequest;
  } catch {
    return { id: 0, ok: false, error: 'this line is no JSON' };
  }
  const id = Number(request?.id ?? 0);
  try {
    return { ...(await work(request)), id, ok: true };
  } catch (error) {
    return { id, ok: false, error: error instanceof Error ? error.message : String(error) };
  }
}
