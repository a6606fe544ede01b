/**
 * Which daemon a command means: an address on the command line, a data directory, the environment,
 * a daemon of this directory, or the usual address, in this order. One place for the options and
 * for what help says of them. Asks nobody.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import type { Command } from 'commander';
import { DATA_DEFAULT } from '../manager/arguments.ts';
import { CommandFailure, EXIT, exitCodeHelp } from './terminal.ts';

/** The reference's own address. */
export const ENDPOINT_DEFAULT = 'http://127.0.0.1:8000';

/** The options of `withEndpoint`. */
export interface EndpointFlags {
  readonly endpoint?: string;
  readonly data?: string;
  readonly json?: boolean;
}

/** An address, and how we came by it. */
export interface Endpoint {
  readonly url: URL;
  /** Ends a sentence that names the address. */
  readonly origin: string;
}

/** Adds --endpoint and --json. */
export const withAddress = (command: Command): Command =>
  command
    .option('--endpoint <url>', 'HTTP listener of the daemon, as http://127.0.0.1:8000')
    .option('--json', 'print the answer as JSON');

/** Adds --endpoint, --data and --json. */
export const withEndpoint = (command: Command): Command =>
  withAddress(command).option('--data <dir>', 'find the daemon by its data directory');

/** The part of --help about the daemon that is meant, and the exit codes. */
export const endpointHelp = (wanting?: string): string =>
  `
Which daemon: --endpoint, else the first HTTP listener of --data, else WAYBILL_ENDPOINT or
KUMO_KCLI_ENDPOINT, else the daemon of ./${DATA_DEFAULT}, else ${ENDPOINT_DEFAULT}.
Credentials: WAYBILL_TOKEN (Bearer), or user:password@ in the URL.
${exitCodeHelp(wanting, ['  77  the daemon does not let us; see docs/http-api.md'])}`;

/** Finds the address. */
export const findEndpoint = ({ endpoint, data }: EndpointFlags): Endpoint => {
  if (endpoint !== undefined) return readEndpoint(endpoint, '--endpoint');
  if (data !== undefined) return findListener(data);
  const said = findSaid();
  if (said !== undefined) return readEndpoint(process.env[said] ?? '', said);
  const here = readListener(DATA_DEFAULT);
  if (here !== undefined) return readEndpoint(here, `./${DATA_DEFAULT}/run.json`);
  return readEndpoint(ENDPOINT_DEFAULT, 'the default');
};

/** The variable of the environment that says where the daemon is, if one does. */
export const findSaid = (): string | undefined =>
  ['WAYBILL_ENDPOINT', 'KUMO_KCLI_ENDPOINT'].find((name) => process.env[name]);

const readEndpoint = (text: string, origin: string): Endpoint => {
  if (/^https?:\/\//i.test(text) && URL.canParse(text)) return { url: new URL(text), origin };
  const fix = 'write it as http://127.0.0.1:8000';
  throw new CommandFailure(`${origin} '${text}' is no address of a daemon: ${fix}.`, EXIT.usage);
};

const findListener = (dir: string): Endpoint => {
  const found = readListener(dir);
  if (found !== undefined) return readEndpoint(found, `${dir}/run.json`);
  throw new CommandFailure(
    `no waybilld with an HTTP listener runs on ${dir}; is it running, with --data ${dir}, and ` +
      'does its policy have setup.httpListener({ listen: "127.0.0.1:8000" })?',
  );
};

/** The first HTTP listener of a daemon, as it wrote it down itself. */
const readListener = (dir: string): string | undefined => {
  try {
    const run = JSON.parse(readFileSync(join(dir, 'run.json'), 'utf8')) as {
      readonly httpListeners?: readonly string[];
    };
    const place = run.httpListeners?.[0];
    // A listener on all addresses is reached on this machine's own.
    return place && `http://${place.replace(/^0\.0\.0\.0:|^\[::\]:/, '127.0.0.1:')}`;
  } catch {
    // Not there, or not readable: nobody runs here.
    return undefined;
  }
};
