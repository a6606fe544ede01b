/**
 * The log asked in SQL: each view on a small log, the forms of results, and that nothing can be
 * written or last for ever. Deliberately unknown here: damage.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { formatRows } from '../../src/cli/sql-print.ts';
import { WatchedViews } from '../../src/cli/sql-views.ts';
import { QueryRefused } from '../../src/events/log-views.ts';
import type { RecordDraft, StoredRecord } from '../../src/ports/ports.ts';
import { World } from '../../src/testing/world/world.ts';
import { closeLog } from '../contracts/log-contract.ts';
import { makeDir, openLog, removeDir, writeTurns } from '../contracts/log-place.ts';
import { waybill } from './cli-run.ts';

let dir: string;
let views: WatchedViews;

const ask = (sql: string, rows = 1_000): unknown[][] => views.ask(sql, rows).rows;

const ORDER = { from: 0, upto: Number.MAX_SAFE_INTEGER, timeoutMs: 20_000 };

describe('the log in SQL', () => {
  before(async () => {
    const manners = {
      'a.test': () => undefined,
      'b.test': ({ stage }: { stage: string }) =>
        stage === 'rcpt' ? { say: '550 5.1.1 no such user' } : undefined,
    };
    const world = await World.start({ seed: 5, manners });
    await world.runFor(100);
    for (let at = 0; at < 3; at += 1) world.submit([`u${at}@a.test`]);
    world.submit(['gone@b.test']);
    await world.runFor(60_000);
    const turns = new Map<number, RecordDraft[]>();
    for (const record of world.store.records as readonly StoredRecord[]) {
      const { turn, stream, type, version, body } = record;
      turns.set(turn, [...(turns.get(turn) ?? []), { stream, type, version, body }]);
    }
    dir = makeDir();
    await writeTurns(dir, [...turns.values()]);
    views = new WatchedViews({ dir, ...ORDER });
  });
  after(async () => {
    await views.close();
    removeDir(dir);
  });

  it('has a row for each message, attempt and end', () => {
    assert.deepEqual(ask('SELECT domain, count(*) FROM messages GROUP BY domain ORDER BY domain'), [
      ['a.test', 3],
      ['b.test', 1],
    ]);
    assert.deepEqual(
      ask('SELECT domain, outcome, code, count(*) FROM attempts GROUP BY 1, 2, 3 ORDER BY 1'),
      [
        ['a.test', 'delivered', 250, 3],
        ['b.test', 'bounced', 550, 1],
      ],
    );
    assert.deepEqual(ask('SELECT outcome, sum(ended) FROM ends GROUP BY 1 ORDER BY 1'), [
      ['bounced', 1],
      ['delivered', 3],
    ]);
    const [row] = ask("SELECT recipients, sender, bytes FROM messages WHERE queue = 'b.test'");
    assert.equal(row?.[0], '["gone@b.test"]');
    assert.ok(Number(row?.[2]) > 0);
  });

  it('has what happened to queues and sources, how they stand, and the policy', () => {
    const events = ask("SELECT event FROM queue_events WHERE queue = 'a.test' ORDER BY position");
    assert.deepEqual(events.slice(0, 2), [['opened'], ['routed']]);
    assert.deepEqual(ask("SELECT state, messages FROM queues WHERE name = 'a.test'"), [
      ['ready', 0],
    ]);
    assert.ok(ask("SELECT * FROM sources WHERE state = 'open'").length > 0);
    const pools = ask(
      `SELECT DISTINCT a.answer ->> '$.egress_pool' FROM queues q
        JOIN policy_answers a ON a.key = q.answer`,
    );
    assert.deepEqual(pools, [['three']]);
  });

  it('bounds rows and time, and writes nothing', async () => {
    assert.deepEqual(views.ask('SELECT position FROM events', 2), {
      columns: ['position'],
      rows: [[1], [2]],
      isMore: true,
    });
    for (const sql of [
      'DELETE FROM events',
      'PRAGMA query_only = OFF',
      `ATTACH '${dir}/log/000000000001.db' AS live`,
      'WITH x AS (SELECT 1) DELETE FROM events',
      'SELECT 1; SELECT 2',
      'SELECT nothing FROM events',
    ]) {
      assert.throws(() => ask(sql), QueryRefused, sql);
    }
    const hasty = new WatchedViews({ dir, ...ORDER, timeoutMs: 0 });
    const endless = 'SELECT count(*) FROM events a, events b, events c, events d';
    assert.throws(() => hasty.ask(endless, 10), /took too long/);
    await hasty.close();
    const late = new WatchedViews({ dir, ...ORDER, from: Number.MAX_SAFE_INTEGER });
    assert.deepEqual(late.ask('SELECT count(*) FROM events', 10).rows, [[0]]);
    await late.close();
  });

  it('leaves a log alone that is being written', async () => {
    const { log, recovery } = await openLog(dir);
    const [[before]] = ask('SELECT count(*) FROM events') as [[number]];
    assert.equal(before, recovery.lastPosition);
    await closeLog(log);
  });

  it('prints a table, JSON and CSV', async () => {
    const rows = [
      ['a"b', 1],
      [null, 22],
    ];
    assert.deepEqual(formatRows('csv', ['x', 'n'], rows), ['x,n\r', '"a""b",1\r', ',22\r']);
    assert.deepEqual(formatRows('json', ['x', 'n'], rows), [
      '{"x":"a\\"b","n":1}',
      '{"x":null,"n":22}',
    ]);
    assert.deepEqual(formatRows('table', ['x', 'n'], rows), [
      'x     n',
      '---  --',
      'a"b   1',
      '     22',
    ]);
    const told = await waybill(
      'sql',
      '--data',
      dir,
      '--json',
      'SELECT count(*) AS n FROM messages',
    );
    assert.deepEqual([told.code, told.out], [0, '{"n":4}\n']);
    const wrong = await waybill('sql', '--data', dir, 'DROP TABLE events');
    assert.deepEqual([wrong.code, /only SELECT/.test(wrong.err)], [69, true]);
  });
});
