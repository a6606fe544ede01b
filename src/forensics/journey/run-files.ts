/**
 * The folder of the index: sorted stretches as files, and the key of their hashes. The one idea: a
 * file appears whole under the name of what it holds and is never changed, so several processes may
 * keep one folder; what is damaged, foreign or gone is as good as never written, for all of it can
 * be made from the log again.
 * Deliberately unknown here: how stretches come to be, and what is asked of them.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import type { HashKey } from './keyed-hash.ts';
import { keyedHash } from './keyed-hash.ts';
import { RunFile } from './run-file.ts';
import { decodeHead, encodeRun, RUN_PAGE_BYTES, readHeadBytes } from './run-format.ts';
import type { StretchData } from './stretch.ts';

const NAME = /^(\d{12,16})-(\d{12,16})\.run$/;
const KEY_NAME = 'key';
const KEY_DIGITS = /^[0-9a-f]{16}\n$/;
const MARK_KIND = 0;

const nameOf = (first: number, last: number): string =>
  `${String(first).padStart(12, '0')}-${String(last).padStart(12, '0')}.run`;

/** Where stretches are kept. */
export interface RunFolder {
  /** The key of all hashes in it. */
  readonly key: HashKey;
  /** Whether something written here will be found again. */
  readonly isKept: boolean;
  /** All sound files, in order of their first positions. */
  load(): RunFile[];
  /** Keeps a stretch; throws what the system throws. */
  write(data: StretchData): RunFile | undefined;
  remove(run: RunFile): void;
  /** Removes all files but these, and drafts that nobody finishes. */
  sweep(used: readonly RunFile[]): void;
}

/** For a log whose folder is not ours to write in: nothing is kept. */
const makeAwayFolder = (): RunFolder => ({
  key: freshKey(),
  isKept: false,
  load: () => [],
  write: () => undefined,
  remove: () => undefined,
  sweep: () => undefined,
});

const freshKey = (): HashKey => {
  const [one = 0, two = 0] = new Uint32Array(Uint8Array.from(randomBytes(8)).buffer);
  return [one, two];
};

/**
 * Opens the folder; makes it where there is none and the owner of the log is who we are. Where it
 * can be neither read nor made, the index lives in memory.
 */
export function openRunFolder(path: string): RunFolder {
  const key = readKey(path) ?? makeKey(path);
  return key === undefined ? makeAwayFolder() : new Folder(path, key);
}

function readKey(path: string): HashKey | undefined {
  try {
    const text = readFileSync(join(path, KEY_NAME), 'utf8');
    if (!KEY_DIGITS.test(text)) return undefined;
    return [Number.parseInt(text.slice(0, 8), 16) | 0, Number.parseInt(text.slice(8, 16), 16) | 0];
  } catch {
    return undefined;
  }
}

const wordText = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');

function makeKey(path: string): HashKey | undefined {
  try {
    // Another user's files in the daemon's folder would be in its way.
    if (statSync(dirname(path)).uid !== process.getuid?.()) return undefined;
    putKey(path, freshKey());
    return readKey(path);
  } catch {
    return undefined;
  }
}

function putKey(path: string, [one, two]: HashKey): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const draft = join(path, `${KEY_NAME}.${process.pid}`);
  writeFileSync(draft, `${wordText(one)}${wordText(two)}\n`, { mode: 0o600 });
  if (readKey(path) === undefined) rmSync(join(path, KEY_NAME), { force: true });
  try {
    linkSync(draft, join(path, KEY_NAME));
  } catch {
    // Another process was first: its key is as good.
  }
  rmSync(draft, { force: true });
}

class Folder implements RunFolder {
  readonly isKept = true;
  readonly key: HashKey;
  readonly #path: string;
  readonly #keyMark: number;

  constructor(path: string, key: HashKey) {
    this.#path = path;
    this.key = key;
    this.#keyMark = keyedHash(key, MARK_KIND, '');
  }

  load(): RunFile[] {
    const names = listNames(this.#path).filter((name) => NAME.test(name));
    return names.sort(byFirst).flatMap((name) => this.#open(join(this.#path, name)) ?? []);
  }

  /** Undefined where it is damaged or of another key. */
  #open(path: string): RunFile | undefined {
    let file: number | undefined;
    try {
      file = openSync(path, 'r');
      const page = new Uint8Array(RUN_PAGE_BYTES);
      const length = readSync(file, page, 0, RUN_PAGE_BYTES, 0);
      const bytes = readHeadBytes(page.subarray(0, length));
      if (bytes === undefined) return undefined;
      const whole = new Uint8Array(bytes);
      if (readSync(file, whole, 0, bytes, 0) !== bytes) return undefined;
      const head = decodeHead(whole);
      return head?.keyMark === this.#keyMark ? new RunFile(path, head) : undefined;
    } catch {
      return undefined;
    } finally {
      if (file !== undefined) closeSync(file);
    }
  }

  write(data: StretchData): RunFile | undefined {
    const path = join(this.#path, nameOf(data.first, data.last));
    // Whoever deleted the folder wanted the index away, and may have it made again.
    if (readKey(this.#path) === undefined) putKey(this.#path, this.key);
    const draft = `${path}.${process.pid}`;
    writeFileSync(draft, encodeRun(data, this.#keyMark), { mode: 0o600 });
    renameSync(draft, path);
    return this.#open(path);
  }

  remove({ path }: RunFile): void {
    rmSync(path, { force: true });
  }

  sweep(used: readonly RunFile[]): void {
    const kept = new Set(used.map(({ path }) => path));
    for (const name of listNames(this.#path)) {
      const path = join(this.#path, name);
      if (name !== KEY_NAME && !kept.has(path) && isOld(path)) rmSync(path, { force: true });
    }
  }
}

/** What another process may just be making is left alone. */
const DRAFT_MS_MAX = 60_000;

const isOld = (path: string): boolean => {
  const made = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  const now = statSync(dirname(path), { throwIfNoEntry: false })?.mtimeMs;
  return made !== undefined && now !== undefined && now - made > DRAFT_MS_MAX;
};

const byFirst = (one: string, other: string): number =>
  Number.parseInt(one, 10) - Number.parseInt(other, 10);

const listNames = (path: string): string[] => {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
};
