/**
 * The processes of a broker end with whoever started them, however that went: nothing is left over
 * on a machine whose tests were killed. Knows no broker.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeScratch, until } from './scratch.ts';

const WAIT_MS_MAX = 30_000;
const GROUP = new URL('../../scripts/brokers/process.ts', import.meta.url).href;

/** Starts a process that does nothing for long, and tells its id. */
const starter = (logFile: string): string => `
import { ProcessGroup } from ${JSON.stringify(GROUP)};
const args = ['600'];
console.log(new ProcessGroup({ program: 'sleep', args, logFile: ${JSON.stringify(logFile)} }).id);
setInterval(() => {}, 1_000);
`;

test('a broker does not outlive a starter that was killed', async (t) => {
  const scratch = makeScratch('broker-process');
  t.after(() => scratch.remove());
  const text = starter(join(scratch.path, 'log'));
  const args = ['--import', 'tsx', '--input-type=module', '--eval', text];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => {
    said += bytes;
  });
  assert.ok(await until(() => said.endsWith('\n'), WAIT_MS_MAX), 'it did not start');
  const place = `/proc/${Number(said)}/cmdline`;
  assert.ok(existsSync(place));
  child.kill('SIGKILL');
  assert.ok(await until(() => !existsSync(place), WAIT_MS_MAX), 'it lives on');
});
