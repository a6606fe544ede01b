/**
 * One transaction between its drafts and its 250: store the bytes, hand the envelopes over, and
 * answer when that is durable. The one idea: a straight line of callbacks with one way out; bytes
 * that nobody will speak of are given back. It does not know sockets, commands or deadlines.
 */
import { formatBodyHeader } from '../domain/body-header.ts';
import type { Bodies, BodyRef, Fault } from '../ports/ports.ts';
import { isFault } from '../ports/ports.ts';
import type { Draft } from './drafts.ts';
import type { IntakeHost, Letter, Refusal, SubmittedMessage } from './host.ts';
import type { Arrival } from './message-intake.ts';
import { refuse } from './message-intake.ts';
import type { Received } from './reception.ts';
import type { Reply } from './transaction.ts';

const refusalOf = (fault: Fault): Refusal =>
  fault.code === 'FAULT_DISK_FULL'
    ? refuse(452, '4.3.1', 'insufficient system storage')
    : refuse(451, '4.3.0', 'the message could not be stored, try again later');

const TOO_SLOW = refuse(451, '4.4.5', 'the message could not be stored in time, try again later');

/** What is asked of the world to take a message in. */
export interface IntakeWorld {
  readonly host: IntakeHost;
  readonly bodies: Bodies;
}

/** How a message ended: refused, or these messages are durable (or discarded, as policy said). */
export type Outcome = Reply | readonly SubmittedMessage[];

/** One transaction on its way to be durable; answers once. */
export class Taking {
  private readonly world: IntakeWorld;
  private readonly answered: (outcome: Outcome, fault?: Fault) => void;
  private isSubmitted = false;
  private isAnswered = false;

  constructor(world: IntakeWorld, answered: (outcome: Outcome, fault?: Fault) => void) {
    this.world = world;
    this.answered = answered;
  }

  /** It has its answer: whoever still works on it may stop. */
  get isOver(): boolean {
    return this.isAnswered;
  }

  /** Stores the bytes of all drafts, then submits their envelopes. */
  begin(arrival: Arrival, { drafts, discarded }: Received): void {
    if (this.isAnswered) return;
    if (drafts.length === 0) {
      this.answer(discarded);
      return;
    }
    const written: (BodyRef | Fault)[] = [];
    let left = drafts.length;
    drafts.forEach((draft, index) => {
      const header = headerOf(arrival, draft);
      const answered = (body: BodyRef | Fault): void => {
        written[index] = body;
        left -= 1;
        if (left === 0) this.stored(arrival, drafts, discarded, written);
      };
      this.world.bodies.write(header, draft.chunks, answered, mayDefer(arrival, draft));
    });
  }

  /** Ends it: refused, or there is nothing to store. */
  end(outcome: Outcome): void {
    this.answer(outcome);
  }

  /** Ends the wait with a 451, unless the envelope is handed over: then it may be durable. */
  giveUp(): void {
    if (!this.isSubmitted) this.answer(TOO_SLOW);
  }

  private stored(
    arrival: Arrival,
    drafts: readonly Draft[],
    discarded: readonly SubmittedMessage[],
    written: readonly (BodyRef | Fault)[],
  ): void {
    const refs: BodyRef[] = [];
    let fault: Fault | undefined;
    for (const body of written) {
      if (isFault(body)) fault ??= body;
      else refs.push(body);
    }
    if (fault === undefined && !this.isAnswered) {
      this.submit(
        arrival,
        drafts.map((draft, at) => letterOf(draft, refs[at] as BodyRef)),
        {
          drafts,
          discarded,
        },
      );
      return;
    }
    // Nobody waits any more, or not all could be written: no event will name these bodies.
    for (const { segment, length } of refs) this.world.bodies.refer(segment, -1, length);
    if (fault !== undefined) this.answer(refusalOf(fault), fault);
  }

  private submit(
    arrival: Arrival,
    letters: readonly Letter[],
    { drafts, discarded }: Received,
  ): void {
    this.isSubmitted = true;
    const messages = drafts.flatMap((draft, index) =>
      index === 0 ? draft.messages : draft.messages.map((one) => withLetter(one, letters[index])),
    );
    const submission = {
      service: 'esmtp' as const,
      listener: arrival.listener,
      ...(letters[0] as Letter),
      messages,
      smtpUtf8: arrival.smtpUtf8,
      peer: arrival.peer,
      helo: arrival.helo,
      receivedAt: arrival.at,
      session: arrival.session || undefined,
      tls: arrival.tls,
      cipher: arrival.cipher,
      meta: arrival.meta,
      reports: arrival.reports?.(messages),
    };
    const all = discarded.length === 0 ? messages : [...messages, ...discarded];
    this.world.host.submit(submission, (refusal) => this.answer(refusal ?? all));
  }

  private answer(outcome: Outcome, fault?: Fault): void {
    if (this.isAnswered) return;
    this.isAnswered = true;
    this.answered(outcome, fault);
  }
}

/** What is to be sent later waits on the disk: only a first attempt that is near may do without. */
const mayDefer = ({ mayDefer: isAsked }: Arrival, { messages }: Draft): boolean =>
  isAsked === true &&
  messages.every(({ dueAt, schedule }) => dueAt === undefined && schedule === undefined);

const letterOf = ({ from, chunks, eightBit }: Draft, body: BodyRef): Letter => ({
  from,
  body,
  chunks,
  bodyBytes: body.length,
  eightBit,
});

const withLetter = (message: SubmittedMessage, letter: Letter | undefined): SubmittedMessage => ({
  ...message,
  letter,
});

// Kept beside the body, so that a damaged log can be mended from the bodies.
const headerOf = (arrival: Arrival, { from, eightBit, messages }: Draft): string =>
  formatBodyHeader({
    from,
    messages,
    at: arrival.at,
    peer: arrival.peer,
    helo: arrival.helo,
    isEightBit: eightBit,
    smtpUtf8: arrival.smtpUtf8,
  });
