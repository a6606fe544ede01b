/**
 * A request from its bytes to its answer: rendered, stored and submitted slice by slice, while the
 * next slice is being rendered. The idea: an answer says how each recipient fared, and says so only
 * when every message it counts is durable. A client that has gone gets no further slices; what was
 * submitted stays. Deliberately unknown here: HTTP and templates.
 */
import type { Refusal, Submission, SubmittedMessage } from '../host.ts';
import type { InjectClient } from './draft.ts';
import { SLICES_AT_ONCE } from './limits.ts';
import type { Printed } from './press.ts';
import type { Presses, PressJob } from './press-desk.ts';
import { RequestRefused } from './request.ts';
import type { Failure, Origin, StoringWorld } from './storing.ts';
import { storeSlice } from './storing.ts';
import { Turnstile } from './turnstile.ts';

/** A message that was taken, for those who want to know its id. */
export interface TakenMessage {
  readonly recipient: string;
  readonly id: string;
}

/** What a client is told. */
export interface InjectAnswer {
  readonly success_count: number;
  readonly fail_count: number;
  readonly failed_recipients: readonly string[];
  readonly errors: readonly string[];
  /** Absent unless it was asked for. */
  readonly ids?: readonly TakenMessage[];
}

/** What has been counted since the start. */
export interface InjectCounts {
  /** `total_messages_received{service="http_listener"}`: messages that were rendered. */
  received: number;
  /** Recipients that got no message. */
  failed: number;
  /** Requests that were answered, by status class. */
  requests: number;
  refused: number;
}

/** What injecting stands on. */
export interface InjectWorld extends StoringWorld {
  readonly presses: Presses;
  readonly counts: InjectCounts;
}

/** Whether the client still waits. */
export type IsGone = () => boolean;

const wordsOf = ({ code, enhanced, text }: Refusal): string => `${code} ${enhanced} ${text}`;

/** Refuses while the engine takes no mail. */
export function demandRoom(world: Pick<StoringWorld, 'host'>): void {
  const refusal = world.host.admit();
  if (refusal !== undefined) throw new RequestRefused(503, wordsOf(refusal));
}

/** What the messages of a request have in common, but for who asked. */
export const originOf = ({ opened }: PressJob): Omit<Origin, 'client'> => {
  const { from, trace, isDeferredSpool: mayDefer } = opened;
  return { from, trace, mayDefer };
};

/** Injects for clients and for generations. */
export class Injecting {
  readonly world: InjectWorld;
  /** Slices of all requests share these places. */
  readonly slices = new Turnstile(SLICES_AT_ONCE);

  constructor(world: InjectWorld) {
    this.world = world;
  }

  /** Makes and submits the messages of a request that is on the press; it is closed afterwards. */
  async inject(
    job: PressJob,
    client: InjectClient,
    isGone: IsGone,
    wantsIds = false,
  ): Promise<InjectAnswer> {
    const origin = { ...originOf(job), client };
    const tally = new Tally(wantsIds);
    try {
      await this.#walk(job, isGone, (slice) => this.#take(origin, slice, tally));
    } catch (error) {
      if (!(error instanceof RequestRefused) || tally.seen === 0) throw error;
      // Some are durable already: the others fail, each with the reason.
      const why = error.message;
      tally.note((await job.names(tally.seen)).map((email) => ({ email, why })));
    } finally {
      job.close();
    }
    this.world.counts.failed += tally.failures.length;
    return tally.answer();
  }

  /** Goes through a request; the next slice is rendered while one is being taken. */
  async #walk(
    job: PressJob,
    isGone: IsGone,
    take: (slice: readonly Printed[]) => Promise<void>,
  ): Promise<void> {
    const upto = job.opened.recipients;
    let from = 0;
    let next = upto > 0 ? this.print(job, 0) : undefined;
    while (next !== undefined) {
      const { slice, done } = await next;
      from += slice.length;
      next = from < upto && !isGone() ? this.print(job, from) : undefined;
      // What becomes of it is looked at in the next round, if there is one.
      next?.catch(() => {});
      try {
        await take(slice);
      } catch (error) {
        next?.then(({ done: leave }) => leave()).catch(() => {});
        throw error;
      } finally {
        done();
      }
    }
  }

  /** Renders one slice in a place of its own, which `done` gives back. */
  async print(job: PressJob, from: number) {
    const done = await this.slices.enter();
    try {
      const slice = await job.print(from, this.world.now());
      this.world.counts.received += slice.filter((printed) => 'bytes' in printed).length;
      return { slice, done };
    } catch (error) {
      done();
      throw error;
    }
  }

  async #take(origin: Origin, slice: readonly Printed[], tally: Tally): Promise<void> {
    demandRoom(this.world);
    const { submissions, discarded, failures } = await storeSlice(this.world, origin, slice);
    await Promise.all(
      submissions.map(async (submission) => {
        const why = await this.#submit(submission);
        if (why === undefined) return tally.take(submission.messages);
        tally.note(submission.messages.map(({ to }) => ({ email: to[0] as string, why })));
      }),
    );
    tally.taken += discarded;
    tally.note(failures);
    tally.seen += slice.length;
  }

  /** Hands a submission over; answers when it is durable, or with why it is not taken. */
  async #submit(submission: Submission): Promise<string | undefined> {
    const refusal = await new Promise<Refusal | undefined>((resolve) =>
      this.world.host.submit(submission, resolve),
    );
    return refusal && wordsOf(refusal);
  }
}

class Tally {
  readonly #ids: TakenMessage[] | undefined;
  taken = 0;
  /** Recipients that are dealt with, one way or the other. */
  seen = 0;
  readonly failures: Failure[] = [];

  constructor(wantsIds: boolean) {
    this.#ids = wantsIds ? [] : undefined;
  }

  take(messages: readonly SubmittedMessage[]): void {
    this.taken += messages.length;
    for (const { id, to } of messages) this.#ids?.push({ recipient: to[0] as string, id });
  }

  note(failures: readonly Failure[]): void {
    for (const failure of failures) this.failures.push(failure);
  }

  answer(): InjectAnswer {
    return {
      success_count: this.taken,
      fail_count: this.failures.length,
      failed_recipients: this.failures.map(({ email }) => email),
      errors: this.failures.map(({ email, why }) => `${email}: ${why}`),
      ...(this.#ids === undefined ? {} : { ids: this.#ids }),
    };
  }
}
