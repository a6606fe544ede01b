/**
 * The thread of journeys: with less right to the processor than mail has, it keeps the index of the
 * log up to date and answers what happened to a message. No code of an operator runs here, so what
 * a hook's code does cannot take this answer away.
 * Deliberately unknown here: the engine; only the log is read.
 */
import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { basename, join } from 'node:path';
import type { MessagePort } from 'node:worker_threads';
import { parentPort, workerData } from 'node:worker_threads';
import type { LogTail } from '../events/log-tail.ts';
import { openLogTail } from '../events/log-tail.ts';
import { answerJourney, tellAnswer } from '../forensics/journey/answering.ts';
import type { JourneyQuestion } from '../forensics/journey/finding.ts';
import { JourneyIndex } from '../forensics/journey/journey-index.ts';
import { LogLook } from '../forensics/journey/log-look.ts';
import { openRunFolder } from '../forensics/journey/run-files.ts';
import { JOURNEY_FOLDER } from '../forensics/reading.ts';
import { createTimers } from '../ports/node/timers.ts';
import { MailFirst } from '../projections/mail-first.ts';
import type { FromJourneys, JourneyStart, JourneyTold, ToJourneys } from './journey-messages.ts';
import { loadReader, ownActiveMs } from './mail-load.ts';

/** As nice as a job in the background. */
const NICENESS = 10;
/** Records indexed at a time: some milliseconds. */
const STEP_RECORDS = 1_024;
/** Looks at a log that grows are no closer together than this, ms. */
const PATIENCE_MS = 200;
/** The index never claims the share of a reader that is further behind than this, ms. */
const LAG_MS_MAX = 30_000;
/** What is new when a question comes is indexed first, for so long, ms. */
const CATCH_UP_MS_MAX = 500;
/** After a failure of the disk. */
const AGAIN_MS = 30_000;
const REST_MS = 1_000;
/** Every so many rests, what the log has let go is let go here. */
const RESTS_PER_PRUNE = 60;

/** On Linux a thread has a priority of its own, and its id is that of a process. */
function lowerPriority(): void {
  try {
    setPriority(Number(basename(readlinkSync('/proc/thread-self'))), NICENESS);
  } catch {
    // Elsewhere all threads of a process share theirs.
  }
}

class JourneyThread {
  readonly #say: (word: FromJourneys) => void;
  readonly #log: LogTail;
  readonly #index: JourneyIndex;
  readonly #timers = createTimers();
  readonly #pace: MailFirst;
  readonly #resting: NodeJS.Timeout;
  #cancel: () => void = () => {};
  #rests = 0;
  #fault = '';

  constructor({ dir, mark, load }: JourneyStart, say: (word: FromJourneys) => void) {
    this.#say = say;
    this.#log = openLogTail({ dir, mark });
    const folder = openRunFolder(join(dir, JOURNEY_FOLDER));
    if (!folder.isKept) say({ kind: 'log', text: `no index can be kept in ${dir}` });
    this.#index = new JourneyIndex(this.#log, folder);
    const both = { mail: loadReader(load), ownMs: ownActiveMs };
    this.#pace = new MailFirst(both, () => this.#timers.steadyMs());
    this.#resting = setInterval(() => this.#rest(), REST_MS);
    this.#follow();
  }

  readonly #follow = (): void => {
    try {
      const hasMore = this.#index.step(STEP_RECORDS);
      this.#fault = '';
      if (hasMore) this.#cancel = this.#timers.after(this.#waitMs(), this.#follow);
      else this.#watch();
    } catch (error) {
      this.#failed(error);
      this.#cancel = this.#timers.after(AGAIN_MS, this.#follow);
    }
  };

  #waitMs(): number {
    const lagMs = Math.max(0, this.#timers.now() - this.#index.at);
    return this.#pace.waitMs(Math.min(LAG_MS_MAX, lagMs));
  }

  #watch(): void {
    this.#cancel = this.#log.whenMore(this.#index.next - 1, () => {
      this.#cancel = this.#timers.after(PATIENCE_MS, this.#follow);
    });
  }

  #failed(error: unknown): void {
    const cause = error instanceof Error ? error.message : String(error);
    if (cause !== this.#fault) {
      this.#say({ kind: 'log', text: `the index of journeys stands still: ${cause}` });
    }
    this.#fault = cause;
  }

  #rest(): void {
    this.#log.rest();
    this.#rests += 1;
    if (this.#rests % RESTS_PER_PRUNE !== 0) return;
    try {
      this.#index.prune(true);
    } catch (error) {
      this.#failed(error);
    }
  }

  answer(question: JourneyQuestion): JourneyTold | string {
    try {
      const untilMs = this.#timers.steadyMs() + CATCH_UP_MS_MAX;
      while (this.#index.step(STEP_RECORDS) && this.#timers.steadyMs() < untilMs);
      const behind = this.#index.remaining();
      const look = new LogLook(this.#log, this.#index);
      const told = tellAnswer(answerJourney(look, question, this.#timers.now()));
      return behind === 0 ? told : { ...told, behind };
    } catch (error) {
      return `the log cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  stop(): void {
    clearInterval(this.#resting);
    this.#cancel();
    try {
      this.#index.keep();
    } catch {
      // What is not written down is made again.
    }
    this.#log.close();
  }
}

function run(port: MessagePort, start: JourneyStart): void {
  const say = (word: FromJourneys): void => port.postMessage(word);
  const thread = new JourneyThread(start, say);
  port.on('message', (message: ToJourneys) => {
    if (message.kind === 'ask') {
      say({ kind: 'answered', id: message.id, answer: thread.answer(message.question) });
      return;
    }
    thread.stop();
    // A wait for the log to grow must not keep the thread.
    process.exit(0);
  });
}

lowerPriority();
if (parentPort !== null) run(parentPort, workerData as JourneyStart);
