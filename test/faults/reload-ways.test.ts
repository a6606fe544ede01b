/**
 * Every way to ask for a reload, against a real daemon in both shapes, and what a change of
 * listeners costs. The one idea: the epoch and the version that the daemon tells are the proof.
 * Deliberately unknown here: how a request travels.
 */
import assert from 'node:assert/strict';
import type { SpawnSyncReturns } from 'node:child_process';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { askManager } from '../../src/manager/control-client.ts';
import type { DaemonStatus } from '../../src/manager/status.ts';
import { waybill } from '../examples/cli-run.ts';
import type { Shape } from './daemon.ts';
import { Daemon, programCommand } from './daemon.ts';
import { makeProbes } from './scenario.ts';
import { makeScratch, pause, until } from './scratch.ts';
import { sendAll } from './sender.ts';

const WAIT_MS_MAX = 60_000;

const policyText = (init: string): string => `
import { bumpConfigEpoch, definePolicy } from 'waybill/policy';
let hasBumped = false;
export default definePolicy({
  init(setup) {
    setup.smtpListener({ listen: '127.0.0.1:0' });
    setup.httpListener({ listen: '127.0.0.1:0' });
    setup.configMonitorInterval('1h');
    ${init}
  },
  get_queue_config: (domain) => {
    // Once: this very handler is asked again in the next epoch.
    if (domain === 'd1.example' && !hasBumped) bumpConfigEpoch();
    hasBumped = domain === 'd1.example';
    return { retry_interval: '1h', protocol: { smtp: { mx_list: ['127.0.0.1:9'] } } };
  },
  get_egress_path_config: () => ({ prohibited_hosts: [] }),
});
`;

/** A daemon whose policy can be rewritten. */
class Reloaded {
  readonly scratch = makeScratch('reload-ways');
  readonly data = join(this.scratch.path, 'data');
  readonly policy = join(this.scratch.path, 'policy.ts');
  readonly daemon: Daemon;

  constructor(shape: Shape) {
    this.write('');
    this.daemon = new Daemon(this.policy, this.data, { shape });
  }

  write(init: string): void {
    writeFileSync(this.policy, policyText(init));
  }

  async status(): Promise<DaemonStatus> {
    return (await askManager(this.data, { do: 'status' })) as unknown as DaemonStatus;
  }

  /** Waits until the worker uses what fits. */
  async expect(fits: (status: DaemonStatus) => boolean): Promise<DaemonStatus> {
    const end = performance.now() + WAIT_MS_MAX;
    for (;;) {
      const status = await this.status();
      if (status.workers[0]?.state === 'ready' && fits(status)) return status;
      assert.ok(performance.now() < end, `${JSON.stringify(status)}\n${this.daemon.tail}`);
      await pause(20);
    }
  }

  /** Does something and waits until the worker is in the next epoch. */
  async bump(work: (status: DaemonStatus) => Promise<unknown>): Promise<DaemonStatus> {
    const before = await this.status();
    const epoch = before.workers[0]?.epoch ?? Number.NaN;
    await work(before);
    return await this.expect(({ workers }) => (workers[0]?.epoch ?? 0) > epoch);
  }

  async close(): Promise<void> {
    await this.daemon.kill();
    this.scratch.remove();
  }
}

for (const shape of ['managed', 'single'] as const) {
  describe(`a reload is asked for, ${shape}`, () => {
    const life = new Reloaded(shape);
    before(() => life.daemon.demandPort());
    after(() => life.close());

    test('with SIGHUP', async () => {
      const { policy, workers } = await life.bump(async ({ pid }) => process.kill(pid, 'SIGHUP'));
      assert.equal(policy.version, 1);
      assert.equal(workers[0]?.restarts, 0);
    });

    test('over HTTP, and the metrics say so', async () => {
      let base = '';
      const { policy } = await life.bump(async ({ httpListeners }) => {
        base = `http://${httpListeners[0]}`;
        await fetch(`${base}/api/admin/bump-config-epoch`, { method: 'POST' });
      });
      const page = await (await fetch(`${base}/metrics`)).text();
      assert.match(page, new RegExp(`^config_epoch ${policy.epoch}$`, 'm'));
    });

    test('at the control socket, which answers what came of it', async () => {
      await life.bump(async ({ policy }) => {
        const answer = await askManager(life.data, { do: 'policy.bump' });
        assert.equal(answer['epoch'], policy.epoch + 1);
      });
    });

    test('by the policy itself', async () => {
      await life.bump(() =>
        sendAll(makeProbes(1), { lines: 1, port: () => life.daemon.port(), answered: () => {} }),
      );
    });

    test('after an edit that brings a listener: the worker is replaced', async () => {
      life.write("setup.smtpListener({ listen: '127.0.0.1:0', hostname: 'two.example' });");
      await askManager(life.data, { do: 'policy.reload' });
      const { listeners } = await life.expect((status) => status.listeners.length === 2);
      const { listeners: noted } = JSON.parse(
        readFileSync(join(life.data, 'run.json'), 'utf8'),
      ) as DaemonStatus;
      assert.deepEqual(noted, listeners);
    });

    test('--validate beside it judges a file and touches nothing', async () => {
      const before = await life.status();
      const validate = (file: string): SpawnSyncReturns<string> => {
        const [name = '', ...args] = [...programCommand('waybilld'), '--validate', '--policy'];
        return spawnSync(name, [...args, file], { encoding: 'utf8' });
      };
      assert.equal(validate(life.policy).status, 0);
      const broken = join(life.scratch.path, 'broken.ts');
      writeFileSync(broken, policyText("throw new Error('not today');"));
      const { status, stderr } = validate(broken);
      assert.equal(status, 78);
      assert.match(stderr.trimEnd().split('\n').at(-1) ?? '', /^waybilld: .*broken\.ts.*not today/);
      const { policy, workers } = await life.status();
      // The epoch may rise: the new module asks for it, once.
      assert.deepEqual({ ...policy, epoch: 0 }, { ...before.policy, epoch: 0 });
      assert.equal(workers[0]?.pid, before.workers[0]?.pid);
    });

    test('and a stop is in good order', async () => {
      assert.deepEqual(await life.daemon.stop(), { code: 0, signal: null }, life.daemon.tail);
    });
  });
}

test('listeners that cannot be opened give way to the version before', async () => {
  const life = new Reloaded('managed');
  const other = createServer().listen(0, '127.0.0.1');
  try {
    await life.daemon.demandPort();
    const { port } = other.address() as { port: number };
    life.write(`setup.smtpListener({ listen: '127.0.0.1:${port}' });`);
    await askManager(life.data, { do: 'policy.reload' });
    // The restart for the listeners was wanted and does not count; that of the one that fell does.
    const back = ({ policy, workers }: DaemonStatus): boolean =>
      policy.version === 1 && (workers[0]?.restarts ?? 0) >= 1;
    const { workers } = await life.expect(back);
    assert.match(workers[0]?.lastCrash?.sentence ?? '', new RegExp(`${port} is in use`));
    assert.ok(await until(() => life.daemon.isRunning, 0));
  } finally {
    other.close();
    await life.close();
  }
});

const rollBackAndForth = async (life: Reloaded): Promise<void> => {
  const order = (...words: string[]) =>
    waybill('policy', 'rollback', '--data', life.data, ...words);
  const dry = await order('--dry-run');
  assert.match(dry.out, /^version 2 would be rolled back to version 1; waybill policy diff 2 1/);
  assert.equal((await life.status()).policy.version, 2);
  const done = await order('--by', 'ann', '--reason', 'it is not needed');
  assert.deepEqual([done.code, done.out], [0, 'version 1 is in force, in place of version 2\n']);
  assert.match(done.err, /^the files on the disk are version 2 still: .* mend them too\n$/);
  await life.expect(({ listeners }) => listeners.length === 1);
  const nothing = await order();
  assert.deepEqual([nothing.code, nothing.out], [1, '']);
  assert.match(nothing.err, /^waybill: No other version was in force before version 1; /);
  const sql = 'select reason from policy_versions where version = 1';
  const { out } = await waybill('sql', sql, '--data', life.data, '--json');
  assert.match(out, /version 2 was rolled back to 1 by ann: it is not needed/);
  // The reload takes the files again, which are those of version 2.
  await life.bump(() => askManager(life.data, { do: 'policy.reload' }));
  await life.expect(({ listeners }) => listeners.length === 2);
};

test('the version before comes back by a word, and the log says who and why', async () => {
  const life = new Reloaded('managed');
  try {
    await life.daemon.demandPort();
    life.write("setup.smtpListener({ listen: '127.0.0.1:0', hostname: 'two.example' });");
    await askManager(life.data, { do: 'policy.reload' });
    await life.expect(({ listeners }) => listeners.length === 2);
    await rollBackAndForth(life);
  } finally {
    await life.close();
  }
});
