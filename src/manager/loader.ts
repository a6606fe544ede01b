/**
 * The policy-loader: from the operator's files to a numbered candidate in the policy store, or to a
 * refusal there, each in one transaction. The policy itself runs on a watched thread; the store is
 * written here, so nothing the policy does can leave it half written. Puts nothing in force.
 */
import { dirname, join, resolve } from 'node:path';
import type { VersionFile } from '../domain/policy-version.ts';
import { sha256Of } from '../events/log-files.ts';
import { openPolicyStore } from '../events/policy-store.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import { compilePolicy } from '../policy/compile.ts';
import { mindsItsOwn } from '../policy/compile-contained.ts';
import { createDiskWorld, hashVersion } from '../policy/load-files.ts';
import { isPolicyError } from '../policy/policy-error.ts';
import { sayRefusals } from '../policy/validate.ts';
import type { LoadOrder, LoadVerdict } from './messages.ts';
import type { JobResult, Loaded } from './policy-jobs.ts';
import type { PolicyThread } from './policy-watch.ts';
import { startPolicyThread } from './policy-watch.ts';

/** The verdict, with every refusal where there are several. */
export type FullVerdict = LoadVerdict & { readonly refusals?: readonly string[] };

/** What may be given besides the order. */
export interface LoaderExtras {
  /** A thread that was started before, so that nobody waits for it. */
  readonly thread?: PolicyThread;
  /** Name servers to ask instead of those of the machine. */
  readonly dnsServers?: readonly string[];
}

interface Candidate {
  readonly compiled: CompiledPolicy;
  readonly loaded: Loaded;
  readonly files: readonly VersionFile[];
  readonly warnings: readonly string[];
}

type Judged = Candidate | { readonly refusals: readonly string[] };

const judge = async (order: LoadOrder, extras: LoaderExtras): Promise<Judged> => {
  const thread = extras.thread ?? startPolicyThread();
  try {
    const compiled = await compilePolicy(order.source);
    const modules = createDiskWorld(order.source);
    for (const path of compiled.inputs) modules.note(path);
    const { code, map } = compiled;
    const { dnsServers } = extras;
    const result: JobResult = await thread.run({
      kind: 'load',
      source: resolve(order.source),
      outDir: join(order.dir, 'policy'),
      code,
      map,
      ...(dnsServers && { dnsServers }),
    });
    const { loaded, refusals, warnings } = result;
    if (loaded === undefined || refusals.length > 0) return { refusals };
    const files = new Map(modules.files().map((file) => [file.path, file]));
    for (const file of loaded.files) files.set(file.path, file);
    const sorted = [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
    return { compiled, loaded, files: sorted, warnings };
  } catch (error) {
    if (!isPolicyError(error)) throw error;
    return { refusals: [error.message] };
  } finally {
    await thread.end();
  }
};

/** Loads a policy file into the store of `order.dir`; throws only where the store fails. */
export const runLoader = async (
  order: LoadOrder,
  extras: LoaderExtras = {},
): Promise<FullVerdict> => {
  const source = resolve(order.source);
  const judged = await judge(order, extras);
  const at = Date.now();
  const store = openPolicyStore(order.dir, 'write');
  try {
    if ('refusals' in judged) {
      const sentence = sayRefusals(judged.refusals) ?? 'the policy was refused';
      const number = store.addRefusal(at, source, order.reason, sentence);
      return { kind: 'refused', number, sentence, refusals: judged.refusals };
    }
    const { compiled, loaded, files, warnings } = judged;
    const { code, map } = compiled;
    const { facts, globs, intervalMs, hasLawGate } = loaded;
    const hash = hashVersion(compiled.hash, files);
    const settingsHash = sha256Of(loaded.settings);
    const { reason } = order;
    const draft = { hash, source, reason, at, code, map, files, facts, settingsHash, warnings };
    const number = store.addCandidate(draft);
    const isSame = number === store.currentNumber();
    const paths = files.map(({ path }) => resolve(dirname(source), path));
    const monitor = { files: paths, globs, intervalMs };
    const texts = files.map(({ text }) => text);
    const isSelfContained = compiled.namesItsFiles && mindsItsOwn(texts);
    const about = { isSame, isSelfContained, hasLawGate, warnings };
    return { kind: 'loaded', number, hash, settingsHash, monitor, ...about };
  } finally {
    store.close();
  }
};
