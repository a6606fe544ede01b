/**
 * The configuration monitor: which files a policy version hangs on, and whether their content is
 * another than when it was looked at before. It polls, because file-system notifications know no
 * globs and are not to be had in every container. Content counts, not times; an unchanged stat
 * only saves reading a file again, and every tenth look reads all of them. Sets no timer.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import { sha256Of } from '../events/log-files.ts';
import type { MonitorSet } from './messages.ts';

/** Looked at when the policy names no globs: everything of these kinds in its folder. */
export const GLOBS_DEFAULT: readonly string[] = ['**/*.{ts,mts,js,mjs,json,toml,yaml}'];

/** After so many looks every file is read, whatever its times say. */
const FULL_EVERY = 10;
/** What is never configuration. */
const IGNORED = '**/node_modules/**';

/** Before the first version: the policy file and what lies beside it. */
const FIRST_SET: MonitorSet = { files: [], globs: [], intervalMs: 10_000 };

/** What the monitor has to tell. */
export interface MonitorParts {
  /** The policy file: globs are meant from its folder. */
  readonly source: string;
  /** Never looked into: the daemon writes there. */
  readonly dataDir: string;
  /** Absolute paths, watched too until a version says what is. */
  readonly files?: readonly string[];
  readonly tell: (level: 'warn' | 'error', sentence: string) => void;
}

/** Does something when nothing else is being done to the policy. */
export type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

interface Seen {
  /** Of the content; empty for a file that cannot be read, so that only its path counts. */
  readonly sum: string;
  /** Times, size and place on the disk. */
  readonly stat: string;
}

/** Stands beside where the policy lies. */
const PLACE: Seen = { sum: 'place', stat: '' };

/** Watches the files of the version in force. */
export class ConfigMonitor {
  readonly #parts: MonitorParts;
  readonly #folder: string;
  readonly #ignored: readonly string[];
  #set: MonitorSet;
  #seen: ReadonlyMap<string, Seen> | undefined;
  #looks = 0;
  #told = '';
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(parts: MonitorParts) {
    this.#parts = parts;
    this.#set = { ...FIRST_SET, files: parts.files ?? [] };
    this.#folder = dirname(resolve(parts.source));
    const own = relative(this.#folder, resolve(parts.dataDir));
    this.#ignored = own === '' ? [IGNORED] : [IGNORED, `${own}/**`];
  }

  get intervalMs(): number {
    return this.#set.intervalMs;
  }

  /** Looks; true when something changed since the last look. The first look changes nothing. */
  async look(): Promise<boolean> {
    const before = this.#seen;
    const now = await this.#scan();
    this.#seen = now;
    return before !== undefined && sumOf(before) !== sumOf(now);
  }

  /**
   * Watches another set from here on. True when a file of both sets changed since the last look:
   * then what was loaded meanwhile may be older than the change.
   */
  async adopt(set: MonitorSet): Promise<boolean> {
    const before = this.#seen;
    this.#set = set;
    const now = await this.#scan();
    this.#seen = now;
    for (const [path, { sum }] of now) {
      const known = before?.get(path);
      if (known !== undefined && known.sum !== sum) return true;
    }
    return false;
  }

  /** Looks again and again, each time when `inTurn` lets it, until it is stopped. */
  keepLooking(inTurn: InTurn, changed: () => void): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => {
      inTurn(() => this.look())
        .then((isChanged) => {
          if (isChanged) changed();
        })
        .catch((error: unknown) => this.#parts.tell('error', `config monitor: ${String(error)}`))
        .finally(() => this.keepLooking(inTurn, changed));
    }, this.intervalMs);
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  async #scan(): Promise<ReadonlyMap<string, Seen>> {
    this.#looks += 1;
    const isFull = this.#looks % FULL_EVERY === 1;
    const paths = await this.#findPaths();
    if (paths.length === 0) this.#tellOnce('warn', 'the config monitor finds no file to watch');
    const found = await Promise.all(
      paths.map(async (path) => [path, await this.#lookAt(path, isFull)] as const),
    );
    // What goes missing is a change first: a ConfigMap swaps its folder, and the version that comes
    // of it lies in the new one. An error is what stays missing.
    const wasMissing = (path: string): boolean => (this.#seen?.get(path)?.sum ?? '') === '';
    const troubles = found.flatMap(([path, { sum }]) =>
      sum === '' && wasMissing(path) ? [path] : [],
    );
    if (troubles.length > 0) {
      this.#tellOnce('error', `the config monitor cannot read ${troubles.join(', ')}`);
    } else if (paths.length > 0) {
      this.#told = '';
    }
    const isShort = found.some(([, { sum }]) => sum === '');
    // Then no content tells of the next swap, but where the policy lies does.
    return new Map(isShort ? [...found, [await this.#place(), PLACE]] : found);
  }

  async #place(): Promise<string> {
    const source = resolve(this.#parts.source);
    return `${source} -> ${await realpath(source).catch(() => '')}`;
  }

  async #findPaths(): Promise<string[]> {
    const { glob } = await import('tinyglobby');
    const { files, globs } = this.#set;
    const found = await glob([...(globs.length > 0 ? globs : GLOBS_DEFAULT)], {
      cwd: this.#folder,
      absolute: true,
      onlyFiles: true,
      expandDirectories: false,
      ignore: [...this.#ignored],
    });
    const all = [...files, ...found].map((path) => resolve(this.#folder, path));
    return [...new Set(all)].sort();
  }

  async #lookAt(path: string, isFull: boolean): Promise<Seen> {
    try {
      const info = await stat(path, { bigint: true });
      const times = `${info.mtimeNs} ${info.ctimeNs} ${info.size} ${info.dev} ${info.ino}`;
      const known = this.#seen?.get(path);
      if (!isFull && known?.stat === times) return known;
      return { sum: sha256Of(readFileSync(path)), stat: times };
    } catch {
      return { sum: '', stat: '' };
    }
  }

  #tellOnce(level: 'warn' | 'error', sentence: string): void {
    if (this.#told === sentence) return;
    this.#told = sentence;
    this.#parts.tell(level, sentence);
  }
}

function sumOf(seen: ReadonlyMap<string, Seen>): string {
  const hash = createHash('sha256');
  for (const [path, { sum }] of seen) hash.update(`${path}\0${sum}\0`);
  return hash.digest('hex');
}
