/**
 * Story: handlers of a policy leave a promise and a timer running that fail when nobody waits for
 * them any more. Mail flows on in the same worker, and the log says once which line it was.
 * Deliberately unknown here: how what is the policy's is told from what is ours.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { programCommand } from './daemon.ts';
import { POLICY, PolicyWorld } from './policy-world.ts';
import { makeScratch, until } from './scratch.ts';

const COPIES = 100;
const WAIT_MS_MAX = 60_000;
const TOOL_MS_MAX = 30_000;

const HANDLER = 'get_queue_config: () => ({';
const CARELESS = POLICY.replace(
  HANDLER,
  "smtp_server_mail_from() {\n      void Promise.reject(new Error('unheard'));\n      " +
    "setTimeout(() => { throw new Error('too late'); }, 1);\n    },\n    " +
    `smtp_server_rcpt_to() { void Promise.reject('no stack'); },\n    ${HANDLER}`,
);

const metric = async (data: string, series: string): Promise<number> => {
  const text = readFileSync(join(data, 'run.json'), 'utf8');
  const { httpListeners } = JSON.parse(text) as { httpListeners: string[] };
  const answer = await fetch(`http://${httpListeners[0]}/metrics`);
  const line = (await answer.text()).split('\n').find((one) => one.startsWith(series));
  return Number(line?.slice(line.lastIndexOf(' ') + 1));
};

test('what handlers leave running may fail, and the worker lives on', async () => {
  assert.notEqual(CARELESS, POLICY);
  const scratch = makeScratch('left-running');
  const world = new PolicyWorld(scratch.path);
  const [target] = world.targets;
  try {
    await world.prepare();
    world.edit('policy.ts', CARELESS);
    const daemon = world.start();
    await daemon.demandPort();
    world.startSending();
    await until(() => target.copies.length > COPIES, WAIT_MS_MAX);
    await world.stopSending();
    assert.ok(target.copies.length > COPIES, daemon.tail);
    assert.deepEqual(
      world.answers.filter(({ kind }) => kind !== 'taken'),
      [],
    );
    const series = 'policy_handler_faults_total{handler="left_running"}';
    assert.equal(await metric(world.data, series), 3);
    const [program = '', ...args] = [...programCommand('waybill'), 'status', '--json'];
    const tool = [...args, '--data', world.data];
    const { stdout, stderr } = spawnSync(program, tool, { encoding: 'utf8', timeout: TOOL_MS_MAX });
    const { workers } = JSON.parse(stdout) as { workers: { restarts: number }[] };
    assert.deepEqual(
      workers.map(({ restarts }) => restarts),
      [0],
      stderr,
    );
    for (const said of [
      /policy\.ts:\d+:\d+: what it left running failed, [^\n]*: unheard; await every promise/g,
      /policy\.ts:\d+:\d+: what it left running failed, [^\n]*: too late; await every promise/g,
      /policy\.ts: what it left running failed, [^\n]*: no stack; await every promise/g,
    ]) {
      assert.equal(daemon.tail.match(said)?.length, 1, `${said} in ${daemon.tail}`);
    }
  } finally {
    await world.close();
    scratch.remove();
  }
});
