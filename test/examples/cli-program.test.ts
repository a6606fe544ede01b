/**
 * The `waybill` program as a person meets it: help, exit codes, one-sentence errors, and `verify`
 * on real logs, sound and spoiled. One idea: it is run as a program; only its output is looked at.
 * Does not know how commands are built.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { runTraffic } from '../../src/cli/traffic-run.ts';
import type { Verification } from '../../src/cli/verify-log.ts';
import { isSound, verifyLog } from '../../src/cli/verify-log.ts';
import type { RecordDraft } from '../../src/ports/ports.ts';
import { withDir, writeTurns } from '../contracts/log-place.ts';

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const PROGRAM = fileURLToPath(new URL('../../src/waybill.ts', import.meta.url));

const start = (...words: string[]) =>
  spawn(process.execPath, ['--import', 'tsx', PROGRAM, ...words], {
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });

const finish = (child: ReturnType<typeof start>): Promise<Outcome> =>
  new Promise((resolve) => {
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    child.on('close', (code) => resolve({ code, out, err }));
  });

const waybill = (...words: string[]): Promise<Outcome> => finish(start(...words));

test('a sink is not told to do more than all', async () => {
  const words = ['sink', '--listen', '127.0.0.1:0', '--defer', '60%', '--refuse', '50%'];
  const { code, err } = await waybill(...words);
  assert.equal(code, 64);
  assert.match(err, /the shares that strike at rcpt make 110 %/);
});

test('every command has help with an example and its exit codes', async () => {
  const helps = await Promise.all([
    waybill('--help'),
    waybill('sink', '--help'),
    waybill('help', 'traffic'),
    waybill('verify', '-h'),
  ]);
  for (const { code, out, err } of helps) {
    assert.equal(code, 0);
    assert.equal(err, '');
    assert.match(out, /Usage: waybill/);
    assert.match(out, /Examples?:\n {2}\$ waybill/);
  }
  for (const { out } of helps.slice(1)) assert.match(out, /Exit codes:\n {3}0 {2}done/);
  assert.match(helps[1]?.out ?? '', /tempfail-dot@ +final dot answered 451/);
});

test('mistakes and failures are one sentence and an exit code', async () => {
  const occupant = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => occupant.once('listening', resolve));
  const taken = `127.0.0.1:${(occupant.address() as AddressInfo).port}`;
  const closed = ['traffic', '--to', 'unix:/nonexistent', '--messages', '1', '--give-up', '0.3s'];
  const cases: [words: string[], code: number, says: RegExp][] = [
    [['frobnicate'], 64, /unknown command 'frobnicate'/],
    [['sink', '--defer', '120%'], 64, /Expected a share such as 10%/],
    [['traffic'], 64, /required option '--to <place>'/],
    [
      ['sink', '--listen', taken],
      69,
      /^waybill: cannot run a sink on .*: the address is in use.*\.$/,
    ],
    [closed, 69, /^waybill: no connection to unix:\/nonexistent could be opened\.$/],
    [['verify', '/nonexistent'], 69, /^waybill: \/nonexistent holds no log\.$/],
  ];
  const outcomes = await Promise.all(cases.map(([words]) => waybill(...words)));
  occupant.close();
  cases.forEach(([words, code, says], index) => {
    const { code: got, err, out } = outcomes[index] as Outcome;
    assert.equal(got, code, `${words.join(' ')}: ${err}`);
    assert.match(err.trim(), says);
    assert.doesNotMatch(err, /\n\s+at /, 'no stack');
    assert.equal(out, '');
  });
});

test('sink and traffic meet: counts as JSON, and a code that tells of refusals', async () => {
  const sink = start('sink', '--listen', ':0', '--json', '--count', '30');
  const ended = finish(sink);
  const first = await new Promise<string>((resolve) => sink.stdout.once('data', resolve));
  const to = (JSON.parse(first) as { listening: string }).listening;
  const words = ['traffic', '--to', to, '--messages', '20', '--size', '1k', '--json'];
  const refused = await waybill(...words, '--locals', 'permfail');
  const { replies } = JSON.parse(refused.out) as { replies: Record<string, number> };
  assert.deepEqual([refused.code, replies['5xx']], [1, 20]);
  const host = to.slice(0, to.lastIndexOf(':'));
  const port = Number(to.slice(to.lastIndexOf(':') + 1));
  await runTraffic({ to: { host, port }, messages: 30, concurrency: 3 });
  const { code, out } = await ended;
  assert.equal(code, 0);
  const counts = JSON.parse(out.trim().split('\n').at(-1) ?? '') as Record<string, number>;
  assert.deepEqual([counts['messages'], counts['refused']], [30, 20]);
});

const draft = (type: string, stream: string, body: object): RecordDraft => ({
  stream,
  type,
  version: 1,
  body: JSON.stringify(body),
});

const idOf = (number: number): string => number.toString(16).padStart(32, '0');

/** Accepted, offered and, but for the last of them, delivered. */
const life = (number: number, isDelivered: boolean): RecordDraft[] => {
  const to = [`r${number}@x.test`];
  const place = { source: 's', site: 'x', peer: '192.0.2.1:25' };
  const reply = { code: 250, enhanced: '2.0.0', text: 'ok', tls: '', took: 3 };
  const accepted = { queue: 'x.test', from: 'a@test', to, body: [1, 0, 10, 0] };
  const drafts = [
    draft('message.accepted', idOf(number), { ...accepted, service: 's', peer: '', helo: '' }),
    draft('message.offered', idOf(number), { attempt: 1, ...place, link: 1 }),
  ];
  const outcome = { to, index: [0], attempt: 1, ...place, ...reply };
  if (isDelivered) drafts.push(draft('message.delivered', idOf(number), outcome));
  return drafts;
};

const verify = async (dir: string): Promise<{ code: number | null; found: Verification }> => {
  const { code, out, err } = await waybill('verify', dir, '--json');
  assert.equal(err, '');
  return { code, found: JSON.parse(out) as Verification };
};

test('verify: a sound log, one without an acceptance, and one spoiled on the disk', async () => {
  await withDir(async (dir) => {
    await writeTurns(dir, [life(1, true), life(2, true), life(3, false)]);
    const sound = await verify(dir);
    assert.equal(sound.code, 0);
    assert.deepEqual(sound.found.messages, { accepted: 3, live: 1 });
    assert.equal(sound.found.recipients.delivered, 2);
    assert.deepEqual(sound.found.attempts, { offered: 3, deferred: 0, unknown: 1, open: 1 });
    assert.equal(sound.found.records, 8);
    const told = await waybill('verify', dir);
    assert.match(told.out, /3 accepted = 2 delivered \+ 0 bounced .* \+ 1 live/);
    assert.match(told.out, /sound: no recipient is unaccounted for/);

    await writeTurns(dir, [life(4, true).slice(1)]);
    const wrong = await verify(dir);
    assert.equal(wrong.code, 1);
    assert.equal(wrong.found.damage.length, 0);
    assert.equal(wrong.found.differences, 2);
    assert.equal(wrong.found.differencesListed[0]?.stream, idOf(4));
  });
  await withDir(async (dir) => {
    await writeTurns(dir, [life(1, true), life(2, true)]);
    const segment = new Database(join(dir, 'log', '000000000001.db'));
    segment
      .prepare("UPDATE event SET body = replace(body, 'a@test', 'b@test') WHERE position = 4")
      .run();
    segment.close();
    const spoiled = verifyLog(dir);
    assert.equal(isSound(spoiled), false);
    assert.equal(spoiled.damage[0]?.position, 4);
    assert.equal(spoiled.recipients.accepted, 1);
  });
});
