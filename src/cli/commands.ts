/**
 * The commands of `waybill`, one line each: the name, the heading under which help shows it, what
 * it does in a few words, and where it lives. A command's file is loaded only when it is named.
 * Deliberately unknown here: options and what commands do.
 */
import type { Command } from 'commander';

/** Gives all commands with their options, for those that speak of the others. */
export type LoadTree = () => Promise<Command>;

/** Makes a command with its options, help and action. */
export type BuildCommand = (loadTree: LoadTree) => Command;

/** A command as the program knows it before it is loaded. */
export interface CommandEntry {
  readonly name: string;
  readonly group: string;
  readonly summary: string;
  readonly load: () => Promise<BuildCommand>;
}

const WATCH = 'Watch:';
const LOOK = 'Look into queues:';
const ORDER = 'Act on mail:';
const DAEMON = 'The daemon and its policy:';
const LOG = 'The event log:';
const TOOLS = 'Tools:';

const command = <Name extends string, File extends Readonly<Record<Name, BuildCommand>>>(
  group: string,
  name: string,
  summary: string,
  load: () => Promise<File>,
  build: Name,
): CommandEntry => ({ name, group, summary, load: async () => (await load())[build] });

const sched = () => import('./suspend.ts');
const ready = () => import('./suspend-ready.ts');
const source = () => import('./suspend-source.ts');
const bounce = () => import('./bounce.ts');
const inspect = () => import('./inspect.ts');
const inspectReady = () => import('./inspect-ready.ts');
const small = () => import('./small-orders.ts');
const trace = () => import('./trace.ts');

/** All commands, in the order in which help shows them. */
export const COMMANDS: readonly CommandEntry[] = [
  command(
    WATCH,
    'top',
    'rates, depths and the oldest mail, live',
    () => import('./top.ts'),
    'build',
  ),
  command(WATCH, 'trace-smtp-client', 'our conversations with receivers', trace, 'buildClient'),
  command(WATCH, 'trace-smtp-server', 'conversations of clients with us', trace, 'buildServer'),
  command(WATCH, 'tail', 'follow log files and print records', () => import('./tail.ts'), 'build'),

  command(
    LOOK,
    'why',
    'why a queue, a message or a source waits',
    () => import('./why.ts'),
    'build',
  ),
  command(
    LOOK,
    'queue-summary',
    'ready and scheduled queues',
    () => import('./queue-summary.ts'),
    'build',
  ),
  command(
    LOOK,
    'provider-summary',
    'mail by provider',
    () => import('./provider-summary.ts'),
    'build',
  ),
  command(LOOK, 'inspect-message', 'one message', inspect, 'buildMessage'),
  command(
    LOOK,
    'inspect-sched-q',
    'a scheduled queue and its first messages',
    inspect,
    'buildQueue',
  ),
  command(LOOK, 'inspect-ready-q', 'a ready queue and its connections', inspectReady, 'build'),
  command(
    LOOK,
    'resolve-egress-path',
    'where mail of a domain would go',
    inspectReady,
    'buildPath',
  ),

  command(ORDER, 'suspend', 'stop scheduled queues until a time', sched, 'buildPlace'),
  command(ORDER, 'suspend-list', 'what is suspended', sched, 'buildList'),
  command(ORDER, 'suspend-cancel', 'take a suspension back', sched, 'buildCancel'),
  command(ORDER, 'suspend-ready-q', 'keep a source from a site until a time', ready, 'buildPlace'),
  command(ORDER, 'suspend-ready-q-list', 'which ready queues are suspended', ready, 'buildList'),
  command(ORDER, 'suspend-ready-q-cancel', 'let a ready queue go on', ready, 'buildCancel'),
  command(ORDER, 'suspend-source', 'take a source out of rotation', source, 'buildPlace'),
  command(ORDER, 'suspend-source-list', 'which sources are out of rotation', source, 'buildList'),
  command(ORDER, 'suspend-source-cancel', 'bring a source back', source, 'buildCancel'),
  command(ORDER, 'bounce', 'bounce the mail of queues', bounce, 'buildPlace'),
  command(ORDER, 'bounce-list', 'bounces, and what they have ended', bounce, 'buildList'),
  command(ORDER, 'bounce-cancel', 'end a bounce', bounce, 'buildCancel'),
  command(
    ORDER,
    'rebind',
    'move waiting mail, or make it due',
    () => import('./rebind.ts'),
    'build',
  ),
  command(ORDER, 'abort-ready-q-conn', 'end one connection', small, 'buildAbort'),
  command(ORDER, 'inject', 'send a message over HTTP', () => import('./inject.ts'), 'build'),

  command(DAEMON, 'status', 'what a running waybilld does', () => import('./status.ts'), 'build'),
  command(DAEMON, 'policy', 'versions of the policy', () => import('./policy.ts'), 'build'),
  command(
    DAEMON,
    'check',
    'try a policy in a simulated world',
    () => import('./check.ts'),
    'build',
  ),
  command(
    DAEMON,
    'simulate',
    'what a policy would do with a day of mail',
    () => import('./simulate.ts'),
    'build',
  ),
  command(DAEMON, 'hooks', 'log hooks: look, pause, replay', () => import('./hooks.ts'), 'build'),
  command(DAEMON, 'set-log-filter', 'how much the daemon logs', small, 'buildFilter'),
  command(DAEMON, 'spool-compact', 'give the space of ended bodies back', small, 'buildCompact'),

  command(LOG, 'verify', 'prove that no mail was lost', () => import('./verify.ts'), 'build'),
  command(LOG, 'journey', 'what happened to a message', () => import('./journey.ts'), 'build'),
  command(LOG, 'at', 'what was so at an earlier time', () => import('./at.ts'), 'build'),
  command(LOG, 'diff', 'what differs between two times', () => import('./diff.ts'), 'build'),
  command(LOG, 'history', 'the walk of a queue or source', () => import('./history.ts'), 'build'),
  command(LOG, 'replay', 'ask a policy what was asked', () => import('./replay.ts'), 'build'),
  command(LOG, 'bundle', 'an incident in one file', () => import('./bundle.ts'), 'build'),
  command(LOG, 'erase', 'erase recipients from the log', () => import('./erase.ts'), 'build'),
  command(LOG, 'sql', 'ask the log in SQL, reading only', () => import('./sql.ts'), 'build'),

  command(TOOLS, 'sink', 'receive mail and throw it away', () => import('./sink.ts'), 'build'),
  command(
    TOOLS,
    'traffic',
    'send generated mail and measure',
    () => import('./traffic.ts'),
    'build',
  ),
  command(TOOLS, 'completion', 'completion for shells', () => import('./completion.ts'), 'build'),
];
