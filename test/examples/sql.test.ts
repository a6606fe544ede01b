/**
 * The log asked in SQL: each view on a small log, the forms of results, and that nothing can be
 * written or last for ever. Deliberately unknown here: damage.
 */
import assert from 'node:assert/strict';
import { cpSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { SqlDesk } from '../../src/cli/sql-desk.ts';
import { formatRows } from '../../src/cli/sql-print.ts';
import { cutStatements } from '../../src/cli/sql-statements.ts';
import { DirectoryViews } from '../../src/cli/sql-views.ts';
import { QueryRefused } from '../../src/events/log-views.ts';
import type { RecordDraft, StoredRecord } from '../../src/ports/ports.ts';
import { World } from '../../src/testing/world/world.ts';
import { closeLog } from '../contracts/log-contract.ts';
import { makeDir, openLog, removeDir, writeTurns } from '../contracts/log-place.ts';
import { commandLine, waybill } from './cli-run.ts';
import { noTerminal, Terminal } from './tmux.ts';

let dir: string;
let views: DirectoryViews;

type Rows = readonly (readonly unknown[])[];

const ask = (sql: string, rows = 1_000): Rows => views.ask(sql, rows).rows;

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
    views = new DirectoryViews({ dir, ...ORDER });
  });
  after(() => {
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

  it('bounds rows and time, and writes nothing', () => {
    assert.deepEqual(views.ask('SELECT position FROM events', 2), {
      damage: [],
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
    const hasty = new DirectoryViews({ dir, ...ORDER, timeoutMs: 0 });
    const endless = 'SELECT count(*) FROM events a, events b, events c, events d';
    assert.throws(() => hasty.ask(endless, 10), /took too long/);
    const late = new DirectoryViews({ dir, ...ORDER, from: Number.MAX_SAFE_INTEGER });
    assert.deepEqual(late.ask('SELECT count(*) FROM events', 10).rows, [[0]]);
  });

  it('ends a statement that would never end, or would take all memory, and goes on', async () => {
    const desk = new SqlDesk({ dir, ...ORDER, timeoutMs: 500 }, 512 * 2 ** 20);
    const endless = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) ';
    const count = 'SELECT count(*) FROM messages';
    try {
      await assert.rejects(desk.ask(`${endless} SELECT count(*) FROM c`, 10), /took too long/);
      assert.deepEqual((await desk.ask(count, 10)).rows, [[4]]);
      const bomb = `${endless} SELECT length(group_concat(printf('%100000d', x))) FROM c`;
      const patient = new SqlDesk({ dir, ...ORDER }, 512 * 2 ** 20);
      await assert.rejects(patient.ask(bomb, 10), /more than 512 MiB of memory/);
      assert.deepEqual((await patient.ask(count, 10)).rows, [[4]]);
      patient.close();
      await assert.rejects(desk.ask('SELECT nothing', 10), QueryRefused);
    } finally {
      desk.close();
    }
    const told = await waybill(
      ...['sql', '--data', dir, '--timeout', '100ms', `${endless} SELECT count(*) FROM c`],
    );
    assert.equal(told.code, 69, told.err);
    assert.match(told.err, /^waybill: the statement took too long; .*--timeout\.$/m);
  });

  it('is a prompt on a terminal that outlives a mistake and an endless statement', {
    skip: noTerminal,
  }, async () => {
    const terminal = new Terminal(100, 30);
    try {
      terminal.line(commandLine('sql', '--data', dir, '--timeout', '1s'));
      await terminal.until(/^waybill>$/m);
      terminal.line('.tables');
      await terminal.until(/^attempts: one row for each outcome/m);
      terminal.line("SELECT 'a;");
      await terminal.until(/^ +\.\.\.>$/m);
      terminal.line("b', count(*) FROM messages; SELECT nosuch;");
      await terminal.until(/a; b +4$[\s\S]*^no such column: nosuch\.$/m);
      const endless = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c)';
      terminal.line(`${endless} SELECT count(*) FROM c;`);
      await terminal.until(/took too long/);
      terminal.line('SELECT 40 + 2 AS answer;');
      await terminal.until(/^ +42$[\s\S]*^waybill>$/m);
      terminal.line('.quit');
      await terminal.until(() => terminal.foreground() === undefined);
    } finally {
      terminal.close();
    }
  });

  it('cuts statements as SQLite reads them', () => {
    const cases: [string, string[], string][] = [
      ['SELECT 1; SELECT 2', ['SELECT 1'], ' SELECT 2'],
      ["SELECT ';' -- don't ; x\n;", ["SELECT ';' -- don't ; x\n"], ''],
      ['SELECT 1 /* a;b */;\n', ['SELECT 1 /* a;b */'], ''],
      [
        "SELECT 'it''s; one', \"a;b\", [c;d], `e;f`;",
        ["SELECT 'it''s; one', \"a;b\", [c;d], `e;f`"],
        '',
      ],
      ["SELECT 'open;\n", [], "SELECT 'open;\n"],
      ['SELECT 3 - 1 / 2;', ['SELECT 3 - 1 / 2'], ''],
      [' ; -- nothing\n;', [], ''],
      ['/* not over;', [], '/* not over;'],
    ];
    for (const [text, whole, rest] of cases) {
      assert.deepEqual(cutStatements(text), { whole, rest }, text);
    }
    const long = `SELECT '${'x;'.repeat(500_000)}';`;
    assert.equal(cutStatements(long).whole.length, 1);
  });

  it('leaves a log alone that is being written', async () => {
    const { log, recovery } = await openLog(dir);
    const [[before]] = ask('SELECT count(*) FROM events') as unknown as [[number]];
    assert.equal(before, recovery.lastPosition);
    await closeLog(log);
  });

  it('says what of a damaged log is not in the answer', async () => {
    const harmed = join(dir, 'harmed');
    cpSync(join(dir, 'log'), join(harmed, 'log'), { recursive: true });
    cpSync(join(dir, 'high-water'), join(harmed, 'high-water'));
    for (const name of readdirSync(join(harmed, 'log'))) {
      writeFileSync(join(harmed, 'log', name), name.endsWith('.db') ? Buffer.alloc(8_192, 7) : '');
    }
    const { code, out, err } = await waybill(
      ...['sql', '--data', harmed, '--json', 'SELECT count(*) AS n FROM messages'],
    );
    assert.deepEqual([code, out], [0, '{"n":0}\n'], err);
    assert.match(err, /^damage: segment 000000000001\.db cannot be read: /m);
    assert.match(
      err,
      /^damage: the log was shortened: it ends at position 0, positions 1 to \d+ /m,
    );
    const journey = await waybill('journey', 'u0@a.test', '--data', harmed);
    assert.equal(journey.code, 1);
    assert.match(journey.err, /^the log was shortened: it ends at position 0, /m);
    const whole = await waybill('sql', '--data', dir, 'SELECT count(*) FROM messages');
    assert.equal(whole.err, '');
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
    assert.deepEqual(formatRows('json', ['b'], [[Buffer.from([1, 255])]]), ['{"b":"01ff"}']);
    assert.equal(formatRows('table', ['t'], [['a\u202e\u001b[2Jb']])[2], 'a [2Jb');
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
