/**
 * The commands that act on mail, against a daemon that runs: what they ask for, what they print,
 * and how they end. One daemon serves all of them.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { waybill } from './cli-run.ts';
import { LiveDaemon } from './live-kit.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n$/;
const live = new LiveDaemon();

before(() => live.start());
after(() => live.stop());

test('suspend counts, acts, lists and is taken back', async () => {
  const meant = ['suspend', '--domain', 'one.example', '--reason', 'they asked'];
  const dry = await live.run(...meant, '--dry-run');
  assert.deepEqual(dry, { code: 0, out: '1 message in 1 queue\n', err: '' });
  assert.equal((await live.run('suspend-list')).out, 'no queues are suspended\n', 'only counted');
  const placed = await live.run(...meant, '--duration', '90m');
  assert.equal(placed.code, 0, placed.err);
  assert.equal(placed.err, 'suspended: domain=one.example; ends in 1 h 30 m\n');
  assert.match(placed.out, UUID);
  const id = placed.out.trim();
  const [entry] = await live.json<{ id: string; domain: string }[]>('suspend-list');
  assert.deepEqual([entry?.id, entry?.domain], [id, 'one.example']);
  const shown = (await live.run('suspend-list')).out.split('\n');
  assert.match(shown[0] ?? '', /^ID +REASON +REMAIN +CRITERIA$/);
  assert.match(shown[1] ?? '', new RegExp(`^${id}  they asked  1h 29m.*  domain=one.example$`));
  const summary = await live.run('queue-summary');
  assert.match(summary.out, /one\.example +1 +suspended: they asked/);
  const removed = await live.run('suspend-cancel', '--id', id);
  assert.deepEqual(removed, { code: 0, out: 'removed\n', err: '' });
  const again = await live.run('suspend-cancel', '--id', id);
  assert.equal(again.code, 69);
  assert.match(again.err, /^waybill: .*no.*\n$/);
});

test('without a duration it is said how soon it ends, as the daemon has it', async () => {
  const words = ['suspend', '--tenant', 'nobody', '--campaign', 'spring', '--reason', 'r'];
  const { out, err } = await live.run(...words, '--json');
  assert.equal(
    err,
    'suspended: campaign=spring, tenant=nobody; ends in 5 m; give --duration for longer\n',
  );
  const said = JSON.parse(out) as { id: string };
  assert.deepEqual(Object.keys(said), ['id'], 'for programs nothing is new');
  const [entry] = await live.json<{ id: string; duration: string }[]>('suspend-list');
  assert.equal(entry?.id, said.id);
  assert.match(entry?.duration ?? '', /^(5m|4m .*s)/);
  assert.equal((await live.run('suspend-cancel', '--id', said.id)).out, 'removed\n');
});

test('orders that mean nothing are refused before anybody is asked', async () => {
  const cases: [words: string[], says: RegExp][] = [
    [['suspend', '--reason', 'r'], /which queues\? Give --domain/],
    [['suspend', '--domain', 'a.example'], /required option '--reason <text>'/],
    [['bounce', '--reason', 'r', '--queue', 'q', '--domain', 'd'], /cannot be used with/],
    [['bounce', '--reason', 'r', '--everything', '--tenant', 't'], /cannot be used with/],
    [['suspend', '--everything', '--reason', 'r', '--duration', 'soon'], /is not a duration/],
    [['rebind', '--everything', '--reason', 'r'], /where to\? Nothing would change/],
    [['rebind', '--everything', '--reason', 'r', '--set', 'tenant'], /Expected a key/],
    [['rebind', '--everything', '--reason', 'r', '--data', '[1]'], /Expected a JSON object/],
  ];
  const outcomes = await Promise.all(cases.map(([words]) => live.run(...words)));
  outcomes.forEach(({ code, err, out }, at) => {
    const [words, says] = cases[at] as [string[], RegExp];
    assert.equal(code, 64, `${words.join(' ')}: ${err}`);
    assert.match(err, says);
    assert.equal(out, '');
  });
  assert.equal((await live.run('suspend-list')).out, 'no queues are suspended\n');
});

test('ready queues and sources', async () => {
  const { ready_queues: ready } = await live.json<{ ready_queues: { name: string }[] }>(
    'queue-summary',
  );
  const name = ready[0]?.name ?? '';
  assert.match(name, /^ip-1->.*@smtp_client$/);
  const placed = await live.run('suspend-ready-q', '--name', name, '--reason', 'blocked');
  assert.match(placed.out, UUID, placed.err);
  assert.equal(placed.err, `suspended: ${name}; ends in 5 m; give --duration for longer\n`);
  const listed = await live.run('suspend-ready-q-list');
  assert.ok(listed.out.includes(name) && listed.out.includes('blocked'), listed.out);
  assert.match((await live.run('queue-summary')).out, /smtp_client .*blocked/);
  const looked = await live.run('inspect-ready-q', name);
  assert.match(looked.out, /^suspended: blocked \(until 20.*\)$/m);
  const id = placed.out.trim();
  assert.equal((await live.run('suspend-ready-q-cancel', '--id', id)).out, 'removed\n');
  assert.equal((await live.run('suspend-ready-q-list')).out, 'no ready queues are suspended\n');

  const words = ['--source', 'ip-1'];
  const out = await live.run('suspend-source', ...words, '--reason', 'listed', '--duration', '1h');
  assert.match(out.out, /^ip-1 is out of rotation until 20/, out.err);
  assert.equal(out.err, '');
  const short = await live.run('suspend-source', ...words, '--reason', 'listed');
  assert.equal(short.err, 'ends in 5 m; give --duration for longer\n');
  const left = Date.parse(/until (\S+)$/m.exec(short.out)?.[1] ?? '') - Date.now();
  assert.ok(left > 240_000 && left <= 301_000, `${left} ms`);
  assert.match((await live.run('suspend-source-list')).out, /^ip-1 +Operator +\d+m.* +listed$/m);
  assert.equal((await live.run('suspend-source-cancel', ...words)).out, 'ip-1 is in rotation\n');
  assert.equal((await live.run('suspend-source-list')).out, 'all sources are in rotation\n');
});

test('inject: parts, a whole message, a list of recipients, and what is refused', async () => {
  const letter = live.path('letter.eml');
  writeFileSync(letter, 'From: a@here.test\r\nSubject: {{ not filled }}\r\n\r\nwhole\r\n');
  const list = live.path('list.txt');
  writeFileSync(list, 'a@three.example\n\nb@three.example\nc@three.example\n');
  const words = ['inject', letter, '--from', 'p3@probe.test', '--to-file', list, '--batch', '2'];
  const sent = await live.run(...words);
  assert.deepEqual([sent.code, sent.err], [0, '']);
  const [head, ...named] = sent.out.trimEnd().split('\n');
  assert.equal(head, '3 injected, 0 refused');
  const ids = named.map((line) => /^ {2}([0-9a-f]{32}) {2}[abc]@three\.example$/.exec(line)?.[1]);
  const { messages } = await live.json<{ messages: { id: string; message: { data: string } }[] }>(
    ...['inspect-sched-q', 'three.example', '--want-body'],
  );
  assert.equal(messages.length, 3);
  assert.deepEqual(ids.sort(), messages.map(({ id }) => id).sort(), 'the ids of what is there');
  const later = ['--to', 'x@five.example', '--text', 'x', '--deferred-generation'];
  const taken = await live.run('inject', '--from', 'p5@probe.test', ...later);
  assert.equal(taken.out, 'taken for 1 recipient; the messages are made now\n', taken.err);
  assert.match(messages[0]?.message.data ?? '', /Subject: \{\{ not filled \}\}/);
  const attached = live.path('bill.pdf');
  writeFileSync(attached, 'no pdf');
  const parts = await live.run(
    ...['inject', '--from', 'p4@probe.test', '--to', 'x@four.example', '--subject', 'Bill'],
    ...['--text', 'sum {{ sum }}', '--template', 'Jinja', '--set', 'sum=17'],
    ...['--header', 'X-Kind: bill', '--attach', attached],
  );
  assert.equal(parts.code, 0, parts.err);
  const shown = (await live.run('inspect-sched-q', 'four.example', '--want-body')).out;
  for (const part of [/sum 17/, /^X-Kind: bill$/m, /^Subject: Bill$/m, /filename="?bill\.pdf/]) {
    assert.match(shown, part);
  }
  const refused = await live.run(
    ...['inject', '--from', 'p5@probe.test', '--to', 'no address', '--text', 'x', '--json'],
  );
  const { fail_count } = JSON.parse(refused.out) as { fail_count: number };
  assert.deepEqual([refused.code, fail_count], [1, 1], refused.err);
  const cases: [words: string[], says: RegExp][] = [
    [['--to', 'a@b.test'], /which message\?/],
    [['--text', 'x'], /to whom\?/],
    [[letter, '--text', 'x', '--to', 'a@b.test'], /--text is for a message without FILE/],
  ];
  for (const [more, says] of cases) {
    const { code, err } = await live.run('inject', '--from', 'a@b.test', ...more);
    assert.equal(code, 64);
    assert.match(err, says);
  }
});

test('rebind moves mail, bounce ends it', async () => {
  const words = ['--reason', 'other tenant', '--set', 'tenant=acme'];
  const moved = await live.run('rebind', '--queue', 'two.example', ...words, '--json');
  assert.deepEqual([moved.code, moved.out], [0, '{}\n'], moved.err);
  const names = async (): Promise<string[]> => {
    type Said = { scheduled_queues: { name: string; count: number }[] };
    const { scheduled_queues } = await live.json<Said>('queue-summary');
    return scheduled_queues.filter(({ count }) => count > 0).map(({ name }) => name);
  };
  const untilAt = performance.now() + 20_000;
  let found = await names();
  while (!found.includes('acme@two.example') && performance.now() < untilAt) found = await names();
  assert.ok(found.includes('acme@two.example'), found.join());

  const bounced = await live.run('bounce', '--tenant', 'acme', '--reason', 'gone', '--yes');
  assert.match(bounced.out, UUID, bounced.err);
  assert.equal(
    bounced.err,
    'bounced from now on, in slices: tenant=acme, new mail too; ' +
      'ends in 5 m; give --duration for longer; waybill bounce-list counts them\n',
  );
  let total = 0;
  while (total < 1 && performance.now() < untilAt) {
    const [entry] = await live.json<{ total_bounced: number }[]>('bounce-list');
    total = entry?.total_bounced ?? 0;
  }
  const listed = (await live.run('bounce-list')).out;
  assert.match(listed, /gone +\d+.* +1 +tenant=acme$/m);
  const id = bounced.out.trim();
  assert.equal((await live.run('bounce-cancel', '--id', id)).out, 'removed\n');
  assert.equal((await live.run('bounce-list')).out, 'no bounces are in force\n');
});

test('the log level, and compaction', async () => {
  assert.equal((await live.run('set-log-filter', 'waybill=warn')).out, 'OK\n');
  const wrong = await live.run('set-log-filter', 'hyper=warn');
  assert.equal(wrong.code, 64);
  assert.match(wrong.err, /is no filter of the log/);
  assert.equal((await live.run('spool-compact', '--name', 'data')).code, 0);
  assert.equal((await live.run('spool-compact', '--name', 'meta')).code, 69);
});

test('a connection that is stuck is seen, and ended', async () => {
  await live.run('inject', '--from', 'p6@probe.test', '--to', 'a@silent.example', '--text', 'x');
  type Ready = { dispatchers: { session_id: string; phase: string }[] };
  const { queue_name: name } = await live.json<{ queue_name: string }>(
    ...['resolve-egress-path', 'silent.example', 'ip-1'],
  );
  const sessions = async () =>
    (await live.json<Ready>('inspect-ready-q', name)).dispatchers.map((one) => one.session_id);
  const untilAt = performance.now() + 20_000;
  let found: readonly string[] = [];
  while (found.length === 0 && performance.now() < untilAt) found = await sessions();
  const [session = ''] = found;
  const shown = (await live.run('inspect-ready-q', name, '--connections')).out;
  assert.match(shown, /^SESSION +DELIV +TRANS +FAIL +AGE +RATE$/m);
  assert.match(
    shown,
    new RegExp(`^${session} +0 +0 +0 +\\d.* 0\\.00/s\\n  Attempting\\w+ for \\d`, 'm'),
  );
  const ended = await live.run('abort-ready-q-conn', name, session, '--reason', 'stuck');
  assert.deepEqual(ended, { code: 0, out: 'aborted\n', err: '' });
  assert.ok(!(await sessions()).includes(session), 'it is gone');
  const gone = await live.run('abort-ready-q-conn', 'ip-1->x@smtp_client', session);
  assert.equal(gone.code, 69);
  assert.match(gone.err, /there is no ready queue/);
});

test('a daemon that is not there, or does not let us', async () => {
  const nobody = await waybill('suspend-list', '--endpoint', 'http://127.0.0.1:9');
  assert.equal(nobody.code, 69);
  assert.match(
    nobody.err,
    /no waybilld answers at http:\/\/127\.0\.0\.1:9 \(--endpoint\): .*--data/,
  );
  const wrong = await waybill('suspend-list', '--endpoint', 'localhost');
  assert.equal(wrong.code, 64);
  assert.match(wrong.err, /write it as http:\/\/127\.0\.0\.1:8000/);
  const guarded = await waybill('suspend-list', '--endpoint', live.guarded);
  assert.equal(guarded.code, 77, guarded.err);
  assert.match(guarded.err, /does not let us: .*trusted_hosts/);
  const withToken = async (token: string) => {
    Object.assign(process.env, { WAYBILL_TOKEN: token, WAYBILL_ENDPOINT: live.guarded });
    const outcome = await waybill('suspend-list');
    delete process.env['WAYBILL_TOKEN'];
    delete process.env['WAYBILL_ENDPOINT'];
    return outcome;
  };
  const letIn = await withToken('deploy-token');
  assert.deepEqual([letIn.code, letIn.out], [0, 'no queues are suspended\n'], letIn.err);
  assert.equal((await withToken('stolen')).code, 77);
  const byData = await waybill('suspend-list', '--data', live.data);
  assert.deepEqual(byData, { code: 0, out: 'no queues are suspended\n', err: '' });
  const empty = await waybill('suspend-list', '--data', live.path('none'));
  assert.equal(empty.code, 69);
  assert.match(empty.err, /no waybilld with an HTTP listener runs on .*setup\.httpListener/);
});
