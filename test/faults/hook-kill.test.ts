/**
 * SIGKILL at random moments while mail passes through and a hook ships its records over HTTP.
 * The one idea: the receiver writes down every record in the order it came; at the end that is the
 * log projected record by record, but for repeats: in each life of the daemon at most the one batch
 * that was under way before.
 * Deliberately unknown here: threads, cursors, sinks.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { openLogTail } from '../../src/events/log-tail.ts';
import { createFacts } from '../../src/projections/acceptances.ts';
import { project } from '../../src/projections/log-record/project.ts';
import { Daemon } from './daemon.ts';
import type { ProbeShape } from './probe-mail.ts';
import { makeProbe } from './probe-mail.ts';
import type { Dice } from './scratch.ts';
import { isFullRun, makeDice, makeScratch, pause, seedOfRun, until } from './scratch.ts';
import type { Answer } from './sender.ts';
import { sendAll } from './sender.ts';
import { Target } from './target.ts';

const MESSAGES = isFullRun() ? 4_000 : 1_200;
const KILLS = isFullRun() ? 20 : 6;
const BATCH_RECORDS = 50;
const LINES = 8;
const DRAIN_MS_MAX = 90_000;
/** Three retry intervals, and time for a batch. */
const QUIET_MS = 3_000;
const SHAPE: ProbeShape = { domains: 7, bodyBytes: 2_000, pairEvery: 20 };

const policyText = (targetPort: number, hookPort: number): string => `
import { definePolicy } from 'waybill/policy';
export default definePolicy({
  init(setup) {
    setup.smtpListener({ listen: '127.0.0.1:0' });
    setup.logHook({
      name: 'webhook',
      url: 'http://127.0.0.1:${hookPort}/log',
      batch_size: ${BATCH_RECORDS},
      start: 'beginning',
    });
  },
  get_queue_config: () => ({
    protocol: { smtp: { mx_list: ['127.0.0.1:${targetPort}'] } },
    retry_interval: '1s',
    max_retry_interval: '1s',
  }),
  get_egress_path_config: () => ({ prohibited_hosts: [], enable_tls: 'Disabled' }),
});
`;

/** A receiver that remembers the ids it was sent, batch by batch, and is in no hurry. */
class Receiver {
  readonly batches: string[][] = [];
  #heardAt = performance.now();
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
      const records = (Array.isArray(body) ? body : [body]) as { readonly event_id: string }[];
      this.#heardAt = performance.now();
      this.batches.push(records.map(({ event_id }) => event_id));
      await pause(5);
      response.end();
    });
  });

  async listen(): Promise<number> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
    return (this.#server.address() as AddressInfo).port;
  }

  get quietMs(): number {
    return performance.now() - this.#heardAt;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** The ids of all records that the log of a stopped daemon makes, in order. */
function idsOfLog(dir: string): string[] {
  const tail = openLogTail({ dir, reported: ({ sentence }) => assert.fail(sentence) });
  const facts = createFacts(tail, 'node');
  const ids: string[] = [];
  for (let cursor = 0; cursor < tail.upto(); ) {
    const { records, upto } = tail.read(cursor, 1_000);
    for (const record of records) {
      const made = project(record, facts);
      if (made !== undefined) ids.push(made.event_id);
    }
    cursor = upto;
  }
  tail.close();
  return ids;
}

/** Everything came, in order; whatever came again came at most a batch late, once for each life. */
function judge(batches: readonly string[][], wanted: readonly string[], lives: number): number {
  const numberOf = new Map(wanted.map((id, index) => [id, index]));
  let next = 0;
  let repeats = 0;
  let goesBack = 0;
  for (const batch of batches) {
    assert.ok(batch.length <= BATCH_RECORDS);
    const first = numberOf.get(batch[0] as string);
    assert.ok(first !== undefined, `record ${batch[0]} is not of the log`);
    assert.ok(first <= next, `records ${next} to ${first - 1} were passed over`);
    assert.ok(next - first <= BATCH_RECORDS, `goes back ${next - first}, more than one batch`);
    if (first < next) goesBack += 1;
    for (const [index, id] of batch.entries()) assert.equal(numberOf.get(id), first + index);
    repeats += Math.min(batch.length, next - first);
    next = Math.max(next, first + batch.length);
  }
  assert.equal(next, wanted.length, 'the last records did not come');
  assert.ok(goesBack < lives, `${goesBack} batches came again in ${lives} lives`);
  return repeats;
}

/** Lives of the daemon, one after the other, while mail is handed over. */
class Run {
  readonly answers: Answer[] = [];
  readonly receiver = new Receiver();
  readonly target = new Target();
  readonly policy: string;
  readonly data: string;
  daemon: Daemon | undefined;

  constructor(folder: string) {
    this.policy = join(folder, 'policy.ts');
    this.data = join(folder, 'data');
  }

  async begin(): Promise<void> {
    const text = policyText(await this.target.open(), await this.receiver.listen());
    writeFileSync(this.policy, text);
    this.daemon = new Daemon(this.policy, this.data);
  }

  async findPort(): Promise<number | undefined> {
    const end = performance.now() + DRAIN_MS_MAX;
    while (performance.now() < end) {
      const port = await this.daemon?.port();
      if (port !== undefined && this.daemon?.isRunning) return port;
      await pause(10);
    }
    return undefined;
  }

  async killInTurns(dice: Dice): Promise<void> {
    for (let kills = 0; kills < KILLS; kills++) {
      const due = Math.min(MESSAGES, this.answers.length + 20 + dice.below(MESSAGES / KILLS));
      await until(() => this.answers.length >= due, DRAIN_MS_MAX);
      // Mostly in the midst of shipping; sometimes before the readers have begun.
      const { batches } = this.receiver;
      const before = batches.length;
      if (kills % 3 !== 2) await until(() => batches.length > before + 1, DRAIN_MS_MAX);
      await pause(dice.below(50));
      await this.daemon?.kill();
      this.daemon = new Daemon(this.policy, this.data);
    }
  }

  async close(): Promise<void> {
    await this.daemon?.kill();
    this.receiver.close();
    await this.target.close();
  }
}

test('killed again and again, a hook ships every record in order', async (context) => {
  const seed = seedOfRun();
  const scratch = makeScratch('hook-kill');
  const run = new Run(scratch.path);
  context.after(async () => {
    await run.close();
    scratch.remove();
  });
  await run.begin();
  const probes = Array.from({ length: MESSAGES }, (_, at) => makeProbe(at + 1, SHAPE));
  await Promise.all([
    run.killInTurns(makeDice(seed)),
    sendAll(probes, {
      lines: LINES,
      port: () => run.findPort(),
      answered: (answer) => run.answers.push(answer),
    }),
  ]);
  await run.daemon?.demandPort();
  const { receiver, target } = run;
  const isDrained = (): boolean =>
    new Set(receiver.batches.flat()).size >= 2 * MESSAGES &&
    target.quietMs > QUIET_MS &&
    receiver.quietMs > QUIET_MS;
  await until(isDrained, DRAIN_MS_MAX);
  assert.deepEqual(await run.daemon?.stop(), { code: 0, signal: null }, run.daemon?.tail);
  const wanted = idsOfLog(run.data);
  const repeats = judge(receiver.batches, wanted, KILLS + 1);
  context.diagnostic(`seed ${seed}: ${wanted.length} records, ${repeats} came again`);
  assert.ok(wanted.length >= 2 * MESSAGES, 'mail passed through');
});
