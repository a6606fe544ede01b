/**
 * Makes the messages of deferred requests in the background, slice by slice, from the request as it
 * lies in the body store. The idea: the log says how far each is, so this holds nothing that a
 * restart would miss; whatever stands in the way for now is waited for, and what stands in the way
 * for good ends the generation with its reason. Deliberately unknown here: HTTP.
 */

import type { GenerationSlice } from '../../actors/generating.ts';
import type { GenerationDesk } from '../../actors/generation-desk.ts';
import type { Generation } from '../../domain/generations.ts';
import { GENERATION_ERRORS_MAX } from '../../domain/generations.ts';
import type { Bodies, BodyRef, Fault } from '../../ports/ports.ts';
import { isFault } from '../../ports/ports.ts';
import type { Log, Refusal } from '../host.ts';
import type { Injecting } from './injecting.ts';
import { originOf } from './injecting.ts';
import { GENERATION_TRIES_MAX, GENERATION_WAIT_MS, GENERATIONS_AT_ONCE } from './limits.ts';
import type { PressJob } from './press-desk.ts';
import { RequestBroke, RequestRefused } from './request.ts';
import type { StoredSlice } from './storing.ts';
import { letGo, storeSlice } from './storing.ts';
import { Turnstile } from './turnstile.ts';

/** What a generator stands on. */
export interface GeneratorParts {
  readonly injecting: Injecting;
  readonly desk: GenerationDesk;
  readonly log: Log;
}

const REASON_CHARS_MAX = 300;

/** Sees to all deferred requests of a worker. */
export class Generator {
  readonly #parts: GeneratorParts;
  readonly #places = new Turnstile(GENERATIONS_AT_ONCE);
  readonly #running = new Set<string>();
  #isStopped = false;
  #wake: (() => void)[] = [];

  constructor(parts: GeneratorParts) {
    this.#parts = parts;
  }

  /** Goes on with what is not through. */
  resume(): void {
    for (const { id } of this.#parts.desk.list()) this.begin(id);
  }

  /** Begins a request that was just taken. */
  begin(id: string): void {
    if (this.#running.has(id)) return;
    this.#running.add(id);
    void this.#run(id).finally(() => this.#running.delete(id));
  }

  /** No further slice; those under way end as they can. */
  stop(): void {
    this.#isStopped = true;
    for (const wake of this.#wake.splice(0)) wake();
  }

  async #run(id: string): Promise<void> {
    const leave = await this.#places.enter();
    try {
      await this.#persist(id);
      if (!this.#isStopped) await this.#finish(id, undefined);
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      const cause = said.slice(0, REASON_CHARS_MAX);
      this.#parts.log('error', `deferred request ${id} cannot be gone on with: ${cause}`);
      // What is broken here, and not in the request, is not its fault: the next start tries again.
      if (error instanceof RequestRefused) await this.#finish(id, cause);
    } finally {
      leave();
    }
  }

  /** Goes on as long as there is hope. */
  async #persist(id: string): Promise<void> {
    for (let broken = 0; !this.#isStopped; ) {
      try {
        return await this.#goThrough(id);
      } catch (error) {
        if (!(error instanceof RequestRefused)) throw error;
        if (error instanceof RequestBroke) broken += 1;
        const isHopeless = error.status < 500 && !(error instanceof RequestBroke);
        if (isHopeless || broken >= GENERATION_TRIES_MAX) throw error;
        await this.#wait();
      }
    }
  }

  async #goThrough(id: string): Promise<void> {
    const generation = this.#find(id);
    if (generation === undefined) return;
    const job = await this.#open(generation);
    try {
      while (!this.#isStopped) {
        const upto = this.#find(id)?.upto ?? generation.recipients;
        if (upto >= generation.recipients) return;
        await this.#slice(id, job, generation);
      }
    } finally {
      job.close();
    }
  }

  async #open({ body }: Generation): Promise<PressJob> {
    const { world } = this.#parts.injecting;
    const bytes = await readBody(world.bodies, body);
    if (isFault(bytes)) {
      throw new RequestRefused(bytes.retryable ? 503 : 422, `the request: ${bytes.cause}`);
    }
    return await world.presses.open(bytes);
  }

  /** One slice, however often it takes. */
  async #slice(id: string, job: PressJob, { client }: Generation): Promise<void> {
    const { injecting } = this.#parts;
    const { world } = injecting;
    const from = this.#find(id)?.upto ?? 0;
    if (world.host.admit() !== undefined) return await this.#wait();
    const { slice, done } = await injecting.print(job, from);
    try {
      const origin = { ...originOf(job), client };
      const stored = await storeSlice(world, origin, slice);
      if (stored.isShort) {
        // The disk took only some: all are made anew, or an address would be lost.
        letGo(world.bodies, stored.submissions);
        return await this.#wait();
      }
      const refusal = await this.#advance({
        id,
        from,
        upto: from + slice.length,
        ...toldOf(stored),
      });
      if (refusal !== undefined) await this.#wait();
      else world.counts.failed += stored.failures.length;
    } finally {
      done();
    }
  }

  #advance(slice: GenerationSlice): Promise<Refusal | undefined> {
    return new Promise((resolve) => this.#parts.desk.advance(slice, resolve));
  }

  async #finish(id: string, cause: string | undefined): Promise<void> {
    const generation = this.#find(id);
    if (generation === undefined) return;
    await new Promise<unknown>((resolve) => this.#parts.desk.finish(id, cause, resolve));
    const { failed, recipients, errors } = generation;
    if (failed === 0 && cause === undefined) return;
    const some = errors.slice(0, 3).join('; ');
    this.#parts.log('warn', `deferred request ${id}: ${failed} of ${recipients} failed: ${some}`);
  }

  #find(id: string): Generation | undefined {
    return this.#parts.desk.list().find((generation) => generation.id === id);
  }

  #wait(): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, GENERATION_WAIT_MS);
      this.#wake.push(() => {
        clearTimeout(timer);
        resolve();
      });
      if (this.#wake.length > GENERATIONS_AT_ONCE) this.#wake.shift();
    });
  }
}

const toldOf = ({ submissions, failures }: StoredSlice) => ({
  submissions,
  failed: failures.length,
  errors: failures.slice(0, GENERATION_ERRORS_MAX).map(({ email, why }) => `${email}: ${why}`),
});

const readBody = (bodies: Bodies, ref: BodyRef): Promise<Buffer | Fault> =>
  new Promise((resolve) => bodies.read(ref, resolve));
