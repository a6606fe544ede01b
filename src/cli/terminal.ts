/**
 * How the commands speak: exit codes, one-sentence failures, colour and progress.
 * Results go to standard output, everything else to standard error; colour and progress bars only
 * where a person watches (a terminal, and NO_COLOR unset). Knows no command.
 */
import process from 'node:process';

/** What the exit codes of every command mean (those of sysexits.h, as with waybilld). */
export const EXIT_CODES = [
  { code: 0, name: 'EX_OK', says: 'done, and the result is what was hoped for' },
  {
    code: 1,
    name: '',
    says: 'done, and the result is not as hoped: a recipient refused, a log not sound, you said no',
  },
  { code: 64, name: 'EX_USAGE', says: 'the command line was wrong, or the daemon found it so' },
  {
    code: 69,
    name: 'EX_UNAVAILABLE',
    says: 'it could not be done: no daemon, no such queue, no such file; standard error says why',
  },
  { code: 77, name: 'EX_NOPERM', says: 'the daemon does not let us' },
] as const;

/** The codes by what happened. */
export const EXIT = {
  fine: 0,
  /** Done, and the result is not what was hoped for. */
  wanting: 1,
  /** The command line was wrong. */
  usage: 64,
  /** It could not be done: no connection, no such file, address in use. */
  failed: 69,
  /** The daemon does not let us. */
  forbidden: 77,
} as const satisfies Readonly<Record<string, (typeof EXIT_CODES)[number]['code']>>;

/** A run that was interrupted (Ctrl-C) says what it had by then, and ends with this. */
export const INTERRUPTED = 130;

/** The line of a command's help about that; `shown` says what is printed. */
export const interruptHelp = (shown: string): readonly string[] => [
  ` ${INTERRUPTED}  interrupted; ${shown}`,
];

/** A failure with a sentence for the person who typed the command. */
export class CommandFailure extends Error {
  readonly exitCode: number;

  constructor(sentence: string, exitCode: number = EXIT.failed) {
    super(sentence);
    this.name = 'CommandFailure';
    this.exitCode = exitCode;
  }
}

/** The daemon was asked, and refused. */
export class DaemonRefusal extends CommandFailure {}

const SYSTEM_SENTENCES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is in use by another program',
  EADDRNOTAVAIL: 'this machine does not have that address',
  EACCES: 'permission was denied',
  EPERM: 'permission was denied',
  ENOENT: 'there is no such file or folder',
  EISDIR: 'that is a folder, not a file',
  ENOTDIR: 'a part of the path is not a folder',
  ENOSPC: 'the disk is full',
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the other side closed the connection',
  ETIMEDOUT: 'there was no answer in time',
  ENOTFOUND: 'that host name is unknown',
  EHOSTUNREACH: 'that host cannot be reached',
  SQLITE_CORRUPT: 'a file of the log is damaged; waybill verify says where',
  SQLITE_NOTADB: 'a file of the log is damaged; waybill verify says where',
  EMFILE: 'this process may not open more files (raise ulimit -n)',
};

/** What a system error means, in words; its own message where we have none. */
export const explain = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return SYSTEM_SENTENCES[code] ?? error.message.split('\n')[0] ?? 'unknown failure';
};

const STYLES = { bold: 1, dim: 2, inverse: 7, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

/** A style of text. */
export type Style = keyof typeof STYLES;

/** Text in a style, whatever reads it. */
export const styled = (style: Style, text: string): string =>
  `\u001b[${STYLES[style]}m${text}\u001b[0m`;

/** True where a person watches the stream and did not ask for no colour. */
export const isColourful = (stream: { readonly isTTY?: boolean }): boolean =>
  stream.isTTY === true && (process.env['NO_COLOR'] ?? '') === '';

/** Text from elsewhere with nothing in it that a terminal would obey. */
export const harmless = (text: string): string =>
  text.replace(/[\p{Cc}\p{Bidi_Control}]/gu, '\ufffd');

/** Colours text when the stream is a terminal and the person did not ask for none. */
export const paint = (stream: { readonly isTTY?: boolean }, style: Style, text: string): string =>
  isColourful(stream) ? styled(style, text) : text;

// A style of ours, the end of a line, or what a terminal would obey.
const OBEYED = new RegExp(
  `(\\u001b\\[(?:0|${Object.values(STYLES).join('|')})m|\\r?\\n|\\t)|[\\p{Cc}\\p{Bidi_Control}]`,
  'gu',
);

/** Text of ours with text from elsewhere in it: only our own styles and line ends are left. */
export const forTerminal = (text: string): string =>
  text.replace(OBEYED, (_all, ours: string | undefined) => ours ?? '\ufffd');

const shownOn = (stream: { readonly isTTY?: boolean }, text: string): string =>
  stream.isTTY === true ? forTerminal(text) : text;

/** Prints a result line on standard output. */
export const print = (text: string): void => {
  process.stdout.write(shownOn(process.stdout, `${text}\n`));
};

/** Prints a remark on standard error, where it cannot mix with a result. */
export const remark = (text: string): void => {
  process.stderr.write(shownOn(process.stderr, `${text}\n`));
};

/** Whole numbers with thin grouping, for people. */
export const count = (value: number): string => value.toLocaleString('en-US');

/** So many things: 1 queue, 2 queues. */
export const counted = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;

/** A bar that shows how far a run has come; silent where standard error is no terminal. */
export interface Progress {
  show(done: number, note: string): void;
  stop(): void;
}

const SILENT: Progress = { show: () => undefined, stop: () => undefined };

/** The bar, and what its text needs beside it. */
const BAR_MAX = 40;
const BAR_MIN = 5;
const BAR_TEXT = 50;

/** Starts a bar of `total` steps. */
export const startProgress = async (total: number, wanted: boolean): Promise<Progress> => {
  if (!wanted || process.stderr.isTTY !== true) return SILENT;
  const { default: cliProgress } = await import('cli-progress');
  const bar = new cliProgress.SingleBar({
    barsize: Math.max(BAR_MIN, Math.min(BAR_MAX, process.stderr.columns - BAR_TEXT)),
    format: ' {bar} {percentage}%  {value}/{total}  {note}',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    clearOnComplete: true,
    etaBuffer: 50,
  });
  bar.start(total, 0, { note: '' });
  return {
    show: (done, note) => bar.update(Math.min(done, total), { note }),
    stop: () => bar.stop(),
  };
};

/** Calls back once at the first SIGINT or SIGTERM; a second one ends the process at once. */
export const onInterrupt = (stop: () => void): void => {
  let isStopping = false;
  const heard = () => {
    if (isStopping) process.exit(130);
    isStopping = true;
    stop();
  };
  process.on('SIGINT', heard);
  process.on('SIGTERM', heard);
};

/** The part of every --help about exit codes; `others` are those of this command alone. */
export const exitCodeHelp = (wanting?: string, others: readonly string[] = []): string =>
  [
    '',
    'Exit codes:',
    '   0  done',
    ...(wanting === undefined ? [] : [`   1  ${wanting}`]),
    '  64  the command line was wrong',
    '  69  it could not be done; standard error says why',
    ...others,
  ].join('\n');
