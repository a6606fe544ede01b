/**
 * Options as they would be written: spans, rates, limits and networks as text again, so that what
 * is in force can be read with the eyes that wrote it. Keys and passwords are not shown.
 * Deliberately unknown here: which options exist, and who reads this.
 */
import { formatDuration } from './duration.ts';
import type { JsonSchema, OptionTable } from './options.ts';
import { isTable } from './options.ts';
import type { LimitSpec, ThrottleSpec } from './throttle-spec.ts';
import { formatLimit, formatThrottle } from './throttle-spec.ts';

type Printed = Readonly<Record<string, unknown>>;

const HIDDEN = '…';

/** What a configuration says, option by option; those that were not given are left out. */
export function printOptions(table: OptionTable, config: Readonly<Record<string, unknown>>) {
  const shown: Record<string, unknown> = {};
  for (const [key, row] of Object.entries(table)) {
    const value = config[key];
    if (value !== undefined && row.inert === undefined) shown[key] = print(row.kind.name, value);
  }
  return shown as Printed;
}

function print(kind: string, value: unknown): unknown {
  if (kind === 'duration') return formatDuration(value as number);
  if (kind === 'rate') return formatThrottle(value as ThrottleSpec);
  if (kind === 'limit') return formatLimit(value as LimitSpec);
  const listed = /^list of (.+)$/.exec(kind)?.[1];
  if (listed !== undefined && Array.isArray(value)) return value.map((one) => print(listed, one));
  const mapped = /^table from name to (.+)$/.exec(kind)?.[1];
  if (mapped !== undefined && isTable(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, print(mapped, one)]));
  }
  return mask(value);
}

/** Networks have their text, secrets none. */
function mask(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(mask);
  if (!isTable(value)) return value;
  if (typeof value['text'] === 'string' && 'words' in value) return value['text'];
  const shown = Object.entries(value).map(([key, one]) =>
    key === 'key_data' ? [key, HIDDEN] : [key, mask(one)],
  );
  return Object.fromEntries(shown) as JsonSchema;
}
