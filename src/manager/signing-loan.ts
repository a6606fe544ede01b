/**
 * What a worker lends to its policy so that mail can be signed. The idea: nothing of it is loaded,
 * and no thread started, before the first message is signed.
 * Does not know what is signed.
 */
import type { Logger } from 'pino';
import { lendSigning } from '../policy/world.ts';
import type { Signing, SigningNumbers } from '../ports/node/signing.ts';

/** Lent from its making on, to all policies of this process, until `end`. */
export class SigningLoan {
  readonly #logger: Logger;
  #opening: Promise<Signing> | undefined;
  #opened: Signing | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
    lendSigning(async (chunks, signings) => {
      const signing = this.#opened ?? (await this.#open());
      return signing.sign({ stage: 'reception', chunks, signings });
    });
  }

  /** Counts for metrics; undefined as long as nothing was signed. */
  numbers(): SigningNumbers | undefined {
    return this.#opened?.numbers();
  }

  /** Takes the loan back and ends the threads. */
  async end(): Promise<void> {
    lendSigning(undefined);
    await (await this.#opening)?.close();
  }

  #open(): Promise<Signing> {
    this.#opening ??= import('../ports/node/signing.ts').then(({ Signing: Pool }) => {
      this.#opened = new Pool({ warn: (sentence) => this.#logger.warn(sentence) });
      return this.#opened;
    });
    return this.#opening;
  }
}
