/**
 * The real daemon and its service manager: ready, reloads with what came of them, words of life,
 * the end; a worker that hangs gets no word of life from anybody, so that the daemon is started
 * again. Deliberately unknown here: what is said in which words (announcing).
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { NotifySocket, whyNoNotify } from '../examples/notify-socket.ts';
import { Daemon, programCommand } from './daemon.ts';
import { makeScratch, until } from './scratch.ts';

const skip = whyNoNotify();
const scratch = makeScratch('service-watchdog');
const policy = join(scratch.path, 'policy.ts');
const sockets: NotifySocket[] = [];
const daemons: Daemon[] = [];

const POLICY = `import { definePolicy } from 'waybill/policy';

export default definePolicy({
  init(setup) {
    setup.smtpListener({ listen: '127.0.0.1:0' });
  },
  smtp_server_ehlo: (domain) => {
    while (domain === 'forever.example') {}
  },
});
`;

before(() => {
  mkdirSync(scratch.path, { recursive: true });
  writeFileSync(policy, POLICY);
});
after(async () => {
  for (const daemon of daemons) await daemon.kill();
  for (const socket of sockets) socket.close();
  scratch.remove();
});

async function start(
  name: string,
  shape: 'managed' | 'single',
): Promise<{ daemon: Daemon; socket: NotifySocket; port: number; data: string }> {
  const socket = new NotifySocket(join(scratch.path, `${name}.sock`));
  sockets.push(socket);
  await socket.open();
  const environment = { NOTIFY_SOCKET: socket.path, WATCHDOG_USEC: '1500000' };
  const data = join(scratch.path, name);
  const daemon = new Daemon(policy, data, { shape, environment });
  daemons.push(daemon);
  const port = await daemon.demandPort();
  assert.ok(await until(() => socket.count('READY=1') > 0, 10_000), socket.said.join('\n'));
  return { daemon, socket, port, data };
}

/** Has the policy loop for ever. */
function hang(port: number): void {
  const client = connect(port, '127.0.0.1');
  client.on('error', () => {});
  client.write('EHLO forever.example\r\n');
}

const livesOn = (socket: NotifySocket): Promise<boolean> => {
  const now = socket.count('WATCHDOG=1');
  return until(() => socket.count('WATCHDOG=1') > now + 2, 10_000);
};

test('ready, a reload that is taken, one that is refused, the end', { skip }, async () => {
  const { daemon, socket, port, data } = await start('told', 'managed');
  const ready = `READY=1 | STATUS=ready at smtp 127.0.0.1:${port}; policy policy.ts version 1`;
  assert.ok(socket.said.includes(ready), socket.said.join('\n'));
  assert.ok(await livesOn(socket));
  const reload = (): number | null => {
    const [node = '', ...args] = programCommand('waybill');
    const command = [...args, 'policy', 'reload', '--data', data];
    return spawnSync(node, command, { encoding: 'utf8', timeout: 60_000 }).status;
  };
  const begun = (): number => socket.said.filter((line) => line.startsWith('RELOADING=1 ')).length;
  appendFileSync(policy, 'export const other = 1;\n');
  assert.equal(reload(), 0);
  const taken = ready.replace('version 1', 'version 2');
  assert.ok(await until(() => socket.said.includes(taken), 10_000), socket.said.join('\n'));
  const first = begun();
  assert.ok(first >= 1);
  appendFileSync(policy, 'export const wrong = ;\n');
  assert.equal(reload(), 1);
  const isRefused = (line: string): boolean => line.includes(`${taken}; refused: `);
  assert.ok(await until(() => socket.said.some(isRefused), 10_000), socket.said.join('\n'));
  assert.ok(begun() > first);
  writeFileSync(policy, POLICY);
  assert.equal((await daemon.stop()).code, 0);
  assert.match(socket.said.findLast((line) => line.includes('STOPPING=1')) ?? '', /SIGTERM/);
});

test('a worker that hangs is replaced, and the daemon stays in good standing', {
  skip,
}, async () => {
  const { socket, port, data } = await start('replaced', 'managed');
  const workerOf = (): number =>
    (JSON.parse(readFileSync(join(data, 'run.json'), 'utf8')) as { workers: { pid: number }[] })
      .workers[0]?.pid ?? 0;
  const hung = workerOf();
  hang(port);
  assert.ok(await until(() => workerOf() !== hung, 30_000));
  assert.ok(await livesOn(socket));
  assert.ok(await until(() => socket.said.some((line) => /last crash/.test(line)), 10_000));
});

test('where all is one process, a loop ends the words of life', { skip }, async () => {
  const { daemon, socket, port } = await start('silent', 'single');
  assert.ok(await livesOn(socket));
  hang(port);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const then = socket.count('WATCHDOG=1');
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  assert.equal(socket.count('WATCHDOG=1'), then);
  assert.ok(daemon.isRunning, 'to end it is for the service manager');
});
