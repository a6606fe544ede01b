/**
 * Automation rules of shaping files: when answers of a peer match, what is to be done and for how
 * long. The idea: a rule is checked to the last value when its file is loaded, also the option that
 * it would set, and then kept; nothing here acts on it.
 * It does not know records of deliveries.
 */
import { OptionError, OptionValueError, showValue } from '../../domain/option-error.ts';
import { duration, flag } from '../../domain/option-kinds.ts';
import type { Kind, OptionTable, Parsed } from '../../domain/options.ts';
import { isTable, locate, nearest, option, readOptions, required } from '../../domain/options.ts';
import { suspendTrigger } from '../../domain/options-egress.ts';
import { PATH_OPTIONS } from '../../domain/options-path.ts';
import type { OptionValue } from '../hooks.ts';

/** What a rule does. */
export type RuleAction =
  | 'Suspend'
  | 'SuspendTenant'
  | 'SuspendCampaign'
  | 'Bounce'
  | 'BounceTenant'
  | 'BounceCampaign'
  | {
      readonly kind: 'SetConfig' | 'SetDomainConfig';
      readonly name: string;
      readonly value: OptionValue;
    };

/** A pattern as the platform's own expressions need it. */
export interface RulePattern {
  readonly source: string;
  readonly flags: string;
}

const WORDS = [
  'Suspend',
  'SuspendTenant',
  'SuspendCampaign',
  'Bounce',
  'BounceTenant',
  'BounceCampaign',
] as const;
const SETTERS = ['SetConfig', 'SetDomainConfig'] as const;

// One or several: what is given alone is a list of one.
const someOf = <T>(kind: Kind<T>): Kind<readonly T[]> => ({
  name: `${kind.name}, or a list of them`,
  schema: {
    anyOf: [kind.schema ?? {}, { type: 'array', items: kind.schema ?? {}, minItems: 1 }],
  },
  read(value) {
    if (!Array.isArray(value)) return Object.freeze([kind.read(value)]);
    if (value.length === 0) throw new OptionValueError('the list is empty', 'give at least one');
    const readAt = (entry: unknown, at: number) =>
      locate('', `entry ${at + 1}`, () => kind.read(entry));
    return Object.freeze(value.map(readAt));
  },
});

// The reference's expressions may begin with flags, which ours take apart from the pattern.
const INLINE_FLAGS = /^\(\?([ims]+)\)/;

const pattern: Kind<RulePattern> = {
  name: 'regular expression',
  schema: { type: 'string', minLength: 1 },
  read(value) {
    if (typeof value !== 'string' || value === '') {
      throw new OptionValueError(`${showValue(value)} is no expression`, 'write it in quotes');
    }
    const flags = [...new Set(INLINE_FLAGS.exec(value)?.[1] ?? '')].join('');
    const source = value.replace(INLINE_FLAGS, '');
    try {
      new RegExp(source, flags);
    } catch (thrown) {
      const problem = thrown instanceof Error ? thrown.message : String(thrown);
      throw new OptionValueError(problem, 'correct the expression');
    }
    return Object.freeze({ source, flags });
  },
};

const SETTER_TABLE = {
  type: 'object',
  properties: { name: { enum: Object.keys(PATH_OPTIONS) }, value: {} },
  required: ['name', 'value'],
  additionalProperties: false,
};

const readSetter = (kind: (typeof SETTERS)[number], raw: unknown): RuleAction => {
  const { name, value, ...rest } = isTable(raw) ? raw : {};
  const stray = Object.keys(rest)[0];
  if (typeof name !== 'string' || value === undefined || stray !== undefined) {
    throw new OptionValueError(`${kind} needs a name and a value`, "write {name = '', value = ''}");
  }
  const table: OptionTable = PATH_OPTIONS;
  const row = Object.hasOwn(table, name) ? table[name] : undefined;
  if (row === undefined) {
    const near = nearest(name, Object.keys(table));
    const fix = near === undefined ? 'use an option of a path' : `did you mean '${near}'?`;
    throw new OptionError('', 'name', `'${name}' is not an option of a path`, fix);
  }
  locate('', 'value', () => row.kind.read(value));
  return { kind, name, value: value as OptionValue };
};

const action: Kind<RuleAction> = {
  name: 'action',
  schema: {
    anyOf: [
      { enum: WORDS },
      ...SETTERS.map((key) => ({
        type: 'object',
        properties: { [key]: SETTER_TABLE },
        required: [key],
        additionalProperties: false,
      })),
    ],
  },
  read(value) {
    const word = WORDS.find((one) => one === value);
    if (word !== undefined) return word;
    const keys = isTable(value) ? Object.keys(value) : [];
    const setter = SETTERS.find((one) => keys.length === 1 && one === keys[0]);
    if (isTable(value) && setter !== undefined) {
      return Object.freeze(locate('', setter, () => readSetter(setter, value[setter])));
    }
    const near = typeof value === 'string' ? nearest(value, WORDS) : undefined;
    const fix = `use ${WORDS.join(', ')} or {${SETTERS[0]} = {name = '', value = ''}}`;
    throw new OptionValueError(
      `${showValue(value)} is not an action`,
      near === undefined ? fix : `did you mean '${near}'?`,
    );
  },
};

/** The rows of a rule. */
export const RULE_OPTIONS = {
  regex: required(someOf(pattern), 'what the answer of the peer must match; any of them will do'),
  action: required(someOf(action), 'what to do'),
  duration: required(duration, 'for how long'),
  trigger: option(suspendTrigger, 'Immediate', 'what it takes'),
  match_internal: option(flag, false, 'also look at answers that are our own'),
} satisfies OptionTable;

/** A rule that was read; it waits for the part that will act on it. */
export type AutomationRule = Parsed<typeof RULE_OPTIONS>;

/** Reads a rule whose file was checked. */
export const readRule = (raw: unknown): AutomationRule => readOptions(RULE_OPTIONS, raw, '');
