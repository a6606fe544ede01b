/**
 * Loader and canary as processes of their own: one order, one verdict, an exit code that says the
 * same, an end when the manager is gone, and a store that a kill in the middle leaves whole.
 */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { LoadVerdict, ProofVerdict } from '../../src/manager/messages.ts';
import { FILES, VersionFolder } from './policy-version-files.ts';

type Step = 'loader-process' | 'canary-process';

const folders: VersionFolder[] = [];
const folder = (files: Readonly<Record<string, string>> = {}): VersionFolder => {
  const made = new VersionFolder({ ...FILES, ...files });
  folders.push(made);
  return made;
};
afterEach(() => {
  for (const made of folders.splice(0)) made.remove();
});

const start = (step: Step): ChildProcess =>
  fork(fileURLToPath(new URL(`../../src/manager/${step}.ts`, import.meta.url)), [], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  });

const ask = async <Verdict>(step: Step, order: object) => {
  const child = start(step);
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const heard = new Promise<Verdict>((resolve) => child.once('message', resolve as () => void));
  child.send(order);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, said, verdict: await heard };
};

const orderOf = (made: VersionFolder) =>
  ({ kind: 'load', source: made.source, reason: 'test', dir: made.data }) as const;

describe('loader and canary as processes', () => {
  it('load, prove and end with 0', async () => {
    const made = folder();
    const loaded = await ask<LoadVerdict>('loader-process', orderOf(made));
    assert.deepEqual([loaded.code, loaded.said, loaded.verdict.kind], [0, '', 'loaded']);
    const proved = await ask<ProofVerdict>('canary-process', {
      kind: 'prove',
      number: loaded.verdict.number,
      dir: made.data,
    });
    assert.deepEqual([proved.code, proved.said, proved.verdict], [0, '', { kind: 'proved' }]);
  });

  it('refuse with 65 and the sentence, also of a handler that loops', async () => {
    const broken = folder({ 'retry.ts': "export const RETRY = '1m'\nexport const RETRY = '2m'" });
    const looping = folder({ 'policy.ts': LOOP });
    const [first, second] = await Promise.all([
      ask<LoadVerdict>('loader-process', orderOf(broken)),
      ask<LoadVerdict>('loader-process', orderOf(looping)),
    ]);
    assert.deepEqual([first.code, first.verdict.kind], [65, 'refused']);
    assert.ok(first.verdict.kind === 'refused');
    assert.match(first.verdict.sentence, /retry\.ts:2:14: Multiple exports with the same name/);
    assert.equal(broken.using((store) => store.list(5)).length, 1);
    assert.deepEqual([second.code, second.said], [65, '']);
    assert.ok(second.verdict.kind === 'refused');
    assert.match(
      second.verdict.sentence,
      /policy\.ts:4:\d+: get_egress_pool for main did not end within 3 s/,
    );
  });

  it('end with 74 where the store cannot be used', async () => {
    const made = folder();
    made.write('spool/policy', 'a file where the folder should be');
    const { code, verdict } = await ask<{ kind: string }>('loader-process', orderOf(made));
    assert.deepEqual([code, verdict.kind], [74, 'failed']);
  });

  it('end at once when their manager is gone, with or without an order', async () => {
    for (const step of ['loader-process', 'canary-process'] as const) {
      const child = start(step);
      await once(child, 'spawn');
      child.disconnect();
      const [code] = (await once(child, 'exit')) as [number | null];
      assert.notEqual(code, null, 'it ended by itself');
    }
    const made = folder({ 'policy.ts': LOOP });
    const child = start('loader-process');
    child.send(orderOf(made), () => child.disconnect());
    await once(child, 'exit');
    assert.throws(() => made.using((store) => store.list(1)), /holds no policy store/);
  });
});

const LOOP = `import { definePolicy } from 'waybill/policy';
export default definePolicy({
  init: (setup) => setup.smtpListener({ listen: '127.0.0.1:0' }),
  get_egress_pool() { for (;;); },
  get_queue_config: () => ({ egress_pool: 'main' }),
});
`;
