/**
 * A stop in good order, as a load balancer and a client see it: first health says no while mail is
 * still taken, then intake closes while health goes on saying no, what is in hand is finished and
 * recorded, then nothing answers. Deliberately unknown here: what a stop costs a delivery that does
 * not end (the life of a connection).
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Daemon } from './daemon.ts';
import { MeasuringSink } from './measuring-sink.ts';
import { makeProbe } from './probe-mail.ts';
import { makeScratch, until } from './scratch.ts';
import type { Answer } from './sender.ts';
import { sendAll } from './sender.ts';
import { verifyData } from './verify.ts';

const DRAIN_MS = 8_000;
/** The receiver takes so long to answer the final dot, ms. */
const DOT_MS = 14_000;
const SHAPE = { domains: 1, bodyBytes: 3_000, pairEvery: 0 };
const scratch = makeScratch('drain');
const data = join(scratch.path, 'data');
const sink = new MeasuringSink(DOT_MS);
let daemon: Daemon;
let base = '';

const policyText = (port: number): string => `import { definePolicy } from 'waybill/policy';

export default definePolicy({
  init(setup) {
    setup.smtpListener({ listen: '127.0.0.1:0' });
    setup.httpListener({ listen: '127.0.0.1:0' });
  },
  get_queue_config: () => ({ protocol: { smtp: { mx_list: ['127.0.0.1:${port}'] } } }),
  get_egress_path_config: () => ({ prohibited_hosts: [], enable_tls: 'Disabled' }),
});
`;

before(async () => {
  mkdirSync(scratch.path, { recursive: true });
  const policy = join(scratch.path, 'policy.ts');
  writeFileSync(policy, policyText(await sink.open()));
  daemon = new Daemon(policy, data, { args: ['--drain-delay', `${DRAIN_MS}ms`] });
  await daemon.demandPort();
  const run = JSON.parse(readFileSync(join(data, 'run.json'), 'utf8')) as {
    readonly httpListeners: readonly string[];
  };
  base = `http://${run.httpListeners[0]}`;
});
after(async () => {
  await daemon.kill();
  await sink.close();
  scratch.remove();
});

const statusOf = async (path: string, init: RequestInit = {}): Promise<number> =>
  await fetch(base + path, { ...init, headers: { 'content-type': 'application/json' } }).then(
    ({ status }) => status,
    () => 0,
  );

async function send(number: number): Promise<Answer['kind'] | 'no connection'> {
  let kind: Answer['kind'] | 'no connection' = 'no connection';
  const port = await daemon.port();
  let asked = 0;
  await sendAll([makeProbe(number, SHAPE)], {
    lines: 1,
    // One try is enough: a closed port stays closed.
    port: async () => (asked++ === 0 ? port : undefined),
    answered: (answer) => {
      kind = answer.kind;
    },
  });
  return kind;
}

/** Waits until a route answers so. */
async function sees(path: string, status: number, waitMsMax: number): Promise<boolean> {
  const end = performance.now() + waitMsMax;
  while (performance.now() < end) {
    if ((await statusOf(path)) === status) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}

const INJECT = { method: 'POST', body: '{}' };

test('health first, then intake, then what is in hand, then silence', async () => {
  assert.equal(await statusOf('/readyz'), 200);
  assert.equal(await send(1), 'taken');
  assert.ok(await until(() => sink.messages.length === 1, 10_000), 'the receiver has it in hand');
  const stopping = daemon.stop();
  assert.ok(await sees('/readyz', 503, DRAIN_MS));
  assert.equal(await statusOf('/livez'), 200);
  assert.equal(await send(2), 'taken', 'who has not heard yet is not turned away');
  assert.notEqual(await statusOf('/api/inject/v1', INJECT), 503);
  const why = await (await fetch(`${base}/readyz`)).text();
  assert.match(why, /421 4\.3\.2 the service is stopping/);
  assert.ok(await sees('/api/machine-info', 503, 2 * DRAIN_MS));
  assert.notEqual(await send(3), 'taken');
  assert.equal(await statusOf('/api/inject/v1', INJECT), 503);
  assert.deepEqual(
    [await statusOf('/readyz'), await statusOf('/livez'), await statusOf('/metrics')],
    [503, 200, 200],
  );
  assert.equal((await stopping).code, 0);
  assert.equal(await statusOf('/livez'), 0);
  const { code, text, unknown } = verifyData(data);
  assert.equal(code, 0, text);
  assert.deepEqual(unknown, [], 'what was in hand was finished');
  assert.equal(sink.messages.length, 2);
});
