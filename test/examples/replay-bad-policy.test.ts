/**
 * `waybill replay` with policies that misbehave over the questions of the past: each is a clear
 * result in bounded time, with the line in the operator's file. The probe of a policy finds what
 * fails always; here it fails for one domain alone, in the midst of the replay.
 * Deliberately unknown here: what a replay compares.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { withDir } from '../contracts/log-place.ts';
import { makeHistory } from '../world/erasure.ts';
import { waybill } from './cli-run.ts';

/** A handler without end is given up after three seconds; a busy machine has some more. */
const BOUND_MS = 30_000;

const policyOf = (does: string): string => `import { definePolicy } from 'waybill/policy';
export default definePolicy({
  init(setup) { setup.smtpListener({ listen: '127.0.0.1:0' }); },
  get_queue_config: (domain) => {
    if (domain === 'example.net') { ${does} }
    return {};
  },
});
`;

const CASES = [
  ['throws', "throw new Error('oops');", 1, /^fault: .*throws\.ts:5:\d+: .*example\.net: oops$/m],
  [
    'never',
    'return new Promise(() => {}) as never;',
    1,
    /^fault: .*never\.ts:\d+: .*example\.net: it returned a promise, but handlers answer at once$/m,
  ],
  ['loops', 'for (;;);', 69, /loops\.ts:5:\d+: .* did not end within 3 s; look for a loop/],
] as const;

test('a policy that misbehaves in the midst of a replay is told, and the replay ends', () =>
  withDir(async (scratch) => {
    const data = join(scratch, 'data');
    await makeHistory(data, { seed: 3, messages: 20 });
    for (const [name, does, wanted, says] of CASES) {
      const policy = join(scratch, `${name}.ts`);
      writeFileSync(policy, policyOf(does));
      const begunAt = performance.now();
      const { code, out, err } = await waybill('replay', '--policy', policy, '--data', data);
      assert.equal(code, wanted, `${name}: ${out}${err}`);
      assert.match(`${out}${err}`, says, name);
      assert.ok(performance.now() - begunAt < BOUND_MS, `${name}: in bounded time`);
    }
  }));
