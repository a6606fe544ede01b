/**
 * How long a client may take: a command, an envelope, a stretch of message bytes.
 * The one idea: a deadline counts from our last reply, so bytes that complete nothing buy no time;
 * message bytes must keep a pace in every stretch of client_timeout. It reads no clock itself.
 */
import type { Ms } from '../ports/ports.ts';
import { DATA_BYTES_PER_SECOND_MIN, DATA_MS_MAX, ENVELOPE_MS_MAX } from './limits.ts';
import type { TransactionTimes } from './times.ts';

type Phase = 'commands' | 'data' | 'working';

/** The options of a listener that set the pace. */
export interface PaceSettings {
  readonly client_timeout: Ms;
  readonly data_processing_timeout: Ms;
}

/** The deadlines of one session, in steady milliseconds. */
export class Pace {
  private readonly waitMsMax: Ms;
  private readonly workMsMax: Ms;
  private phase: Phase = 'commands';
  private sinceMs: Ms;
  private envelopeSinceMs: Ms | undefined;
  private dataSinceMs: Ms = 0;
  private workSinceMs: Ms = 0;
  private stretchFromBytes = 0;
  private readonly times: TransactionTimes | undefined;

  /** Without `times` nobody wants to know how long transactions took. */
  constructor(settings: PaceSettings, nowMs: Ms, times?: TransactionTimes) {
    this.times = times;
    this.waitMsMax = settings.client_timeout;
    this.workMsMax = settings.data_processing_timeout;
    this.sinceMs = nowMs;
  }

  /** A reply was written: the client's time for the next step starts. */
  replied(nowMs: Ms): void {
    this.sinceMs = nowMs;
  }

  envelopeBegan(): void {
    this.envelopeSinceMs ??= this.sinceMs;
  }

  /** The transaction is over or forgotten; commands are awaited. */
  envelopeEnded(): void {
    if (this.phase === 'working') this.tell();
    this.envelopeSinceMs = undefined;
    this.phase = 'commands';
  }

  dataBegan(): void {
    this.phase = 'data';
    this.dataSinceMs = this.sinceMs;
    this.stretchFromBytes = 0;
  }

  /** The message is complete and the answer is ours to give: the client has no deadline. */
  workBegan(nowMs: Ms): void {
    this.phase = 'working';
    this.sinceMs = nowMs;
    this.workSinceMs = nowMs;
  }

  /** The answer to the message was the last reply. */
  private tell(): void {
    const { times, sinceMs, workSinceMs, dataSinceMs } = this;
    times?.transaction.observe((sinceMs - (this.envelopeSinceMs ?? dataSinceMs)) / 1000);
    times?.readData.observe((workSinceMs - dataSinceMs) / 1000);
    times?.processData.observe((sinceMs - workSinceMs) / 1000);
  }

  /** Has the client waited so long for the answer to its message that it may be gone? */
  isWorkOverdue(nowMs: Ms): boolean {
    return this.phase === 'working' && nowMs - this.sinceMs >= this.workMsMax;
  }

  get isWithinMessage(): boolean {
    return this.phase !== 'commands';
  }

  /** Must the client be hung up on? `seenBytes` are those of the data phase so far. */
  isOverdue(nowMs: Ms, seenBytes: number): boolean {
    if (this.phase === 'working') return false;
    const isLate = nowMs - this.sinceMs >= this.waitMsMax;
    if (this.phase === 'commands') {
      const envelopeMs = nowMs - (this.envelopeSinceMs ?? nowMs);
      return isLate || envelopeMs >= ENVELOPE_MS_MAX;
    }
    if (nowMs - this.dataSinceMs >= DATA_MS_MAX) return true;
    if (!isLate) return false;
    const gotBytes = seenBytes - this.stretchFromBytes;
    if (gotBytes * 1000 < DATA_BYTES_PER_SECOND_MIN * (nowMs - this.sinceMs)) return true;
    this.sinceMs = nowMs;
    this.stretchFromBytes = seenBytes;
    return false;
  }
}
