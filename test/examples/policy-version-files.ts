/**
 * A folder with a policy and its data files, and a data directory beside it, for tests of versions.
 * Deliberately unknown here: what a test asks.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { PolicyStore } from '../../src/events/policy-store.ts';
import { openPolicyStore } from '../../src/events/policy-store.ts';
import type { FullProof } from '../../src/manager/canary.ts';
import { runCanary } from '../../src/manager/canary.ts';
import type { FullVerdict, LoaderExtras } from '../../src/manager/loader.ts';
import { runLoader } from '../../src/manager/loader.ts';
import type { LoadedVersion } from '../../src/policy/load-version.ts';
import { loadVersion } from '../../src/policy/load-version.ts';
import type { PolicyFolder } from './policy-files.ts';
import { makePolicyFolder } from './policy-files.ts';

/** A policy with one pool of one source, whose queue retries after `retry`. */
export const POLICY = `import { definePolicy } from 'waybill/policy';
import { sources } from 'waybill/helpers';
import { RETRY } from './retry.ts';
export default definePolicy(
  sources({ files: ['data/sources.toml'] }),
  {
    init(setup) {
      setup.smtpListener({ listen: '127.0.0.1:0' });
    },
    get_queue_config: () => ({ egress_pool: 'main', retry_interval: RETRY }),
  },
);
`;

/** The files of a policy in order. */
export const FILES: Readonly<Record<string, string>> = {
  'policy.ts': POLICY,
  'retry.ts': "export const RETRY = '20m';\n",
  'data/sources.toml': '[source."ip-1"]\nehlo_domain = "one.example"\n[pool."main"."ip-1"]\n',
};

/** A folder and its data directory. */
export class VersionFolder {
  readonly made: PolicyFolder;
  readonly data: string;

  constructor(files: Readonly<Record<string, string>> = FILES) {
    this.made = makePolicyFolder(files);
    this.data = join(this.made.path, 'spool');
    if (!existsSync(this.data)) mkdirSync(this.data, { mode: 0o700 });
  }

  get source(): string {
    return join(this.made.path, 'policy.ts');
  }

  write(name: string, text: string): void {
    this.made.write(name, text);
  }

  async load(extras: LoaderExtras = {}): Promise<FullVerdict> {
    const order = { kind: 'load', source: this.source, reason: 'test', dir: this.data } as const;
    return withoutFolder(await runLoader(order, extras));
  }

  async prove(number: number): Promise<FullProof> {
    return withoutFolder(await runCanary({ kind: 'prove', number, dir: this.data }));
  }

  /** Loads, proves and puts in force; answers the number, or throws the sentence. */
  async activate(): Promise<number> {
    const loaded = await this.load();
    if (loaded.kind === 'refused') throw new Error(loaded.sentence);
    const proof = await this.prove(loaded.number);
    if (proof.kind === 'refused') throw new Error(proof.sentence);
    this.using((store) => store.accept(loaded.number, loaded.number, 'test'), 'write');
    return loaded.number;
  }

  using<T>(use: (store: PolicyStore) => T, mode: 'read' | 'write' = 'read'): T {
    const store = openPolicyStore(this.data, mode);
    try {
      return use(store);
    } finally {
      store.close();
    }
  }

  /** Loads a stored version as a worker does. */
  async loadVersion(number: number): Promise<LoadedVersion> {
    const store = openPolicyStore(this.data, 'read');
    try {
      return await loadVersion(store, number, this.data);
    } finally {
      store.close();
    }
  }

  remove(): void {
    this.made.remove();
  }
}

/** A verdict whose sentences do not name the folder. */
const withoutFolder = <T extends { readonly kind: string }>(verdict: T): T => {
  const bare = (text: string): string => text.replaceAll(/[^\s']*waybill-policy-[^/]*\//g, '');
  const shown: Record<string, unknown> = { ...verdict };
  for (const [key, value] of Object.entries(shown)) {
    if (typeof value === 'string') shown[key] = bare(value);
    else if (key === 'refusals' || key === 'warnings') shown[key] = (value as string[]).map(bare);
  }
  return shown as T;
};
