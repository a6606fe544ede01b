/**
 * A disk that loses power: replays traced calls up to a cut and says what may be on the platter.
 * The one idea: each page of a file holds the state of some moment between its last sync and the
 * cut, and names (create, rename, link, remove) hold only when their folder was synced or in the
 * order in which they were made. Chance picks the moments: every answer is one a disk could give.
 * Deliberately unknown here: who wrote and why; what is in the files.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Dice } from './scratch.ts';
import type { Call } from './trace.ts';
import { dataOf, descriptorOf, lastNumberOf, stringsOf } from './trace.ts';

const PAGE_BYTES = 4096;
const NEVER = Number.POSITIVE_INFINITY;

interface Timed {
  readonly began: number;
  readonly ended: number;
  /** Line from which on a power cut cannot take it back. */
  durable: number;
}

interface Write extends Timed {
  readonly kind: 'write';
  readonly offset: number;
  readonly data: Buffer;
}

interface Resize extends Timed {
  readonly kind: 'resize';
  readonly bytes: number;
}

/** The order of these is the order in which a journalling file system makes them last. */
interface Naming extends Timed {
  readonly kind: 'folder' | 'create' | 'rename' | 'link' | 'remove';
  readonly path: string;
  readonly from: string;
  readonly file: TracedFile | undefined;
}

interface TracedFile {
  readonly changes: (Write | Resize)[];
  /** Where the next plain write goes, by file descriptor; NEVER = at the end. */
  readonly offsets: Map<string, number>;
}

/** What became of unsynced work at the cut. */
export type Loss = 'dropped' | 'half' | 'prefix';

/** A traced run below one folder, ready to be cut. */
export class DiskModel {
  readonly #root: string;
  readonly #namings: Naming[] = [];
  readonly #live = new Map<string, TracedFile>();
  /** Line of the last call, and of every call that changed or synced something below the root. */
  readonly moments: number[] = [];

  constructor(root: string, calls: readonly Call[]) {
    this.#root = root;
    for (const call of calls) this.#take(call);
  }

  #isInside(path: string): boolean {
    return path.startsWith(`${this.#root}/`);
  }

  #take(call: Call): void {
    const count = this.#namings.length;
    const timed = { began: call.began, ended: call.ended, durable: NEVER };
    if (/^(open|openat|creat)$/.test(call.name)) this.#open(call, timed);
    else if (/^p?writev?(64|2)?$/.test(call.name)) this.#write(call, timed);
    else if (/^f(data)?sync$/.test(call.name)) this.#sync(call);
    else if (call.name === 'ftruncate') this.#resize(call, timed);
    else if (/^(rename|unlink|mkdir)/.test(call.name)) this.#name(call, timed);
    else if (/^link/.test(call.name)) this.#link(call, timed);
    else if (/^(symlink|truncate|fallocate|copy_file|sync_file)/.test(call.name)) {
      if (call.args.includes(hexOf(this.#root))) throw new Error(`cannot replay ${call.name}`);
    }
    if (this.#namings.length > count) this.moments.push(call.ended);
  }

  #open(call: Call, timed: Timed): void {
    const path = call.resultPath;
    if (!this.#isInside(path) || !/O_CREAT|O_WRONLY|O_RDWR/.test(call.args)) return;
    let file = this.#live.get(path);
    if (file === undefined) {
      file = { changes: [], offsets: new Map() };
      this.#live.set(path, file);
      this.#namings.push({ ...timed, kind: 'create', path, from: '', file });
    }
    if (call.args.includes('O_TRUNC')) file.changes.push({ ...timed, kind: 'resize', bytes: 0 });
    const isAppend = call.args.includes('O_APPEND');
    file.offsets.set(String(call.result), isAppend ? NEVER : 0);
  }

  #write(call: Call, timed: Timed): void {
    const { fd, path } = descriptorOf(call);
    const file = this.#live.get(path);
    if (file === undefined) return;
    const data = dataOf(call);
    let offset = lastNumberOf(call);
    if (!call.name.startsWith('p')) {
      const at = file.offsets.get(fd) ?? 0;
      offset = at === NEVER ? sizeOf(file) : at;
      if (at !== NEVER) file.offsets.set(fd, offset + data.length);
    }
    file.changes.push({ ...timed, kind: 'write', offset, data });
    this.moments.push(call.ended);
  }

  #resize(call: Call, timed: Timed): void {
    const file = this.#live.get(descriptorOf(call).path);
    if (file === undefined) return;
    file.changes.push({ ...timed, kind: 'resize', bytes: lastNumberOf(call) });
    this.moments.push(call.ended);
  }

  #sync(call: Call): void {
    const { path } = descriptorOf(call);
    const file = this.#live.get(path);
    const held: readonly Timed[] =
      file?.changes ??
      this.#namings.filter(({ path: to, from }) =>
        [to, from].some((name) => name !== '' && dirname(name) === path),
      );
    for (const change of held) {
      if (change.ended < call.began) change.durable = Math.min(change.durable, call.ended);
    }
    if (this.#isInside(path) || path === this.#root) this.moments.push(call.ended);
  }

  #name(call: Call, timed: Timed): void {
    const [first = '', second = ''] = stringsOf(call);
    const isRename = call.name.startsWith('rename');
    const path = isRename ? second : first;
    if (!this.#isInside(path)) return;
    if (call.name.startsWith('mkdir')) {
      this.#namings.push({ ...timed, kind: 'folder', path, from: '', file: undefined });
      return;
    }
    const file = this.#live.get(first);
    this.#live.delete(first);
    if (isRename && file !== undefined) this.#live.set(second, file);
    const kind = isRename ? 'rename' : 'remove';
    this.#namings.push({ ...timed, kind, path, from: isRename ? first : '', file });
  }

  /** One more name of a file. */
  #link(call: Call, timed: Timed): void {
    const [from = '', path = ''] = stringsOf(call);
    if (!this.#isInside(path)) return;
    const file = this.#live.get(from);
    if (file === undefined) throw new Error(`cannot replay a link to ${from}, made elsewhere`);
    this.#live.set(path, file);
    this.#namings.push({ ...timed, kind: 'link', path, from: '', file });
  }

  /** Writes below `target` what a power cut at line `cut` may have left. */
  restore(target: string, cut: number, loss: Loss, dice: Dice): void {
    const horizon = loss === 'dropped' ? -1 : dice.below(cut + 1);
    const pick = (): number => (loss === 'half' ? dice.below(cut + 1) : horizon);
    const names = new Map<string, TracedFile | undefined>();
    const isKept = isKeptBy(cut, pick());
    // A journal keeps order: nothing is kept behind the first naming that was lost.
    const lost = this.#namings.findIndex((naming) => !isKept(naming));
    const kept = this.#namings.filter(
      (naming, at) => lost === -1 || at < lost || naming.durable <= cut,
    );
    for (const { kind, path, from, file } of kept) {
      if (kind === 'remove') names.delete(path);
      else names.set(path, file);
      if (kind === 'rename') names.delete(from);
    }
    mkdirSync(target, { recursive: true, mode: 0o700 });
    for (const [path, file] of names) {
      const to = join(target, relative(this.#root, path));
      if (file === undefined) mkdirSync(to, { recursive: true, mode: 0o700 });
      else if (!path.endsWith('-shm')) {
        mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
        writeFileSync(to, contentOf(file, cut, pick), { mode: 0o600 });
      }
    }
  }
}

const isKeptBy =
  (cut: number, horizon: number) =>
  ({ began, ended, durable }: Timed): boolean =>
    began <= cut && (durable <= cut || ended <= horizon);

const hexOf = (text: string): string =>
  [...Buffer.from(text)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');

function sizeOf(file: TracedFile): number {
  let bytes = 0;
  for (const change of file.changes) {
    if (change.kind === 'resize') bytes = change.bytes;
    else bytes = Math.max(bytes, change.offset + change.data.length);
  }
  return bytes;
}

/** One state of a file at the cut: each page as of a moment of its own, drawn by `pick`. */
function contentOf(file: TracedFile, cut: number, pick: () => number): Buffer {
  const horizons = new Map<number, number>();
  const isSizeKept = isKeptBy(cut, pick());
  const content = Buffer.alloc(largestOf(file));
  let length = 0;
  for (const change of file.changes) {
    if (change.kind === 'resize') {
      if (!isSizeKept(change)) continue;
      // What grows again after a cut reads as zeros.
      content.fill(0, Math.min(length, change.bytes));
      length = change.bytes;
      continue;
    }
    const end = change.offset + change.data.length;
    for (let at = change.offset; at < end; ) {
      const page = Math.floor(at / PAGE_BYTES);
      const upto = Math.min((page + 1) * PAGE_BYTES, end);
      const horizon = horizons.get(page) ?? pick();
      horizons.set(page, horizon);
      if (isKeptBy(cut, horizon)(change)) {
        change.data.copy(content, at, at - change.offset, upto - change.offset);
        length = Math.max(length, upto);
      }
      at = upto;
    }
  }
  return content.subarray(0, length);
}

function largestOf(file: TracedFile): number {
  const ends = file.changes.map((change) =>
    change.kind === 'resize' ? change.bytes : change.offset + change.data.length,
  );
  return Math.max(0, ...ends);
}
