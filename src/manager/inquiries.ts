/**
 * Questions to the worker that wait for their answers: each has a number, and one that is not
 * answered in time is answered with a sentence. Does not know what is asked about.
 */
import type { Subject } from '../domain/explanation.ts';
import type { WorkerOrder, WorkerWord } from './messages.ts';
import type { Told } from './telling.ts';

/** A worker answers between two turns, ms. */
const ANSWER_MS_MAX = 5_000;

/** The questions under way. */
export class Inquiries {
  readonly #waiting = new Map<number, (answer: Told | string) => void>();
  #asked = 0;

  /** Asks why something waits; resolves with a sentence when there is no answer. */
  ask(send: (order: WorkerOrder) => void, subject: Subject): Promise<Told | string> {
    this.#asked += 1;
    const id = this.#asked;
    return new Promise((resolve) => {
      const tell = (answer: Told | string): void => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(answer);
      };
      const late = `the worker said nothing for ${ANSWER_MS_MAX / 1_000} s`;
      const timer = setTimeout(() => tell(late), ANSWER_MS_MAX);
      this.#waiting.set(id, tell);
      send({ kind: 'explain', id, subject });
    });
  }

  /** The worker's answer; one that comes too late is nobody's. */
  hear({ id, answer }: Extract<WorkerWord, { readonly kind: 'explained' }>): void {
    this.#waiting.get(id)?.(answer);
  }
}
