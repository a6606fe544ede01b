/**
 * The log thread: commits turns in the order they came and answers each when it is durable.
 * The one idea: SQLite lives here and not on the engine's thread, because one hung disk would
 * silence sockets, timers and liveness at once (reliability.md M9).
 * Deliberately unknown here: tables, files, damage (log-store); what the engine makes of a fault.
 */
import { basename } from 'node:path';
import type { MessagePort } from 'node:worker_threads';
import { parentPort, workerData } from 'node:worker_threads';
import type { Fault } from '../ports/ports.ts';
import type { EventRow } from './log-chain.ts';
import { classify } from './log-faults.ts';
import { MarkRaiser } from './log-mark.ts';
import type { FromLog, LogSettings, Recovered, ToLog, WireBatch } from './log-messages.ts';
import { flattenRows } from './log-messages.ts';
import { DamageReports, LogOpenError } from './log-report.ts';
import { Room } from './log-room.ts';
import { sayCause } from './log-schema.ts';
import type { Snapshot } from './log-snapshots.ts';
import { LogStore } from './log-store.ts';
import { every, later, steadyMs } from './log-time.ts';

const TEND_MS = 1_000;
/** Replayed chunks on their way at a time (65,536 records): reading and folding overlap. */
const CHUNKS_AHEAD_MAX = 16;

/** What tidying may meet without harm: it is tried again after more turns. */
const HARMLESS = /^SQLITE_(FULL|BUSY)/;

class LogThread {
  readonly #port: MessagePort;
  readonly #settings: LogSettings;
  readonly #store: LogStore;
  readonly #room: Room;
  readonly #mark: MarkRaiser | undefined;
  readonly #stopTending: () => void;
  /** Turns not yet durable because the disk is full, oldest first. */
  readonly #waiting: WireBatch[] = [];
  #state: 'writing' | 'full' | 'dead' = 'writing';
  #stopRetrying: () => void = () => {};
  #saving: Promise<void> = Promise.resolve();
  #replaying: Generator<EventRow[]> | undefined;

  constructor(port: MessagePort, settings: LogSettings) {
    this.#port = port;
    this.#settings = settings;
    const reports = new DamageReports((report) => this.#tell({ kind: 'report', report }));
    this.#store = new LogStore(settings, reports);
    this.#room = new Room(settings.dir, settings.freeBytesMin);
    const { snapshot, tail } = this.#store.recovery;
    this.#mark = settings.mark && new MarkRaiser(settings.mark);
    this.#mark?.raise(tail.position);
    const last = { lastPosition: tail.position, lastTurn: tail.turn, lastAt: tail.at };
    this.#tellOpened(snapshot, last);
    this.#stopTending = every(TEND_MS, () => this.#guard(() => this.#tend(), true));
    port.on('message', (message: ToLog) => this.#guard(() => this.#hear(message)));
  }

  #tell(message: FromLog): void {
    this.#port.postMessage(message);
  }

  /** The snapshot's bytes change hands: copying them would take longer than reading them did. */
  #tellOpened(snapshot: Snapshot | undefined, last: Omit<Recovered, 'snapshot'>): void {
    if (snapshot === undefined) return this.#tell({ kind: 'opened', recovered: last });
    const { position, bytes } = snapshot;
    const recovered: Recovered = { ...last, snapshot: { position, bytes } };
    const opened: FromLog = { kind: 'opened', recovered };
    this.#port.postMessage(opened, [bytes.buffer as ArrayBuffer]);
  }

  /** Anything that escapes leaves the outcome unknown, unless it only found no room. */
  #guard(task: () => void, isChore = false): void {
    try {
      task();
    } catch (error) {
      const { kind, fault } = classify(error, this.#store.writer.path ?? '');
      if (kind !== 'full' || !isChore) return this.#die(fault);
      this.#room.ranOut();
      this.#tellRoom();
    }
  }

  #hear(message: ToLog): void {
    switch (message.kind) {
      case 'append':
        return this.#append(message);
      case 'read':
        return this.#read(message.id, message.positions);
      case 'snapshot':
        return this.#saveSnapshot(message.id, message.position, message.bytes);
      case 'release':
        // What finds no room now is let go of with the next snapshot.
        return this.#guard(() => this.#store.releaseBefore(message.position), true);
      case 'replay':
        return this.#replay(message.from);
      case 'more':
        return this.#sendChunk();
      case 'close':
        return this.#close();
    }
  }

  #append(batch: WireBatch): void {
    if (this.#state === 'dead') return;
    if (this.#state === 'full') this.#waiting.push(batch);
    else if (!this.#commit(batch)) this.#waiting.push(batch);
  }

  /** True when the turn is durable, or the thread has ended for good. */
  #commit(batch: WireBatch, isSecondTry = false): boolean {
    const began = steadyMs();
    try {
      this.#store.append(batch);
    } catch (error) {
      const { kind, fault } = classify(error, this.#store.writer.path ?? '');
      if (kind === 'full') return this.#fill(fault);
      if (kind === 'corrupt' && !isSecondTry) {
        this.#leaveSegment(fault.cause);
        return this.#commit(batch, true);
      }
      this.#die(fault);
      return true;
    }
    this.#state = 'writing';
    this.#mark?.raise(this.#store.writer.tail.position);
    this.#tell({ kind: 'durable', turn: batch.turn, commitMs: steadyMs() - began });
    this.#tidy();
    return true;
  }

  /** SQLite found damage before anything of this turn was committed: another segment will do. */
  #leaveSegment(cause: string): void {
    const segment = basename(this.#store.writer.path ?? '');
    this.#store.writer.abandon();
    const sentence = `segment ${segment} is damaged (${cause}); the log goes on in a new one`;
    this.#tell({ kind: 'report', report: { kind: 'segment-unreadable', segment, sentence } });
  }

  #tidy(): void {
    try {
      this.#store.writer.tidy();
    } catch (error) {
      if (!HARMLESS.test((error as { code?: string }).code ?? '')) throw error;
    }
  }

  /** The disk is full: said once, then tried again until it is not. */
  #fill(fault: Fault): false {
    if (this.#state !== 'full') this.#tell({ kind: 'failed', fault });
    this.#state = 'full';
    const waitMs = this.#room.ranOut() ? 0 : this.#settings.retryMs;
    this.#tellRoom();
    this.#stopRetrying = later(waitMs, () => this.#guard(() => this.#retry()));
    return false;
  }

  #retry(): void {
    for (let batch = this.#waiting[0]; batch !== undefined; batch = this.#waiting[0]) {
      if (!this.#commit(batch)) return;
      this.#waiting.shift();
      if (this.#isDead()) return;
    }
  }

  #isDead(): boolean {
    return this.#state === 'dead';
  }

  #die(fault: Fault): void {
    if (this.#state === 'dead') return;
    this.#state = 'dead';
    this.#stopRetrying();
    this.#stopTending();
    // A thread that has ended does not try again, whatever the cause was.
    const code = fault.retryable ? 'FAULT_LOG_UNWRITABLE' : fault.code;
    this.#tell({ kind: 'failed', fault: { ...fault, code, retryable: false } });
  }

  #tend(): void {
    this.#store.tend((error) => this.#die(classify(error, '').fault));
    // While there is none it is said again and again: nobody may have listened the first time.
    const hasChanged = this.#state === 'writing' && this.#room.look();
    if (hasChanged || !this.#room.hasRoom) this.#tellRoom();
  }

  #tellRoom(): void {
    this.#tell({ kind: 'room', hasRoom: this.#room.hasRoom });
  }

  #read(id: number, positions: readonly number[]): void {
    const records = positions.map((position) => this.#store.reader.read(position));
    this.#tell({ kind: 'records', id, records });
  }

  #saveSnapshot(id: number, position: number, bytes: Uint8Array): void {
    this.#saving = this.#saving
      .then(() => this.#store.saveSnapshot(position, bytes))
      .then(
        () => this.#tell({ kind: 'saved', id }),
        (error: unknown) => {
          const { fault } = classify(error, '');
          this.#tell({ kind: 'saved', id, fault: { ...fault, where: 'snapshots' } });
        },
      );
  }

  #replay(from: number): void {
    this.#replaying = this.#store.replay(from);
    for (let count = 0; count < CHUNKS_AHEAD_MAX; count++) this.#sendChunk();
  }

  #sendChunk(): void {
    if (this.#replaying === undefined) return;
    const { done, value } = this.#replaying.next();
    if (done !== true) return this.#tell({ kind: 'chunk', cells: flattenRows(value) });
    this.#replaying = undefined;
    this.#tell({ kind: 'replayed' });
  }

  #close(): void {
    this.#stopRetrying();
    this.#stopTending();
    void this.#saving.then(() => {
      if (this.#state === 'full') this.#retry();
      this.#stopRetrying();
      if (this.#state !== 'dead') this.#guard(() => this.#store.close());
      this.#tell({ kind: 'closed' });
      this.#port.close();
    });
  }
}

const run = (port: MessagePort): void => {
  try {
    new LogThread(port, workerData as LogSettings);
  } catch (error) {
    const said = sayCause(error);
    const sentence =
      error instanceof LogOpenError ? said : `cannot open the data directory: ${said}`;
    port.postMessage({ kind: 'refused', sentence } satisfies FromLog);
    port.close();
  }
};

if (parentPort !== null) run(parentPort);
