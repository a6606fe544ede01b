/**
 * Takes out of a message's header the fields that readers of the log asked for, so that no body is
 * read again for them. The one idea: with nothing asked for nothing is done. It does not know who
 * asked, nor what the fields mean.
 */
import type { CapturedHeaders } from '../domain/capture.ts';
import { CAPTURED_BYTES_MAX } from './limits.ts';

// A field with its folds (RFC 5322 section 2.2.3): up to a line that begins otherwise than folded.
const BEFORE = '(?:^|\\r\\n)';
const REST = '[ \\t]*:(.*?)(?=\\r\\n(?![ \\t])|$)';
const FOLD = /\r\n(?=[ \t])/g;

let askedNames: readonly string[] = [];
let askedFields = /$^/;

/** The expression that finds the asked fields; made once for each list of names. */
function fieldsOf(names: readonly string[]): RegExp {
  if (names === askedNames) return askedFields;
  const patterns = names.map((name) => {
    const isBeginning = name.endsWith('*');
    const fixed = (isBeginning ? name.slice(0, -1) : name).replace(/[^A-Za-z0-9]/g, '\\$&');
    return isBeginning ? `${fixed}[!-9;-~]*` : fixed;
  });
  askedNames = names;
  askedFields = new RegExp(`${BEFORE}(${patterns.join('|')})${REST}`, 'gis');
  return askedFields;
}

/**
 * The asked fields of a header given as latin1 text: by the spelling of the first of each name, a
 * list where there are several. What goes beyond CAPTURED_BYTES_MAX is left out.
 */
export function captureHeaders(
  names: readonly string[],
  header: string,
): CapturedHeaders | undefined {
  if (names.length === 0) return undefined;
  const captured = new Map<string, { name: string; values: string[] }>();
  let bytesLeft = CAPTURED_BYTES_MAX;
  const fields = fieldsOf(names);
  fields.lastIndex = 0;
  for (let found = fields.exec(header); found !== null; found = fields.exec(header)) {
    const [, name = '', raw = ''] = found;
    const key = name.toLowerCase();
    bytesLeft -= name.length + raw.length;
    if (bytesLeft < 0) break;
    const value = Buffer.from(raw.replace(FOLD, ''), 'latin1').toString('utf8').trim();
    const known = captured.get(key);
    if (known === undefined) captured.set(key, { name, values: [value] });
    else known.values.push(value);
  }
  if (captured.size === 0) return undefined;
  const entries = [...captured.values()].map(({ name, values }) => [
    name,
    values.length === 1 ? (values[0] as string) : values,
  ]);
  return Object.fromEntries(entries) as CapturedHeaders;
}
