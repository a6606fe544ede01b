/**
 * The worker's end of the thread of journeys: begun a little after the start, so that mail comes
 * first there too, asked what operators ask, begun again when it dies, and ended before the log is
 * closed. Knows neither the index nor what a journey is made of.
 */
import type { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import { startThread } from '../events/log-start.ts';
import type { JourneyQuestion } from '../forensics/journey/finding.ts';
import { BackOff } from './back-off.ts';
import type { FromJourneys, JourneyStart, JourneyTold, ToJourneys } from './journey-messages.ts';
import { LoadGauge } from './mail-load.ts';

/** After the first turn, ms; a question begins it at once. */
const BEGIN_MS = 3_000;
/** Megabytes of objects: one stretch that grows, and one answer. */
const OLD_OBJECTS_MB = 256;
const YOUNG_OBJECTS_MB = 32;
/** An operator is answered within this, ms; a thread that did not is begun again. */
const ANSWER_MS_MAX = 20_000;
/** Questions that wait at a time. */
export const QUESTIONS_MAX = 16;

const AWAY = 'the index of the log is being started; try again in a moment';
const CROWDED = `${QUESTIONS_MAX} questions about journeys wait already; try again in a moment`;
const LATE = `there was no answer within ${ANSWER_MS_MAX / 1_000} s; narrow the time and try again`;

/** What the thread stands on. */
export interface JourneysParts extends Pick<JourneyStart, 'dir' | 'mark'> {
  readonly logger: Pick<Logger, 'warn' | 'error'>;
}

/** Journeys of a worker's log. */
export class OpenJourneys {
  readonly #parts: JourneysParts;
  readonly #backOff = new BackOff();
  readonly #load = new LoadGauge();
  readonly #asked = new Map<number, (answer: JourneyTold | string) => void>();
  #lastId = 0;
  #thread: Worker | undefined;
  #startedAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #isStopping = false;

  constructor(parts: JourneysParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = setTimeout(() => this.#begin(), BEGIN_MS);
  }

  #begin(): void {
    clearTimeout(this.#timer);
    if (this.#thread !== undefined || this.#isStopping) return;
    const { dir, mark, logger } = this.#parts;
    const workerData: JourneyStart = { dir, mark, load: this.#load.memory };
    const thread = startThread('./journey-thread', import.meta.url, {
      workerData,
      name: 'journeys',
      resourceLimits: {
        maxOldGenerationSizeMb: OLD_OBJECTS_MB,
        maxYoungGenerationSizeMb: YOUNG_OBJECTS_MB,
      },
    });
    this.#thread = thread;
    this.#startedAt = performance.now();
    thread.on('message', (word: FromJourneys) => {
      if (word.kind === 'log') logger.warn(word.text);
      else this.#asked.get(word.id)?.(word.answer);
    });
    thread.on('error', (error) => logger.error(error, 'the thread of journeys failed'));
    thread.on('exit', () => this.#ended(thread));
    this.#load.start();
  }

  #ended(thread: Worker): void {
    if (this.#thread !== thread) return;
    this.#thread = undefined;
    for (const give of [...this.#asked.values()]) give(AWAY);
    if (this.#isStopping) return;
    const waitMs = this.#backOff.next(performance.now() - this.#startedAt);
    this.#timer = setTimeout(() => this.#begin(), waitMs);
  }

  /** The answer, or a sentence that says why there is none now. */
  ask(question: JourneyQuestion): Promise<JourneyTold | string> {
    if (this.#asked.size >= QUESTIONS_MAX) return Promise.resolve(CROWDED);
    this.#begin();
    const thread = this.#thread;
    if (thread === undefined) return Promise.resolve(AWAY);
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      const give = (answer: JourneyTold | string): void => {
        clearTimeout(timer);
        this.#asked.delete(id);
        resolve(answer);
      };
      const timer = setTimeout(() => {
        give(LATE);
        void thread.terminate();
      }, ANSWER_MS_MAX);
      this.#asked.set(id, give);
      this.#tell(thread, { kind: 'ask', id, question });
    });
  }

  #tell(thread: Worker, message: ToJourneys): void {
    thread.postMessage(message);
  }

  /** Ends it within `graceMs`; what the index lacks then is made after the next start. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#timer);
    this.#load.stop();
    const thread = this.#thread;
    if (thread === undefined) return;
    const ended = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
    const timer = setTimeout(() => void thread.terminate(), graceMs);
    this.#tell(thread, { kind: 'stop' });
    await ended;
    clearTimeout(timer);
  }
}

/** Journeys over a log that is open, to begin soon. */
export function beginJourneys(parts: JourneysParts): OpenJourneys {
  const journeys = new OpenJourneys(parts);
  journeys.start();
  return journeys;
}
