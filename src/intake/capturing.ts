/**
 * Takes out of a message's header the fields that readers of the log asked for, so that no body is
 * read again for them. The one idea: with nothing asked for nothing is done. It does not know who
 * asked, nor what the fields mean.
 */
import type { CapturedHeaders } from '../domain/capture.ts';
import { isAsked } from '../domain/capture.ts';
import { CAPTURED_BYTES_MAX } from './limits.ts';

const FIELD = /^([!-9;-~]+)[ \t]*:(.*)$/s;
// What a folded line begins with (RFC 5322 section 2.2.3).
const NEXT_FIELD = /\r\n(?![ \t])/;
const FOLD = /\r\n(?=[ \t])/g;

/**
 * The asked fields of a header given as latin1 text: by the spelling of the first of each name, a
 * list where there are several. What goes beyond CAPTURED_BYTES_MAX is left out.
 */
export function captureHeaders(
  names: readonly string[],
  header: string,
): CapturedHeaders | undefined {
  if (names.length === 0) return undefined;
  const asked = names.map((name) => name.toLowerCase());
  const captured = new Map<string, { name: string; values: string[] }>();
  let bytesLeft = CAPTURED_BYTES_MAX;
  for (const line of header.split(NEXT_FIELD)) {
    const [, name = '', raw = ''] = FIELD.exec(line) ?? [];
    const key = name.toLowerCase();
    if (name === '' || !isAsked(asked, key)) continue;
    bytesLeft -= name.length + raw.length;
    if (bytesLeft < 0) break;
    const value = Buffer.from(raw.replace(FOLD, ''), 'latin1').toString('utf8').trim();
    const known = captured.get(key);
    if (known === undefined) captured.set(key, { name, values: [value] });
    else known.values.push(value);
  }
  if (captured.size === 0) return undefined;
  const fields = [...captured.values()].map(({ name, values }) => [
    name,
    values.length === 1 ? (values[0] as string) : values,
  ]);
  return Object.fromEntries(fields) as CapturedHeaders;
}
