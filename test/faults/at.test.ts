/**
 * `waybill at`, `diff` and `history` beside a real daemon: it is asked over HTTP while it relays,
 * and what is rebuilt from its log, running, stopped and copied, says the same of those instants.
 * Deliberately unknown here: how books are rebuilt.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { answerAt } from '../../src/cli/at-answers.ts';
import { LogPast } from '../../src/events/log-past.ts';
import { Past } from '../../src/forensics/past.ts';
import { Rebuild } from '../../src/forensics/rebuild.ts';
import { Daemon, programCommand } from './daemon.ts';
import { findFreePort } from './free-port.ts';
import { makeProbes } from './scenario.ts';
import { makeScratch, pause, until } from './scratch.ts';
import { sendAll } from './sender.ts';
import { Target } from './target.ts';

const LOOKS = 5;
const QUIET_MS = 30_000;

const policyText = (target: number, http: number): string => `
import { definePolicy } from 'waybill/policy';

export default definePolicy({
  init(setup) {
    setup.smtpListener({ listen: '127.0.0.1:0' });
    setup.httpListener({ listen: '127.0.0.1:${http}' });
  },
  get_queue_config: () => ({
    protocol: { smtp: { mx_list: ['127.0.0.1:${target}'] } },
    retry_interval: '2s',
    max_retry_interval: '2s',
    max_message_rate: '40/s',
  }),
  get_egress_path_config: () => ({ prohibited_hosts: [], enable_tls: 'Disabled' }),
});
`;

interface Answer {
  readonly time: { readonly at: string; readonly position: number };
  readonly answer: Readonly<Record<string, unknown>>;
  readonly not_in_log: readonly string[];
}

const run = (...words: string[]) => {
  const [program = '', ...rest] = programCommand('waybill');
  return spawnSync(program, [...rest, ...words], { encoding: 'utf8', timeout: 60_000 });
};

function ask(...words: string[]): Answer {
  const { stdout, stderr, status } = run('at', ...words, '--json');
  assert.equal(status, 0, `${words.join(' ')}: ${stderr}`);
  return JSON.parse(stdout) as Answer;
}

/** Live answers and what each question is called on the command line. */
const QUESTIONS = [
  ['queues?sort=depth&limit=20', ['queues', 'depth']],
  ['queues?sort=error&limit=20', ['queues', 'error']],
  ['sources/v1', ['sources', 'depth']],
  ['suspend/v1', ['suspend', 'depth']],
  ['policy/current/v1', ['policy', 'depth']],
] as const;

type Words = (typeof QUESTIONS)[number][1];

/** The command's own answer, without a process for each of many positions. */
function answerOf(log: LogPast, position: number, at: number, [name, sort]: Words): unknown {
  const past = new Past(log, new Rebuild(log, position).foldTo(position), at);
  return answerAt(past, name, { name: undefined, sort, limit: 20, prefix: '' }).answer;
}

interface Seen {
  readonly words: Words;
  readonly from: number;
  readonly upto: number;
  readonly live: unknown;
}

/** What depends on the instant within a turn, or on slots, and not on what happened. */
const DROPPED = new Set(['now', 'looked_at', 'age', 'duration', 'remaining']);
const plain = (answer: unknown): unknown =>
  JSON.parse(JSON.stringify(answer, (key, value: unknown) => (DROPPED.has(key) ? 0 : value)));

test('at says of an instant what the daemon said', { timeout: 240_000 }, async (t) => {
  const scratch = makeScratch('at');
  const target = new Target((number, tries) => (number % 3 === 1 && tries < 3 ? 'defer' : 'take'));
  const targetPort = await target.open();
  const http = await findFreePort();
  const policy = join(scratch.path, 'policy.ts');
  writeFileSync(policy, policyText(targetPort, http));
  const data = join(scratch.path, 'data');
  const daemon = new Daemon(policy, data);
  t.after(async () => {
    await daemon.kill();
    await target.close();
    scratch.remove();
  });
  const smtp = await daemon.demandPort();
  const base = `http://127.0.0.1:${http}/api/admin`;
  const suspend = await fetch(`${base}/suspend/v1`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ domain: 'd1.example', reason: 'looked at', duration: '1h' }),
  });
  assert.equal(suspend.status, 200);
  const mail = makeProbes(60);
  const sending = sendAll(mail, { lines: 2, port: async () => smtp, answered: () => {} });
  const seen: Seen[] = [];
  for (let look = 0; look < LOOKS; look += 1) {
    await pause(400);
    for (const [path, words] of QUESTIONS) {
      const from = Date.now();
      const live: unknown = await (await fetch(`${base}/${path}`)).json();
      seen.push({ words, from, upto: Date.now(), live });
    }
  }
  await sending;
  await until(() => target.copies.length >= 30, QUIET_MS);
  await pause(500);
  const beside = judge(data, seen);
  assert.ok(beside > 0, 'instants in the midst of mail were looked at');

  const early = seen[Math.floor(seen.length / 2)];
  assert.ok(early !== undefined);
  const copy = join(scratch.path, 'copy');
  await daemon.stop();
  cpSync(data, copy, { recursive: true });
  const when = new Date(early.upto).toISOString();
  const words = [when, 'queues', '--limit', '20', '--data'];
  const { answer, time } = ask(...words, data);
  assert.deepEqual(ask(...words, copy).answer, answer);
  const log = new LogPast(copy);
  assert.equal(time.position, log.positionAt(early.upto));
  assert.deepEqual(plain(answer), plain(answerOf(log, time.position, 0, ['queues', 'depth'])));
  otherCommands(copy);
});

/** Holds each live answer against the turns it may have come after; answers how many had mail. */
function judge(data: string, seen: readonly Seen[]): number {
  let busy = 0;
  for (const { words, from, upto, live } of seen) {
    const log = new LogPast(data);
    // The daemon answered between two turns, somewhere in the time that the question took.
    const ends = new Set([log.positionAt(from - 20), log.positionAt(upto)]);
    for (const record of log.records({}, Math.min(...ends), Math.max(...ends))) {
      ends.add(log.positionOfTurn(record.turn));
    }
    const wanted = plain(live);
    const told = [...ends].sort((a, b) => a - b);
    const tried: unknown[] = [];
    const isFound = told.some((position) => {
      const then = plain(answerOf(log, position, upto, words));
      tried.push(then);
      return JSON.stringify(then) === JSON.stringify(wanted);
    });
    if (!isFound) assert.deepEqual(tried, [wanted], `${words.join(' ')} at ${told.join(', ')}`);
    if (JSON.stringify(wanted).includes('"messages":')) busy += Number(told.length > 0);
  }
  return busy;
}

function otherCommands(data: string): void {
  const why = ask('now', 'why', 'd1.example', '--data', data);
  const reasons = why.answer['reasons'] as readonly { readonly name: string }[];
  assert.equal(reasons[0]?.name, 'suspended');
  assert.ok(why.not_in_log.includes('held'));
  const step = run('at', 'position:1', 'step', '3', '--data', data);
  assert.equal(step.status, 0, step.stderr);
  assert.equal(step.stdout.match(/ turn \d+ /g)?.length, 3);
  const same = run('diff', '5', '5', '--data', data);
  assert.equal(same.status, 0, same.stderr);
  const diff = run('diff', '1', 'now', '--data', data, '--json');
  assert.equal(diff.status, 1, diff.stderr);
  const { ends } = JSON.parse(diff.stdout) as { ends: Record<string, number> };
  assert.equal(ends['accepted'], (ends['delivered'] ?? 0) + (ends['live'] ?? 0));
  const drawn = run('history', 'queue', 'd1.example', '--mermaid', '--data', data);
  assert.match(drawn.stdout, /ready --> suspended: queue\.suspended/, drawn.stderr);
  const page = run('history', 'source', 'unspecified', '--html', '-', '--data', data);
  assert.match(page.stdout, /<td>source\.opened<\/td><td>none → open<\/td>/, page.stderr);
  for (const [words, sentence, status] of [
    [['at', '25:99'], /not a point in time/, 64],
    [['at', 'now', 'queue'], /no question 'queue'/, 64],
    [['at', 'now', '--bogus'], /unknown option '--bogus'/, 64],
    [['at', 'now', 'inspect-sched-q', 'nobody'], /there was no queue nobody/, 1],
    [['at', '2001-01-01'], /^nothing had happened by 2.*the log begins at 20/, 0],
    [['at', 'position:99999999'], /is not in the log; it has position 1 /, 69],
    [['history', 'queue', 'd1.example', '--from=-99d'], /^nothing had happened by 2/, 0],
    [['diff', '2001-01-01', 'now'], /^nothing had happened by 2/, 1],
  ] as const) {
    const said = run(...words, '--data', data);
    assert.match(said.stderr, sentence, words.join(' '));
    assert.equal(said.status, status, words.join(' '));
  }
}
