/**
 * Asking the policy on behalf of one session, bounded in time. The idea: one question at a time,
 * and what is asked after the session has gone is never answered; so a handler that hangs holds its
 * session, for a while, and nothing else. It does not know what is asked.
 */
import type { Heard, ReceptionCall, ReceptionHandler } from '../domain/reception-asker.ts';
import type { IntakeHost } from './host.ts';
import { lateReply, replyOf, TECHNICAL } from './policy-reply.ts';
import type { Reply } from './transaction.ts';

/** What came of a question: a reply that refuses, or else what was answered, if anything was. */
export type Told<T> = (refusal: Reply | undefined, value?: T) => void;

/** For whom is asked. */
export interface Asking {
  readonly host: Pick<IntakeHost, 'reception'>;
  readonly isGone: () => boolean;
  /** How long a handler may take, ms. */
  readonly waitMsMax: () => number;
  /** Sees what came of each question. */
  readonly seen?: (handler: ReceptionHandler, heard: Heard<unknown>) => void;
}

/** The questions of one session. */
export class Consulting {
  readonly #asking: Asking;
  #pending = 0;

  constructor(asking: Asking) {
    this.#asking = asking;
  }

  /** A handler has not answered yet. */
  get isPending(): boolean {
    return this.#pending > 0;
  }

  hears(handler: ReceptionHandler): boolean {
    return this.#asking.host.reception?.hears(handler) === true;
  }

  /** Asks; `told` is called at once where no handler waits. */
  ask<T>(call: ReceptionCall<T>, told: Told<T>): void {
    const heard = this.#asking.host.reception?.hear(call) ?? { kind: 'nothing' as const };
    if (heard instanceof Promise) this.#wait(call, heard, told);
    else this.#tell(call.handler, heard, told);
  }

  /** Asks a handler that answers at once; its failures are nobody's here. */
  askNow<T>(call: ReceptionCall<T>): T | undefined {
    const heard = this.#asking.host.reception?.hearNow(call);
    if (heard !== undefined) this.#asking.seen?.(call.handler, heard);
    return heard?.kind === 'answer' ? heard.value : undefined;
  }

  #wait<T>({ handler, about }: ReceptionCall<T>, coming: Promise<Heard<T>>, told: Told<T>): void {
    const { host, isGone, waitMsMax } = this.#asking;
    const limitMs = waitMsMax();
    this.#pending += 1;
    let isOver = false;
    const end = (say: () => void): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      this.#pending -= 1;
      if (!isGone()) say();
    };
    const timer = setTimeout(() => {
      const sentence = `${handler} did not answer within ${limitMs} ms for ${about}`;
      host.reception?.tell(handler, sentence);
      this.#asking.seen?.(handler, { kind: 'fault' });
      end(() => told(lateReply(handler)));
    }, limitMs);
    void coming.then((heard) => end(() => this.#tell(handler, heard, told)));
  }

  #tell<T>(handler: ReceptionHandler, heard: Heard<T>, told: Told<T>): void {
    if (heard.kind !== 'nothing' || this.hears(handler)) this.#asking.seen?.(handler, heard);
    tell(heard, told);
  }
}

function tell<T>(heard: Heard<T>, told: Told<T>): void {
  if (heard.kind === 'refused') told(replyOf(heard.rejection));
  else if (heard.kind === 'fault') told(TECHNICAL);
  else told(undefined, heard.kind === 'answer' ? heard.value : undefined);
}
