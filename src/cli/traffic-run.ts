/**
 * A run of the load source: hands planned messages to lanes, counts what became of each, keeps the
 * record, and ends by itself. Closed loop: each lane sends as fast as it is answered. Open loop: a
 * message is due at its time whatever the server does, and latency counts from then, so a slow
 * server cannot hide by slowing the source down. Knows no terminal.
 */

import { LatencyTally } from '../domain/latency.ts';
import type { Place } from './arguments.ts';
import { LineRecord } from './line-record.ts';
import type { Mishap, TrafficDesk, TrafficOptions } from './traffic-desk.ts';
import { TrafficLane } from './traffic-lane.ts';
import type { PlannedMessage } from './traffic-mail.ts';
import { MailPlan, sumBody } from './traffic-mail.ts';
import type { TrafficReport } from './traffic-report.ts';
import { formatReport, noTally } from './traffic-report.ts';

const MESSAGES_DEFAULT = 1000;
const CONCURRENCY_DEFAULT = 50;
const REPLY_MS_MAX = 60_000;
const GIVE_UP_MS = 30_000;
const PUMP_EVERY_MS = 2;
const CHECK_EVERY_MS = 250;

class TrafficRun implements TrafficDesk {
  readonly place: Place;
  readonly plan: MailPlan;
  readonly perConnection: number;
  private readonly options: TrafficOptions;
  private readonly messages: number;
  private readonly startedAtMs = performance.now();
  private readonly cpuAtStart = process.cpuUsage();
  private readonly latency = new LatencyTally();
  private readonly tally = noTally();
  private readonly lanes = new Set<TrafficLane>();
  private readonly idle = new Set<TrafficLane>();
  private readonly connected = new Set<TrafficLane>();
  private readonly record: LineRecord | undefined;
  private readonly retries: PlannedMessage[] = [];
  private readonly timers: NodeJS.Timeout[] = [];
  private inFlight = 0;
  private lastSignAtMs = performance.now();
  private lastEndAtMs = performance.now();
  private hasEnded = false;
  private readonly ended: (error?: Error) => void;

  constructor(options: TrafficOptions, ended: (error?: Error) => void) {
    this.options = options;
    this.ended = ended;
    this.place = options.to;
    this.perConnection = options.perConnection ?? 0;
    const unbounded = options.durationMs === undefined ? MESSAGES_DEFAULT : Number.MAX_SAFE_INTEGER;
    this.messages = options.messages ?? unbounded;
    this.plan = new MailPlan({ ...options, run: options.run ?? Date.now().toString(36) });
    if (options.recordFile !== undefined) {
      const isSynced = options.isRecordSynced ?? true;
      this.record = new LineRecord(options.recordFile, isSynced, (error) => this.stop(error));
    }
  }

  start(): void {
    const { concurrency = CONCURRENCY_DEFAULT, ratePerSecond } = this.options;
    for (let n = Math.min(concurrency, this.messages); n > 0; n -= 1) {
      this.lanes.add(new TrafficLane(this));
    }
    for (const lane of [...this.lanes]) lane.start();
    if (ratePerSecond !== undefined) this.every(PUMP_EVERY_MS, () => this.pump());
    this.every(CHECK_EVERY_MS, () => this.check());
  }

  private every(ms: number, task: () => void): void {
    this.timers.push(setInterval(task, ms));
  }

  /** Open loop: wakes as many idle lanes as messages are due. */
  private pump(): void {
    // Over a copy: a lane with nothing to do is idle again at once, and would be met for ever.
    for (const lane of [...this.idle]) {
      if (!this.isDue()) return;
      this.idle.delete(lane);
      lane.wake();
    }
  }

  private check(): void {
    const nowMs = performance.now();
    const { replyMsMax = REPLY_MS_MAX, giveUpMs = GIVE_UP_MS } = this.options;
    for (const lane of [...this.lanes]) lane.checkTime(nowMs, replyMsMax);
    if (this.connected.size > 0) this.lastSignAtMs = nowMs;
    if (nowMs - this.lastSignAtMs > giveUpMs) {
      this.tally.hasGivenUp = true;
      this.stop();
      return;
    }
    this.options.onProgress?.(this.report());
    this.endIfOver();
  }

  private dueAtMs(): number {
    const { ratePerSecond } = this.options;
    const nowMs = performance.now();
    if (ratePerSecond === undefined) return nowMs;
    return this.startedAtMs + (this.tally.sent * 1000) / ratePerSecond;
  }

  private isDue(): boolean {
    return this.retries.length > 0 || this.dueAtMs() <= performance.now();
  }

  private isPlanned(): boolean {
    const { durationMs = Number.POSITIVE_INFINITY } = this.options;
    const isInTime = performance.now() - this.startedAtMs < durationMs;
    return isInTime && this.tally.sent < this.messages;
  }

  take(lane: TrafficLane): PlannedMessage | undefined {
    this.connected.add(lane);
    const again = this.hasEnded ? undefined : this.retries.pop();
    if (again === undefined && (this.hasEnded || !this.isPlanned() || !this.isDue())) {
      this.idle.add(lane);
      return undefined;
    }
    this.idle.delete(lane);
    this.inFlight += 1;
    if (again !== undefined) return again;
    const message = this.plan.next(this.dueAtMs());
    this.tally.sent += 1;
    return message;
  }

  isOver(): boolean {
    return this.hasEnded || (!this.isPlanned() && this.inFlight === 0 && !this.retries.length);
  }

  opened(): void {
    this.tally.connections.opened += 1;
  }

  greeted(): void {
    this.lastSignAtMs = performance.now();
  }

  mishap(kind: Mishap, lane: TrafficLane): void {
    this.connected.delete(lane);
    this.idle.delete(lane);
    this.tally.connections[kind] += 1;
  }

  heard(code: number, text: string): void {
    this.tally.codes[code] = (this.tally.codes[code] ?? 0) + 1;
    if (code < 200 || code > 399) this.tally.examples[code] ??= text.slice(0, 200);
  }

  refused(message: PlannedMessage, to: readonly string[], code: number, text: string): void {
    this.heard(code, text);
    this.tally.recipientsRefused += to.length;
    this.note(message, to, code);
  }

  turnedAway(_message: PlannedMessage): void {
    this.tally.refused += 1;
    this.end();
  }

  settled(
    message: PlannedMessage,
    to: readonly string[],
    code: number,
    text: string,
    next: () => void,
  ): void {
    this.heard(code, text);
    const isAccepted = code >= 200 && code <= 299;
    if (isAccepted) {
      this.tally.accepted += 1;
      this.tally.recipientsAccepted += to.length;
      this.latency.add(performance.now() - message.dueAtMs);
    } else {
      this.tally.refused += 1;
      this.tally.recipientsRefused += to.length;
    }
    this.lastEndAtMs = performance.now();
    // What was promised to us is on the disk before anything else is asked on this connection.
    const isAwaited =
      isAccepted && this.record !== undefined && this.options.isRecordSynced !== false;
    this.note(message, to, code, isAwaited ? next : undefined);
    this.end();
    if (!isAwaited) next();
  }

  lostTrack(message: PlannedMessage, to: readonly string[]): void {
    this.tally.unknown += 1;
    this.note(message, to, 0);
    this.end();
  }

  putBack(message: PlannedMessage): void {
    this.inFlight -= 1;
    this.tally.putBack += 1;
    this.retries.push(message);
    for (const lane of this.idle) {
      this.idle.delete(lane);
      lane.wake();
      return;
    }
  }

  closed(lane: TrafficLane): void {
    this.connected.delete(lane);
    this.idle.delete(lane);
    this.lanes.delete(lane);
    if (this.lanes.size === 0) this.finish();
  }

  private note(
    message: PlannedMessage,
    to: readonly string[],
    code: number,
    written?: () => void,
  ): void {
    if (this.record === undefined) return;
    const line = { id: message.id, to, code, at: Date.now(), sha256: sumBody(message) };
    this.record.push(JSON.stringify(line), written);
  }

  private end(): void {
    this.inFlight -= 1;
    this.endIfOver();
  }

  private endIfOver(): void {
    if (!this.hasEnded && this.isOver()) setImmediate(() => this.stop());
  }

  /** Ends the run now; messages under way count as unknown or unsent. */
  stop(error?: Error): void {
    if (error !== undefined) this.finish(error);
    if (this.hasEnded) return;
    this.hasEnded = true;
    for (const lane of [...this.lanes]) lane.finish();
  }

  private finish(error?: Error): void {
    for (const timer of this.timers) clearInterval(timer);
    this.hasEnded = true;
    if (error !== undefined) for (const lane of [...this.lanes]) lane.abandon();
    if (error !== undefined || this.record === undefined) this.ended(error);
    else void this.record.close().then(() => this.ended());
  }

  report(): TrafficReport {
    const seconds = (this.lastEndAtMs - this.startedAtMs) / 1000;
    const cpu = process.cpuUsage(this.cpuAtStart);
    const cpuSeconds = (cpu.user + cpu.system) / 1_000_000;
    return formatReport(this.tally, this.latency, seconds, cpuSeconds, this.retries.length);
  }
}

/** A run under way. */
export interface RunningTraffic {
  /** Resolves when all lanes have ended and the record is complete. */
  readonly ended: Promise<TrafficReport>;
  stop(): void;
}

/** Starts a run that can be stopped. */
export const startTraffic = (options: TrafficOptions): RunningTraffic => {
  let settle = (_: Error | undefined): void => undefined;
  const ending = new Promise<Error | undefined>((resolve) => {
    settle = resolve;
  });
  const run = new TrafficRun(options, (error) => settle(error));
  run.start();
  const ended = ending.then((error) => {
    if (error !== undefined) throw error;
    return run.report();
  });
  return { ended, stop: () => run.stop() };
};

/** Runs to the end and answers with the report. */
export const runTraffic = (options: TrafficOptions): Promise<TrafficReport> =>
  startTraffic(options).ended;
