/**
 * What `setup.bounceClassifier` is given, read into rules: files in their order, labels in the
 * order of a file, expressions in the order of a list. The idea: the text of the files is part of
 * the version, so a worker has the rules that were proved, whatever became of the files.
 * It does not know the syntax of expressions: see manager/classifier-check.ts.
 */
import type { BounceRule, BounceRules } from '../domain/bounce-rules.ts';
import { OptionError, OptionValueError, showValue } from '../domain/option-error.ts';
import { listOf, mapOf, positive, tableOf, text } from '../domain/option-kinds.ts';
import type { Kind, OptionTable } from '../domain/options.ts';
import { inert, option, optional, readOptions, required } from '../domain/options.ts';
import type { DataFile, DataSource } from './helpers/files.ts';
import { dataSources, parseDataText, readDataFiles, refuseIn } from './helpers/files.ts';
import { IANA_NAME, IANA_RULES } from './iana-rules.ts';
import { PolicyError } from './policy-error.ts';

/** The table behind setup.bounceClassifier. */
export const CLASSIFIER_OPTIONS = {
  files: required(dataSources, 'files of rules, in the order in which they are tried'),
  cache_size: option(positive, 1024, 'responses remembered with their label'),
  uncategorized_cache_size: option(positive, 1024, 'responses remembered that have no label'),
  back_pressure: inert(positive, 'the log itself is the queue of what is to be classified'),
  pool_size: inert(positive, 'records are classified by the thread that makes them'),
} satisfies OptionTable;

/** Rules in all; each costs memory in every data directory. */
export const RULES_MAX = 10_000;
/** Of one expression, UTF-16 units. */
export const PATTERN_CHARS_MAX = 4_096;
const LABEL_CHARS_MAX = 128;

const short = (name: string, charsMax: number): Kind<string> => ({
  name,
  schema: { type: 'string', minLength: 1, maxLength: charsMax },
  read(value) {
    const read = text.read(value);
    if (read !== '' && read.length <= charsMax) return read;
    const fix = `write 1 to ${charsMax} characters`;
    throw new OptionValueError(`has ${read.length} characters`, fix);
  },
});

/** The form of a file of rules. */
export const CLASSIFIER_FILE: Kind<unknown> = tableOf({
  rules: optional(
    mapOf(listOf(short('regular expression', PATTERN_CHARS_MAX))),
    'by label: expressions in RE2 syntax, tried in their order',
  ),
} satisfies OptionTable);

// A table of JavaScript has such keys first, whatever their place in the file.
const WHOLE_NUMBER = /^(?:0|[1-9]\d*)$/;

function checkLabel(file: string, label: string): void {
  if (WHOLE_NUMBER.test(label)) {
    const problem = `rules.'${label}': a label of digits alone would lose its place`;
    throw new PolicyError(file, problem, `rename it, for example to Code${label}`);
  }
  if (label !== '' && label.length <= LABEL_CHARS_MAX) return;
  const problem = `rules: a label has ${label.length} characters`;
  throw new PolicyError(file, problem, `write 1 to ${LABEL_CHARS_MAX} characters`);
}

function rulesOf({ name, table }: DataFile): BounceRule[] {
  refuseIn(name, () => CLASSIFIER_FILE.read(table));
  const rules = (table['rules'] ?? {}) as Readonly<Record<string, readonly string[]>>;
  return Object.entries(rules).flatMap(([label, patterns]) => {
    checkLabel(name, label);
    return patterns.map((pattern, at) => {
      const place = `${name}: rules.'${label}': entry ${at + 1}`;
      return Object.freeze({ label, pattern, place });
    });
  });
}

function readSource(file: DataSource, where: string): readonly DataFile[] {
  if (file === IANA_NAME) return [parseDataText(IANA_RULES, IANA_NAME)];
  if (typeof file !== 'string' || /\.(?:toml|json)$/.test(file)) return readDataFiles([file]);
  const problem = `${showValue(file)} is neither a .toml nor a .json file`;
  throw new OptionError(where, 'files', problem, `rename the file, or write '${IANA_NAME}'`);
}

/** Reads the rules that `setup.bounceClassifier` was given; refuses a second call. */
export function readBounceRules(raw: unknown, known: BounceRules | undefined): BounceRules {
  const where = 'setup.bounceClassifier';
  if (known !== undefined) {
    throw new OptionError(where, '', 'was called twice', 'name all files in one call');
  }
  const options = readOptions(CLASSIFIER_OPTIONS, raw, where);
  const rules = options.files.flatMap((file) => readSource(file, where)).flatMap(rulesOf);
  if (rules.length > RULES_MAX) {
    const problem = `hold ${rules.length} expressions`;
    throw new OptionError(where, 'files', problem, `keep at most ${RULES_MAX}`);
  }
  const { cache_size: cacheSize, uncategorized_cache_size: uncategorizedCacheSize } = options;
  return Object.freeze({ rules: Object.freeze(rules), cacheSize, uncategorizedCacheSize });
}
