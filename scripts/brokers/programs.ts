/**
 * What brokers need of the machine: programs, the right Java, a folder that keeps what was fetched.
 * The one idea: whatever is missing is one sentence that names the Debian package, so that a test
 * can say why it is skipped, or fail with it where brokers are demanded (WAYBILL_BROKERS=required).
 * Deliberately unknown here: how a broker is configured and run.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where Debian keeps RabbitMQ's own programs, which run as whoever calls them. */
const RABBIT_FOLDER = '/usr/lib/rabbitmq/bin';

/** True where a missing broker is a failure and not a reason to skip. */
export const areBrokersRequired = (): boolean => process.env['WAYBILL_BROKERS'] === 'required';

/** Where fetched jars are kept: WAYBILL_BROKERS_CACHE, or a folder of the user's cache. */
export function cacheFolder(): string {
  const given = process.env['WAYBILL_BROKERS_CACHE'];
  if (given !== undefined && given !== '') return given;
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return join(cache, 'waybill', 'brokers');
}

/** What a program says to an argument, both outputs; undefined where it is not there or fails. */
function ask(program: string, ...args: string[]): string | undefined {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  return status === 0 ? `${stdout}\n${stderr}` : undefined;
}

/** The major version of the Java on the path; 0 where there is none. */
export function javaVersion(): number {
  const match = /version "(?:1\.)?(\d+)/.exec(ask('java', '-version') ?? '');
  return Number(match?.[1] ?? 0);
}

/** Why this machine cannot run a broker that needs Java `version`; undefined when it can. */
export function lackOfJava(version: number): string | undefined {
  const found = javaVersion();
  if (found >= version) return undefined;
  const what = found === 0 ? 'no Java is installed' : `Java ${found} is installed`;
  return `${what}, Java ${version} is needed (Debian: default-jre-headless)`;
}

/** Why this machine cannot fetch jars; undefined when it can. */
export function lackOfMaven(): string | undefined {
  return ask('mvn', '-version') === undefined
    ? 'mvn is not installed, so no jars can be fetched (Debian: maven)'
    : undefined;
}

/** The folder of RabbitMQ's programs, or the sentence that says what is missing. */
export function findRabbit(): { readonly folder: string } | { readonly lack: string } {
  const folder = process.env['WAYBILL_RABBITMQ_BIN'] ?? RABBIT_FOLDER;
  return existsSync(join(folder, 'rabbitmq-server')) && ask('epmd', '-help') !== ''
    ? { folder }
    : { lack: 'rabbitmq-server is not installed (Debian: rabbitmq-server)' };
}
