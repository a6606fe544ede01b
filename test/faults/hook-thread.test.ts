/**
 * The thread of the readers dies of an operator's code, and is stopped and started with the daemon:
 * mail does not notice, records come all the same, and what an operator said of a hook outlives
 * every process. The hook's sink is code of the policy that writes into a file.
 * Deliberately unknown here: threads; only the programs, mail and the file.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { Daemon, programCommand } from './daemon.ts';
import type { ProbeShape } from './probe-mail.ts';
import { makeProbe } from './probe-mail.ts';
import { makeScratch, until } from './scratch.ts';
import type { Answer } from './sender.ts';
import { sendAll } from './sender.ts';
import { Target } from './target.ts';

const SHAPE: ProbeShape = { domains: 3, bodyBytes: 500, pairEvery: 0 };
const MESSAGES = 60;
const WAIT_MS_MAX = 60_000;

/** A policy whose sink appends to a file, and blows up its thread with the first batch there is. */
const policyText = (folder: string, port: number): string => `
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { definePolicy } from 'waybill/policy';
const sink = {
  sendBatch(messages) {
    if (messages.some((one) => one.is_replay)) return new Promise(() => {});
    if (!existsSync('${folder}/blown')) {
      writeFileSync('${folder}/blown', '');
      setImmediate(() => { throw new Error('boom'); });
      return new Promise(() => {});
    }
    const lines = messages.map(({ text }) => text + '\\n').join('');
    appendFileSync('${folder}/records', lines);
    return 'kept';
  },
};
export default definePolicy({
  init(setup) {
    setup.smtpListener({ listen: '127.0.0.1:0' });
    setup.logHook({ name: 'keeper', custom: sink, batch_size: 20, types: ['Delivery'] });
  },
  get_queue_config: () => ({
    protocol: { smtp: { mx_list: ['127.0.0.1:${port}'] } },
    retry_interval: '1s',
  }),
  get_egress_path_config: () => ({ prohibited_hosts: [], enable_tls: 'Disabled' }),
});
`;

class Run {
  readonly folder: string;
  readonly data: string;
  readonly target = new Target();
  daemon: Daemon | undefined;
  #sent = 0;

  constructor(context: TestContext) {
    const scratch = makeScratch('hook-thread');
    this.folder = scratch.path;
    this.data = join(this.folder, 'data');
    context.after(async () => {
      await this.daemon?.kill();
      await this.target.close();
      scratch.remove();
    });
  }

  async start(): Promise<Daemon> {
    const policy = join(this.folder, 'policy.ts');
    if (!existsSync(policy)) {
      writeFileSync(policy, policyText(this.folder, await this.target.open()));
    }
    this.daemon = new Daemon(policy, this.data);
    await this.daemon.demandPort();
    return this.daemon;
  }

  async send(): Promise<void> {
    const answers: Answer[] = [];
    const probes = Array.from({ length: MESSAGES }, (_, at) =>
      makeProbe(this.#sent + at + 1, SHAPE),
    );
    this.#sent += MESSAGES;
    const port = () => this.daemon?.port() ?? Promise.resolve(undefined);
    await sendAll(probes, { lines: 2, port, answered: (answer) => answers.push(answer) });
    assert.equal(answers.filter(({ kind }) => kind === 'taken').length, MESSAGES);
  }

  records(): string[] {
    const path = join(this.folder, 'records');
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
  }

  hooks(...args: string[]): string {
    const [program = '', ...rest] = programCommand('waybill');
    return execFileSync(program, [...rest, 'hooks', ...args, '--data', this.data], {
      encoding: 'utf8',
    });
  }

  async untilRecords(count: number): Promise<void> {
    await until(() => this.records().length >= count, WAIT_MS_MAX);
    assert.equal(this.records().length, count, this.daemon?.tail);
  }
}

test('the thread of hooks dies, mail goes on, and no record is missing', async (context) => {
  const run = new Run(context);
  const daemon = await run.start();
  await run.send();
  await run.untilRecords(MESSAGES);
  assert.match(daemon.tail, /boom/);
  assert.match(daemon.tail, /the thread of log hooks ended; it is started again/);
  const ids = run.records().map((line) => (JSON.parse(line) as { event_id: string }).event_id);
  const positions = ids.map((id) => Number.parseInt(id, 10));
  assert.deepEqual(
    positions,
    [...positions].sort((one, other) => one - other),
  );
  assert.equal(new Set(ids).size, MESSAGES);
});

test('a paused hook stays paused over a kill, and goes on where it was', async (context) => {
  const run = new Run(context);
  writeFileSync(join(run.folder, 'blown'), '');
  await run.start();
  await run.send();
  await run.untilRecords(MESSAGES);
  run.hooks('pause', 'keeper');
  await run.send();
  await run.daemon?.kill();
  await run.start();
  await until(() => /keeper \(custom\): paused/.test(run.hooks()), WAIT_MS_MAX);
  assert.match(run.hooks(), /keeper \(custom\): paused/);
  assert.equal(run.records().length, MESSAGES);
  run.hooks('resume', 'keeper');
  await run.untilRecords(2 * MESSAGES);
  const { code } = (await run.daemon?.stop()) ?? {};
  assert.equal(code, 0);
});

test('a replay whose receiver hangs is cancelled, and stays so', async (context) => {
  const run = new Run(context);
  writeFileSync(join(run.folder, 'blown'), '');
  await run.start();
  await run.send();
  await run.untilRecords(MESSAGES);
  assert.throws(() => run.hooks('cancel', 'keeper'), /no replay under way/);
  run.hooks('replay', 'keeper', '--from', '2020-01-01T00:00:00Z', '--to', '2120-01-01T00:00:00Z');
  assert.match(run.hooks(), /replay at \d+ of \d+/);
  assert.match(run.hooks('cancel', 'keeper'), /the replays of keeper are over/);
  assert.doesNotMatch(run.hooks(), /replay at/);
  await run.daemon?.kill();
  await run.start();
  await until(() => /keeper \(custom\): watching/.test(run.hooks()), WAIT_MS_MAX);
  assert.doesNotMatch(run.hooks(), /replay at/);
  await run.send();
  await run.untilRecords(2 * MESSAGES);
});
