/**
 * `waybill replay` where log and policy do not have the same handlers: a policy that lacks those
 * whose answers are on record, and one that has those that the policy of then lacked.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ReplayReport } from '../../src/cli/replay-compare.ts';
import type { RecordDraft, StoredRecord } from '../../src/ports/ports.ts';
import { World } from '../../src/testing/world/world.ts';
import { writeTurns } from '../contracts/log-place.ts';
import { waybill } from './cli-run.ts';
import { VersionFolder } from './policy-version-files.ts';

const policyOf = (handlers: string): string => `import { definePolicy } from 'waybill/policy';
export default definePolicy({
  init(setup) {
    setup.smtpListener({ listen: '127.0.0.1:0' });
  },
${handlers}});
`;

const FULL = policyOf(`  get_queue_config: () => ({ egress_pool: 'main', retry_interval: '7m' }),
  get_egress_pool: (name) => (name === 'main' ? { entries: [{ name: 'ip-1' }] } : undefined),
  get_egress_source: (name) => (name === 'ip-1' ? { ehlo_domain: 'one.example' } : undefined),
  get_egress_path_config: () => ({ enable_tls: 'Disabled', connection_limit: 3 }),
`);
const BARE = policyOf('');

/** An hour of mail under the policy of the folder. */
const live = async (folder: VersionFolder): Promise<void> => {
  const number = await folder.activate();
  const manners = { 'a.test': () => undefined };
  const world = await World.start({ seed: 7, manners });
  await world.runFor(100);
  const { policy } = await folder.loadVersion(number);
  world.policies.useLoaded(policy, number, world.engine, () => {});
  for (let mail = 0; mail < 3; mail += 1) {
    world.submit([`u${mail}@a.test`]);
    await world.runFor(1_200_000);
  }
  const turns = new Map<number, RecordDraft[]>();
  for (const record of world.store.records as StoredRecord[]) {
    const { turn, stream, type, version, body } = record;
    turns.set(turn, [...(turns.get(turn) ?? []), { stream, type, version, body }]);
  }
  await writeTurns(folder.data, [...turns.values()]);
};

describe('handlers that only one of the two has', () => {
  const folders: Record<string, VersionFolder> = {};
  before(async () => {
    for (const [name, text] of Object.entries({ full: FULL, bare: BARE })) {
      const folder = new VersionFolder({ 'policy.ts': text });
      folders[name] = folder;
      await live(folder);
      folder.write('other.ts', name === 'full' ? BARE : FULL);
    }
  });
  after(() => {
    for (const folder of Object.values(folders)) folder.remove();
  });

  const replay = async (name: string, ...more: string[]) => {
    const folder = folders[name];
    assert.ok(folder !== undefined);
    const other = join(folder.made.path, 'other.ts');
    return await waybill('replay', '--policy', other, '--data', folder.data, ...more);
  };

  const told = async (name: string): Promise<[handler: string, option: string, to: unknown][]> => {
    const { code, out } = await replay(name, '--json');
    assert.equal(code, 1, out);
    const { groups, different, asked, kinds, faults, unrecorded } = JSON.parse(out) as ReplayReport;
    const sums = Object.values(kinds).map((kind) => kind.different);
    assert.equal(
      sums.reduce((sum, one) => sum + one, 0),
      different,
    );
    assert.equal(asked, 10);
    assert.deepEqual(unrecorded, []);
    assert.equal(faults.length, name === 'full' ? 1 : 0, faults.join());
    return groups.flatMap(({ handler, changes }) =>
      changes.map(({ option, to }): [string, string, unknown] => [handler, option, to]),
    );
  };

  it('a policy without them is held to the defaults, and what it lacks is said', async () => {
    assert.deepEqual((await told('full')).sort(), [
      ['get_egress_path_config', 'connection_limit', '32'],
      ['get_egress_path_config', 'enable_tls', 'Opportunistic'],
      ['get_egress_pool', '', undefined],
      ['get_egress_source', '', undefined],
      ['get_queue_config', 'egress_pool', undefined],
      ['get_queue_config', 'retry_interval', '20m'],
    ]);
    const { out } = await replay('full');
    assert.match(out, /get_egress_pool: pool main; 3 attempts\n {2}is no longer known/);
    assert.match(out, /get_queue_config: .*\n {2}egress_pool {2}main → \(not set\)/);
    assert.match(out, /^fault: no part of the policy knows the pool 'main'; answer it in get_egr/m);
  });

  it('a policy with more answers what was asked then, and no more', async () => {
    assert.deepEqual((await told('bare')).sort(), [
      ['get_egress_path_config', 'connection_limit', '3'],
      ['get_egress_path_config', 'enable_tls', 'Disabled'],
      ['get_queue_config', 'egress_pool', 'main'],
      ['get_queue_config', 'retry_interval', '7m'],
    ]);
    const { out } = await replay('bare');
    assert.match(out, /get_queue_config: .*\n {2}egress_pool {2}\(not set\) → main/);
    assert.match(out, /^pool +3 asked, 0 different$/m);
  });
});
