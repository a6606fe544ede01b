/**
 * `deferred_spool` in the real daemon: SIGKILL takes what was in memory only, each message of it
 * ends on record and the ledger balances; a stop in order takes nothing.
 * Deliberately unknown here: how bodies are kept.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { Daemon, programCommand } from './daemon.ts';
import { findFreePort } from './free-port.ts';
import { readRows } from './ledger.ts';
import { makeScratch } from './scratch.ts';

const RECIPIENTS = 40;

const policyFor = (http: number, target: number): string => `
import { definePolicy } from 'waybill/policy';

export default definePolicy({
  init(setup) {
    setup.smtpListener({ listen: '127.0.0.1:0' });
    setup.httpListener({ listen: '127.0.0.1:${http}' });
  },
  get_queue_config: () => ({ protocol: { smtp: { mx_list: ['127.0.0.1:${target}'] } } }),
  get_egress_path_config: () => ({ prohibited_hosts: [], enable_tls: 'Disabled' }),
});
`;

async function inject(http: number, name: string): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${http}/api/inject/v1`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      envelope_sender: 's@x.test',
      deferred_spool: true,
      content: { subject: 'x', text_body: 'x'.repeat(2_000) },
      recipients: Array.from({ length: RECIPIENTS }, (_, at) => ({ email: `${name}${at}@d.test` })),
    }),
  });
  const text = await answer.text();
  assert.equal((JSON.parse(text) as { success_count: number }).success_count, RECIPIENTS, text);
}

interface Verified {
  readonly recipients: Readonly<Record<string, number>>;
  readonly bodies: { readonly inMemory: number; readonly lost: number };
}

function verify(data: string): Verified {
  const args = ['verify', data, '--json', '--bodies'];
  const [name = '', ...rest] = [...programCommand('waybill'), ...args];
  const done = spawnSync(name, rest, { encoding: 'utf8', timeout: 120_000 });
  assert.equal(done.status, 0, done.stdout + done.stderr);
  return JSON.parse(done.stdout) as Verified;
}

test('a kill takes what was in memory, by name; a stop takes nothing', async () => {
  const scratch = makeScratch('deferred-spool');
  const http = await findFreePort();
  // Takes connections and says nothing: first attempts wait.
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
  }).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const policy = join(scratch.path, 'policy.ts');
  const data = join(scratch.path, 'data');
  writeFileSync(policy, policyFor(http, port));
  let daemon = new Daemon(policy, data);
  try {
    await daemon.demandPort();
    await inject(http, 'killed');
    await daemon.kill();
    const killed = verify(data);
    assert.equal(killed.bodies.inMemory, RECIPIENTS, 'nothing was written');
    assert.equal(killed.recipients['live'], RECIPIENTS);
    daemon = new Daemon(policy, data);
    await daemon.demandPort();
    await inject(http, 'stopped');
    assert.equal((await daemon.stop()).code, 0);
  } finally {
    await daemon.kill();
    for (const socket of sockets) socket.destroy();
    silent.close();
  }
  const stopped = verify(data);
  assert.deepEqual(stopped.bodies.inMemory, 0);
  assert.deepEqual(stopped.bodies.lost, 0);
  assert.deepEqual([stopped.recipients['lost'], stopped.recipients['live']], [40, 40]);
  const types = readRows(data).map(({ type }) => type);
  assert.equal(types.filter((type) => type === 'message.lost').length, RECIPIENTS);
  assert.equal(types.filter((type) => type === 'message.moved').length, RECIPIENTS);
  scratch.remove();
});
