/**
 * Files of DKIM data: how they look, how several become one, and how a block becomes a signature.
 * The idea: a section that is missing from one of several files is no mistake; what a signature
 * needs is only asked for once all files are joined.
 * It does not know which mail is signed.
 */
import { OptionError } from '../../domain/option-error.ts';
import { duration, flag, listOf, mapOf, oneOf, tableOf, text } from '../../domain/option-kinds.ts';
import type { Kind, OptionTable } from '../../domain/options.ts';
import { option, optional, readOptions, required } from '../../domain/options.ts';
import type { DkimSigning } from '../../domain/options-dkim.ts';
import { readDkimSigning } from '../../domain/options-dkim.ts';
import { PolicyError } from '../policy-error.ts';
import { domainKeyProblem, normalDomain } from './domain-map.ts';
import type { DataFile, DataSource, DataTable } from './files.ts';
import { dataSources, refuseIn } from './files.ts';
import type { Placings } from './origins.ts';
import { layOver, NOTHING_PLACED, placeOptions } from './origins.ts';

const canonicalization = oneOf('Relaxed', 'Simple');

const COMMON = {
  selector: optional(text, 'the selector of the public key in DNS'),
  headers: optional(listOf(text), 'header fields that are signed'),
  expiration: optional(duration, 'how long the signature is valid'),
  header_canonicalization: optional(canonicalization, 'how header fields are made canonical'),
  body_canonicalization: optional(canonicalization, 'how the body is made canonical'),
  over_sign: optional(flag, 'sign each field once more than it occurs, so that none is added'),
  policy: optional(
    oneOf('Always', 'OnlyIfMissingDomainBlock'),
    'whether a further signature is also made when the domain has its own',
  ),
} satisfies OptionTable;
const VAULT = {
  vault_mount: optional(text, 'where keys are kept in a vault'),
  vault_path_prefix: optional(text, 'their folder there; dkim without it'),
} satisfies OptionTable;
const BASE = {
  ...COMMON,
  ...VAULT,
  additional_signatures: optional(listOf(text), 'further signatures by name'),
} satisfies OptionTable;
const BLOCK = {
  ...COMMON,
  ...VAULT,
  algo: optional(oneOf('sha256', 'ed25519'), 'sha256 is RSA'),
  filename: optional(text, 'the file of the private key'),
} satisfies OptionTable;
const SIGNATURE = {
  ...BLOCK,
  // Needed, but it may stand in another file than the rest.
  domain: optional(text, 'the domain that signs; needed'),
} satisfies OptionTable;
const FILE_OPTIONS = {
  base: optional(tableOf(BASE), 'what holds for every signature that says nothing else'),
  domain: optional(mapOf(tableOf(BLOCK)), 'signatures by the domain of the From header'),
  signature: optional(mapOf(tableOf(SIGNATURE)), 'further signatures by name'),
} satisfies OptionTable;

/** The form of a file of DKIM data. */
export const DKIM_FILE: Kind<unknown> = tableOf(FILE_OPTIONS);

/** The table of what `dkim` is given. */
export const DKIM_SETTINGS = {
  files: required(dataSources, 'files of DKIM data'),
  key_dir: option(text, 'dkim', 'folder of keys that have no filename: domain/selector.key'),
} satisfies OptionTable;

/** What `dkim` is given. */
export interface DkimSettings {
  readonly files: readonly DataSource[];
  readonly key_dir?: string;
}

/** All files of one helper joined. */
export interface DkimData {
  readonly base: Placings;
  readonly domains: ReadonlyMap<string, Placings>;
  readonly signatures: ReadonlyMap<string, Placings>;
}

const addBlocks = (
  file: string,
  section: string,
  blocks: DataTable,
  known: Map<string, Placings>,
): void => {
  for (const [key, block] of Object.entries(blocks)) {
    const name = section === 'domain' ? normalDomain(key) : key;
    const problem = section === 'domain' ? domainKeyProblem(key) : undefined;
    if (problem !== undefined) {
      const fix = "write it like '*.example.com'";
      throw new PolicyError(file, `${section}.'${key}': ${problem}`, fix);
    }
    const path = `${section}.'${key}'`;
    const placed = placeOptions(file, path, block as DataTable, () => true);
    known.set(name, layOver(known.get(name) ?? NOTHING_PLACED, placed));
  }
};

/** Checks each file by itself and joins them in their order. */
export const joinDkim = (files: readonly DataFile[]): DkimData => {
  let base = NOTHING_PLACED;
  const domains = new Map<string, Placings>();
  const signatures = new Map<string, Placings>();
  for (const { name: file, table } of files) {
    refuseIn(file, () => readOptions(FILE_OPTIONS, table, ''));
    const own = (table['base'] ?? {}) as DataTable;
    base = layOver(
      base,
      placeOptions(file, 'base', own, () => true),
    );
    addBlocks(file, 'domain', (table['domain'] ?? {}) as DataTable, domains);
    addBlocks(file, 'signature', (table['signature'] ?? {}) as DataTable, signatures);
  }
  return { base, domains, signatures };
};

const keyOf = (
  laid: Placings,
  domain: string,
  selector: string,
  keyFolder: string,
): Record<string, string> => {
  const filename = laid.get('filename')?.value;
  if (filename !== undefined) return { path: String(filename) };
  const mount = laid.get('vault_mount')?.value;
  const file = `${domain}/${selector}`;
  if (mount === undefined) return { path: `${keyFolder}/${file}.key` };
  const prefix = String(laid.get('vault_path_prefix')?.value ?? 'dkim');
  return { vault_mount: String(mount), vault_path: `${prefix}/${file}` };
};

const refuse = (laid: Placings, where: string, problem: string, fix: string): PolicyError => {
  const file = [...laid.values()].at(-1)?.origin.split(': ')[0] ?? 'dkim()';
  return new PolicyError(file, `${where}: ${problem}`, fix);
};

const SIGNER_NAMES = [
  'selector',
  'headers',
  'over_sign',
  'expiration',
  'header_canonicalization',
  'body_canonicalization',
];

/** The signature of a block laid over `base`; `domain` signs unless the block names another. */
export const makeSignature = (
  laid: Placings,
  domain: string | undefined,
  where: string,
  keyFolder: string,
): DkimSigning => {
  const given = (name: string): unknown => laid.get(name)?.value;
  const signing = given('domain') ?? domain;
  if (typeof signing !== 'string') {
    throw refuse(laid, where, 'has no domain', 'name the domain that signs');
  }
  const selector = given('selector');
  if (selector === undefined) {
    throw refuse(laid, where, 'has no selector', 'give it one, here or in [base]');
  }
  // In the reference a false of over_sign cannot undo a true of base; laid over it, it does.
  const options = Object.fromEntries(SIGNER_NAMES.map((name) => [name, given(name)]));
  const key = keyOf(laid, signing, String(selector), keyFolder);
  const algo = given('algo') === 'ed25519' ? 'ed25519' : 'sha256';
  try {
    return readDkimSigning(algo, { ...options, domain: signing, key }, '');
  } catch (thrown) {
    if (!(thrown instanceof OptionError)) throw thrown;
    const [name = ''] = thrown.key.split('.');
    const origin = laid.get(name)?.origin;
    if (origin === undefined) {
      throw refuse(laid, where, `${name}: ${thrown.problem}`, thrown.fix);
    }
    throw new PolicyError(origin, thrown.problem, thrown.fix);
  }
};
