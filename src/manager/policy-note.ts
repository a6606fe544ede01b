/**
 * A note in shared memory that says which part of the policy is running. The one idea: code that
 * loops forever sends no messages any more, but what was written down before it was called can
 * still be read by another thread.
 * Deliberately unknown here: what is done about a part that does not end.
 */

/** What is running, for how long it may, and a number that changes while a step is written down. */
export interface Note {
  readonly step: string;
  readonly allowedMs: number;
  readonly sequence: number;
}

const TEXT_BYTES_MAX = 512;
const HEAD_WORDS = 3;
const SEQUENCE = 0;
const LENGTH = 1;
const ALLOWED = 2;

/** Time one answer of a handler may take: they run while mail waits, in microseconds usually. */
export const ANSWER_MS_MAX = 3_000;
/** Time for what runs once for a version: reading data, `init`, `prepare`, `validate_config`. */
export const ONCE_MS_MAX = 8_000;

const isAnswer = (step: string): boolean => /^(get_|throttle_|requeue_|rebind_)/.test(step);

/** Memory for one note. */
export const createNoteMemory = (): SharedArrayBuffer =>
  new SharedArrayBuffer(HEAD_WORDS * Int32Array.BYTES_PER_ELEMENT + TEXT_BYTES_MAX);

const viewsOf = (memory: SharedArrayBuffer) => ({
  head: new Int32Array(memory, 0, HEAD_WORDS),
  text: new Uint8Array(memory, HEAD_WORDS * Int32Array.BYTES_PER_ELEMENT),
});

/** Writes the note before each step; the empty step means that nothing of the policy runs. */
export const createNoteWriter = (memory: SharedArrayBuffer): ((step: string) => void) => {
  const { head, text } = viewsOf(memory);
  const encoder = new TextEncoder();
  return (step) => {
    const allowedMs = isAnswer(step) ? ANSWER_MS_MAX : ONCE_MS_MAX;
    // Odd while it is being written: who reads now must not believe it.
    Atomics.add(head, SEQUENCE, 1);
    const { written } = encoder.encodeInto(step, text);
    Atomics.store(head, LENGTH, written);
    Atomics.store(head, ALLOWED, allowedMs);
    Atomics.add(head, SEQUENCE, 1);
  };
};

/** Reads the note, from any thread; one that is being written just now names no step. */
export const createNoteReader = (memory: SharedArrayBuffer): (() => Note) => {
  const { head, text } = viewsOf(memory);
  const decoder = new TextDecoder();
  return () => {
    const sequence = Atomics.load(head, SEQUENCE);
    // Copied, because a decoder does not take shared memory.
    const step = decoder.decode(text.slice(0, Atomics.load(head, LENGTH)));
    const allowedMs = Atomics.load(head, ALLOWED);
    const isWhole = sequence % 2 === 0 && Atomics.load(head, SEQUENCE) === sequence;
    return isWhole ? { step, allowedMs, sequence } : { step: '', allowedMs: 0, sequence };
  };
};
