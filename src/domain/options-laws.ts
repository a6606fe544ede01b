/**
 * The options of the gate of laws: how long a new version is held against them before it may come
 * into force. The idea: the policy says it of itself, so what a version asks for is kept with it.
 * Deliberately unknown here: laws, and who judges.
 */
import { OptionValueError, showValue } from './option-error.ts';
import { duration, listOf, mapOf, natural, text } from './option-kinds.ts';
import type { Kind, OptionTable, Parsed } from './options.ts';
import { option, readOptions, required } from './options.ts';

const BUDGET_MS_MIN = 1_000;

/** Searching; making smaller what was found may take as long again. */
export const BUDGET_MS_MAX = 300_000;

const budget: Kind<number> = {
  name: 'duration from 1s to 5m',
  ...(duration.schema === undefined ? {} : { schema: duration.schema }),
  read(value) {
    const ms = duration.read(value);
    if (ms >= BUDGET_MS_MIN && ms <= BUDGET_MS_MAX) return ms;
    throw new OptionValueError(`${showValue(value)} is not within 1s and 5m`, "use '20s'");
  },
};

/** The table behind parseLawGate. */
export const LAW_OPTIONS = {
  budget: required(budget, 'time to search for what breaks a law; without a find it is accepted'),
  seed: option(natural, 1, 'where all chance comes from'),
  tenants: option(mapOf(listOf(text)), {}, 'the pools that are for a tenant alone, by tenant'),
} satisfies OptionTable;

/** How a version is checked. */
export type LawGate = Parsed<typeof LAW_OPTIONS>;

/** Reads how a version is checked; `where` names it in a refusal. */
export const parseLawGate = (raw: unknown, where: string): LawGate =>
  readOptions(LAW_OPTIONS, raw, where);
