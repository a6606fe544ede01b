/**
 * Kept MTA-STS policies as text and back: one JSON object a line, so that a damaged line costs one
 * policy. What cannot be trusted is left out, never guessed. It knows no files.
 */
import type { StsMode } from './mta-sts.ts';
import type { KeptPolicy } from './mta-sts-policies.ts';
import { isTable } from './options.ts';

/** The most text that is written: those used last come first. */
export const KEPT_CHARS_MAX = 4 * 1024 * 1024;

const MODES: readonly StsMode[] = ['enforce', 'testing', 'none'];

/** The text of policies listed from the one unused for longest; the oldest are left out first. */
export const formatKept = (policies: Iterable<KeptPolicy>): string => {
  const lines: string[] = [];
  let left = KEPT_CHARS_MAX;
  for (const policy of [...policies].reverse()) {
    const line = JSON.stringify(policy);
    left -= line.length + 1;
    if (left < 0) break;
    lines.push(line);
  }
  return lines.reverse().join('\n');
};

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;
const isText = (value: unknown): value is string => typeof value === 'string';

const readLine = (line: string): KeptPolicy | undefined => {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isTable(value)) return undefined;
  const { domain, id, fetchedAt, maxAgeMs, patterns } = value;
  const mode = MODES.find((known) => known === value['mode']);
  if (mode === undefined || !isText(domain) || domain === '' || !isText(id)) return undefined;
  if (!isCount(fetchedAt) || !isCount(maxAgeMs)) return undefined;
  if (!Array.isArray(patterns) || !patterns.every(isText)) return undefined;
  if (patterns.length === 0 && mode !== 'none') return undefined;
  return { domain, id, fetchedAt, mode, maxAgeMs, patterns };
};

/** The policies that a text holds, in its order. */
export const parseKept = (text: string): readonly KeptPolicy[] =>
  text.split('\n').flatMap((line) => readLine(line) ?? []);
