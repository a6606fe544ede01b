/**
 * Reads what strace wrote: the calls of all threads in the order in which they ended.
 * The one idea: a call that strace shows in two halves is joined and keeps both line numbers, since
 * a write may reach the disk from its first line on and a sync promises only at its second.
 * Deliberately unknown here: what the calls mean for a disk.
 */

/** The calls that change what is on a disk or tell somebody something. */
export const TRACED_CALLS = [
  'open,openat,creat,close,write,pwrite64,writev,pwritev,pwritev2,fsync,fdatasync',
  'sync_file_range,ftruncate,truncate,fallocate,rename,renameat,renameat2,unlink,unlinkat',
  'mkdir,mkdirat,rmdir,link,linkat,symlink,sendto,sendmsg,copy_file_range,lseek',
].join(',');

const STRING_BYTES_MAX = 64 * 1024 * 1024;

/** How to run a command under strace so that `readTrace` understands the file it leaves. */
export function traceCommand(file: string, command: readonly string[]): string[] {
  const form = ['-f', '-y', '-xx', '-ttt', '--seccomp-bpf', '-s', String(STRING_BYTES_MAX)];
  return ['strace', ...form, '-e', `trace=${TRACED_CALLS}`, '-o', file, ...command];
}

/** One call that succeeded. */
export interface Call {
  readonly name: string;
  /** Everything between the outer brackets, strings still in `\x` form. */
  readonly args: string;
  /** The number it answered, and the path of a new file descriptor. */
  readonly result: number;
  readonly resultPath: string;
  /** Line at which it began and line at which it ended. */
  readonly began: number;
  readonly ended: number;
  /** When it ended, in milliseconds since 1970. */
  readonly at: number;
}

const LINE = /^(\d+)\s+(\d+\.\d+) (.*)$/;
const RESUMED = /^<\.\.\. \w+ resumed>(.*)$/;
const UNFINISHED = ' <unfinished ...>';
const WHOLE = /^(\w+)\(([\s\S]*)\)\s+= (-?\d+)(?:<((?:\\x[0-9a-f]{2})*)>)?/;

/** Reads all calls; failed ones are left out. */
export function readTrace(text: string): Call[] {
  const calls: Call[] = [];
  const halves = new Map<string, { readonly head: string; readonly began: number }>();
  text.split('\n').forEach((line, at) => {
    const [, pid, seconds, rest] = LINE.exec(line) ?? [];
    if (pid === undefined || seconds === undefined || rest === undefined) return;
    if (rest.endsWith(UNFINISHED)) {
      halves.set(pid, { head: rest.slice(0, -UNFINISHED.length), began: at });
      return;
    }
    const tail = RESUMED.exec(rest)?.[1];
    const half = tail === undefined ? undefined : halves.get(pid);
    const whole = half === undefined ? rest : half.head + tail;
    const [, name, args, result, path] = WHOLE.exec(whole) ?? [];
    if (name === undefined || args === undefined || Number(result) < 0) return;
    calls.push({
      name,
      args,
      result: Number(result),
      resultPath: decode(path ?? '').toString(),
      began: half?.began ?? at,
      ended: at,
      at: Number(seconds) * 1000,
    });
  });
  return calls;
}

/** Bytes of a `\x41\x42` text. */
export function decode(text: string): Buffer {
  return Buffer.from(text.replaceAll('\\x', ''), 'hex');
}

const DESCRIPTOR = /^(-?\w+)(?:<((?:\\x[0-9a-f]{2})*)>)?/;
const QUOTED = /"((?:\\x[0-9a-f]{2})*)"/g;

/** The file descriptor a call begins with, and the path strace shows for it. */
export function descriptorOf(call: Call): { readonly fd: string; readonly path: string } {
  const [, fd, path] = DESCRIPTOR.exec(call.args) ?? [];
  return { fd: fd ?? '', path: decode(path ?? '').toString() };
}

/** All quoted strings of a call, joined: the data of a write, whether gathered or not. */
export function dataOf(call: Call): Buffer {
  const parts = [...call.args.matchAll(QUOTED)].map((match) => decode(match[1] ?? ''));
  return Buffer.concat(parts).subarray(0, call.result);
}

/** Each quoted string of a call: the paths of a rename. */
export function stringsOf(call: Call): string[] {
  return [...call.args.matchAll(QUOTED)].map((match) => decode(match[1] ?? '').toString());
}

/** The last number of a call: the offset of a pwrite, the size of a truncate. */
export function lastNumberOf(call: Call): number {
  return Number(/(\d+)$/.exec(call.args)?.[1]);
}
