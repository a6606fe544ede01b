/**
 * The policy-loader, by example: what a candidate holds, and what is refused, each with file, line
 * or key and a sentence, and with nothing changed but the list of refusals.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import type { FullVerdict } from '../../src/manager/loader.ts';
import { FILES, POLICY, VersionFolder } from './policy-version-files.ts';

const folders: VersionFolder[] = [];
const folder = (files: Readonly<Record<string, string>> = {}): VersionFolder => {
  const made = new VersionFolder({ ...FILES, ...files });
  folders.push(made);
  return made;
};
afterEach(() => {
  for (const made of folders.splice(0)) made.remove();
});

const demandLoaded = (verdict: FullVerdict): Extract<FullVerdict, { kind: 'loaded' }> => {
  assert.equal(verdict.kind, 'loaded', JSON.stringify(verdict));
  return verdict as Extract<FullVerdict, { kind: 'loaded' }>;
};

const refusalOf = async (files: Readonly<Record<string, string>>): Promise<string> => {
  const made = folder(files);
  const verdict = await made.load();
  assert.equal(verdict.kind, 'refused', JSON.stringify(verdict));
  const [newest] = made.using((store) => store.list(1));
  assert.equal(newest?.state, 'refused');
  assert.equal(newest?.number, verdict.number);
  assert.ok(newest?.sentence.endsWith(verdict.sentence.slice(-40)), 'the store knows the sentence');
  assert.equal(
    made.using((store) => store.current()),
    undefined,
  );
  assert.doesNotMatch(verdict.sentence, /\n/);
  return verdict.sentence;
};

describe('the policy-loader', () => {
  it('makes a candidate of modules and data files', async () => {
    const made = folder();
    const { number, hash, monitor, isSame, warnings } = demandLoaded(await made.load());
    assert.deepEqual([number, isSame, warnings], [1, false, []]);
    const names = ['data/sources.toml', 'policy.ts', 'retry.ts'];
    assert.deepEqual(
      monitor.files,
      names.map((name) => join(made.made.path, name)),
    );
    assert.equal(monitor.intervalMs, 10_000);
    const version = made.using((store) => store.find(number));
    assert.equal(version?.state, 'candidate');
    assert.equal(version?.hash, hash);
    assert.deepEqual(
      version?.files.map(({ path, text }) => [path, text]),
      [...names.map((name) => [name, FILES[name]])],
    );
    assert.equal(
      made.using((store) => store.current()),
      undefined,
      'nothing is in force yet',
    );
  });

  it('tells versions apart by code and by data, and knows the one in force', async () => {
    const made = folder();
    const first = demandLoaded(await made.load());
    made.using((store) => store.accept(first.number, 1, ''), 'write');
    const same = demandLoaded(await made.load());
    assert.deepEqual([same.number, same.isSame], [first.number, true]);
    made.write('data/sources.toml', FILES['data/sources.toml']?.replace('one', 'two') ?? '');
    const data = demandLoaded(await made.load());
    assert.deepEqual([data.number, data.isSame], [2, false]);
    assert.notEqual(data.hash, first.hash);
    assert.equal(data.settingsHash, first.settingsHash);
    const kept = readdirSync(join(made.data, 'policy')).filter((name) => name.endsWith('.mjs'));
    assert.equal(kept.length, 1, 'the code is the same');
    made.write('policy.ts', POLICY.replace('127.0.0.1:0', '127.0.0.1:2026'));
    const code = demandLoaded(await made.load());
    assert.notEqual(code.settingsHash, first.settingsHash, 'the listeners are others');
  });

  it('says what it saw and did not refuse', async () => {
    const text = POLICY.replace(
      'get_queue_config:',
      'get_egress_pool: () => ({}), get_queue_config:',
    ).replace("'main'", "'empty'");
    const { warnings } = demandLoaded(await folder({ 'policy.ts': text }).load());
    assert.deepEqual(warnings, [
      "the pool 'empty': has no source with a weight; its mail will wait",
    ]);
  });

  it('warns of no option that something acts on', async () => {
    const path = "get_egress_path_config: () => ({ max_message_rate: '5/s' }), get_queue_config:";
    const text = POLICY.replace('get_queue_config:', path);
    const { warnings, isSelfContained } = demandLoaded(await folder({ 'policy.ts': text }).load());
    assert.deepEqual([warnings, isSelfContained], [[], true]);
  });

  it('runs prepare, keeps its facts, and finds out what the network says', async () => {
    const prepare = `async prepare(world) {
      const names = ['localhost', 'no..name'];
      const answers = await Promise.all(names.map((name) => world.resolveMx(name)));
      world.keepFact('sites', answers);
      world.warn('prepare', 'looked up two');
    },`;
    const made = folder({ 'policy.ts': POLICY.replace('init(', `${prepare}\n    init(`) });
    const { number, warnings } = demandLoaded(await made.load());
    assert.deepEqual(warnings, ['prepare: looked up two']);
    assert.deepEqual(made.using((store) => store.find(number))?.facts, {
      sites: [
        { site_name: 'localhost', hosts: ['localhost'] },
        { fault: "'no..name' is no domain name" },
      ],
    });
  });
});

describe('the policy-loader refuses', () => {
  it('a syntax error, in a module or in a data file', async () => {
    assert.match(
      await refusalOf({ 'retry.ts': 'export const RETRY = ;\n' }),
      /^retry\.ts:1:22: Unexpected ";"; correct the source and load it again$/,
    );
    assert.match(
      await refusalOf({ 'data/sources.toml': '[source."ip-1"]\nehlo_domain = \n' }),
      /^data\/sources\.toml:2/,
    );
  });

  it('an unknown key, with the one that was meant', async () => {
    assert.match(
      await refusalOf({ 'policy.ts': POLICY.replace('retry_interval', 'retry_intervall') }),
      /retry_intervall: is not an option here; did you mean 'retry_interval'\?$/,
    );
    assert.match(
      await refusalOf({ 'data/sources.toml': '[source."ip-1"]\nehlo_domian = "a.example"\n' }),
      /^data\/sources\.toml: .*ehlo_domian.*did you mean 'ehlo_domain'\?/,
    );
    const init = POLICY.replace('listen:', 'listne:');
    assert.match(
      await refusalOf({ 'policy.ts': init }),
      /^policy\.ts:8:\d+: .*listne.*'listen'\?$/,
    );
  });

  it('a pool or a source that nobody knows, and says who names it', async () => {
    assert.equal(
      await refusalOf({ 'policy.ts': POLICY.replace("'main'", "'mian'") }),
      'get_queue_config for probe.invalid: egress_pool: no part of the policy knows the pool ' +
        "'mian'; did you mean 'main'?",
    );
    const text = `${FILES['data/sources.toml']}[pool."main"."ip-2"]\n`;
    assert.match(
      await refusalOf({ 'data/sources.toml': text }),
      /^data\/sources\.toml: .* knows the source 'ip-2'; did you mean 'ip-1'\?$/,
    );
  });

  it('handlers that throw: init with its line, the others, too', async () => {
    const thrown = POLICY.replace('setup.smtp', "throw new Error('not today');\nsetup.smtp");
    assert.equal(
      await refusalOf({ 'policy.ts': thrown }),
      'policy.ts:8:13: init threw: not today; correct the handler',
    );
    const broken = POLICY.replace('({ egress_pool', '({ ...[].map.call(null), egress_pool');
    assert.match(
      await refusalOf({ 'policy.ts': broken }),
      /^policy\.ts:\d+:\d+: get_queue_config failed for probe\.invalid: .*null or undefined/,
    );
  });

  it('an unreadable answer: with the line of its handler, or the file of several', async () => {
    const bad = POLICY.replace('({ egress_pool', '({ retry_intervall: 1, egress_pool');
    assert.match(
      await refusalOf({ 'policy.ts': bad }),
      /^policy\.ts:\d+: get_queue_config for probe\.invalid: retry_intervall: /,
    );
    const twice = bad.replace(
      'definePolicy(',
      'definePolicy({ get_queue_config: () => undefined },',
    );
    assert.match(
      await refusalOf({ 'policy.ts': twice }),
      /^policy\.ts: get_queue_config for probe\.invalid: retry_intervall: /,
    );
  });

  it('all that is wrong at once, and says how much there is', async () => {
    const text = POLICY.replace(
      'init(',
      'validate_config(checks) {\n' +
        "checks.refuse('a.toml: x', 'is bad', 'mend it');\n" +
        "checks.expectSource('ip-9', 'b.toml: y');\n},\ninit(",
    );
    const verdict = await folder({ 'policy.ts': text }).load();
    assert.ok(verdict.kind === 'refused');
    assert.equal(verdict.sentence, 'a.toml: x: is bad; mend it (and 1 more)');
    assert.deepEqual(verdict.refusals, [
      'a.toml: x: is bad; mend it',
      "b.toml: y: no part of the policy knows the source 'ip-9'; did you mean 'ip-1'?",
    ]);
  });

  it('a missing or unreadable data file by its name', async () => {
    const away = POLICY.replace('data/sources.toml', 'data/source.toml');
    assert.match(await refusalOf({ 'policy.ts': away }), /^data\/source\.toml: .*does not exist/);
  });

  it('a handler that loops forever, with its name and the line it loops on', async () => {
    const loop = POLICY.replace(
      /get_queue_config: .*,/,
      'get_queue_config(domain) {\n      let count = 0;\n' +
        '      while (domain !== String(count)) count += 1;\n      return {};\n    },',
    );
    const sentence = await refusalOf({ 'policy.ts': loop });
    assert.match(
      sentence,
      /^policy\.ts:12:\d+: get_queue_config for probe\.invalid did not end within 3 s; look for a/,
    );
  });

  it('a policy that ends the process, or never ends to prepare', async () => {
    assert.match(
      await refusalOf({ 'retry.ts': "export const RETRY = '1m';\nprocess.exit(0);\n" }),
      /^the top level of the policy ended the process; remove process\.exit$/,
    );
    const later = POLICY.replace('init(', 'prepare: () => new Promise(() => {}),\n    init(');
    assert.match(
      await refusalOf({ 'policy.ts': later }),
      /^policy\.ts: prepare did not end within 8 s; look for a loop or an endless wait there$/,
    );
  });
});
