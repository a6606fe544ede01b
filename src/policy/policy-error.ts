/**
 * The one error an operator's policy meets when it is refused: one sentence: where it is, what is
 * wrong and what to do. It is recognised by name, because a compiled policy carries its own copy of
 * this class. It does not know who shows the sentence.
 */

const NAME = 'PolicyError';
const SENTENCE_CHARS_MAX = 1000;

/** A policy that is refused. `place` is `file:line:column`, as far as it is known. */
export class PolicyError extends Error {
  readonly place: string;
  readonly problem: string;
  readonly fix: string;

  constructor(place: string, problem: string, fix: string) {
    super(oneLine(`${place === '' ? '' : `${place}: `}${problem}; ${fix}`));
    this.name = NAME;
    this.place = place;
    this.problem = problem;
    this.fix = fix;
  }
}

/** True for a PolicyError of this or another copy of the class. */
export const isPolicyError = (value: unknown): value is PolicyError =>
  value instanceof Error && value.name === NAME && 'problem' in value && 'fix' in value;

/** Any text as one line of bearable length. */
export const oneLine = (text: string): string =>
  text.slice(0, SENTENCE_CHARS_MAX).replace(/[\p{Cc}\u2028\u2029]+/gu, ' ');

/** What was thrown, in one line: the message of an error, else the thing itself. */
export const describeThrown = (thrown: unknown): string => {
  try {
    return oneLine(thrown instanceof Error ? thrown.message || thrown.name : String(thrown));
  } catch {
    return 'something that cannot be shown';
  }
};
