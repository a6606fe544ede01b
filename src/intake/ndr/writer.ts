/**
 * Writes the reports of failure that are owed, a few at once: reads back what happened, has policy
 * look at it, stores the report, and hands it to the engine as a message. The idea: nothing of this
 * is remembered here; what is not through when the process ends is owed still and begun again.
 * Deliberately unknown here: when something is owed, and what becomes of the report.
 */
import type { NdrDesk } from '../../actors/ndr-desk.ts';
import { needsUtf8 } from '../../domain/address.ts';
import { formatBodyHeader } from '../../domain/body-header.ts';
import { pickMeta } from '../../domain/capture.ts';
import type { OwedNdr } from '../../domain/ndrs.ts';
import type { Shape } from '../../mail/message-parts.ts';
import { NULL_QUEUE } from '../../mail/queue-of.ts';
import type { Bodies, BodyRef, Fault, StoredRecord } from '../../ports/ports.ts';
import { isFault } from '../../ports/ports.ts';
import type { Failures, NdrParams } from '../../reports/ndr.ts';
import { isReported, writeNdr } from '../../reports/ndr.ts';
import { captureHeaders } from '../capturing.ts';
import type { IntakeHost, Log, Refusal, Submission } from '../host.ts';
import { readHeader } from '../message-intake.ts';
import { findFailures, whyUnanswered } from './failures.ts';
import {
  NDR_CAUSE_CHARS_MAX,
  NDR_ORIGINAL_BYTES_MAX,
  NDR_TRIES_MAX,
  NDR_WAIT_MS,
  NDRS_AT_ONCE,
  NDRS_RESTING_MAX,
} from './limits.ts';
import type { NoNdr } from './shaping.ts';
import { NdrPolicy } from './shaping.ts';

/** What a writer stands on. */
export interface NdrWriterParts {
  readonly host: IntakeHost;
  readonly desk: NdrDesk;
  readonly bodies: Bodies;
  /** As the policy in force says; undefined: there are no reports any more. */
  readonly params: () => NdrParams | undefined;
  /** UUID of the node, for records. */
  readonly nodeid: string;
  readonly now: () => number;
  readonly log: Log;
  /** How long what stands in the way is waited for, ms. */
  readonly waitMs?: number;
}

/** What is to be told about a message, and to whom. */
interface Notice {
  readonly failures: Failures;
  readonly original: Buffer | undefined;
  readonly params: NdrParams;
}

/** A report in hand. */
interface Task {
  readonly owed: OwedNdr;
  tries: number;
}

type Level = Parameters<Log>[0];

const isNo = (value: object): value is NoNdr => 'why' in value;
const no = (until: NoNdr['until'], why: string): NoNdr => ({ why, until });

/** Writes reports until it is stopped. */
export class NdrWriter {
  readonly #parts: NdrWriterParts;
  readonly #policy: NdrPolicy;
  #running = 0;
  /** Put off by policy: as many as rest or have rested, and those of them that have. */
  #resting = 0;
  readonly #rested: Task[] = [];
  #isStopped = false;
  #waits = new Set<() => void>();
  #whenIdle: (() => void) | undefined;

  constructor(parts: NdrWriterParts) {
    this.#parts = parts;
    this.#policy = new NdrPolicy(parts.host);
  }

  /** Begins with what is owed already. */
  start(): void {
    this.#parts.desk.whenOwed(() => this.#go());
    this.#go();
  }

  /** Nothing further; settles when nothing is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const wake of this.#waits) wake();
    if (this.#running === 0) return;
    await new Promise<void>((resolve) => {
      this.#whenIdle = resolve;
    });
  }

  #go(): void {
    while (!this.#isStopped && this.#running < NDRS_AT_ONCE) {
      const task = this.#next();
      if (task === undefined) return;
      this.#running += 1;
      void this.#settle(task).finally(() => {
        this.#running -= 1;
        if (this.#running === 0) this.#whenIdle?.();
        this.#go();
      });
    }
  }

  /** What was not tried yet goes first: what failed may fail again. */
  #next(): Task | undefined {
    const owed = this.#parts.desk.take();
    if (owed !== undefined) return { owed, tries: 1 };
    const task = this.#rested.shift();
    if (task !== undefined) this.#resting -= 1;
    return task;
  }

  /** Until there is a report, or there will be none, or policy puts it off. */
  async #settle(task: Task): Promise<void> {
    const { owed } = task;
    while (!this.#isStopped) {
      const failed = await this.#try(owed);
      if (failed === undefined) return;
      const { until, why } = failed;
      if (until === 'never') return await this.#waive(owed, 'info', why);
      if (until === 'asked') {
        if (task.tries >= NDR_TRIES_MAX) return await this.#waive(owed, 'error', why);
        task.tries += 1;
        if (this.#resting < NDRS_RESTING_MAX) return this.#rest(task);
      }
      await this.#wait();
    }
  }

  /** It is tried again later, and holds up no other until then. */
  #rest(task: Task): void {
    this.#resting += 1;
    void this.#wait().then(() => {
      this.#rested.push(task);
      this.#go();
    });
  }

  async #try(owed: OwedNdr): Promise<NoNdr | undefined> {
    const full = this.#parts.host.admit();
    if (full !== undefined) return no('possible', full.text);
    try {
      return await this.#write(owed);
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      return no('asked', `it cannot be written: ${said}`);
    }
  }

  async #write(owed: OwedNdr): Promise<NoNdr | undefined> {
    const { host, desk } = this.#parts;
    const notice = await this.#read(owed);
    if (isNo(notice)) return notice;
    const { params, original, failures } = notice;
    const [id] = host.allocateIds(1) as [string];
    const { data, recipient: to } = writeNdr(params, original, failures);
    const chunks = [Buffer.from(data.buffer, data.byteOffset, data.length)];
    const meta = { ndr_of: owed.message };
    const shape = await this.#policy.shape({ id, to, chunks, meta }, failures);
    if (isNo(shape)) return shape;
    if (shape.queue === NULL_QUEUE) return no('never', 'the policy sent the report nowhere');
    const submission = await this.#store(id, shape, owed.message);
    if (submission === undefined) return no('possible', 'it cannot be stored');
    const refused = await new Promise<Refusal | undefined>((resolve) =>
      desk.generate(owed.position, submission, resolve),
    );
    return refused && no('possible', refused.text);
  }

  /** What happened, and how it is to be told. */
  async #read(owed: OwedNdr): Promise<Notice | NoNdr> {
    const { desk, params, nodeid } = this.#parts;
    const wanted = params();
    if (wanted === undefined) return no('never', 'the policy wants no reports any more');
    const stored = await new Promise<readonly (StoredRecord | undefined)[]>((resolve) =>
      desk.read([owed.origin, ...owed.failures], resolve),
    );
    const found = findFailures(stored, nodeid);
    if ('waived' in found) return no('never', found.waived);
    const original = await this.#readOriginal(owed);
    if (isFault(original)) return no('possible', original.cause);
    const unanswered = original && whyUnanswered(original);
    if (unanswered !== undefined) return no('never', unanswered);
    const chosen = await this.#policy.choose(wanted, found.failures);
    if (isNo(chosen)) return chosen;
    const [first, ...rest] = found.failures.filter((record) => isReported(chosen, record));
    if (first === undefined) return no('never', 'the policy wants no report of this');
    return { failures: [first, ...rest], original, params: boundedBy(chosen, original) };
  }

  /** What was sent; undefined where it is damaged or was not kept. */
  async #readOriginal({ body, message }: OwedNdr): Promise<Buffer | Fault | undefined> {
    if (body === undefined) return undefined;
    const outcome = await new Promise<Buffer | Fault>((resolve) =>
      this.#parts.bodies.read(body, resolve),
    );
    if (!isFault(outcome) || outcome.retryable) return outcome;
    this.#parts.log('error', `the report of ${message} goes without it: ${outcome.cause}`);
    return undefined;
  }

  async #store(id: string, shape: Shape, of: string): Promise<Submission | undefined> {
    const { host, bodies, now } = this.#parts;
    const { recipients: to, chunks, queue, dueAt, schedule } = shape;
    const at = now();
    const isEightBit = chunks.some((chunk) => chunk.some((octet) => octet > 0x7f));
    const smtpUtf8 = to.some(needsUtf8);
    const { meta: names = [], headers: fields = [] } = host.capture ?? {};
    const meta = { ...pickMeta(names, shape.meta), ndr_of: of };
    const messages = [{ id, to, queue, dueAt, schedule, meta }];
    const whence = { from: '', peer: '', helo: '', smtpUtf8 };
    const beside = formatBodyHeader({ ...whence, messages, at, isEightBit });
    const body = await new Promise<BodyRef | Fault>((resolve) =>
      bodies.write(beside, chunks, resolve),
    );
    if (isFault(body)) return undefined;
    const headers =
      fields.length === 0 ? {} : { headers: captureHeaders(fields, readHeader(chunks)) };
    const letter = { body, chunks, bodyBytes: body.length, eightBit: isEightBit };
    return {
      ...whence,
      ...letter,
      service: 'ndr',
      listener: '',
      messages: messages.map((message) => ({ ...message, ...headers })),
      receivedAt: at,
    };
  }

  async #waive({ position, message }: OwedNdr, level: Level, why: string): Promise<void> {
    const cause = why.slice(0, NDR_CAUSE_CHARS_MAX);
    this.#parts.log(level, `nobody is told that message ${message} failed: ${cause}`);
    await new Promise<unknown>((resolve) => this.#parts.desk.waive(position, cause, resolve));
  }

  #wait(): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#waits.delete(end);
        resolve();
      };
      const timer = setTimeout(end, this.#parts.waitMs ?? NDR_WAIT_MS);
      this.#waits.add(end);
    });
  }
}

/** A large message does not go back whole. */
const boundedBy = (params: NdrParams, original: Buffer | undefined): NdrParams =>
  params.include_original_message === 'FullContent' &&
  (original?.length ?? 0) > NDR_ORIGINAL_BYTES_MAX
    ? { ...params, include_original_message: 'HeadersOnly' }
    : params;
