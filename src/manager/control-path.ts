/**
 * Where the manager of a data directory is reached. The kernel takes only short names for a socket,
 * so a long one is said from the current directory when that is shorter. Opens nothing.
 */
import { join, relative, resolve } from 'node:path';

/** The kernel's bound, without the closing zero. */
const SOCKET_PATH_BYTES_MAX = 107;

/** The control socket of a data directory; undefined when its name is too long for the kernel. */
export function findControlPath(dir: string): string | undefined {
  const absolute = join(resolve(dir), 'control.sock');
  const near = relative(process.cwd(), absolute);
  return [absolute, near].find((path) => Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX);
}
