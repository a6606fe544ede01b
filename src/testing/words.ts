/**
 * The words of a policy: domains, tenants, header names and addresses that stand in its own files.
 * The one idea is a fuzzer's dictionary: a handler that treats one domain or tenant otherwise names
 * it somewhere, so mail made of these words gets there. Reads texts; it runs nothing.
 */
import { POOL_OPTIONS, SOURCE_OPTIONS } from '../domain/options-egress.ts';
import { PATH_OPTIONS } from '../domain/options-path.ts';
import { QUEUE_OPTIONS } from '../domain/options-queue.ts';
import { HANDLERS } from '../policy/hooks.ts';

/** Words by what they may be. */
export interface Words {
  readonly domains: readonly string[];
  /** Ends of names of exchangers, such as `.mail.example.net`. */
  readonly suffixes: readonly string[];
  /** Tenants, campaigns, pools: plain names. */
  readonly names: readonly string[];
  readonly headers: readonly string[];
  readonly addresses: readonly string[];
}

/** More are not of use: a run has some dozen messages. */
const WORDS_MAX = 32;

const QUOTED = /(["'`])((?:(?!\1)[^\\\n]){1,100})\1/g;
const TABLE = /^\s*\[+([^\]"'\n]+)\]/gm;
const KEY = /(?:^|[{,\s])([A-Za-z][\w-]{0,31})\s*[:=](?!=)/gm;
const DOMAIN = /^(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?\.)+[a-z]{2,}$/i;
const FILE = /\.(?:toml|json|m?[jt]s|ya?ml|txt|pem|key|log|internal_hook)$/i;
const SUFFIX = /^\.(?:[a-z0-9-]+\.)+[a-z]{2,}$/i;
const HEADER = /^x-[a-z0-9-]{1,40}$/i;
const NAME = /^[A-Za-z][\w-]{0,31}$/;
const ADDRESS = /\b\d{1,3}(?:\.\d{1,3}){3}\b/g;

const TABLES = [POOL_OPTIONS, SOURCE_OPTIONS, PATH_OPTIONS, QUEUE_OPTIONS, HANDLERS];
const OURS: ReadonlySet<string> = new Set([
  ...TABLES.flatMap((table) => Object.keys(table)),
  ...['default', 'queue', 'tenant', 'source', 'pool', 'provider', 'files', 'name', 'weight'],
  ...['Immediate', 'Threshold', 'listen', 'relay_hosts', 'string', 'match', 'MXSuffix'],
  ...['entries', 'trigger', 'duration', 'const', 'return', 'domain', 'campaign', 'setup'],
]);

const first = (found: Iterable<string>): string[] => [...new Set(found)].slice(0, WORDS_MAX);

/** Finds the words of texts. */
export function findWords(texts: readonly string[]): Words {
  const quoted = texts.flatMap((text) => [...text.matchAll(QUOTED)].map(([, , one = '']) => one));
  const tables = texts.flatMap((text) =>
    [...text.matchAll(TABLE)].flatMap(([, one = '']) => one.split('.')),
  );
  const keys = texts.flatMap((text) => [...text.matchAll(KEY)].map(([, one = '']) => one));
  const names = [...quoted, ...tables.map((one) => one.trim()), ...keys].filter(
    (one) => NAME.test(one) && !OURS.has(one) && !HEADER.test(one),
  );
  return {
    domains: first(
      quoted.filter((one) => DOMAIN.test(one) && !FILE.test(one)).map((one) => one.toLowerCase()),
    ),
    suffixes: first(quoted.filter((one) => SUFFIX.test(one)).map((one) => one.toLowerCase())),
    names: first(names),
    headers: first(quoted.filter((one) => HEADER.test(one))),
    addresses: first(texts.flatMap((text) => [...text.matchAll(ADDRESS)].map(([one]) => one))),
  };
}
