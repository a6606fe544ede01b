/**
 * The world of the runs with log hooks: a daemon with hooks, a steady flow of mail of which the
 * target defers and refuses some, and the operator's view of each hook.
 * The one idea: while a run breaks receivers or the daemon, mail is watched as well; at the end
 * everything is drained, and each hook is judged against the log that is left on the disk.
 * Deliberately unknown here: receivers, faults.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { showHook } from '../../src/api/hook-routes.ts';
import { askManager } from '../../src/manager/control-client.ts';
import type { LogRecord } from '../../src/projections/log-record/record.ts';
import { judgeRun } from './conservation.ts';
import { Daemon } from './daemon.ts';
import { readLedger } from './ledger.ts';
import { mixedFate, promisedOf, SHAPE } from './scenario.ts';
import { makeScratch, pause, until } from './scratch.ts';
import { recordsOfLog } from './shipping.ts';
import { SteadyMail } from './steady-mail.ts';
import { Target } from './target.ts';
import { verifyData } from './verify.ts';

/** 150 a second, some 320 records. */
const ROUND = { messages: 15, everyMs: 100 };
const WAIT_MS_MAX = 120_000;
/** Longer than a message that was deferred stays away. */
const QUIET_MS = 2_500;
const LOOK_MS = 100;

/** The options of one hook, as the policy gives them. */
export interface HookOptions {
  readonly name: string;
  readonly batch_size?: number;
  readonly [option: string]: unknown;
}

/** What the policy sets up besides a listener. */
export interface HookPolicy {
  readonly hooks?: readonly HookOptions[];
  readonly localLogs?: readonly object[];
}

/** What an operator sees of a hook. */
export type HookView = ReturnType<typeof showHook>;

/** A dead letter as it lies in the file. */
export interface DeadLine {
  readonly event_id: string;
  readonly reason: string;
  readonly record: LogRecord;
}

const policyText = (target: number, { hooks = [], localLogs = [] }: HookPolicy): string => `
import { definePolicy } from 'waybill/policy';
export default definePolicy({
  init(setup) {
    setup.smtpListener({ listen: '127.0.0.1:0' });
    setup.httpListener({ listen: '127.0.0.1:0' });
${hooks.map((hook) => `    setup.logHook(${JSON.stringify(hook)});\n`).join('')}\
${localLogs.map((logs) => `    setup.localLogs(${JSON.stringify(logs)});\n`).join('')}\
  },
  get_queue_config: (domain) => domain.endsWith('.log_hook')
    ? { retry_interval: '300ms', max_retry_interval: '1s' }
    : {
        protocol: { smtp: { mx_list: ['127.0.0.1:${target}'] } },
        retry_interval: '1s',
        max_retry_interval: '1s',
      },
  get_egress_path_config: () => ({ prohibited_hosts: [], enable_tls: 'Disabled' }),
});
`;

/** A daemon with hooks, and its mail. */
export class HookWorld {
  readonly #scratch;
  readonly folder: string;
  readonly data: string;
  readonly target = new Target(mixedFate);
  readonly #mail = new SteadyMail({ ...ROUND, shape: SHAPE, port: () => this.#findPort() });
  readonly #policy: string;
  #targetPort = 0;
  #daemon: Daemon | undefined;
  #records: readonly LogRecord[] | undefined;

  constructor(name: string) {
    this.#scratch = makeScratch(name);
    this.folder = this.#scratch.path;
    this.data = join(this.folder, 'data');
    this.#policy = join(this.folder, 'policy.ts');
  }

  get daemon(): Daemon {
    if (this.#daemon === undefined) throw new Error('the daemon was not started');
    return this.#daemon;
  }

  /** Messages that were taken over. */
  get promised(): number {
    return promisedOf(this.#mail.answers).length;
  }

  /** Starts the daemon and the mail. */
  async start(policy: HookPolicy): Promise<void> {
    this.#targetPort = await this.target.open();
    writeFileSync(this.#policy, policyText(this.#targetPort, policy));
    await this.#begin();
    this.#mail.start();
  }

  async #begin(): Promise<void> {
    this.#daemon = new Daemon(this.#policy, this.data);
    await this.#daemon.demandPort();
  }

  async #findPort(): Promise<number | undefined> {
    let port: number | undefined;
    const isThere = (): boolean => this.#daemon?.isRunning === true;
    while (port === undefined && (await until(isThere, WAIT_MS_MAX))) {
      port = await this.daemon.port();
    }
    return port;
  }

  /** Puts another policy in force, and waits until its hooks are those that are shown. */
  async reload(policy: HookPolicy): Promise<void> {
    writeFileSync(this.#policy, policyText(this.#targetPort, policy));
    await askManager(this.data, { do: 'policy.reload' });
    const wanted = [...(policy.hooks ?? []), ...(policy.localLogs ?? [])].length;
    for (const end = performance.now() + WAIT_MS_MAX; ; await pause(LOOK_MS)) {
      const views = await this.views();
      const isThere = (policy.hooks ?? []).every(({ name }) => views.some((v) => v.name === name));
      if (isThere && views.length === wanted) return;
      assert.ok(performance.now() < end, this.daemon.tail);
    }
  }

  /** SIGKILL to all of the daemon. */
  async kill(): Promise<void> {
    await this.daemon.kill();
  }

  /** Starts the daemon again on what is there. */
  async startAgain(): Promise<void> {
    await this.#begin();
  }

  /** Ids of the daemon's workers. */
  get workerPids(): readonly number[] {
    return this.#readRunFile<{
      readonly workers: readonly { readonly pid: number }[];
    }>().workers.map(({ pid }) => pid);
  }

  #readRunFile<T>(): T {
    return JSON.parse(readFileSync(join(this.data, 'run.json'), 'utf8')) as T;
  }

  /** All hooks, as an operator sees them. */
  async views(): Promise<readonly HookView[]> {
    const { httpListeners } = this.#readRunFile<{ readonly httpListeners: readonly string[] }>();
    const answer = await fetch(`http://${httpListeners[0]}/api/admin/hooks/v1`);
    return (await answer.json()) as HookView[];
  }

  /** One hook, as an operator sees it, as soon as it is shown: a start opens mail before hooks. */
  async view(name: string): Promise<HookView> {
    for (const end = performance.now() + WAIT_MS_MAX; ; await pause(LOOK_MS)) {
      const found = (await this.views()).find((view) => view.name === name);
      if (found !== undefined) return found;
      assert.ok(performance.now() < end, `no hook ${name} is shown\n${this.daemon.tail}`);
    }
  }

  /** Waits until what is shown of a hook is as described. */
  async demandView(name: string, what: string, isSo: (view: HookView) => boolean): Promise<void> {
    const end = performance.now() + WAIT_MS_MAX;
    for (;;) {
      const view = await this.view(name);
      if (isSo(view)) return;
      const told = `${name} is not ${what}: ${JSON.stringify(view)}\n${this.daemon.tail}`;
      assert.ok(performance.now() < end, told);
      await pause(LOOK_MS);
    }
  }

  /** Waits until a hook has caught up with the log, or nearly: mail goes on. */
  async demandCaughtUp(...names: string[]): Promise<void> {
    for (const name of names) {
      await this.demandView(name, 'caught up', (view) => view.lag_seconds < 3 && view.failures < 1);
    }
  }

  /** Waits until so many more messages were taken over and tried. */
  async demandMail(messages: number): Promise<void> {
    const from = [this.promised, this.target.tries.size];
    const isThere = (): boolean =>
      this.promised >= Number(from[0]) + messages &&
      this.target.tries.size >= Number(from[1]) + messages;
    const told = `mail stands still\n${this.daemon.tail}`;
    assert.ok(await until(isThere, WAIT_MS_MAX), told);
  }

  /** Ends the mail and drains it and the hooks, but for those that cannot be; judges the mail. */
  async settle(stuck: readonly string[] = []): Promise<void> {
    await this.#mail.stop();
    const { answers } = this.#mail;
    const isTried = (): boolean => promisedOf(answers).every((one) => this.target.tries.has(one));
    const isDrained = (): boolean => isTried() && this.target.quietMs > QUIET_MS;
    assert.ok(await until(isDrained, WAIT_MS_MAX), this.daemon.tail);
    for (const { name } of await this.views()) {
      if (stuck.includes(name)) continue;
      await this.demandView(name, 'drained', (view) => view.lag_records === 0);
    }
    assert.deepEqual(await this.daemon.stop(), { code: 0, signal: null }, this.daemon.tail);
    const told = verifyData(this.data);
    assert.equal(told.code, 0, told.text);
    const { copies } = this.target;
    const verdict = judgeRun({ answers, copies, ledger: readLedger(this.data), shape: SHAPE });
    assert.deepEqual([verdict.breaches, verdict.queued], [[], 0]);
  }

  /** Ids of the records that the log makes, of those that a hook takes; after `settle`. */
  wanted(takes: (record: LogRecord) => boolean = () => true): string[] {
    this.#records ??= recordsOfLog(this.data);
    return this.#records.filter(takes).map(({ event_id }) => event_id);
  }

  /** The dead letters of a hook. */
  deadLines(name: string): DeadLine[] {
    const path = join(this.data, 'hooks', `${name}.dead.jsonl`);
    if (!existsSync(path)) return [];
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    return lines.map((line) => JSON.parse(line) as DeadLine);
  }

  async close(): Promise<void> {
    await this.#mail.stop();
    await this.#daemon?.kill();
    await this.target.close();
    this.#scratch.remove();
  }
}
