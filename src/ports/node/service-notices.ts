/**
 * Tells the service manager that started this process how it is, as sd_notify(3) has it. Node has
 * no datagram sockets of the unix kind, so the program `systemd-notify` sends what is to be said;
 * it also waits until that was read, so that the sender is known while it is read.
 * The one idea: one message is on its way at a time, and what is said meanwhile is joined, so a
 * service manager that is slow costs a bounded number of words and never a wait.
 * Deliberately unknown here: what the words rest on.
 */
import { execFile } from 'node:child_process';

/** Something to be said; parts that are absent leave that side as it was. */
export interface Notice {
  readonly state?: 'ready' | 'reloading' | 'stopping';
  /** For `systemctl status`: one line. */
  readonly status?: string;
  /** Feeds the watchdog. */
  readonly isAlive?: true;
}

/** The way to the service manager. */
export interface ServiceNotices {
  tell(notice: Notice): void;
  /** Without a word of life for so long the service manager acts, ms; absent: it does not watch. */
  readonly watchdogMs?: number;
}

/** Changes of state that may wait for a slow service manager; beyond, the oldest are let go. */
const STATES_WAITING_MAX = 8;
/** A message that is not read within this is given up, ms. */
const TELL_MS_MAX = 10_000;
const STATUS_CHARS_MAX = 200;
const PROGRAM = 'systemd-notify';

/**
 * The way that `environment` names; undefined where nobody wants to hear. `troubled` is told once
 * when it stops working.
 */
export function openServiceNotices(
  environment: NodeJS.ProcessEnv,
  troubled: (sentence: string) => void,
): ServiceNotices | undefined {
  if (!environment['NOTIFY_SOCKET']) return undefined;
  const way = new Way(environment, troubled);
  const watchdogMs = readWatchdog(environment);
  const tell = (notice: Notice): void => way.tell(notice);
  return { tell, ...(watchdogMs === undefined ? {} : { watchdogMs }) };
}

/** A watchdog that is meant for another process is none. */
function readWatchdog(environment: NodeJS.ProcessEnv): number | undefined {
  const { WATCHDOG_USEC: span, WATCHDOG_PID: pid } = environment;
  if (pid !== undefined && Number(pid) !== process.pid) return undefined;
  const ms = Number(span) / 1000;
  return Number.isFinite(ms) && ms > 0 ? ms : undefined;
}

class Way {
  readonly #environment: NodeJS.ProcessEnv;
  readonly #troubled: (sentence: string) => void;
  #waiting: Notice[] = [];
  #isTelling = false;
  #isTroubled = false;

  constructor(environment: NodeJS.ProcessEnv, troubled: (sentence: string) => void) {
    this.#environment = environment;
    this.#troubled = troubled;
  }

  tell(notice: Notice): void {
    const last = this.#waiting.at(-1);
    // Two states in a row are two messages: who waits for `reloading` must see it.
    const isJoined = last !== undefined && (notice.state === undefined || last.state === undefined);
    if (isJoined) this.#waiting[this.#waiting.length - 1] = { ...last, ...notice };
    else this.#waiting.push(notice);
    this.#waiting = this.#waiting.slice(-STATES_WAITING_MAX);
    if (!this.#isTelling) this.#next();
  }

  #next(): void {
    const notice = this.#waiting.shift();
    this.#isTelling = notice !== undefined;
    if (notice === undefined) return;
    const options = {
      env: this.#environment,
      timeout: TELL_MS_MAX,
      killSignal: 'SIGKILL',
    } as const;
    execFile(PROGRAM, spell(notice), options, (error, _said, complaint) => {
      if (error === null) this.#isTroubled = false;
      else this.#fail(error, complaint);
      this.#next();
    });
  }

  #fail(error: Error & { readonly code?: unknown }, complaint: string): void {
    if (this.#isTroubled) return;
    this.#isTroubled = true;
    const why =
      error.code === 'ENOENT'
        ? `there is no program ${PROGRAM} in PATH; install it, or start without NOTIFY_SOCKET`
        : complaint.trim() || error.message;
    this.#troubled(`the service manager cannot be told how the daemon is: ${why}`);
  }
}

/** As arguments of the program, which sends all of them as one message. */
function spell({ state, status, isAlive }: Notice): string[] {
  const words: string[] = [];
  // From the same clock as the service manager's, so that it knows which reload is meant.
  const now = `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`;
  if (state === 'reloading') words.push('RELOADING=1', now);
  else if (state !== undefined) words.push(`${state.toUpperCase()}=1`);
  if (status !== undefined) words.push(`STATUS=${oneLine(status)}`);
  if (isAlive) words.push('WATCHDOG=1');
  return words;
}

const oneLine = (text: string): string =>
  text.replaceAll(/[\p{Cc}\s]+/gu, ' ').slice(0, STATUS_CHARS_MAX);
