/**
 * `waybill policy check`: what waybilld would say to a policy file, without telling it: loader and
 * canary in a folder that is thrown away.
 */
import process from 'node:process';
import { Command } from 'commander';
import { validatePolicy } from '../manager/validate-policy.ts';
import { EXIT, exitCodeHelp, paint, print, remark } from './terminal.ts';

const HELP = `
The policy is loaded and asked as by waybilld; a running daemon does not
notice. Domains that the policy prepares are looked up in DNS.

Example:
  $ waybill policy check policy.ts`;

/** The `policy check` command. */
export const buildCheck = (): Command =>
  new Command('check')
    .summary('what waybilld would say to a policy file')
    .description('Loads and proves a policy file without putting it in force.')
    .argument('<file>', 'the policy file')
    .option('--json', 'print the verdict as JSON')
    .addHelpText('after', () => HELP + exitCodeHelp('the policy was refused'))
    .action((file: string, flags: { readonly json?: boolean }) => run(file, flags.json === true));

const run = async (file: string, isJson: boolean): Promise<void> => {
  const { sentence, step, refusals, warnings } = await validatePolicy(file);
  const isGood = sentence === undefined;
  if (isJson) print(JSON.stringify({ isGood, step, refusals, warnings }));
  else {
    for (const warning of warnings) {
      remark(`${paint(process.stderr, 'yellow', 'warning:')} ${warning}`);
    }
    for (const refusal of refusals) {
      remark(`${paint(process.stderr, 'red', `refused by the ${step}:`)} ${refusal}`);
    }
    if (isGood) print(paint(process.stdout, 'green', `${file} is in order`));
  }
  if (!isGood) process.exitCode = EXIT.wanting;
};
