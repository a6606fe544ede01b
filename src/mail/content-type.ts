/**
 * Values with parameters: Content-Type and Content-Disposition (RFC 2045 section 5.1, RFC 2183,
 * RFC 2231). The idea: what is odd is read as far as it can be, since it came from anywhere. It
 * does not know parts.
 */

/** A value and its parameters, names in lower case. */
export interface Parameterized {
  readonly value: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const PARAMETER =
  /;[ \t\r\n]*([!#-'*+\-.0-9A-Z^-z|~]+)[ \t\r\n]*=[ \t\r\n]*(?:"((?:[^"\\]|\\.)*)"|([^;\s"]*))/gs;
const EXTENDED = /^([\w-]*)'[\w-]*'(.*)$/s;

// RFC 2231 section 4; a name that cannot be read stays as it is.
function readExtended(text: string): string {
  const [, charset = '', coded = text] = EXTENDED.exec(text) ?? [];
  const bytes = coded.replace(/%([0-9A-Fa-f]{2})/g, (_all, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  try {
    return new TextDecoder(charset || 'utf-8').decode(Buffer.from(bytes, 'latin1'));
  } catch {
    return coded;
  }
}

/** Reads a field's value; undefined reads as an empty one. */
export function readParameterized(text: string | undefined): Parameterized {
  const raw = text ?? '';
  const end = raw.indexOf(';');
  const value = (end < 0 ? raw : raw.slice(0, end)).trim().toLowerCase();
  const parameters = new Map<string, string>();
  for (const [, name = '', quoted, plain = ''] of raw.matchAll(PARAMETER)) {
    const given = quoted === undefined ? plain : quoted.replace(/\\(.)/gs, '$1');
    const lower = name.toLowerCase();
    const key = lower.endsWith('*') ? lower.slice(0, -1) : lower;
    if (lower.endsWith('*')) parameters.set(key, readExtended(given));
    else if (!parameters.has(key)) parameters.set(key, given);
  }
  return { value, parameters };
}
