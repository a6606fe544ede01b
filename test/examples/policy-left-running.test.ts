/**
 * Story: a policy does what no policy should: it loops, ends the process, prints to stdout,
 * lets a promise fail that nobody waits for, or never answers a client. `check` and `simulate` live
 * on, name file, line and fix, and say neither that all is well nor anything in a report.
 */
import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { waybill } from './cli-run.ts';
import { writePlanted } from './planted-policy.ts';

const LEFT = 'what it left running failed, and nobody waited for it: unheard; await every promise';
const TRAFFIC = '\ufeff{"at":0,"to":["ann@bulk.example"]}\n';

/** A policy whose handler about paths does this first. */
async function makePolicy(does: string) {
  const policy = await writePlanted();
  const text = await readFile(policy, 'utf8');
  const changed = text.replace('(domain) => (', `(domain) => ${does} || (`);
  assert.notEqual(changed, text);
  await writeFile(policy, changed);
  const traffic = join(dirname(policy), 'day.ndjson');
  await writeFile(traffic, TRAFFIC);
  const remove = () => rm(dirname(policy), { recursive: true });
  return { policy, words: ['simulate', policy, '--traffic', traffic, '--for', '1h'], remove };
}

for (const [what, does, says] of [
  [
    'loops',
    "domain === 'bulk.example' && (() => { for (;;); })()",
    /:\d+:\d+: get_egress_path_config for /,
  ],
  [
    'ends the process',
    "domain === 'bulk.example' && process.exit(0)",
    /\.ts: get_egress_path_config for .* ended the process; remove process\.exit/,
  ],
  [
    'lets a promise fail',
    "void Promise.reject(new Error('unheard'))",
    new RegExp(`:\\d+:\\d+: ${LEFT}`),
  ],
] as const) {
  test(`a policy that ${what}`, async (t) => {
    const { policy, words, remove } = await makePolicy(does);
    t.after(remove);
    const simulated = await waybill(...words);
    assert.equal(simulated.code, 1, simulated.err);
    assert.equal(simulated.out, '');
    assert.match(simulated.err, says);
    assert.doesNotMatch(simulated.err, /^ +at /m);
    const checked = await waybill('check', policy, '--seconds', '20');
    assert.equal(checked.code, 1, checked.out);
    assert.match(checked.err, says);
  });
}

test('what a policy prints is no part of a report', async (t) => {
  const { words, remove } = await makePolicy("console.log('asked')");
  t.after(remove);
  const { code, out, err } = await waybill(...words, '--json');
  assert.equal(code, 0, err);
  assert.equal((JSON.parse(out) as { seed: number }).seed, 1);
  assert.match(err, /^asked$/m);
});

test('a client who is never answered', async (t) => {
  const policy = await writePlanted();
  t.after(() => rm(dirname(policy), { recursive: true }));
  const text = await readFile(policy, 'utf8');
  const handler = 'smtp_server_ehlo: () => new Promise(() => {}),';
  await writeFile(policy, text.replace('  get_queue_config', `  ${handler}\n  get_queue_config`));
  const { code, out, err } = await waybill('check', policy, '--seconds', '2');
  assert.equal(code, 1, out);
  assert.match(
    err,
    /smtp_server_ehlo for \S+ did not end within 8 s; look for a loop or an endless/,
  );
});

test('a page that cannot be written is told before the simulation', async (t) => {
  const { words, remove } = await makePolicy("console.error('asked')");
  t.after(remove);
  const { code, err } = await waybill(...words, '--html', join(dirname(words[1] ?? ''), 'no', 'x'));
  assert.equal(code, 69);
  assert.match(err, /no\/x: there is no such file or folder/);
  assert.doesNotMatch(err, /asked/);
});
