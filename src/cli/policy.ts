/**
 * `waybill policy`: looks at versions of the policy, compares and checks them, and puts one in
 * force. Each command has a file of its own; this one only joins them.
 */
import { Command } from 'commander';
import { buildCheck } from './policy-check.ts';
import { buildDiff } from './policy-diff.ts';
import { buildList } from './policy-list.ts';
import { buildActivate, buildReload, buildRollback } from './policy-orders.ts';
import { buildShow } from './policy-show.ts';
import { exitCodeHelp } from './terminal.ts';

const HELP = `
Every edit that waybilld loads becomes a numbered version; a bad one is refused and listed with the
reason. Nothing here stops mail.

Examples:
  $ waybill policy check policy.ts
  $ waybill policy list --data /var/spool/waybill
  $ waybill policy diff 3 4 --domains example.com
  $ waybill policy activate 3
  $ waybill policy rollback`;

/** The `policy` command. */
export const build = (): Command =>
  new Command('policy')
    .description(
      'Looks at, compares, checks, activates, rolls back and reloads versions of the policy.',
    )
    .addHelpText('after', () => `${HELP}\n${exitCodeHelp()}`)
    .addCommand(buildList())
    .addCommand(buildShow())
    .addCommand(buildDiff())
    .addCommand(buildCheck())
    .addCommand(buildActivate())
    .addCommand(buildRollback())
    .addCommand(buildReload());
