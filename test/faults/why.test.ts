/**
 * `waybill why` against a real daemon: it names the option that binds and the file that set it.
 * Deliberately unknown here: the reasons there are (test/examples/why).
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Told } from '../../src/manager/telling.ts';
import { Daemon, programCommand } from './daemon.ts';
import { makeProbes } from './scenario.ts';
import { makeScratch, pause } from './scratch.ts';
import { sendAll } from './sender.ts';

const PATIENCE_MS = 30_000;

const policyText = (port: number): string => `
import { definePolicy } from 'waybill/policy';
import { shaping } from 'waybill/helpers';
export default definePolicy(
  {
    init: (setup) => setup.smtpListener({ listen: '127.0.0.1:0' }),
    get_queue_config: () => ({ protocol: { smtp: { mx_list: ['127.0.0.1:${port}'] } } }),
  },
  shaping({ files: ['shaping.toml'], no_default_files: true }),
);
`;

const SHAPING = `
[default]
prohibited_hosts = []
connection_limit = 1
`;

test('waybill why names the option and the file behind it', { timeout: 120_000 }, async (t) => {
  const scratch = makeScratch('why');
  // A peer that takes connections and says nothing.
  const sockets: Socket[] = [];
  const silent = createServer((socket) => sockets.push(socket.on('error', () => {})));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const policy = join(scratch.path, 'policy.ts');
  const silentPort = (silent.address() as AddressInfo).port;
  writeFileSync(policy, policyText(silentPort));
  writeFileSync(join(scratch.path, 'shaping.toml'), SHAPING);
  const data = join(scratch.path, 'data');
  const daemon = new Daemon(policy, data);
  t.after(async () => {
    await daemon.kill();
    for (const socket of sockets) socket.destroy();
    silent.close();
    scratch.remove();
  });
  const port = await daemon.demandPort();
  await sendAll(makeProbes(3), { lines: 1, port: async () => port, answered: () => {} });
  const run = (...args: string[]) => {
    const [program = '', ...rest] = programCommand('waybill');
    return spawnSync(program, [...rest, 'why', ...args, '--data', data], { encoding: 'utf8' });
  };
  const path = `unspecified->mx_list:127.0.0.1:${silentPort}@smtp_client`;
  const untilAt = Date.now() + PATIENCE_MS;
  let told: Told | undefined;
  while (told?.reasons[0]?.name !== 'connection_limit' && Date.now() < untilAt) {
    const asked = run(path, '--path', '--json');
    if (asked.status === 0) told = JSON.parse(asked.stdout) as Told;
    await pause(200);
  }
  assert.equal(told?.reasons[0]?.name, 'connection_limit', JSON.stringify(told));
  assert.equal(told?.reasons[0]?.rule?.value, '1');
  assert.match(told?.reasons[0]?.rule?.origin ?? '', /shaping\.toml: default\.connection_limit$/);
  const shown = run(path, '--path').stdout;
  assert.match(shown, /connection_limit = 1, set in .*shaping\.toml: default\.connection_limit/);
  const nobody = run('nobody.example');
  assert.equal(nobody.status, 69);
  assert.match(nobody.stderr, /there is no queue nobody\.example/);
});
