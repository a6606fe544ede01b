/**
 * The header that was put into a message when it was sent, found again in what a report brought
 * back of it: a table as JSON, in base64, with a mark that nobody writes by chance.
 * Deliberately unknown here: the name of the header, which operators choose, and what is in it.
 */

const MARK = '_@_';
const MARKED = '\\_/';
/** Fields of an original that are looked at. */
const FIELDS_MAX = 256;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const EXTRA = /^x-[!-9;-~]*[ \t]*:(.*)$/is;

function readTrace(value: string): Readonly<Record<string, unknown>> | undefined {
  const packed = value.replace(/\s+/g, '');
  if (packed === '' || !BASE64.test(packed)) return undefined;
  try {
    const table = JSON.parse(Buffer.from(packed, 'base64').toString('utf8')) as unknown;
    if (typeof table !== 'object' || table === null || Array.isArray(table)) return undefined;
    const { [MARK]: mark, ...rest } = table as Record<string, unknown>;
    return mark === MARKED ? rest : undefined;
  } catch {
    return undefined;
  }
}

/** What the first such header of an original says, whose line ends are LF; null without one. */
export function findSupplementalTrace(original: string): Readonly<Record<string, unknown>> | null {
  const end = original.indexOf('\n\n');
  const header = end < 0 ? original : original.slice(0, end);
  for (const field of header.split(/\n(?![ \t])/, FIELDS_MAX)) {
    const [, value] = EXTRA.exec(field) ?? [];
    const trace = value === undefined ? undefined : readTrace(value);
    if (trace !== undefined) return trace;
  }
  return null;
}
