/**
 * MTA-STS (RFC 8461) without a network: the record that announces a policy, the file that holds it,
 * which exchangers it allows, and what its mode makes of a path's `enable_tls`. Whatever cannot be
 * read is no policy, with the reason. It knows no caches, look-ups or connections.
 */
import type { Ms } from '../ports/ports.ts';
import type { PathConfig } from './options-path.ts';

/** What a policy asks of senders; `none` also stands for "there is no policy". */
export type StsMode = 'enforce' | 'testing' | 'none';

/** A policy as its file says it. */
export interface StsPolicy {
  readonly mode: StsMode;
  /** How long it may be kept, counted from when it was fetched. */
  readonly maxAgeMs: Ms;
  /** Allowed exchangers, lower case, without trailing dots: a host, or `*.` for one label. */
  readonly patterns: readonly string[];
}

/** What the TXT records at `_mta-sts.<domain>` say. */
export type StsRecord =
  | { readonly kind: 'found'; readonly id: string }
  | { readonly kind: 'absent' }
  | { readonly kind: 'invalid'; readonly why: string };

/** The largest policy file that is read (RFC 8461 section 3.3 suggests 64 kilobytes). */
export const STS_FILE_BYTES_MAX = 65_536;

/** The longest life of a policy (RFC 8461 section 3.2): about a year. */
const MAX_AGE_SECONDS_MAX = 31_557_600;
const PATTERNS_SHOWN_MAX = 16;

const RECORD_HEAD = /^v=STSv1[ \t]*;/;
const RECORD_FIELD = /^([A-Za-z0-9][\w.-]{0,31})=([\x21-\x3a\x3c\x3e-\x7e]+)$/;
const RECORD_ID = /^[A-Za-z0-9]{1,32}$/;
const FILE_FIELD = /^([A-Za-z0-9][\w.-]{0,31})[ \t]*:[ \t]*(.*?)[ \t]*$/;
const PATTERN = /^(\*\.)?(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*$/;

const invalid = (why: string): StsRecord => ({ kind: 'invalid', why });

/** Reads the TXT records of `_mta-sts.<domain>`, each with its strings joined (section 3.1). */
export const parseStsRecord = (texts: readonly string[]): StsRecord => {
  const own = texts.filter((text) => RECORD_HEAD.test(text));
  if (own.length === 0) return { kind: 'absent' };
  if (own.length > 1) return invalid(`there are ${own.length} records`);
  const fields = (own[0] as string).split(';').map((part) => part.replace(/^[ \t]+|[ \t]+$/g, ''));
  // A delimiter may end the record; between fields there is exactly one.
  if (fields.at(-1) === '') fields.pop();
  let id: string | undefined;
  for (const field of fields.slice(1)) {
    const [, name, value] = RECORD_FIELD.exec(field) ?? [];
    if (name === undefined || value === undefined) return invalid('a field is not name=value');
    if (name === 'id') id ??= value;
  }
  if (id === undefined) return invalid('it has no id');
  return RECORD_ID.test(id) ? { kind: 'found', id } : invalid('its id is not 1 to 32 characters');
};

/** Reads a policy file (section 3.2); answers why when it is none. */
export const parseStsPolicy = (text: string): StsPolicy | { readonly why: string } => {
  const first = new Map<string, string>();
  const patterns: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (/^[ \t]*$/.test(line)) continue;
    const [, name, value] = FILE_FIELD.exec(line) ?? [];
    if (name === undefined || value === undefined) return { why: 'a line is not `name: value`' };
    if (name === 'mx') {
      const pattern = value.toLowerCase().replace(/\.$/, '');
      if (!PATTERN.test(pattern)) return { why: 'an mx is neither a host nor `*.` and a domain' };
      patterns.push(pattern);
    } else if (!first.has(name)) first.set(name, value);
  }
  const mode = first.get('mode');
  const maxAge = first.get('max_age') ?? '';
  if (first.get('version') !== 'STSv1') return { why: 'its version is not STSv1' };
  if (mode !== 'enforce' && mode !== 'testing' && mode !== 'none') {
    return { why: 'its mode is not enforce, testing or none' };
  }
  if (!/^\d{1,10}$/.test(maxAge)) return { why: 'its max_age is not a number of seconds' };
  if (patterns.length === 0 && mode !== 'none') return { why: 'it allows no mx' };
  const maxAgeMs = Math.min(Number(maxAge), MAX_AGE_SECONDS_MAX) * 1_000;
  return { mode, maxAgeMs, patterns: Object.freeze(patterns) };
};

/** True for an exchanger that a pattern allows (section 4.1): itself, or one label more. */
export const allowsHost = (patterns: readonly string[], host: string): boolean => {
  const name = host.toLowerCase().replace(/\.$/, '');
  const dot = name.indexOf('.');
  const parent = dot > 0 ? `*${name.slice(dot)}` : undefined;
  return patterns.some((pattern) => pattern === name || pattern === parent);
};

/** The allowed patterns as they stand in a reply. */
export const describePatterns = (patterns: readonly string[]): string => {
  const shown = patterns.slice(0, PATTERNS_SHOWN_MAX).join(', ');
  const more = patterns.length - PATTERNS_SHOWN_MAX;
  return more > 0 ? `${shown} and ${more} more` : shown;
};

type EnableTls = PathConfig['enable_tls'];

// What is worse to lose comes later: a checked certificate, then TLS itself.
const STRICTNESS: readonly EnableTls[] = [
  'Disabled',
  'OpportunisticInsecure',
  'Opportunistic',
  'RequiredInsecure',
  'Required',
];

/** What TLS must do on `path` for a domain whose policy is in `mode`. */
export const postureUnder = (path: PathConfig, mode: StsMode): EnableTls => {
  const { enable_tls: configured, enable_mta_sts } = path;
  if (!enable_mta_sts || mode === 'none') return configured;
  if (mode === 'enforce') return 'Required';
  // Testing asks to be treated as if there were no policy: what the operator requires stays.
  const isRequired = configured === 'Required' || configured === 'RequiredInsecure';
  return isRequired ? configured : 'OpportunisticInsecure';
};

/** The strictest of what `modes` make of `path`; as configured where there are none. */
export const strictestPosture = (path: PathConfig, modes: Iterable<StsMode>): EnableTls => {
  let strictest: EnableTls | undefined;
  for (const mode of modes) {
    const posture = postureUnder(path, mode);
    if (strictest === undefined || STRICTNESS.indexOf(posture) > STRICTNESS.indexOf(strictest)) {
      strictest = posture;
    }
  }
  return strictest ?? path.enable_tls;
};
