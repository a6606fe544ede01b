/**
 * Headless Chromium over its DevTools protocol: one page that is gone to, read and told things.
 * The one idea: a socket and a handful of commands are enough, so no driver library is needed.
 * Deliberately unknown here: what the page is.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { WebSocket } from 'undici';

const START_WAIT_MS_MAX = 60_000;
const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** The path of a Chromium, or undefined. */
export function findBrowser(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin'];
  const paths = folders.flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return paths.find((path) => existsSync(path));
}

/** A browser with one page. */
export interface Browser {
  send<T = unknown>(method: string, params?: object): Promise<T>;
  /** Loads an address; resolves when all of it is there. */
  go(address: string): Promise<void>;
  /** The value of an expression in the page. */
  read<T>(expression: string): Promise<T>;
  close(): Promise<void>;
}

interface Said {
  readonly id?: number;
  readonly method?: string;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

/** Starts a browser that keeps its things in `folder`. */
export async function openBrowser(path: string, folder: string): Promise<Browser> {
  const child = spawn(
    path,
    [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--no-first-run',
      '--remote-debugging-port=0',
      `--user-data-dir=${join(folder, 'profile')}`,
      'about:blank',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const port = await portOf(child.stderr);
  const pages = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as {
    type: string;
    webSocketDebuggerUrl: string;
  }[];
  const page = pages.find(({ type }) => type === 'page');
  if (page === undefined) throw new Error('the browser has no page');
  const talk = await openTalk(page.webSocketDebuggerUrl);
  await talk.send('Page.enable');
  return {
    send: talk.send,
    go: async (url) => {
      const loaded = talk.heard('Page.loadEventFired');
      await talk.send('Page.navigate', { url });
      await loaded;
    },
    read: async <T>(expression: string) => {
      const params = { expression, returnByValue: true };
      const said = await talk.send<{ result: { value: T }; exceptionDetails?: object }>(
        'Runtime.evaluate',
        params,
      );
      if (said.exceptionDetails !== undefined) throw new Error(JSON.stringify(said));
      return said.result.value;
    },
    close: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

function portOf(stderr: NodeJS.ReadableStream): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = '';
    const late = setTimeout(
      () => reject(new Error(`no browser within ${START_WAIT_MS_MAX} ms: ${text}`)),
      START_WAIT_MS_MAX,
    );
    stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const port = /DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)/.exec(text)?.[1];
      if (port === undefined) return;
      clearTimeout(late);
      resolve(Number(port));
    });
  });
}

async function openTalk(address: string) {
  const socket = new WebSocket(address);
  const waiting = new Map<number, (said: Said) => void>();
  const listening = new Map<string, () => void>();
  let count = 0;
  socket.addEventListener('message', ({ data }) => {
    const said = JSON.parse(String(data)) as Said;
    if (said.id !== undefined) waiting.get(said.id)?.(said);
    else if (said.method !== undefined) listening.get(said.method)?.();
  });
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve());
    socket.addEventListener('error', () => reject(new Error('the browser took no socket')));
  });
  const send = <T = unknown>(method: string, params: object = {}): Promise<T> =>
    new Promise((resolve, reject) => {
      count += 1;
      const id = count;
      waiting.set(id, ({ result, error }) => {
        waiting.delete(id);
        if (error === undefined) resolve(result as T);
        else reject(new Error(`${method}: ${error.message}`));
      });
      socket.send(JSON.stringify({ id, method, params }));
    });
  const heard = (method: string): Promise<void> =>
    new Promise((resolve) => listening.set(method, resolve));
  return { send, heard };
}
