/**
 * The service behind `POST /api/inject/v1`: bounds what is in hand, has requests read, lets them
 * in at the rate there is, and injects them now or takes them for later. The idea: whatever is
 * answered with success is durable. Deliberately unknown here: HTTP.
 */
import type { GenerationDesk } from '../../actors/generation-desk.ts';
import type { BodyRef, Fault } from '../../ports/ports.ts';
import { isFault } from '../../ports/ports.ts';
import type { Refusal } from '../host.ts';
import type { InjectClient } from './draft.ts';
import type { Generator } from './generator.ts';
import type { InjectAnswer, Injecting, IsGone } from './injecting.ts';
import { demandRoom } from './injecting.ts';
import { REQUESTS_BYTES_MAX, REQUESTS_MAX } from './limits.ts';
import type { PressJob } from './press-desk.ts';
import type { RecipientRate } from './recipient-rate.ts';
import { RequestRefused } from './request.ts';

/** What the service stands on. */
export interface InjectParts {
  readonly injecting: Injecting;
  readonly generator: Generator;
  readonly desk: GenerationDesk;
  readonly rate: RecipientRate;
}

/** A request that must wait: when it may come again, in whole seconds. */
export class RequestPutOff extends RequestRefused {
  readonly retryAfterS: number;

  constructor(status: number, sentence: string, waitMs: number) {
    super(status, sentence);
    this.name = 'RequestPutOff';
    this.retryAfterS = Math.max(1, Math.ceil(waitMs / 1000));
  }
}

const BUSY_MS = 1_000;

/** What a request has in hand; given back once. */
export interface InHand {
  /** So many more bytes; throws RequestPutOff when all requests together have too many. */
  grow(bytes: number): void;
  leave(): void;
}

/** Injects for clients. */
export class InjectService {
  readonly #parts: InjectParts;
  #requests = 0;
  #bytes = 0;

  constructor(parts: InjectParts) {
    this.#parts = parts;
  }

  /** Asked before a body is read; throws RequestRefused while nothing can be taken. */
  enter(): InHand {
    demandRoom(this.#parts.injecting.world);
    if (this.#requests >= REQUESTS_MAX) {
      throw new RequestPutOff(503, 'too many requests are in hand, try again later', BUSY_MS);
    }
    this.#requests += 1;
    let own = 0;
    let isIn = true;
    return {
      grow: (bytes) => {
        if (this.#bytes + bytes > REQUESTS_BYTES_MAX) {
          throw new RequestPutOff(503, 'too large requests are in hand, try again later', BUSY_MS);
        }
        this.#bytes += bytes;
        own += bytes;
      },
      leave: () => {
        if (!isIn) return;
        isIn = false;
        this.#requests -= 1;
        this.#bytes -= own;
      },
    };
  }

  /** Injects a request; answers when all that the answer counts is durable. */
  async inject(
    bytes: Buffer,
    client: InjectClient,
    isGone: IsGone,
    wantsIds = false,
  ): Promise<InjectAnswer> {
    const { injecting, rate } = this.#parts;
    const { counts, presses } = injecting.world;
    counts.requests += 1;
    let job: PressJob | undefined;
    try {
      job = await presses.open(bytes);
      const { recipients, isDeferredGeneration } = job.opened;
      const admission = await rate.admit(recipients, isGone);
      if (admission.kind === 'never') throw new RequestRefused(422, `recipients: ${admission.why}`);
      if (admission.kind === 'later') {
        const sentence = 'the rate of recipients is used up, try again later';
        throw new RequestPutOff(429, sentence, admission.waitMs);
      }
      const isLater = isDeferredGeneration && recipients > 0;
      return isLater
        ? await this.#defer(job, bytes, client)
        : await injecting.inject(job, client, isGone, wantsIds);
    } catch (error) {
      if (error instanceof RequestRefused) counts.refused += 1;
      throw error;
    } finally {
      job?.close();
    }
  }

  async #defer({ opened }: PressJob, bytes: Buffer, client: InjectClient): Promise<InjectAnswer> {
    const { injecting, desk, generator } = this.#parts;
    const { world } = injecting;
    demandRoom(world);
    // No message lies here: nothing for a recovery to take up.
    const beside = JSON.stringify({ ids: [], generation: opened.recipients });
    const body = await new Promise<BodyRef | Fault>((resolve) =>
      world.bodies.write(beside, [bytes], resolve),
    );
    if (isFault(body)) {
      throw new RequestPutOff(503, 'the request could not be stored, try again later', BUSY_MS);
    }
    const id = desk.allocateId();
    const { from, recipients } = opened;
    const refusal = await new Promise<Refusal | undefined>((resolve) =>
      desk.accept(id, { body, from, recipients, client }, resolve),
    );
    if (refusal !== undefined) throw new RequestRefused(503, refusal.text);
    generator.begin(id);
    return { success_count: 0, fail_count: 0, failed_recipients: [], errors: [] };
  }
}
