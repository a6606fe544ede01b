/**
 * A sink written in the policy itself, held to what every sink promises.
 * The one idea: what the operator's code answers, throws or never does becomes one of the two
 * answers a sink can give: an end without a word is trusted, `reject` says whether it is for good,
 * and everything else means that nothing is known.
 * Deliberately unknown here: what the code speaks, and to whom.
 */
import { freezeDeep } from '../../domain/freeze-deep.ts';
import type { CustomSink, CustomSinkSource, HookMessage } from '../../domain/hook-sinks.ts';
import type { Rejection } from '../../domain/reject.ts';
import { rejectionOf } from '../../domain/reject.ts';
import type { Ms } from '../../ports/ports.ts';
import type { OutgoingRecord, Sink, SinkAnswer } from '../../ports/sink.ts';
import type { Timers } from '../../ports/timers.ts';
import { oneLine, within } from './bounded.ts';

/** What a custom sink needs. */
export interface CustomSinkParts {
  /** Of the hook. */
  readonly name: string;
  /** True for a hook whose `batch_size` is above 1. */
  readonly isBatched: boolean;
  readonly timers: Timers;
  /** How long the code may take for a batch, ms; by default SEND_MS_MAX. */
  readonly sendMsMax?: Ms;
}

/** How long a batch may take where nothing else is said, ms. */
export const SEND_MS_MAX = 60_000;
/** How long its `close` is waited for, ms. */
const CLOSE_MS_MAX = 1_000;
/** The receiver is about to close (RFC 5321 section 4.2.3), so a new connection is made. */
const CLOSING_CODE = 421;

const messageOf = ({ eventId, record, text, isReplay }: OutgoingRecord): HookMessage =>
  Object.freeze({ event_id: eventId, record: freezeDeep(record), text, is_replay: isReplay });

const isTransient = ({ code }: Rejection): boolean => code >= 400 && code < 500;

class PolicySink implements Sink {
  readonly #source: CustomSinkSource;
  readonly #parts: CustomSinkParts;
  #sink: CustomSink | undefined;

  constructor(source: CustomSinkSource, parts: CustomSinkParts) {
    this.#source = source;
    this.#parts = parts;
  }

  async send(batch: readonly OutgoingRecord[], signal: AbortSignal): Promise<SinkAnswer> {
    if (signal.aborted) return { kind: 'failed', reason: 'sending was stopped' };
    const { timers, sendMsMax: waitMsMax = SEND_MS_MAX } = this.#parts;
    const tooLate = `the sink gave no answer within ${waitMsMax} ms`;
    try {
      // What it goes on doing after that is its own affair: the batch comes again, with its ids.
      const work = this.#call(batch);
      const answer = await within({ timers, waitMsMax, signal, tooLate }, work);
      if (answer === undefined || typeof answer === 'string') return SETTLED;
      const reason = `the sink answered neither nothing nor a text (${typeof answer})`;
      return { kind: 'failed', reason };
    } catch (error) {
      return await this.#judge(error, batch.length);
    }
  }

  async close(): Promise<void> {
    const sink = this.#sink;
    this.#sink = undefined;
    if (typeof sink?.close !== 'function') return;
    const { timers } = this.#parts;
    const signal = new AbortController().signal;
    const bound = { timers, waitMsMax: CLOSE_MS_MAX, signal, tooLate: '' };
    // There is nobody to tell: what it held is given up either way.
    await within(bound, (async () => sink.close?.())()).catch(() => {});
  }

  async #call(batch: readonly OutgoingRecord[]): Promise<unknown> {
    const sink = this.#make();
    const messages = batch.map(messageOf);
    const [only] = messages;
    const isAlone = !this.#parts.isBatched && messages.length === 1 && only !== undefined;
    if (isAlone && typeof sink.send === 'function') return await sink.send(only);
    if (typeof sink.sendBatch === 'function') return await sink.sendBatch(Object.freeze(messages));
    throw new Error(`the sink has no ${isAlone ? 'send' : 'sendBatch'}`);
  }

  #make(): CustomSink {
    const source = this.#source;
    this.#sink ??= typeof source === 'function' ? source(this.#parts.name) : source;
    if (typeof this.#sink === 'object' && this.#sink !== null) return this.#sink;
    this.#sink = undefined;
    throw new Error('the policy made no sink');
  }

  async #judge(error: unknown, length: number): Promise<SinkAnswer> {
    const rejection = rejectionOf(error);
    if (rejection === undefined || rejection.code === CLOSING_CODE) await this.close();
    const reason = oneLine(error instanceof Error ? error.message : String(error)) || 'it failed';
    if (rejection === undefined || isTransient(rejection)) return { kind: 'failed', reason };
    const said = oneLine(`${rejection.code} ${rejection.text}`);
    const refused = Array.from({ length }, (_, index) => ({ index, reason: said }));
    return { kind: 'settled', refused };
  }
}

const SETTLED: SinkAnswer = { kind: 'settled', refused: [] };

/** A sink of the policy as the shipper sees it. */
export const createCustomSink = (source: CustomSinkSource, parts: CustomSinkParts): Sink =>
  new PolicySink(source, parts);
