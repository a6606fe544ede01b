/**
 * The main job with programs that others wrote: Postfix's smtp-source hands in 20,000 messages of
 * 10 KB, waybilld relays them, smtp-sink counts them, and verify balances.
 * The one idea: no fault at all, and every number must be exact. It does not look at speed.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Sink } from '../../bench/relay-load.ts';
import { Daemon, writePolicy } from './daemon.ts';
import { makeScratch, until } from './scratch.ts';
import { verifyData } from './verify.ts';

const MESSAGES = 20_000;
const BYTES = 10_240;
const RELAY_MS_MAX = 300_000;
const AFTERWARDS_MS = 1_000;

const isMissing = (tool: string): string | false =>
  spawnSync(tool, ['-?']).error === undefined ? false : `${tool} is not installed`;

const skip = isMissing('smtp-source') || isMissing('smtp-sink');

/** Runs smtp-source to its end; answers its exit code. */
const sendFrom = (port: number): Promise<number | null> => {
  const load = ['-s', 20, '-m', MESSAGES, '-l', BYTES, '-C', 20, '-d', '-N'].map(String);
  const names = ['-f', 'sender@source.example', '-t', 'rcpt@dest.example'];
  const child = spawn('smtp-source', [...load, ...names, `inet:127.0.0.1:${port}`], {
    stdio: 'ignore',
  });
  return new Promise((resolve) => child.on('close', (code) => resolve(code)));
};

test('20,000 messages in are 20,000 messages out', { skip }, async (t) => {
  const scratch = makeScratch('counts');
  // smtp-sink may run as a user of its own, who must get here.
  chmodSync(scratch.path, 0o755);
  const sink = await Sink.start(scratch.path);
  t.after(() => {
    sink.stop();
    scratch.remove();
  });
  const policy = join(scratch.path, 'policy.ts');
  const data = join(scratch.path, 'data');
  writePolicy(policy, sink.port);
  const daemon = new Daemon(policy, data);
  t.after(() => daemon.kill());
  assert.equal(await sendFrom(await daemon.demandPort()), 0, 'smtp-source was content');
  await until(() => sink.count >= MESSAGES, RELAY_MS_MAX);
  // A copy too many would come now.
  await until(() => sink.count > MESSAGES, AFTERWARDS_MS);
  assert.equal(sink.count, MESSAGES, daemon.tail);
  assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
  const told = verifyData(data);
  assert.equal(told.code, 0, told.text);
  const { recipients, attempts } = JSON.parse(told.text) as Record<string, Record<string, number>>;
  const { accepted, delivered, live } = recipients ?? {};
  assert.deepEqual(
    { accepted, delivered, live, unknown: attempts?.['unknown'] },
    {
      ...{ accepted: MESSAGES, delivered: MESSAGES, live: 0, unknown: 0 },
    },
  );
  t.diagnostic(`${MESSAGES} handed in, ${sink.count} counted by smtp-sink, verify balances`);
});
