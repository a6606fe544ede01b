/**
 * The thread of the press: reads requests, compiles templates and makes messages beside the thread
 * that sees to mail. The idea: whatever a template does, it ends this thread at worst, and its
 * owner begins another. Knows nothing of who asks.
 */
import { setFlagsFromString } from 'node:v8';
import { parentPort } from 'node:worker_threads';
import { JINJA_PAGES_MAX } from './limits.ts';
import type { Press } from './press.ts';
import { openPress } from './press.ts';
import type { FromPress, ToPress } from './press-words.ts';
import { RequestRefused } from './request.ts';

// Before the engine is loaded: a template that wants more memory ends the thread, not the process.
setFlagsFromString(`--wasm-max-mem-pages=${JINJA_PAGES_MAX}`);

const jobs = new Map<number, Press>();

const say = (word: FromPress, owned: ArrayBuffer[] = []): void =>
  parentPort?.postMessage(word, owned);

async function open(job: number, bytes: Uint8Array): Promise<void> {
  try {
    const press = await openPress(bytes);
    jobs.set(job, press);
    say({ kind: 'opened', job, opened: press.opened });
  } catch (error) {
    if (!(error instanceof RequestRefused)) throw error;
    say({ kind: 'refused', job, status: error.status, sentence: error.message });
  }
}

async function hear(word: ToPress): Promise<void> {
  if (word.kind === 'open') return await open(word.job, word.bytes);
  const press = jobs.get(word.job);
  if (press === undefined) return;
  if (word.kind === 'close') {
    jobs.delete(word.job);
    press.free();
    return;
  }
  if (word.kind === 'name') {
    return say({ kind: 'named', job: word.job, emails: press.names(word.from) });
  }
  const slice = press.print(word.from, word.at, () => performance.now());
  const owned = slice.flatMap((printed) => ('bytes' in printed ? [printed.bytes.buffer] : []));
  say({ kind: 'printed', job: word.job, slice }, owned);
}

// One after the other, also where reading one waits for an engine to be loaded.
let work = Promise.resolve();
parentPort?.on('message', (word: ToPress) => {
  work = work.then(() => hear(word));
});
say({ kind: 'ready' });
