/**
 * Broken edits of a policy: each is refused with file, line or key, and a sentence, while mail
 * flows on as before; the same files start nothing at a cold start.
 * Deliberately unknown here: which process found the mistake.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { programCommand } from './daemon.ts';
import { FIRST, POLICY, PolicyWorld } from './policy-world.ts';
import { makeScratch, pause, until } from './scratch.ts';

const REFUSED_MS_MAX = 40_000;
const START_MS_MAX = 60_000;
const FLOW_COPIES = 50;
const EXIT_POLICY_REFUSED = 78;

interface Version {
  readonly number: number;
  readonly state: string;
  readonly isCurrent: boolean;
  readonly sentence: string;
}

interface Edit {
  readonly name: string;
  readonly file: string;
  readonly text: string;
  readonly says: RegExp;
}

const EDITS: readonly Edit[] = [
  {
    name: 'a syntax error',
    file: 'policy.ts',
    text: `${POLICY}\nconst = 1;\n`,
    says: /policy\.ts:\d+:\d+: .*(?:expected|unexpected)/i,
  },
  {
    name: 'an unknown key',
    file: 'sources.toml',
    text: FIRST.sources.replace('ehlo_domain', 'ehlo_domian'),
    says: /sources\.toml.*ehlo_domian.*did you mean 'ehlo_domain'/,
  },
  {
    name: 'a missing source',
    file: 'sources.toml',
    text: FIRST.sources.replace('[pool."main"."one"]', '[pool."main"."two"]'),
    says: /sources\.toml.*two/,
  },
  {
    name: 'an init that throws',
    file: 'policy.ts',
    text: POLICY.replace('init(setup) {', "init(setup) {\n      throw new Error('no such host');"),
    says: /policy\.ts:\d+:\d+: init threw: no such host/,
  },
  {
    name: 'a handler that loops for ever',
    file: 'policy.ts',
    text: POLICY.replace(
      'get_queue_config: () => ({',
      'get_queue_config: () => loop() ?? ({',
    ).concat('function loop(): undefined { for (;;) { /* for ever */ } }\n'),
    says: /get_queue_config.*did not end/,
  },
];

const runTool = (...args: string[]) => {
  const [name = '', ...rest] = [...programCommand('waybill'), ...args];
  return spawnSync(name, rest, { encoding: 'utf8', timeout: REFUSED_MS_MAX });
};

describe('broken edits', () => {
  const scratch = makeScratch('policy-broken');
  const world = new PolicyWorld(scratch.path);
  const [target] = world.targets;

  const list = (): Version[] => {
    const { stdout, stderr } = runTool('policy', 'list', '--data', world.data, '--json');
    assert.ok(stdout.startsWith('['), stderr);
    return JSON.parse(stdout) as Version[];
  };
  const readMetric = async (name: string): Promise<number> => {
    const text = readFileSync(join(world.data, 'run.json'), 'utf8');
    const { httpListeners } = JSON.parse(text) as { httpListeners: string[] };
    const answer = await fetch(`http://${httpListeners[0]}/metrics`);
    const line = (await answer.text()).split('\n').find((one) => one.startsWith(`${name} `));
    return Number(line?.slice(name.length + 1));
  };
  const writeFirst = (): void => {
    world.edit('policy.ts', POLICY);
    world.edit('sources.toml', FIRST.sources);
  };

  before(async () => {
    await world.prepare();
    await world.start().demandPort();
    world.startSending();
  });
  after(async () => {
    await world.close();
    scratch.remove();
  });

  for (const [index, { name, file, text, says }] of EDITS.entries()) {
    test(`${name} is refused, and mail flows on`, async () => {
      world.edit(file, text);
      const isRefused = (): boolean => list().some(({ sentence }) => says.test(sentence));
      await until(isRefused, REFUSED_MS_MAX);
      const versions = list();
      const refused = versions.filter(({ state }) => state === 'refused');
      assert.ok(isRefused(), JSON.stringify(versions));
      assert.equal(refused.length, index + 1);
      assert.equal(versions.find(({ isCurrent }) => isCurrent)?.number, 1);
      // The manager's counters come with its heartbeat, each second.
      const end = performance.now() + REFUSED_MS_MAX;
      while ((await readMetric('policy_refusals_total')) <= index && performance.now() < end) {
        await pause(100);
      }
      assert.equal(await readMetric('policy_refusals_total'), index + 1);
      const before = target.copies.length;
      await until(() => target.copies.length > before + FLOW_COPIES, REFUSED_MS_MAX);
      assert.ok(target.copies.length > before + FLOW_COPIES, world.daemon.tail);
      writeFirst();
    });
  }

  test('not one message was refused, and the worker is the one from the beginning', async () => {
    await world.stopSending();
    assert.deepEqual(
      world.answers.filter(({ kind }) => kind !== 'taken'),
      [],
    );
    const { stdout } = runTool('status', '--data', world.data, '--json');
    const { workers } = JSON.parse(stdout) as { workers: { restarts: number; version: number }[] };
    assert.deepEqual(
      workers.map(({ restarts, version }) => [restarts, version]),
      [[0, 1]],
    );
  });
});

describe('broken files at a cold start', { concurrency: 1 }, () => {
  for (const { name, file, text, says } of EDITS) {
    test(`${name} starts nothing`, async () => {
      const scratch = makeScratch('policy-cold');
      const world = new PolicyWorld(scratch.path);
      try {
        await world.prepare();
        world.edit(file, text);
        const [program = '', ...args] = [
          ...programCommand('waybilld'),
          ...['--policy', world.policyFile, '--data', world.data],
        ];
        const done = spawnSync(program, args, { encoding: 'utf8', timeout: START_MS_MAX });
        assert.equal(done.status, EXIT_POLICY_REFUSED, done.stderr);
        assert.equal(done.stdout, '');
        assert.match(done.stderr.trimEnd().split('\n').at(-1) ?? '', says);
      } finally {
        await world.close();
        scratch.remove();
      }
    });
  }
});
