/**
 * What the daemon lets the service manager know: that mail is taken, that a reload or the end has
 * begun, a line of status, and while all is well a word of life for the watchdog.
 * The one idea: the word of life is the worker's, not the manager's; a daemon whose manager runs
 * and whose worker does not is started again by whoever watches. Knows no way that words travel.
 */
import { basename } from 'node:path';
import type { ServiceNotices } from '../ports/node/service-notices.ts';
import type { DaemonStatus } from './status.ts';

/** Between two looks at the daemon, ms, unless the watchdog wants them sooner. */
const LOOK_MS = 5_000;
/** A message may be lost or late: so many words of life fall within the watchdog's patience. */
const WORDS_PER_PATIENCE = 3;

/** What is looked at. */
export interface Announced {
  status(): DaemonStatus;
  /** Whether the worker shows signs of life, or is given time to. */
  isMoving(): boolean;
}

/** Tells `notices`, until it is ended. */
export class Announcing {
  readonly #notices: ServiceNotices;
  readonly #announced: Announced;
  readonly #looking: NodeJS.Timeout;
  #isReady = false;
  #reloads = 0;
  #told = '';

  constructor(notices: ServiceNotices, announced: Announced) {
    this.#notices = notices;
    this.#announced = announced;
    const patienceMs = (notices.watchdogMs ?? Number.POSITIVE_INFINITY) / WORDS_PER_PATIENCE;
    this.#looking = setInterval(() => this.#look(), Math.min(LOOK_MS, patienceMs));
  }

  /** Mail is taken. */
  ready(): void {
    this.#isReady = true;
    if (this.#reloads === 0) this.#tellReady();
    else this.#look();
  }

  /** A policy is being judged, or no longer. */
  reloading(isOn: boolean): void {
    if (!this.#isReady) return;
    this.#reloads = Math.max(0, this.#reloads + (isOn ? 1 : -1));
    if (isOn && this.#reloads === 1) this.#notices.tell({ state: 'reloading' });
    if (!isOn && this.#reloads === 0) this.#tellReady();
  }

  /** The end has begun; words of life go on until `end`. */
  stopping(reason: string): void {
    this.#isReady = false;
    this.#notices.tell({ state: 'stopping', status: `stopping: ${reason}` });
  }

  /** No more is said. */
  end(): void {
    clearInterval(this.#looking);
  }

  #tellReady(): void {
    this.#told = describeDaemon(this.#announced.status());
    this.#notices.tell({ state: 'ready', status: this.#told });
  }

  #look(): void {
    const news = this.#isReady ? describeDaemon(this.#announced.status()) : this.#told;
    const isNews = news !== this.#told;
    const isAlive = this.#notices.watchdogMs !== undefined && this.#announced.isMoving();
    if (!isNews && !isAlive) return;
    this.#told = news;
    this.#notices.tell({ ...(isNews ? { status: news } : {}), ...(isAlive ? { isAlive } : {}) });
  }
}

/** The daemon in one line. */
export function describeDaemon({
  policy,
  workers,
  listeners,
  httpListeners,
}: DaemonStatus): string {
  const worker = workers[0];
  const places = [
    ...listeners.map((place) => `smtp ${place}`),
    ...httpListeners.map((place) => `http ${place}`),
  ];
  const { state = 'stopped', lastCrash, restarts = 0 } = worker ?? {};
  const parts = [
    state === 'ready' ? `ready at ${places.join(', ')}` : `no mail is taken: worker ${state}`,
    `policy ${basename(policy.source)} version ${policy.version ?? 'none'}`,
  ];
  const { lastRefusal, version = 0 } = policy;
  // One that was followed by a better version is history.
  if (lastRefusal !== undefined && lastRefusal.number > version) {
    parts.push(`refused: ${lastRefusal.sentence}`);
  }
  if (restarts > 0 && lastCrash !== undefined) {
    parts.push(`${restarts} restarts, last crash: ${lastCrash.sentence}`);
  }
  return parts.join('; ');
}
