/**
 * Mail at a steady rate into a daemon, for runs in which something else happens meanwhile: rounds
 * of messages, each begun when its time has come and the round before was answered. Deliberately
 * unknown here: the daemon; what is done to it.
 */
import type { ProbeShape } from './probe-mail.ts';
import { makeProbe } from './probe-mail.ts';
import { pause } from './scratch.ts';
import type { Answer } from './sender.ts';
import { sendAll } from './sender.ts';

const LINES = 4;

/** How much is sent, and where to. */
export interface SteadyMailOptions {
  readonly shape: ProbeShape;
  /** Messages of a round. */
  readonly messages: number;
  /** From the beginning of a round to that of the next, at least. */
  readonly everyMs: number;
  /** Where the daemon listens now; waits while it is down. */
  readonly port: () => Promise<number | undefined>;
}

/** A submitter that goes on until told to stop. */
export class SteadyMail {
  readonly answers: Answer[] = [];
  readonly #options: SteadyMailOptions;
  #isSending = false;
  #sending: Promise<void> = Promise.resolve();

  constructor(options: SteadyMailOptions) {
    this.#options = options;
  }

  start(): void {
    this.#isSending = true;
    this.#sending = this.#send();
  }

  async stop(): Promise<void> {
    this.#isSending = false;
    await this.#sending;
  }

  async #send(): Promise<void> {
    const { shape, messages, everyMs, port } = this.#options;
    for (let first = this.answers.length + 1; this.#isSending; first += messages) {
      const round = Array.from({ length: messages }, (_, at) => makeProbe(first + at, shape));
      const work = sendAll(round, {
        lines: LINES,
        port,
        answered: (answer) => this.answers.push(answer),
      });
      await Promise.all([work, pause(everyMs)]);
    }
  }
}
