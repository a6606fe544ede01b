/**
 * A real run and its simulation agree: the script that compares them is run as anybody would, with
 * little mail; and what it judges by is shown to find runs that do not agree.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { DomainRun } from '../../scripts/compare/judge.ts';
import { judge } from '../../scripts/compare/judge.ts';
import { readModels } from '../../src/testing/models/reading.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MESSAGES = 400;
const RUN_MS_MAX = 180_000;

/** Runs the script to its end; answers its exit code and what it printed. */
function runScript(): Promise<{ readonly code: number | null; readonly text: string }> {
  const args = ['--import', 'tsx', 'scripts/compare.ts', `--messages=${MESSAGES}`];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (more: string) => {
      text += more;
    });
  }
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, text })));
}

test('the same mail, real and simulated, agrees', { timeout: RUN_MS_MAX }, async (t) => {
  const { code, text } = await runScript();
  t.diagnostic(text);
  assert.equal(code, 0, text);
  for (const domain of ['takes', 'chooses', 'refuses', 'delays']) {
    assert.match(text, new RegExp(`^${domain}\\.test +messages/s +[1-9]`, 'm'), text);
  }
});

const ERROR = { held_out: 50, latency_p50: 0, latency_p90: 0, latency_mean: 0 };
const SITES = {
  a: { ...ERROR, outcomes: 0, throughput: 0.1 },
  b: { ...ERROR, outcomes: 0.02, throughput: 0.1 },
};
const MODELS = readModels(
  JSON.stringify({
    waybill_models: 1,
    models: [
      { site: 'a', domains: ['a.test'], replies: [{ phase: 'rcpt', share: 0.2, reply: '451 no' }] },
      { site: 'b', domains: ['b.test'], replies: [{ phase: 'rcpt', share: 0.2, reply: '550 no' }] },
    ],
    fit: { sites: SITES, error: SITES.b },
  }),
  'models',
);

const RUN: DomainRun = { delivered: 320, bounced: 80, expired: 0, waiting: 0, perSecond: 20 };

const differing = (domain: string, change: Partial<DomainRun>): readonly string[] => {
  const found = judge(new Map([[domain, RUN]]), new Map([[domain, { ...RUN, ...change }]]), MODELS);
  return found.filter(({ agrees }) => !agrees).map(({ what }) => what);
};

test('runs that do not agree are told', () => {
  assert.deepEqual(differing('a.test', {}), []);
  // What is never refused for good must be equal; what is left to chance may differ by so much.
  assert.deepEqual(differing('a.test', { delivered: 319, waiting: 1 }), ['delivered', 'waiting']);
  assert.deepEqual(differing('b.test', { delivered: 310, bounced: 90 }), []);
  assert.deepEqual(differing('b.test', { delivered: 270, bounced: 130 }), ['delivered', 'bounced']);
  assert.deepEqual(differing('b.test', { perSecond: 22 }), []);
  assert.deepEqual(differing('b.test', { perSecond: 26 }), ['messages/s']);
  assert.deepEqual(differing('b.test', { perSecond: 14 }), ['messages/s']);
  assert.equal(judge(new Map([['a.test', RUN]]), new Map(), MODELS)[0]?.agrees, false);
  assert.equal(
    judge(new Map([['c.test', RUN]]), new Map([['c.test', RUN]]), MODELS)[0]?.agrees,
    false,
  );
});
