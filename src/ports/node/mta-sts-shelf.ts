/**
 * Keeps MTA-STS policies in a file of the data directory, so that a restart does not forget what
 * receivers demand. Written some seconds after a change, whole and then renamed; a file that cannot
 * be read or written is said once and costs the memory, no mail. It knows no policy's meaning.
 */
import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatKept, parseKept } from '../../domain/mta-sts-kept.ts';
import type { KeptPolicy, StsShelf } from '../../domain/mta-sts-policies.ts';

/** The file's name below the data directory. */
export const STS_SHELF_FILE = 'mta-sts.jsonl';

const SAVE_AFTER_MS = 5_000;

/** A shelf that is saved once more when it is closed. */
export interface NodeStsShelf extends StsShelf {
  close(): Promise<void>;
}

/** Opens the shelf of a data directory; `failed` hears what went wrong, once for each kind. */
export const openStsShelf = (
  dir: string,
  failed: (sentence: string) => void,
  saveAfterMs = SAVE_AFTER_MS,
): NodeStsShelf => {
  const path = join(dir, STS_SHELF_FILE);
  let list: (() => Iterable<KeptPolicy>) | undefined;
  let timer: NodeJS.Timeout | undefined;
  let saving = Promise.resolve();
  let hasFailed = false;

  const write = async (text: string): Promise<void> => {
    try {
      await writeFile(`${path}.new`, text, { mode: 0o600, flush: true });
      await rename(`${path}.new`, path);
      hasFailed = false;
    } catch (error) {
      if (!hasFailed) failed(`MTA-STS policies cannot be kept: ${(error as Error).message}`);
      hasFailed = true;
    }
  };
  const save = (): void => {
    timer = undefined;
    const text = list === undefined ? undefined : formatKept(list());
    list = undefined;
    if (text !== undefined) saving = saving.then(() => write(text));
  };
  return {
    load: () => {
      try {
        return parseKept(readFileSync(path, 'utf8'));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
          failed(`kept MTA-STS policies cannot be read: ${(error as Error).message}`);
        }
        return [];
      }
    },
    changed: (all) => {
      list = all;
      timer ??= setTimeout(save, saveAfterMs).unref();
    },
    close: async () => {
      clearTimeout(timer);
      save();
      await saving;
    },
  };
};
