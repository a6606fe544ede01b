/**
 * The command line of `waybilld`, read and refused in one place. Knows names and defaults; starts
 * nothing.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { OptionValueError } from '../domain/option-error.ts';
import { duration } from '../domain/option-kinds.ts';
import { listenPlace } from '../domain/option-places.ts';
import { locate } from '../domain/options.ts';

/** What the operator asked for. */
export interface DaemonArguments {
  readonly policy: string | undefined;
  readonly data: string;
  readonly smtp: string;
  /** How long the log is kept at least, ms. */
  readonly keepLogMs: number;
  readonly isSingle: boolean;
  /** How long mail is still taken after a stop is ordered, while `/readyz` already says no, ms. */
  readonly drainMs: number;
  readonly validate: boolean;
  readonly help: boolean;
  readonly version: boolean;
}

/** Where data goes unless told otherwise: below the current directory. */
export const DATA_DEFAULT = '.waybill';

const KEEP_LOG_DEFAULT = '7 days';

const SMTP_DEFAULT = '127.0.0.1:2025';

/** Whoever stops the daemon must wait for it; a longer delay is more likely a slip. */
const DRAIN_MS_MAX = 10 * 60_000;

/** The text of `--help`. */
export const HELP = `waybilld: takes mail by SMTP, queues it durably and delivers it.

usage: waybilld [--policy FILE] [--data DIR] [--smtp IP:PORT] [--keep-log SPAN]
                [--single-process] [--drain-delay SPAN]
       waybilld --validate --policy FILE

  --policy FILE   the policy, TypeScript or JavaScript (see "Policy" in README.md). Without it an
                  embedded one is used: SMTP on 127.0.0.1:2025, and every message goes to a sink
                  inside this process, so nothing can leave the machine.
  --data DIR      event log, message bodies and snapshots; default ${DATA_DEFAULT}
  --smtp IP:PORT  where the embedded policy listens; default ${SMTP_DEFAULT}
  --keep-log SPAN how long the log is kept at least, as 36h or 30d; default ${KEEP_LOG_DEFAULT}.
                  What living mail or a reader needs stays longer
  --validate      loads and proves the policy, says what is wrong with it, and ends; touches
                  nothing, so it may be used beside a daemon that runs
  --single-process
                  no processes of its own: for containers that supervise already. A policy that
                  hangs, or a failed disk, then ends the daemon
  --drain-delay SPAN
                  after SIGTERM mail is taken for so long while /readyz already says no, so that
                  load balancers go elsewhere before the listeners close; default 0s
  --version       prints the version
  --help          prints this

example: waybilld --policy policy.ts --data /var/spool/waybill

signals: SIGTERM and SIGINT stop in good order (a second one stops at once). SIGHUP loads the
         policy again. Under systemd it tells how it is (sd_notify: ready, reloading, stopping,
         a status line, the watchdog), with the program systemd-notify.
exit codes: 0 stopped; 64 usage; 69 an address or the data directory is in use; 70 our own mistake;
            74 the disk cannot be trusted, start again; 76 the data is of a newer version;
            78 the policy was refused.
`;

/** Reads arguments; throws an Error with one sentence when they make no sense. */
export function readArguments(argv: readonly string[]): DaemonArguments {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      policy: { type: 'string' },
      data: { type: 'string', default: DATA_DEFAULT },
      smtp: { type: 'string' },
      'keep-log': { type: 'string', default: KEEP_LOG_DEFAULT },
      'single-process': { type: 'boolean', default: false },
      'drain-delay': { type: 'string', default: '0s' },
      validate: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      version: { type: 'boolean', default: false },
    },
  });
  const { policy, data, validate, help, version } = values;
  for (const [name, value] of Object.entries({ policy, data, smtp: values.smtp })) {
    if (value === '') throw new Error(`--${name} is empty; a variable may not be set`);
  }
  if (policy !== undefined && values.smtp !== undefined) {
    throw new Error(
      '--smtp is for the embedded policy; a policy file says itself where it listens',
    );
  }
  const { smtp = SMTP_DEFAULT } = values;
  locate('--smtp', '', () => listenPlace.read(smtp));
  const drainMs = locate('--drain-delay', '', () => readDrain(values['drain-delay']));
  const keepLogMs = locate('--keep-log', '', () => duration.read(values['keep-log']));
  const isSingle = values['single-process'];
  return { policy, data, smtp, keepLogMs, isSingle, drainMs, validate, help, version };
}

function readDrain(text: string): number {
  const ms = duration.read(text);
  if (ms <= DRAIN_MS_MAX) return ms;
  throw new OptionValueError(`${text} is more than 10 minutes`, 'say less, such as 10s');
}

/** The version in package.json. */
export function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
