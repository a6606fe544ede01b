/**
 * How far a reader of log files has come: a hidden file beside them, as the reference keeps it.
 * The one idea: it is replaced in one step and only when the reader says so, so that a reader that
 * dies reads its last batch again.
 * Deliberately unknown here: records, batches.
 */
import { open, readFile, rename } from 'node:fs/promises';
import { basename, isAbsolute, join, relative } from 'node:path';

/** Everything before this line of this file is done; files sort by name. */
export interface Checkpoint {
  readonly file: string;
  /** Lines of `file` that are done. */
  readonly line: number;
}

const NAME = /^[A-Za-z0-9_.@+-]{1,128}$/;

/** The checkpoint of a name, in a directory of log files. */
export class CheckpointFile {
  readonly #path: string;

  constructor(directory: string, name: string) {
    if (!NAME.test(name)) {
      throw new Error(`${JSON.stringify(name)} is no name of a checkpoint: use letters and digits`);
    }
    this.#path = join(directory, `.${name}`);
  }

  /** Undefined where there is none yet; throws where there is one that cannot be read. */
  async read(): Promise<Checkpoint | undefined> {
    let text: string;
    try {
      text = await readFile(this.#path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    const found = parseCheckpoint(text);
    if (found !== undefined) return found;
    throw new Error(`${this.#path} is no checkpoint: remove it to begin with the oldest file`);
  }

  /** Durable when it returns. */
  async write({ file, line }: Checkpoint): Promise<void> {
    const fresh = `${this.#path}.new`;
    const handle = await open(fresh, 'w');
    try {
      await handle.writeFile(JSON.stringify({ file, line }));
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await rename(fresh, this.#path);
  }
}

function parseCheckpoint(text: string): Checkpoint | undefined {
  try {
    const { file, line } = JSON.parse(text) as Partial<Checkpoint>;
    const isSound = typeof file === 'string' && Number.isInteger(line) && (line as number) >= 0;
    return isSound ? { file, line: line as number } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Where the file of a checkpoint lies among `files` of a directory, or would lie if it were still
 * there: also where the directory was moved, or is called by another name this time.
 */
export function placeOf({ file }: Checkpoint, directory: string, files: readonly string[]): string {
  const within = relative(directory, file);
  const isWithin = within !== '' && !within.startsWith('..') && !isAbsolute(within);
  if (isWithin) return join(directory, within);
  const endsLike = (path: string): boolean => `/${file}`.endsWith(`/${relative(directory, path)}`);
  const [moved] = files.filter(endsLike).sort((one, other) => other.length - one.length);
  return moved ?? join(directory, basename(file));
}
