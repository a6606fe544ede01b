/**
 * What is said to a service manager arrives: with the real program and a real socket, in order,
 * joined while one message is on its way; and where it cannot be said, that is told once.
 * Deliberately unknown here: when the daemon says what (announcing).
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openServiceNotices } from '../../src/ports/node/service-notices.ts';
import { makeScratch, until } from '../faults/scratch.ts';
import { NotifySocket, whyNoNotify } from './notify-socket.ts';

const skip = whyNoNotify();
const scratch = makeScratch('service-notices');
let socket: NotifySocket;
let complaints: string[] = [];

before(async () => {
  mkdirSync(scratch.path, { recursive: true });
  socket = new NotifySocket(join(scratch.path, 'notify.sock'));
  if (!skip) await socket.open();
});
after(() => {
  socket.close();
  scratch.remove();
});

const open = (environment: NodeJS.ProcessEnv = {}) => {
  complaints = [];
  const notices = openServiceNotices(
    { ...process.env, NOTIFY_SOCKET: socket.path, ...environment },
    (sentence) => complaints.push(sentence),
  );
  assert.ok(notices);
  return notices;
};

test('states come in order, a line stays a line, what comes meanwhile is joined', {
  skip,
}, async () => {
  const notices = open();
  notices.tell({ state: 'ready', status: 'all\nis  well' });
  notices.tell({ state: 'reloading' });
  notices.tell({ status: 'one' });
  notices.tell({ isAlive: true });
  notices.tell({ status: 'two' });
  notices.tell({ state: 'stopping' });
  assert.ok(await until(() => socket.said.length >= 3, 10_000));
  const [first, second, third] = socket.said;
  assert.equal(first, 'READY=1 | STATUS=all is well');
  assert.match(second ?? '', /^RELOADING=1 \| MONOTONIC_USEC=\d+ \| STATUS=two \| WATCHDOG=1$/);
  assert.equal(third, 'STOPPING=1');
  assert.deepEqual(complaints, []);
});

test('a slow receiver costs a bounded number of messages', { skip }, async () => {
  const notices = open();
  const before = socket.said.length;
  for (let at = 0; at < 1_000; at += 1) {
    notices.tell({ state: 'reloading' });
    notices.tell({ state: 'ready', status: String(at) });
  }
  assert.ok(await until(() => socket.count('STATUS=999') === 1, 20_000));
  assert.ok(socket.said.length - before <= 10, socket.said.slice(before).join('\n'));
});

test('nobody hears without a socket, and a watchdog of another process is none', () => {
  assert.equal(
    openServiceNotices({}, () => {}),
    undefined,
  );
  const watchdogOf = (environment: NodeJS.ProcessEnv) =>
    openServiceNotices({ NOTIFY_SOCKET: '/x', ...environment }, () => {})?.watchdogMs;
  assert.equal(watchdogOf({ WATCHDOG_USEC: '30000000' }), 30_000);
  assert.equal(watchdogOf({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: `${process.pid}` }), 30_000);
  assert.equal(watchdogOf({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '1' }), undefined);
  assert.equal(watchdogOf({ WATCHDOG_USEC: 'x' }), undefined);
  assert.equal(watchdogOf({ WATCHDOG_USEC: '0' }), undefined);
  assert.equal(watchdogOf({}), undefined);
});

test('a missing program is told once, with the way out', async () => {
  const notices = open({ PATH: scratch.path });
  notices.tell({ state: 'ready' });
  notices.tell({ state: 'reloading' });
  assert.ok(await until(() => complaints.length > 0, 10_000));
  notices.tell({ isAlive: true });
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(complaints.length, 1);
  assert.match(complaints[0] ?? '', /no program systemd-notify in PATH; install it, or start/);
});

test('a socket that nobody has is told once', { skip }, async () => {
  const environment = { ...process.env, NOTIFY_SOCKET: join(scratch.path, 'nobody') };
  const told: string[] = [];
  const notices = openServiceNotices(environment, (sentence) => told.push(sentence));
  notices?.tell({ isAlive: true });
  assert.ok(await until(() => told.length === 1, 10_000));
  assert.match(told[0] ?? '', /cannot be told how the daemon is: .*No such file/);
});

test('a program that does not end is given up, and the next word is said', async () => {
  const folder = join(scratch.path, 'bin');
  const log = join(scratch.path, 'called');
  mkdirSync(folder);
  const program = `#!/bin/sh\necho "$@" >> ${log}\ncase "$*" in *READY*) exec sleep 60;; esac\n`;
  writeFileSync(join(folder, 'systemd-notify'), program, { mode: 0o755 });
  const notices = open({ PATH: `${folder}:${process.env['PATH']}` });
  notices.tell({ state: 'ready' });
  notices.tell({ state: 'stopping' });
  assert.ok(await until(() => complaints.length === 1, 20_000));
  assert.ok(await until(() => readFileSync(log, 'utf8') === 'READY=1\nSTOPPING=1\n', 5_000));
});
