/**
 * What a person at a terminal sees: `waybill top` on a full screen, keys and all, the terminal
 * given back however it ends; and the question before an order about many queues. Driven in tmux.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { commandLine } from './cli-run.ts';
import { LiveDaemon } from './live-kit.ts';
import { noTerminal, Terminal } from './tmux.ts';

describe('at a terminal', { skip: noTerminal }, () => {
  const live = new LiveDaemon();
  let terminal: Terminal;
  const run = (...words: string[]): void =>
    terminal.line(commandLine(...words, '--endpoint', live.endpoint));

  before(async () => {
    await live.start();
    terminal = new Terminal(120, 30);
    terminal.line("PS1='prompt> '; clear");
    await terminal.until(/^prompt>$/m);
  });
  after(async () => {
    terminal.close();
    await live.stop();
  });

  test('top shows sums, providers and queues, and leaves the screen as it was', async () => {
    terminal.line('echo before');
    run('top', '--update-interval', '0.3');
    const overview = await terminal.until(/oldest \d+.* in (one|two)\.example/);
    assert.match(
      overview,
      /^waybill top {2}http:\/\/127\.0\.0\.1:\d+ {2}\d\d:\d\d:\d\dZ {2}policy 1/,
    );
    assert.match(overview, /^messages 2 {2}queues 2 {2}ready queues 1/m);
    assert.match(overview, /^ Overview {2}Providers {2}Queues {2}Help/m);
    assert.match(overview, /^Scheduled +2 {2} +▁?█/m);
    assert.match(overview, /^q quit {2}Tab next/m);
    assert.ok(terminal.isAlternate);
    await terminal.until(/^Delivered\/s +0 {2} +▁{2,}/m);

    terminal.keys('Tab');
    const providers = await terminal.until(/^big +0 +0 +0 +0 +2 +0 +\d +2 +\d+ (s|m)/m);
    assert.match(providers, /^PROVIDER +D\/s +T\/s +P\/s +D +T +P +C +WAITING +OLDEST/m);
    terminal.keys('Tab');
    await terminal.until(/^QUEUE +MESSAGES +OLDEST +STATE +LAST ERROR/m);
    const queues = await terminal.until(/^one\.example +1 +\d+ \w.* ready +.*later/m);
    assert.match(queues, /^two\.example/m);
    assert.match(queues, /s sort \(depth\)/);
    terminal.keys('s');
    await terminal.until(/s sort \(age\)/);

    terminal.keys('f', 't', 'w', 'e', 'x');
    const filtered = await terminal.until(/filter: twex_/);
    assert.match(filtered, /^two\.example/m);
    assert.doesNotMatch(filtered, /^one\.example/m);
    terminal.keys('Escape');
    await terminal.until(/^one\.example/m);
    terminal.keys('BTab', 'BTab', 'BTab');
    await terminal.until(/Shift-Tab, left, right/);
    terminal.keys('q');
    const left = await terminal.until(() => !terminal.isAlternate);
    assert.match(left, /before\n/, 'what was there before');
    terminal.line('echo code $?');
    await terminal.until(/^code 0$/m);
    // Echo is on again: what is typed can be seen.
    terminal.keys('x', 'y', 'z');
    await terminal.until(/prompt> xyz$/m);
    terminal.keys('C-u');
  });

  test('a top that is told to end, or fails, gives the terminal back', async () => {
    for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) {
      run('top');
      await terminal.until(() => terminal.isAlternate);
      await terminal.until(/^waybill top /m);
      process.kill(terminal.foreground() as number, signal);
      await terminal.until(() => !terminal.isAlternate);
      await terminal.until(/prompt>$/m);
    }
    terminal.line(commandLine('top', '--endpoint', 'http://127.0.0.1:9'));
    await terminal.until(/no waybilld answers at/);
    assert.equal(terminal.isAlternate, false);
  });

  test('a size that changes is followed, however small', async () => {
    run('top', '--update-interval', '0.3');
    await terminal.until(/^q quit/m);
    terminal.resize(40, 8);
    const small = await terminal.until(() => terminal.screen().split('\n').length <= 9);
    assert.match(small, /^waybill top/);
    terminal.resize(120, 30);
    await terminal.until(/^Rejections\/s/m);
    terminal.keys('q');
    await terminal.until(() => !terminal.isAlternate);
  });

  test('an order about many queues is asked about', async () => {
    terminal.line('clear');
    run('suspend', '--domain', 'one.example', '--reason', 'asked');
    await terminal.until(/Suspend 1 message in 1 queue \(domain=one\.example\)\? \[y\/N\]/);
    terminal.line('n');
    await terminal.until(/nothing was done/);
    terminal.line('echo code $?');
    await terminal.until(/^code 1$/m);
    assert.equal((await live.run('suspend-list')).out, 'no queues are suspended\n');
    terminal.line('clear');
    run('suspend', '--domain', 'one.example', '--reason', 'asked');
    await terminal.until(/\[y\/N\]/);
    terminal.line('y');
    await terminal.until(/^[0-9a-f]{8}-[0-9a-f-]{27}$/m);
    assert.match((await live.run('suspend-list')).out, /asked/);
  });
});
