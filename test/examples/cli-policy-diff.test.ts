/**
 * `waybill policy diff` on a data directory with queued mail: what is compared, how equal changes
 * are one group, who set them, and how much mail they are about.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import type { Difference } from '../../src/cli/policy-diff-text.ts';
import { readLive } from '../../src/cli/policy-live.ts';
import { Books } from '../../src/domain/books.ts';
import { encodeBooks } from '../../src/domain/snapshot.ts';
import { inspectSegment, listSegments } from '../../src/events/log-segments.ts';
import { writeSnapshot } from '../../src/events/log-snapshots.ts';
import { findChain } from '../../src/events/log-walk.ts';
import { Replay } from '../../src/events/replay.ts';
import type { RecordDraft } from '../../src/ports/ports.ts';
import { writeTurns } from '../contracts/log-place.ts';
import { waybill } from './cli-run.ts';
import { FILES, VersionFolder } from './policy-version-files.ts';

const POLICY = `import { definePolicy } from 'waybill/policy';
import { sources } from 'waybill/helpers';
import { big } from './big.ts';
export default definePolicy(
  sources({ files: ['data/sources.toml'] }),
  {
    init(setup) {
      setup.smtpListener({ listen: '127.0.0.1:0' });
    },
    get_queue_config: (domain) => big(domain),
    get_egress_path_config: (domain, source, site) => ({
      connection_limit: site.startsWith('mx.') ? 10 : 20,
    }),
  },
);
`;

const folders: VersionFolder[] = [];
afterEach(() => {
  for (const made of folders.splice(0)) made.remove();
});

const draft = (type: string, stream: string, body: object): RecordDraft => ({
  stream,
  type,
  version: 1,
  body: JSON.stringify(body),
});

const opened = (queue: string, site: string): RecordDraft[] => [
  draft('queue.opened', queue, { answer: 'a' }),
  draft('queue.routed', queue, { site, hosts: [] }),
];

let number = 0;
const accepted = (queue: string): RecordDraft => {
  number += 1;
  const place = { from: 'a@test', to: [`r@${queue}`], body: [1, 0, 10, 0] };
  const id = number.toString(16).padStart(32, '0');
  return draft('message.accepted', id, { queue, ...place, service: 's', peer: '', helo: '' });
};

const TURNS = [
  [...opened('a.test', 'mx.a.test'), ...opened('b.test', 'mx.b.test'), ...opened('c.test', '')],
  [accepted('a.test'), accepted('a.test'), accepted('b.test')],
  [draft('source.opened', 'ip-1', { answer: 'b' }), accepted('c.test')],
];

const makeFolder = async (big: string): Promise<VersionFolder> => {
  const made = new VersionFolder({ ...FILES, 'policy.ts': POLICY, 'big.ts': big });
  folders.push(made);
  await writeTurns(made.data, TURNS);
  await made.activate();
  return made;
};

const BIG = `export const big = (domain: string) => ({
  egress_pool: 'main', retry_interval: domain === 'c.test' ? '1h' : '20m',
});`;

describe('what lives in a data directory', () => {
  it('is read from the log, and from a picture with what came after it', async () => {
    const made = await makeFolder(BIG);
    const live = readLive(made.data);
    assert.deepEqual(live, {
      queues: [
        { name: 'a.test', site: 'mx.a.test', messages: 2 },
        { name: 'b.test', site: 'mx.b.test', messages: 1 },
        { name: 'c.test', site: '', messages: 1 },
      ],
      sources: ['ip-1'],
    });
    const logDir = join(made.data, 'log');
    const position = 8;
    const replay = new Replay(new Books());
    const flat = TURNS.flat();
    for (const [at, record] of flat.slice(0, position).entries()) {
      replay.apply({ ...record, position: at + 1, turn: 1, at: 1 });
    }
    const segments = listSegments(logDir).map((name) => inspectSegment(logDir, name));
    const chain = findChain(segments, position) ?? '';
    assert.notEqual(chain, '');
    await writeSnapshot(made.data, { position, chain, bytes: encodeBooks(replay.books) });
    assert.deepEqual(readLive(made.data), live);
    assert.deepEqual(readLive(join(made.data, 'policy')), { queues: [], sources: [] });
  });
});

describe('waybill policy diff', () => {
  it('groups equal changes, with from, to, who set them and the mail they are about', async () => {
    const made = await makeFolder(BIG);
    made.write('big.ts', BIG.replace("'20m'", "'5m'"));
    made.write('data/sources.toml', FILES['data/sources.toml']?.replace('one', 'two') ?? '');
    await made.activate();
    const words = ['policy', 'diff', '1', '2', '--data', made.data];
    const [told, asJson] = await Promise.all([
      waybill(...words),
      waybill(...words, '--no-dns', '--domains', 'c.test,d.test', '--json'),
    ]);
    assert.deepEqual([told.code, told.err], [1, '']);
    assert.equal(
      told.out,
      [
        'version 1 → 2, for 3 live queues',
        'queue   retry_interval  20m → 5m',
        '        2 queues: a.test, b.test; 3 queued messages',
        'source  ehlo_domain  one.example → two.example  ' +
          "(data/sources.toml: source.'ip-1'.ehlo_domain)",
        '        1 source: ip-1; 4 queued messages',
        'files   changed: big.ts, data/sources.toml',
        '4 queued messages affected\n',
      ].join('\n'),
    );
    const found = JSON.parse(asJson.out) as Difference;
    assert.deepEqual([found.queues, found.domains, found.messages], [3, 1, 4]);
    assert.deepEqual(found.groups[0]?.names, ['a.test', 'b.test', 'd.test']);
  });

  it('finds pools, sources and paths that came, went or changed', async () => {
    const made = await makeFolder(BIG);
    const sources = '[source."ip-1"]\nehlo_domain = "one.example"\n[source."ip-2"]\n';
    made.write('data/sources.toml', `${sources}[pool."new"."ip-1"]\n[pool."new"."ip-2"]\n`);
    made.write('big.ts', BIG.replace("'main'", "domain === 'a.test' ? 'new' : 'new'"));
    made.write('policy.ts', POLICY.replace('? 10', '? 5'));
    await made.activate();
    const { out } = await waybill('policy', 'diff', '1', '2', '--data', made.data);
    assert.match(out, /^queue {3}egress_pool {2}main → new\n {8}3 queues: .*; 4 queued messages$/m);
    assert.match(out, /^pool {4}is no longer known\n {8}1 pool: main; 4 queued messages$/m);
    assert.match(out, /^pool {4}is new\n {8}1 pool: new; 4 queued messages$/m);
    assert.match(out, /^source {2}is new\n {8}1 source: ip-2; 4 queued messages$/m);
    assert.match(
      out,
      /^path {4}connection_limit {2}10 → 5\n {8}2 paths: ip-1->mx\.a\.test for a.*, .* 3 queued/m,
    );
  });

  it('says so when the answers are the same, and when a version cannot be asked', async () => {
    const made = await makeFolder(BIG);
    made.write('big.ts', `// Only a comment.\n${BIG}\nexport const unused = 1;`);
    made.write('policy.ts', POLICY.replace('init(setup) {', 'init(setup) { void 0;'));
    await made.activate();
    const [same, none] = await Promise.all([
      waybill('policy', 'diff', '1', '2', '--data', made.data),
      waybill('policy', 'diff', '1', '7', '--data', made.data),
    ]);
    assert.equal(same.code, 0, same.out);
    assert.match(same.out, /\nfiles {3}changed: big\.ts, policy\.ts\nthe answers are the same\n$/);
    assert.deepEqual(
      [none.code, none.err],
      [69, 'waybill: There is no version 7; see waybill policy list.\n'],
    );
  });
});
