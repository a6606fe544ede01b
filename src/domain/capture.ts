/**
 * What readers of the log want to know of a message beyond its envelope: metadata and header fields
 * by name. A name that ends in `*` means all that begin so. Names of header fields are the same in
 * any case (RFC 5322 section 1.2.2), those of metadata are not. Knows neither hooks nor mail.
 */

/** Names as they are asked for; `*` at the end of one makes it a beginning. */
export interface CaptureList {
  readonly meta: readonly string[];
  readonly headers: readonly string[];
}

/** Metadata that was asked for: values keep their JSON type. */
export type Captured = Readonly<Record<string, unknown>>;

/** Header fields that were asked for: a list where a field comes more than once. */
export type CapturedHeaders = Readonly<Record<string, string | readonly string[]>>;

/** Header fields that the log has of every message, whoever reads it: by them it is found again. */
const OWN_HEADERS: readonly string[] = ['Message-ID'];

/** What readers ask for at each moment, and our own header fields. */
export function withOwnHeaders(asked: CaptureList): CaptureList {
  let known = asked.headers;
  let headers = [...OWN_HEADERS, ...known];
  return {
    get meta() {
      return asked.meta;
    },
    get headers() {
      if (known !== asked.headers) {
        known = asked.headers;
        headers = [...OWN_HEADERS, ...known];
      }
      return headers;
    },
  };
}

const lower = (name: string): string => name.toLowerCase();

/** True when a name is asked for, letter by letter. */
export function isAsked(names: readonly string[], name: string): boolean {
  for (const asked of names) {
    if (asked === name) return true;
    if (asked.endsWith('*') && name.startsWith(asked.slice(0, -1))) return true;
  }
  return false;
}

/** The metadata that is asked for; an exact name whose value is null is left out. */
export function pickMeta(names: readonly string[], meta: Captured): Captured {
  const picked: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(meta)) {
    if (!isAsked(names, name)) continue;
    if (value === undefined || (value === null && names.includes(name))) continue;
    picked[name] = value;
  }
  return picked;
}

/** The header fields that are asked for. */
export function pickHeaders(names: readonly string[], headers: CapturedHeaders): CapturedHeaders {
  const asked = names.map(lower);
  const entries = Object.entries(headers).filter(([name]) => isAsked(asked, lower(name)));
  return Object.fromEntries(entries);
}
