/**
 * The two ways in which an operator's value is refused: a value that is wrong by itself, and the
 * same wrongness located (which config, which option). The idea: every refusal carries the problem
 * and the way out, so that one line in the log is enough to mend the file.
 * Deliberately unknown here: which options exist, and who shows the message.
 */

/** A value that cannot be read as what its option needs; it does not know which option that is. */
export class OptionValueError extends Error {
  readonly problem: string;
  readonly fix: string;

  constructor(problem: string, fix: string) {
    super(`${problem}; ${fix}`);
    this.name = 'OptionValueError';
    this.problem = problem;
    this.fix = fix;
  }
}

/** A refused option: where it stands, its key, what is wrong and how to mend it. */
export class OptionError extends Error {
  readonly where: string;
  readonly key: string;
  readonly problem: string;
  readonly fix: string;

  constructor(where: string, key: string, problem: string, fix: string) {
    super(oneLine(`${where}: ${key === '' ? '' : `${key}: `}${problem}; ${fix}`));
    this.name = 'OptionError';
    this.where = where;
    this.key = key;
    this.problem = problem;
    this.fix = fix;
  }
}

const SHOWN_CHARS_MAX = 80;

/** Shows an operator's value inside a sentence: JSON, one line, capped. */
export function showValue(value: unknown): string {
  let text: string;
  if (typeof value === 'string') text = `'${value}'`;
  else if (typeof value === 'object' && value !== null) text = showObject(value);
  else text = String(value);
  return oneLine(text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}...` : text);
}

function showObject(value: object): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  const keys = Object.keys(value);
  return keys.length === 0 ? 'an empty table' : `a table with ${keys.slice(0, 4).join(', ')}`;
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}
