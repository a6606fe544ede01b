/**
 * `waybill top` on a full screen beside a waybilld that is killed as by power, and comes back on
 * its log: the screen stays, says that nobody answers, shows no old number, and goes on by itself.
 * Driven in tmux and read back. Deliberately unknown here: what it prints as lines.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Daemon } from '../faults/daemon.ts';
import { findFreePort } from '../faults/free-port.ts';
import { makeScratch } from '../faults/scratch.ts';
import { commandLine, waybill } from './cli-run.ts';
import { noTerminal, Terminal } from './tmux.ts';

const policyText = (port: number): string => `import { definePolicy } from 'waybill/policy';
export default definePolicy({
  init(setup) {
    setup.smtpListener({ listen: '127.0.0.1:0' });
    setup.httpListener({ listen: '127.0.0.1:${port}' });
  },
  get_queue_config: () => ({
    retry_interval: '1h',
    protocol: { smtp: { mx_list: ['127.0.0.1:9'] } },
  }),
  get_egress_path_config: () => ({ prohibited_hosts: [] }),
});
`;

describe('top beside a waybilld that is killed', { skip: noTerminal }, () => {
  const scratch = makeScratch('top-killed');
  const policy = join(scratch.path, 'policy.ts');
  const data = join(scratch.path, 'data');
  let endpoint = '';
  let daemon: Daemon | undefined;
  let terminal: Terminal | undefined;

  const start = async (): Promise<void> => {
    daemon = new Daemon(policy, data);
    await daemon.demandPort();
  };

  before(async () => {
    mkdirSync(scratch.path, { recursive: true });
    const port = await findFreePort();
    endpoint = `http://127.0.0.1:${port}`;
    writeFileSync(policy, policyText(port));
    await start();
    const words = ['--from', 'me@here.example', '--to', 'you@old.example', '--text', 'hello'];
    const sent = await waybill('inject', ...words, '--endpoint', endpoint);
    assert.equal(sent.code, 0, sent.err);
    terminal = new Terminal(120, 30);
    terminal.line("PS1='prompt> '; clear");
    await terminal.until(/^prompt>$/m);
  });
  after(async () => {
    terminal?.close();
    await daemon?.kill();
    scratch.remove();
  });

  test('it says so, shows nothing old as new, and goes on when it is back', async () => {
    assert.ok(terminal !== undefined && daemon !== undefined);
    terminal.line(commandLine('top', '--update-interval', '0.3', '--endpoint', endpoint));
    await terminal.until(/^messages 1 .*oldest \d+.* in old\.example/m);
    assert.equal((await daemon.kill()).signal, 'SIGKILL');
    const lost = await terminal.until(/no waybilld answers at http/);
    assert.ok(terminal.isAlternate, 'the screen stays');
    const alone = /^messages -/m.test(lost) ? lost : await terminal.until(/^messages -/m);
    assert.doesNotMatch(alone, /in old\.example/, 'nothing old as new');
    // What was looked at before has no numbers now; keys are still heard.
    terminal.keys('Tab');
    await terminal.until(/^PROVIDER/m);
    terminal.keys('BTab');
    await terminal.until(/^Messages +-/m);
    await start();
    const back = await terminal.until(/^messages 1 .*oldest \d+.* in old\.example/m);
    assert.match(back, /^Messages +1 /m);
    // The fault leaves the screen by itself.
    await terminal.until(() => !/no waybilld answers/.test(terminal?.screen() ?? ''));
    terminal.keys('q');
    await terminal.until(() => terminal?.isAlternate === false);
    terminal.line('echo code $?');
    await terminal.until(/^code 0$/m);
  });
});
