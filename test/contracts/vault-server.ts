/**
 * A small real HTTP server that speaks as a Vault does (KV, version 2), with every way in which one
 * can fail. Deliberately unknown here: who asks.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The token that may read. */
export const TOKEN = 's.good';

/** A server that runs. */
export interface VaultServer {
  readonly address: string;
  /** Secrets by mount and path. */
  readonly secrets: Map<string, Readonly<Record<string, unknown>>>;
  /** Requests so far, as `GET /v1/…`. */
  readonly asked: string[];
  /** What it does with every request from now on; undefined: its work. */
  manner: ((response: ServerResponse) => void) | undefined;
  close(): Promise<void>;
}

const say = (response: ServerResponse, status: number, answer: unknown): void => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(answer));
};

const serve = (vault: VaultServer, request: IncomingMessage, response: ServerResponse): void => {
  vault.asked.push(`${request.method} ${request.url}`);
  if (vault.manner !== undefined) {
    vault.manner(response);
    return;
  }
  if (request.headers['x-vault-token'] !== TOKEN) {
    say(response, 403, { errors: ['permission denied'] });
    return;
  }
  const [, mount = '', path = ''] = /^\/v1\/(.+?)\/data\/(.+)$/.exec(request.url ?? '') ?? [];
  const secret = vault.secrets.get(`${mount} ${decodeURIComponent(path)}`);
  if (secret === undefined) say(response, 404, { errors: [] });
  else say(response, 200, { data: { data: secret, metadata: { version: 1 } } });
};

/** Starts one on a free port of the loopback address. */
export const startVault = async (): Promise<VaultServer> => {
  const server = createServer((request, response) => serve(vault, request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const vault: VaultServer = {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    secrets: new Map(),
    asked: [],
    manner: undefined,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return vault;
};
