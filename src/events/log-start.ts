/**
 * Starts a module of ours on a thread of its own, from source or compiled.
 * The one idea: a thread on Node 20 does not inherit the loader that lets the main thread import
 * TypeScript, so from source it begins with a line that registers the loader and then imports.
 * Deliberately unknown here: what the thread does.
 */
import type { WorkerOptions } from 'node:worker_threads';
import { Worker } from 'node:worker_threads';

/** `name` is the module's path without extension, relative to `base`: the caller's own URL. */
export const startThread = (name: string, base: string, options: WorkerOptions): Worker => {
  if (!base.endsWith('.ts')) return new Worker(new URL(`${name}.js`, base), options);
  const loader = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const module = JSON.stringify(new URL(`${name}.ts`, base).href);
  const lines = `import { register } from ${loader}; register(); await import(${module});`;
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(lines)}`), options);
};
