/**
 * Reads one field of a secret from a Vault: the HTTP interface of the secrets engine KV, version 2.
 * The idea: whatever the Vault does, an answer or a sentence comes within a few seconds. Redirects
 * are not followed: the token would go along.
 * Deliberately unknown here: what the secret is for. Never logs it, nor the token.
 */
import { readFileSync } from 'node:fs';
import type { PlainOrSecret } from '../../domain/secret-source.ts';
import type { VaultSource } from '../../domain/signing-key-source.ts';

/** Time for a whole answer, ms. */
export const VAULT_MS_MAX = 5_000;
const ANSWER_OCTETS_MAX = 1_048_576;

/** Why a secret was not had. `isLasting`: asking again changes nothing until somebody mends it. */
export class VaultProblem extends Error {
  readonly problem: string;
  readonly fix: string;
  readonly isLasting: boolean;

  constructor(problem: string, fix: string, isLasting: boolean) {
    super(`${problem}; ${fix}`);
    this.name = 'VaultProblem';
    this.problem = problem;
    this.fix = fix;
    this.isLasting = isLasting;
  }
}

const ADDRESS_FIX = 'set VAULT_ADDR, or vault_address where the key is named';
const TOKEN_FIX = 'set VAULT_TOKEN, or vault_token where the key is named';

const readToken = (source: PlainOrSecret): string | undefined => {
  if (typeof source === 'string') return source;
  if ('key_data' in source) return source.key_data;
  if ('env' in source) return process.env[source.env];
  try {
    return readFileSync(source.path, 'utf8').trim();
  } catch (error) {
    const problem = `the token of the Vault cannot be read: ${(error as Error).message}`;
    throw new VaultProblem(problem, TOKEN_FIX, true);
  }
};

const requestOf = (source: VaultSource): { url: string; headers: Record<string, string> } => {
  const address = source.vault_address ?? process.env['VAULT_ADDR']?.replace(/\/+$/, '');
  if (address === undefined || !URL.canParse(address)) {
    throw new VaultProblem('it is not known where the Vault is', ADDRESS_FIX, true);
  }
  const token =
    source.vault_token === undefined ? process.env['VAULT_TOKEN'] : readToken(source.vault_token);
  // What cannot stand in a header field is no token (RFC 9110 section 5.5).
  if (token === undefined || !/^[!-~]+$/.test(token)) {
    throw new VaultProblem('there is no token for the Vault', TOKEN_FIX, true);
  }
  const encode = (path: string): string => path.split('/').map(encodeURIComponent).join('/');
  const url = `${address}/v1/${encode(source.vault_mount)}/data/${encode(source.vault_path)}`;
  const namespace = process.env['VAULT_NAMESPACE'];
  const headers: Record<string, string> = { 'X-Vault-Token': token, 'X-Vault-Request': 'true' };
  return { url, headers: namespace ? { ...headers, 'X-Vault-Namespace': namespace } : headers };
};

const refuse = (status: number, source: VaultSource): VaultProblem => {
  const { vault_mount: mount, vault_path: path } = source;
  const said = `the Vault answered ${status}`;
  if (status === 403) {
    const fix = `give a token with a policy that may read ${mount}/data/${path}`;
    return new VaultProblem(`${said}: its token may not read it`, fix, true);
  }
  if (status === 404) {
    const fix = `store it with: vault kv put -mount=${mount} ${path} ${source.vault_key}=@key.pem`;
    return new VaultProblem(`${said}: there is no such secret`, fix, true);
  }
  if (status >= 300 && status < 400) {
    const fix = 'give the address of the Vault that answers itself';
    return new VaultProblem(`${said}: it sends elsewhere, which is not followed`, fix, true);
  }
  return new VaultProblem(said, 'see to the Vault; it is asked again', false);
};

const readBounded = async (response: Response): Promise<string> => {
  const pieces: Uint8Array[] = [];
  let octets = 0;
  for await (const piece of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    octets += piece.length;
    if (octets > ANSWER_OCTETS_MAX) {
      const problem = `the Vault answered more than ${ANSWER_OCTETS_MAX} octets`;
      throw new VaultProblem(problem, 'keep each key in a secret of its own', true);
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
};

const fieldIn = (text: string, { vault_key: key }: VaultSource): string => {
  let fields: Readonly<Record<string, unknown>> = {};
  try {
    const answer = JSON.parse(text) as { data?: { data?: Record<string, unknown> } } | null;
    fields = answer?.data?.data ?? {};
  } catch {
    const problem = 'the Vault answered something that is not JSON';
    throw new VaultProblem(problem, 'correct its address', true);
  }
  const value = Object.hasOwn(fields, key) ? fields[key] : undefined;
  if (typeof value === 'string' && value !== '') return value;
  const problem = `the secret in the Vault has no field '${key}' with a text`;
  throw new VaultProblem(problem, 'name the field in vault_key, or store the key there', true);
};

const causeOf = (error: unknown): string => {
  const { message, cause } = error as Error;
  if ((error as Error).name === 'TimeoutError') return `no answer within ${VAULT_MS_MAX / 1_000} s`;
  return cause instanceof Error && cause.message !== '' ? cause.message : message;
};

/** Reads the secret; rejects with VaultProblem within `VAULT_MS_MAX`. */
export async function readVaultSecret(
  source: VaultSource,
  msMax: number = VAULT_MS_MAX,
): Promise<string> {
  const { url, headers } = requestOf(source);
  try {
    const signal = AbortSignal.timeout(msMax);
    const response = await fetch(url, { headers, signal, redirect: 'manual' });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw refuse(response.status, source);
    }
    return fieldIn(await readBounded(response), source);
  } catch (error) {
    if (error instanceof VaultProblem) throw error;
    const problem = `the Vault at ${new URL(url).origin} cannot be asked: ${causeOf(error)}`;
    throw new VaultProblem(problem, 'see to the Vault and the way to it', false);
  }
}
