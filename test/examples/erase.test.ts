/**
 * `waybill erase` as an operator uses it: on a running daemon, which refuses while mail is on its
 * way and gives way for the work else, and on a directory that nobody uses.
 * Deliberately unknown here: what exactly is rewritten (test/property/erased-is-gone-and-proven).
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { ErasureReport } from '../../src/erasing/erase.ts';
import { notePending } from '../../src/erasing/pending.ts';
import { askManager } from '../../src/manager/control-client.ts';
import type { DaemonStatus } from '../../src/manager/status.ts';
import { filesWith } from '../world/erasure.ts';
import type { Outcome } from './cli-run.ts';
import { waybill } from './cli-run.ts';
import { LiveDaemon } from './live-kit.ts';

const live = new LiveDaemon();
const WAIT_MS = 60_000;
const WHY = ['--reason', 'request 4711', '--by', 'dpo'];

before(() => live.start());
after(() => live.stop());

/** Looks until it is so. */
const until = async (isSo: () => boolean | Promise<boolean>, what: string): Promise<void> => {
  for (const endsAt = performance.now() + WAIT_MS; !(await isSo()); await pause(200)) {
    assert.ok(performance.now() < endsAt, `not in time: ${what}`);
  }
};

const isReady = async (): Promise<boolean> => (await worker())?.state === 'ready';

const erase = (...words: string[]): Promise<Outcome> =>
  waybill('erase', '--data', live.data, ...words);

const reportOf = ({ code, out, err }: Outcome): ErasureReport => {
  assert.equal(code, 0, `${out}${err}`);
  return JSON.parse(out) as ErasureReport;
};

const worker = async () =>
  ((await askManager(live.data, { do: 'status' })) as unknown as DaemonStatus).workers[0];

const verified = async (): Promise<string> => {
  const { code, out, err } = await waybill('verify', live.data);
  assert.equal(code, 0, `${out}${err}`);
  return out;
};

test('a command line that names nobody, or nothing that is an address, is refused', async () => {
  assert.equal((await erase(...WHY)).code, 64);
  assert.equal((await erase('--recipient', 'user@one.example')).code, 64);
  const { code, err } = await erase('--recipient', 'nobody', ...WHY);
  assert.deepEqual([code, /nobody is not an address/.test(err)], [64, true]);
  assert.match((await erase('--resume')).err, /No erasure was cut short/);
});

test('mail on its way refuses the order, and the daemon goes on', async () => {
  const { code, err } = await erase('--recipient', 'user@one.example', ...WHY);
  assert.equal(code, 1, err);
  assert.match(err, /still on its way \([0-9a-f]{32}\)/);
  await until(isReady, 'the worker is back');
});

test('a running daemon gives way, and takes mail again', async () => {
  // A restart of the worker has other ports.
  const bounced = await waybill(
    ...['bounce', '--everything', '--reason', 'the end', '--yes', '--data', live.data],
  );
  assert.equal(bounced.code, 0, bounced.err);
  await until(async () => /\+ 0 live\n/.test(await verified()), 'all mail has ended');
  const words = ['--recipient', 'user@one.example', ...WHY, '--json'];
  const report = reportOf(await erase(...words));
  assert.ok(report.records > 0, JSON.stringify(report));
  assert.deepEqual(report.left, []);
  assert.deepEqual(filesWith(live.data, 'user@one.example'), []);
  assert.notDeepEqual(filesWith(live.data, 'user@two.example'), []);
  const said = await verified();
  assert.match(said, new RegExp(`erased +${report.records} records by the orders ${report.order}`));
  assert.match(said, /sound: no recipient is unaccounted for/);
  await until(isReady, 'the worker is back');
  const sent = await waybill(
    ...['inject', '--from', 'p2@probe.test', '--to', 'user@three.example', '--text', 'hello'],
    ...['--data', live.data],
  );
  assert.equal(sent.code, 0, sent.err);
});

test('the order is on record: who and why, and nobody erased', async () => {
  const query = "SELECT type, body FROM events WHERE type LIKE 'erasure.%'";
  const { code, out, err } = await waybill('sql', query, '--data', live.data, '--json');
  assert.equal(code, 0, err);
  assert.match(out, /erasure\.ordered.*dpo.*request 4711/);
  assert.match(out, /erasure\.finished/);
});

test('a directory that nobody uses is worked on, and a cut order is finished', async () => {
  await askManager(live.data, { do: 'stop' });
  await until(() => !existsSync(join(live.data, 'run.json')), 'the daemon has ended');
  const id = 'c0ffee00-1111-4222-8333-444455556666';
  const addresses = ['user@two.example'];
  notePending(live.data, { id, addresses, by: 'dpo', cause: 'request 2' });
  const other = await erase('--recipient', 'user@five.example', ...WHY);
  assert.deepEqual([other.code, /--resume/.test(other.err)], [1, true], other.err);
  const report = reportOf(await erase('--resume', '--json'));
  assert.deepEqual([report.order, report.left], [id, []]);
  assert.deepEqual(filesWith(live.data, 'user@two.example'), []);
  assert.match(await verified(), /sound/);
});
