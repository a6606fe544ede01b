/**
 * Prints the public log record for its page: types, fields, and examples told by a small world of
 * the engine itself, so that none is written by hand.
 * Deliberately unknown here: where the parts are placed.
 */
import type {
  FieldDefinition,
  TypeDefinition,
} from '../../src/projections/log-record/definition.ts';
import { FIELDS, TYPES } from '../../src/projections/log-record/definition.ts';
import type { LogRecord } from '../../src/projections/log-record/record.ts';

const cell = (text: string): string => text.replaceAll('|', '\\|');

/** The table of types; those that nothing writes yet are named below it. */
export function drawTypes(): string {
  const all = Object.entries(TYPES) as [string, TypeDefinition][];
  const rows = all
    .filter(([, { isReserved }]) => !isReserved)
    .map(([type, { says, isEnd }]) => `| \`${type}\` | ${cell(says)} | ${isEnd ? 'yes' : ''} |`);
  const reserved = all.filter(([, { isReserved }]) => isReserved).map(([type]) => `\`${type}\``);
  const table = ['| Type | Written when | End |', '|---|---|---|', ...rows].join('\n');
  return `${table}\n\nReserved, not written by this version: ${reserved.join(', ')}.`;
}

/** The table of fields, in the order in which they are written. */
export function drawFields(): string {
  const rows = (Object.entries(FIELDS) as [string, FieldDefinition][]).map(
    ([name, { says, isOptional }]) =>
      `| \`${name}\` | ${cell(says)} | ${isOptional ? 'may be absent' : ''} |`,
  );
  return ['| Field | Holds | |', '|---|---|---|', ...rows].join('\n');
}

/** One record of each of these types, as a small world tells them. */
const SHOWN: readonly LogRecord['type'][] = ['Reception', 'Delivery', 'TransientFailure', 'Bounce'];

/**
 * Examples from a run: mail of one transaction to one who takes it, one who does not, one later.
 */
export async function drawExamples(): Promise<string> {
  const [{ World }, { projectAll }, { judging }] = await Promise.all([
    import('../../src/testing/world/world.ts'),
    import('../../test/world/records.ts'),
    import('../../src/testing/world/manners.ts'),
  ]);
  const world = await World.start({ seed: 1, manners: { 'example.test': judging } });
  await world.runFor(100);
  world.submit(['user@example.test', 'bad@example.test', 'later@example.test']);
  await world.runFor(5_000);
  const records = projectAll(world.witness.records).map(({ record }) => record);
  return SHOWN.flatMap((type) => records.find((record) => record.type === type) ?? [])
    .map((record) => `\`\`\`json\n${JSON.stringify(record, null, 1)}\n\`\`\``)
    .join('\n\n');
}
