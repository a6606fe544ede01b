/**
 * `waybill replay` over a simulated day: an operator's policy with sources, pools, shaping files
 * and three versions, of which two came into force in the middle. The versions of then decide the
 * same; a changed copy differs in what was changed, and is told by option and file.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ReplayReport } from '../../src/cli/replay-compare.ts';
import type { RecordDraft, StoredRecord } from '../../src/ports/ports.ts';
import { World } from '../../src/testing/world/world.ts';
import { writeTurns } from '../contracts/log-place.ts';
import { waybill } from './cli-run.ts';
import { VersionFolder } from './policy-version-files.ts';

const POLICY = `import { definePolicy } from 'waybill/policy';
import { shaping, sources } from 'waybill/helpers';
export default definePolicy(
  sources({ files: ['data/sources.toml'] }),
  shaping({ files: ['data/shaping.toml'], no_default_files: true }),
  {
    init(setup) {
      setup.smtpListener({ listen: '127.0.0.1:0' });
    },
    get_queue_config: (domain, tenant) => ({
      egress_pool: domain === 'b.test' ? 'other' : 'main',
      retry_interval: domain.startsWith('c') ? '7m' : '20m',
    }),
    requeue_message: () => undefined,
  },
);
`;

const SOURCES = `[source."ip-1"]
source_address = "192.0.2.1"
[source."ip-2"]
source_address = "192.0.2.2"
[pool."main"."ip-1"]
[pool."main"."ip-2"]
[pool."other"."ip-2"]
`;

const SHAPING = `["default"]
enable_tls = "Disabled"
connection_limit = 3
["a.test"]
mx_rollup = false
max_deliveries_per_connection = 5
`;

const FILES = {
  'policy.ts': POLICY,
  'data/sources.toml': SOURCES,
  'data/shaping.toml': SHAPING,
};

let folder: VersionFolder;

/** A day: mail to three domains, and a version put in force every eight hours. */
const liveOneDay = async (): Promise<void> => {
  const versions: number[] = [await folder.activate()];
  folder.write(
    'data/shaping.toml',
    SHAPING.replace('connection_limit = 3', 'connection_limit = 4'),
  );
  versions.push(await folder.activate());
  folder.write('policy.ts', POLICY.replace("'20m'", "'25m'"));
  versions.push(await folder.activate());
  const manners = {
    'a.test': () => undefined,
    'b.test': () => undefined,
    'c.test': () => undefined,
  };
  const world = await World.start({ seed: 7, manners });
  await world.runFor(100);
  for (const number of versions) {
    const { policy } = await folder.loadVersion(number);
    world.policies.useLoaded(policy, number, world.engine, () => {});
    for (let hour = 0; hour < 8; hour += 1) {
      for (const domain of ['a.test', 'b.test', 'c.test']) world.submit([`u${hour}@${domain}`]);
      await world.runFor(3_600_000);
    }
  }
  const turns = new Map<number, RecordDraft[]>();
  const records: readonly StoredRecord[] = world.store.records as StoredRecord[];
  for (const { turn, stream, type, version, body } of records) {
    turns.set(turn, [...(turns.get(turn) ?? []), { stream, type, version, body }]);
  }
  await writeTurns(folder.data, [...turns.values()]);
};

const replay = async (policy: string): Promise<{ code: number | null; report: ReplayReport }> => {
  const words = ['replay', '--policy', policy, '--data', folder.data, '--json'];
  const { code, out, err } = await waybill(...words);
  assert.ok(code === 0 || code === 1, err);
  return { code, report: JSON.parse(out) as ReplayReport };
};

describe('a day is asked again', () => {
  before(async () => {
    folder = new VersionFolder(FILES);
    await liveOneDay();
  });
  after(() => folder.remove());

  it('decides the same under the versions that were in force', async () => {
    const { code, report } = await replay('active');
    assert.deepEqual([code, report.different, report.groups], [0, 0, []]);
    for (const [kind, tally] of Object.entries(report.kinds)) assert.ok(tally.asked > 0, kind);
    assert.deepEqual(report.faults, []);
    const unrecorded = report.unrecorded.map(({ what }) => what);
    assert.ok(unrecorded.includes('requeue_message'), unrecorded.join());
  });

  it('differs from an earlier version in what came later', async () => {
    const { code, report } = await replay('1');
    assert.equal(code, 1);
    const told = report.groups.map(({ handler, changes }) => [handler, changes[0]?.option]);
    assert.deepEqual(told.sort(), [
      ['get_egress_path_config', 'connection_limit'],
      ['get_queue_config', 'retry_interval'],
    ]);
    const queues = report.groups.find(({ what }) => what === 'queue');
    assert.deepEqual(queues?.names, ['a.test', 'b.test']);
    assert.deepEqual(queues?.changes[0]?.from, '25m');
    assert.ok((queues?.messages ?? 0) > 0);
  });

  it('tells what a file that no daemon knows would change, with the file and key', async () => {
    const path = join(folder.made.path, 'policy.ts');
    folder.write(
      'data/shaping.toml',
      SHAPING.replace('connection_limit = 3', 'connection_limit = 9'),
    );
    const { code, out } = await waybill('replay', '--policy', path, '--data', folder.data);
    assert.equal(code, 1, out);
    assert.match(out, /get_egress_path_config: path ip-/);
    assert.match(out, /connection_limit {2}\S+ → 9 .*shaping\.toml/);
    assert.match(out, /not recorded: \d+ of requeue_message/);
  });

  it('says in a sentence who cannot be asked', async () => {
    const absent = await waybill('replay', '--policy', 'absent.ts', '--data', folder.data);
    assert.deepEqual([absent.code, /no policy absent\.ts/.test(absent.err)], [69, true]);
    const number = await waybill('replay', '--policy', '77', '--data', folder.data);
    assert.match(number.err, /there is no version 77/);
    const broken = join(folder.made.path, 'broken.ts');
    writeFileSync(broken, 'export default 1;\n');
    const refused = await waybill('replay', '--policy', broken, '--data', folder.data);
    assert.equal(refused.code, 69);
  });
});
