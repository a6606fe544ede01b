/**
 * The pure pieces of the live commands: samples out of text in pieces, rates and lines, keys and
 * views, screens of any size, traces as lines. No daemon and no terminal.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SampleReader } from '../../src/cli/metrics-reader.ts';
import { readKeys } from '../../src/cli/screen.ts';
import { byName, formatTable } from '../../src/cli/table.ts';
import { counted, forTerminal, styled } from '../../src/cli/terminal.ts';
import { COSTLY_SHARE, WaitBudget } from '../../src/cli/top-feed.ts';
import { History, KEPT_MAX, Rate, sparkline } from '../../src/cli/top-history.ts';
import { TopModel } from '../../src/cli/top-model.ts';
import { drawTop } from '../../src/cli/top-screen.ts';
import { FIRST_VIEW, fits, pressed, TABS } from '../../src/cli/top-view.ts';
import type { TraceEvent } from '../../src/cli/trace-text.ts';
import { TraceText } from '../../src/cli/trace-text.ts';

const METRICS = `# HELP a What it is.
# TYPE a gauge
a 1
a{queue="x\\"y\\\\z\\n,}"} 2.5
b{x="1",y="two words"} +Inf
c{} NaN 1234
`;

test('samples are the same however the text is cut', () => {
  const read = (size: number): unknown[] => {
    const found: unknown[] = [];
    const reader = new SampleReader((name, label, value) => {
      found.push([name, label('queue'), label('y'), value]);
    });
    for (let at = 0; at < METRICS.length; at += size) reader.feed(METRICS.slice(at, at + size));
    reader.end();
    return found;
  };
  const whole = read(METRICS.length);
  assert.deepEqual(whole, [
    ['a', undefined, undefined, 1],
    ['a', 'x"y\\z\n,}', undefined, 2.5],
    ['b', undefined, 'two words', Number.POSITIVE_INFINITY],
    ['c', undefined, undefined, Number.NaN],
  ]);
  for (let size = 1; size < METRICS.length; size += 1) assert.deepEqual(read(size), whole);
  const reader = new SampleReader(() => {});
  assert.throws(() => reader.feed('<html> no metrics\n'), /is no metric: <html>/);
  assert.throws(() => new SampleReader(() => {}).feed('x'.repeat(2 ** 21)), /no list of metrics/);
});

test('one of a thing is not said as many', () => {
  const said = [0, 1, 2, 1_000].map((many) => counted(many, 'message'));
  assert.deepEqual(said, ['0 messages', '1 message', '2 messages', '1,000 messages']);
  assert.equal(counted(1, 'body', 'bodies'), '1 body');
});

test('a history keeps the last values, and a rate survives a counter that begins anew', () => {
  const history = new History();
  for (let value = 0; value < KEPT_MAX + 3; value += 1) history.push(value);
  assert.equal(history.last, KEPT_MAX + 2);
  assert.equal(history.at(KEPT_MAX - 1), 3);
  assert.ok(Number.isNaN(history.at(KEPT_MAX)));
  assert.deepEqual(history.columns(2, 2), [KEPT_MAX - 0.5, KEPT_MAX + 1.5]);
  assert.equal(sparkline([0, 1, 4, 8, Number.NaN]), '▁▁▄█ ');
  assert.equal(sparkline([0, 0]), '▁▁');
  const rate = new Rate();
  assert.ok(Number.isNaN(rate.look(100, 1_000)));
  assert.equal(rate.look(150, 1_500), 100);
  assert.ok(Number.isNaN(rate.look(3, 2_500)), 'the daemon was started anew');
  assert.equal(rate.look(13, 3_500), 10);
});

test('waiting for what costs stays a share of the time', () => {
  const budget = new WaitBudget();
  let waited = 0;
  let now = 0;
  for (; now < 1_000_000; now += 100) {
    if (!budget.isFree(now)) continue;
    const tookMs = 300 + (now % 700);
    budget.spend(tookMs);
    waited += tookMs;
    now += tookMs;
  }
  const share = waited / now;
  // The last answer, of a second at most, is not paid for yet.
  assert.ok(share <= COSTLY_SHARE + 1_000 / now && share > COSTLY_SHARE / 2, `${share}`);
});

test('keys are names, and views follow them', () => {
  assert.deepEqual(readKeys('\tq\u001b[A\u001b[5~\u001bOB\u0003é\u0000\u001b'), [
    ...['tab', 'q', 'up', 'pageup', 'down', 'ctrl-c', 'é', 'escape'],
  ]);
  const after = (...keys: string[]) => keys.reduce(pressed, FIRST_VIEW);
  assert.deepEqual(
    TABS.map((_, at) => after(...Array.from({ length: at }, () => 'tab')).tab),
    [...TABS],
  );
  assert.equal(after('backtab').tab, 'Help');
  assert.equal(after('down', 'down', 'up').scroll, 1);
  assert.equal(after('up').scroll, 0);
  assert.equal(after('-', '-', '+').zoom, 1);
  const filtering = after('f', 'q', 'x', 'backspace');
  assert.deepEqual([filtering.filter, filtering.isFiltering, filtering.isOver], ['q', true, false]);
  assert.equal(pressed(filtering, 'ctrl-c').isOver, true);
  assert.deepEqual(after('f', 'a', 'enter', 'escape').filter, '');
  assert.equal(after('f', 'a', 'enter', 'escape', 'escape').isOver, true);
  assert.ok(fits('campaign:tenant@example.com', 'tenex') && !fits('abc', 'cb'));
});

const frame = (columns: number, rows: number) => ({
  ...{ columns, rows, name: 'http://127.0.0.1:8000', at: 0, steadyMs: 0, tickMs: 1_000 },
  isColourful: false,
});

test('a screen of any size is filled and never left', () => {
  const model = new TopModel();
  model.takeSums(new Map([['message_count', 7]]), 1_000);
  model.takeQueues(
    [
      {
        ...{ queue_name: 'evil\u001b[2J.example', messages: 3, age: null, oldest: null },
        ...{ state: 'ready', until: null, cause: null },
        last_error: { at: '', code: 451, text: 'later\r\n\u0007' },
      },
    ],
    0,
  );
  model.fault('no waybilld answers', 0);
  for (const tab of TABS) {
    for (const [columns, rows] of [
      [1, 1],
      [20, 4],
      [80, 24],
      [250, 70],
    ] as const) {
      const lines = drawTop(model, { ...FIRST_VIEW, tab, scroll: 1_000 }, frame(columns, rows));
      assert.equal(lines.length, rows, `${tab} ${columns}x${rows}`);
      for (const line of lines) {
        assert.ok(line.length <= columns, `${tab} ${columns}: ${line}`);
        assert.doesNotMatch(line, /\p{Cc}/u);
      }
    }
  }
  const shown = drawTop(model, { ...FIRST_VIEW, tab: 'Queues' }, frame(120, 24)).join('\n');
  assert.match(shown, /^evil�\[2J\.example +3/m);
  assert.match(shown, /no waybilld answers/);
});

test('providers: the numbers that matter have room on any screen', () => {
  const model = new TopModel();
  const counts = { delivered: 1_234_567, transient: 2, permanent: 3, connections: 4 };
  model.takeProviders(new Map([['a-provider.example', counts]]), 0);
  model.takeDepths(new Map([['a-provider.example', { queued: 987_654 }]]));
  model.takeAges(new Map([['a-provider.example', { seconds: 46_859 }]]), -1_200);
  const shown = (columns: number): string[] =>
    drawTop(model, { ...FIRST_VIEW, tab: 'Providers' }, frame(columns, 10)).slice(4, 6);
  const heads = {
    40: /^PROVIDER +D\/s +WAITING/,
    80: /^PROVIDER +D\/s +T\/s +P\/s +C +WAITING +OLDEST/,
    100: /^PROVIDER +D\/s +T\/s +P\/s +D +T +C +WAITING +OLDEST/,
    200: /^PROVIDER +D\/s +T\/s +P\/s +D +T +P +C +WAITING +OLDEST/,
  };
  for (const [columns, head] of Object.entries(heads)) {
    const [title = '', row = ''] = shown(Number(columns));
    assert.match(title, head, columns);
    const oldest = Number(columns) < 80 ? '$' : ' +13 h 1 m';
    assert.match(row, new RegExp(`^a-provider\\.exa.* 987,654${oldest}`), `${columns}: ${row}`);
  }
});

test('what a terminal would obey is shown instead, but for our own styles', () => {
  const evil = '\u001b[8mhid\u001b]0;t\u0007\u009b2J\u202e\u007f\rover';
  const said = `${styled('red', 'bad')}\tx\r\n${evil}`;
  assert.equal(
    forTerminal(said),
    '\u001b[31mbad\u001b[0m\tx\r\n\ufffd[8mhid\ufffd]0;t\ufffd\ufffd2J\ufffd\ufffd\ufffdover',
  );
});

test('tables: numbers to the right, names in their order, nothing a terminal obeys', () => {
  assert.equal(
    formatTable(
      ['NAME', 'N'],
      [
        ['a\u001b[31m', 1_000],
        ['b', 2],
      ],
    ),
    'NAME        N\na�[31m  1,000\nb           2',
  );
  assert.deepEqual(['mx10', 'mx9', 'MX1'].sort(byName), ['MX1', 'mx9', 'mx10']);
});

const event = (id: string, payload: unknown, ms: number, more: object = {}): TraceEvent => ({
  conn_meta: { id, ...more },
  payload,
  when: new Date(ms).toISOString(),
});

const showing = (over: Partial<ConstructorParameters<typeof TraceText>[0]> = {}) =>
  new TraceText({
    ...{ side: 'client', onlyNew: false, onlyOne: false, terse: false },
    paint: (_, text) => text,
    ...over,
  });

test('a trace tells who, when, what, and what became known', () => {
  const text = showing();
  const lines = [
    event('s1', 'BeginSession', 1_000, { egress_source: 'ip-1' }),
    event('s1', { Write: 'EHLO a\r\n' }, 1_250, { egress_source: 'ip-1' }),
    event('s1', { Read: '250-b\r\n250 c\u001b\r\n' }, 2_500, { egress_source: 'ip-2' }),
    event('s1', { AbbreviatedWrite: { snippet: 'Subject: x', len: 900 } }, 2_500),
  ].flatMap((one) => [...text.take(one).lines]);
  assert.deepEqual(lines, [
    '[s1] 0ms === BeginSession',
    '[s1] 0ms + id = s1',
    '[s1] 0ms + egress_source = ip-1',
    '[s1] 250ms -> EHLO a',
    '[s1] 1.500s <- 250-b',
    '[s1] 1.500s <- 250 c�',
    '[s1] 1.500s ~ egress_source = ip-2',
    '[s1] 1.500s -> Subject: x (900 bytes in all)',
    '[s1] 1.500s - egress_source',
  ]);
  const [terse] = showing({ terse: true }).take(event('s', { Read: 'a\r\nb\r\n' }, 0)).lines;
  assert.equal(terse, '[s] 0ms <- a (6 bytes in all)');
  const missed = { Diagnostic: { level: 'ERROR', message: '3 events were missed' } };
  const said = text.take({ conn_meta: null, payload: missed, when: '' });
  assert.deepEqual(said.lines, ['=== ERROR: 3 events were missed']);
});

test('only new sessions, and only one', () => {
  const isShown = (text: TraceText, one: TraceEvent): boolean => text.take(one).isShown;
  const fresh = showing({ onlyNew: true });
  assert.equal(isShown(fresh, event('old', 'Connected', 0)), false);
  assert.equal(isShown(fresh, event('new', 'BeginSession', 0)), true);
  assert.equal(isShown(fresh, event('new', 'Closed', 0)), true);
  assert.equal(isShown(fresh, event('new', 'Connected', 0)), true, 'the next host of its plan');
  const one = showing({ onlyOne: true });
  assert.equal(isShown(one, event('a', 'Connected', 0)), true);
  assert.equal(isShown(one, event('b', 'Connected', 0)), false);
  assert.equal(one.take(event('a', 'Closed', 0)).isOver, true);
  const server = showing({ side: 'server', onlyNew: true });
  const meta = { received_from: '192.0.2.1:4', received_via: '192.0.2.2:25' };
  const [line] = server.take({ ...event('', 'Connected', 0), conn_meta: meta }).lines;
  assert.equal(line, '[192.0.2.1:4->192.0.2.2:25] 0ms === Connected');
});
