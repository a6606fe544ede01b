/**
 * Questions to the worker that wait for their answers: each has a number, and one that is not
 * answered in time is answered with a sentence. Does not know what is asked about.
 */
import type { HookAnswer } from '../projections/hook-status.ts';
import type { WorkerOrder, WorkerWord } from './messages.ts';
import type { Told } from './telling.ts';

/** A worker answers between two turns, or when what was wished is durable, ms. */
const ANSWER_MS_MAX = 5_000;

/** What is answered to each kind of question. */
interface Answers {
  readonly explain: Told;
  readonly hooks: HookAnswer;
}

type Unnumbered<Order> = Order extends unknown ? Omit<Order, 'id'> : never;

/** A question; its number is given to it here. */
export type Question = Unnumbered<Extract<WorkerOrder, { readonly kind: keyof Answers }>>;

/** The answer to a question, or the sentence that says why there is none. */
export type AnswerTo<Asked extends Question> = Answers[Asked['kind']] | string;

/** The questions under way. */
export class Inquiries {
  readonly #waiting = new Map<number, (answer: unknown) => void>();
  #asked = 0;

  /** Asks; resolves with a sentence when there is no answer. */
  ask<Asked extends Question>(
    send: (order: WorkerOrder) => void,
    question: Asked,
  ): Promise<AnswerTo<Asked>> {
    this.#asked += 1;
    const id = this.#asked;
    return new Promise((resolve) => {
      const tell = (answer: unknown): void => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(answer as AnswerTo<Asked>);
      };
      const late = `the worker said nothing for ${ANSWER_MS_MAX / 1_000} s`;
      const timer = setTimeout(() => tell(late), ANSWER_MS_MAX);
      this.#waiting.set(id, tell);
      send({ ...question, id } as WorkerOrder);
    });
  }

  /** The worker's answer; one that comes too late is nobody's. */
  hear({ id, answer }: Extract<WorkerWord, { readonly kind: 'answered' }>): void {
    this.#waiting.get(id)?.(answer);
  }
}
