/**
 * Log hooks in the policy-loader, by example: a policy whose hooks could not start is refused with
 * hook and key; one whose hooks can is a candidate. Deliberately unknown here: shipping.
 */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { FILES, POLICY, VersionFolder } from './policy-version-files.ts';

const folders: VersionFolder[] = [];
afterEach(() => {
  for (const made of folders.splice(0)) made.remove();
});

const HOOK = "{ name: 'webhook', url: 'http://10.0.0.1:4242/log' }";

/** What the loader says of a policy with these hooks, and these further handlers. */
const load = async (hooks: readonly string[], handlers = '') => {
  const calls = hooks.map((hook) => `setup.logHook(${hook});`).join(' ');
  const text = POLICY.replace(
    'definePolicy(',
    `definePolicy({ init(setup) { ${calls} }, ${handlers} }, `,
  );
  assert.notEqual(text, POLICY);
  const made = new VersionFolder({ ...FILES, 'policy.ts': text });
  folders.push(made);
  return await made.load();
};
const refusal = async (...asked: Parameters<typeof load>): Promise<string> => {
  const verdict = await load(...asked);
  return verdict.kind === 'refused' ? verdict.sentence : assert.fail(JSON.stringify(verdict));
};

describe('the policy-loader', () => {
  it('takes a policy with hooks, templates and a sink of its own', async () => {
    const templated = HOOK.replace(
      ' }',
      ", per_record: { Any: { template: '{{ log_record | tojson }}' } } }",
    );
    const own = "{ name: 'own', batch_size: 5, custom: () => ({ sendBatch: () => 'ok' }) }";
    const verdict = await load([templated, own], 'should_enqueue_log_record: () => true');
    assert.equal(verdict.kind, 'loaded', JSON.stringify(verdict));
  });

  it('refuses a template that does not compile, with hook and type', async () => {
    const hook = HOOK.replace(' }', ", per_record: { Bounce: { template: '{{ id' } } }");
    assert.match(
      await refusal([hook]),
      /^setup\.logHook 'webhook': per_record\.Bounce\.template: syntax error: .*; correct the temp/,
    );
  });

  it('refuses a shape that cannot be read', async () => {
    const handler = "get_egress_path_config: (d) => d.endsWith('log_hook') ? { max_ready: 0 } : {}";
    assert.match(
      await refusal([HOOK], handler),
      /get_egress_path_config for webhook\.log_hook: max_ready: 0 is not a whole number/,
    );
  });

  it('names the line of a hook that is wrong', async () => {
    assert.match(
      await refusal(["{ name: 'webhook' }"]),
      /^policy\.ts:\d+:\d+: setup\.logHook 'webhook': url: no sink is given; give exactly one/,
    );
  });
});
