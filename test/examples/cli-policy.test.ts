/**
 * `waybill policy` as a person meets it: list, show, check and activate, their exit codes, and one
 * sentence when something is in the way. Only output is looked at.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { VersionSummary } from '../../src/domain/policy-version.ts';
import { openControl } from '../../src/manager/control-server.ts';
import { waybill } from './cli-run.ts';
import { FILES, POLICY, VersionFolder } from './policy-version-files.ts';

const checkFolders = (): string[] =>
  readdirSync(tmpdir()).filter((name) => name.startsWith('waybill-check-'));

describe('waybill policy', () => {
  let made: VersionFolder;
  before(async () => {
    made = new VersionFolder();
    await made.activate();
    made.write('data/sources.toml', FILES['data/sources.toml']?.replace('one', 'two') ?? '');
    await made.activate();
    made.write('retry.ts', "export const RETRY = 'soon';\n");
    await made.load();
  });
  after(() => made.remove());

  it('has help with examples and exit codes', async () => {
    const words = [['policy', '--help'], ...COMMANDS.map((name) => ['policy', name, '--help'])];
    const helps = await Promise.all(words.map((each) => waybill(...each)));
    for (const [at, { code, out, err }] of helps.entries()) {
      assert.deepEqual([code, err], [0, '']);
      assert.match(out, /Examples?:\n {2}\$ waybill policy /);
      if (at > 0) assert.match(out, /Exit codes:\n {3}0 {2}done/);
    }
    for (const name of COMMANDS)
      assert.match(helps[0]?.out ?? '', new RegExp(`^ {2}${name} `, 'm'));
  });

  it('list shows what is in force and what was refused, and why', async () => {
    const [told, asJson] = await Promise.all([
      waybill('policy', 'list', '--data', made.data),
      waybill('policy', 'list', '--data', made.data, '--json', '--max', '2'),
    ]);
    const [refused, current, older] = told.out.trimEnd().split('\n');
    assert.match(refused ?? '', /^ {6}3 {2}refused .* test: .*'soon' is not a duration/);
    assert.match(current ?? '', /^\* {5}2 {2}accepted {3}\d{4}-\d\d-\d\dT[\d:]+Z {2}[0-9a-f]{16} /);
    assert.match(older ?? '', /^ {6}1 {2}accepted/);
    const list = JSON.parse(asJson.out) as VersionSummary[];
    assert.deepEqual(
      list.map(({ number, state, isCurrent }) => [number, state, isCurrent]),
      [
        [3, 'refused', false],
        [2, 'accepted', true],
      ],
    );
  });

  it('show tells what a version is made of, and gives its files back', async () => {
    const [told, file, refused, none, noFile] = await Promise.all([
      waybill('policy', 'show', '1', '--data', made.data),
      waybill('policy', 'show', '1', '--data', made.data, '--file', 'data/sources.toml'),
      waybill('policy', 'show', '3', '--data', made.data),
      waybill('policy', 'show', '9', '--data', made.data),
      waybill('policy', 'show', '1', '--data', made.data, '--file', 'x'),
    ]);
    assert.match(told.out, /^version {2}1, accepted\n/);
    assert.match(told.out, /^file {5}data\/sources\.toml {2}\d+ bytes {2}[0-9a-f]{16}$/m);
    assert.equal(file.out, FILES['data/sources.toml']);
    assert.match(refused.out, /^version {2}3, refused\n[\s\S]*\nrefused {2}.*is not a duration/);
    assert.deepEqual(
      [none.code, none.err.trim()],
      [69, 'waybill: There is no version 9; see waybill policy list.'],
    );
    assert.match(noFile.err, /has no file x; it has data\/sources\.toml, policy\.ts, retry\.ts\./);
  });

  it('check says what waybilld would say, and leaves nothing behind', async () => {
    const before = checkFolders();
    const good = new VersionFolder({
      ...FILES,
      'policy.ts': POLICY.replace('init(', "validate_config: (c) => c.warn('here', 'odd'),\ninit("),
    });
    const bad = new VersionFolder({
      ...FILES,
      'policy.ts': POLICY.replace("0'", "0', tls_certificate: 'a.pem', tls_private_key: 'b.pem'"),
    });
    const [fine, refused, loader] = await Promise.all([
      waybill('policy', 'check', good.source),
      waybill('policy', 'check', bad.source, '--json'),
      waybill('policy', 'check', made.source),
    ]);
    good.remove();
    bad.remove();
    assert.deepEqual([fine.code, fine.err], [0, 'warning: here: odd\n']);
    assert.match(fine.out, /policy\.ts is in order\n$/);
    const verdict = JSON.parse(refused.out) as { isGood: boolean; step: string };
    assert.deepEqual([refused.code, verdict.isGood, verdict.step], [1, false, 'canary']);
    assert.match(loader.err, /^refused by the policy-loader: .*'soon' is not a duration/);
    assert.deepEqual([loader.code, loader.out], [1, '']);
    assert.deepEqual(checkFolders(), before);
  });

  it('activate and reload ask the daemon, and says so when there is none', async () => {
    const nobody = await waybill('policy', 'activate', '1', '--data', made.data);
    assert.equal(nobody.code, 69);
    assert.match(nobody.err, /^waybill: No waybilld answers for .*; is it running, with --data/);
    const asked: unknown[] = [];
    const control = await openControl(made.data, async (request) => {
      asked.push(request);
      if (request.version === 2) throw new Error('the canary refused it: no key');
      if (request.do === 'policy.reload') return { kind: 'unchanged', version: 4, epoch: 7 };
      return { version: 1, epoch: 7 };
    });
    const [done, refused, reloaded] = await Promise.all([
      waybill('policy', 'activate', '1', '--data', made.data),
      waybill('policy', 'activate', '2', '--data', made.data),
      waybill('policy', 'reload', '--data', made.data),
    ]);
    control.close();
    assert.deepEqual([done.code, done.out], [0, 'version 1 is in force\n']);
    assert.deepEqual([refused.code, refused.out], [1, '']);
    assert.equal(refused.err, 'waybill: The canary refused it: no key\n');
    assert.equal(reloaded.out, 'version 4 is unchanged, and asked anew\n');
    assert.ok(asked.some((one) => (one as { do: string }).do === 'policy.activate'));
  });

  it('refuses wrong words with a sentence and its own exit code', async () => {
    const cases: [words: string[], code: number, says: RegExp][] = [
      [['policy', 'show', 'two'], 64, /Expected the number of a version, such as 3/],
      [['policy', 'shwo'], 64, /unknown command 'shwo'/],
      [['policy', 'list', '--data', '/nonexistent'], 69, /There is no data directory/],
      [['policy', 'list', '--data', join(made.made.path, 'data')], 69, /holds no policy store/],
    ];
    const outcomes = await Promise.all(cases.map(([words]) => waybill(...words)));
    for (const [at, [words, code, says]] of cases.entries()) {
      assert.equal(outcomes[at]?.code, code, words.join(' '));
      assert.match(outcomes[at]?.err ?? '', says);
      assert.doesNotMatch(outcomes[at]?.err ?? '', /\n\s+at /, 'no stack');
    }
  });
});

const COMMANDS = ['list', 'show', 'diff', 'check', 'activate', 'rollback', 'reload'];
