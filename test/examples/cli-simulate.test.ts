/**
 * Story: an operator asks what a policy would do with a day of mail. Tables, JSON and a page come
 * of a traffic file; the same again is the same; what is wrong with policy or traffic is named with
 * file, line, key and fix, and nothing is simulated of it.
 */
import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { DayReport } from '../../src/testing/testing.ts';
import { waybill } from './cli-run.ts';
import { assertAddsUp } from './day-kit.ts';
import { writePlanted } from './planted-policy.ts';

const TRAFFIC = [
  { flow: 'news', from: '00:10', for: '30m', messages: 60, domains: { 'bulk.example': 1 } },
  { flow: 'shop', for: '1h', messages: 40, domains: { 'gmail.com': 3, 'yahoo.com': 1 } },
  { at: '00:05:00', to: ['ann@big.example', 'bob@gmail.com'], tenant: 'acme', size: '20k' },
  { at: 600_000, from: '', to: ['nobody@gmail.com'] },
];

const MODELS = {
  waybill_models: 1,
  models: [
    {
      site: 'gmail',
      domains: ['gmail.com'],
      message_rate: { count: 5, per_ms: 600_000, reply: '421 4.7.28 slow down' },
    },
  ],
};

const asLines = (lines: readonly object[]): string =>
  lines.map((line) => `${JSON.stringify(line)}\n`).join('');

/** A folder with a policy, traffic and models in it. */
async function makeFolder(text = asLines(TRAFFIC)) {
  const policy = await writePlanted();
  const folder = dirname(policy);
  const [traffic, models, page] = ['day.ndjson', 'models.json', 'day.html'].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  await writeFile(traffic, text);
  await writeFile(models, JSON.stringify(MODELS));
  return { policy, traffic, models, page, remove: () => rm(folder, { recursive: true }) };
}

test('a day as tables, JSON and a page', async (t) => {
  const { policy, traffic, models, page, remove } = await makeFolder();
  t.after(remove);
  const words = ['simulate', policy, '--traffic', traffic, '--models', models, '--for', '3h'];
  const told = await waybill(...words, '--html', page);
  assert.equal(told.code, 0, told.err);
  assert.match(told.out, /102 messages submitted\n103 recipients received: /);
  assert.match(told.out, /^By hour\nhour {4,}received {2}delivered {2}deferred/m);
  assert.match(told.out, /^00:00 +103 /m);
  assert.match(told.out, /deferred {2}421 4\.7\.28 slow down +theirs/);
  assert.match(told.out, /^ip-1 +\d/m);
  const html = await readFile(page, 'utf8');
  assert.match(html, /<caption>By source<\/caption>/);

  const json = await waybill(...words, '--json', '--quiet');
  assert.equal(json.err, '');
  const report = JSON.parse(json.out) as DayReport;
  assertAddsUp(report);
  assert.equal(report.total.received, 103);
  assert.equal(report.domains.find(({ name }) => name === 'bulk.example')?.delivered, 60);
  assert.ok(report.total.deferred > 0);
  const bulk = report.sources.find(({ name }) => name === 'ip-2');
  assert.ok(bulk !== undefined && bulk.delivered >= 60, 'bulk goes over ip-2 alone');
  assert.equal((await waybill(...words, '--json', '--quiet')).out, json.out, 'byte for byte');
  const other = await waybill(...words, '--json', '--quiet', '--seed', '2');
  assert.notEqual(other.out, json.out);
});

test('records of a log are traffic', async (t) => {
  const record = (type: string, time: string, recipient: unknown) => ({
    type,
    event_time: time,
    timestamp: 0,
    sender: 'a@here.test',
    recipient,
    queue: 'acme@gmail.com',
    size: 2_000,
    meta: {},
    whatever: [1],
  });
  const lines = [
    record('Reception', '2026-03-01T08:30:00.000Z', 'ann@gmail.com'),
    record('Delivery', '2026-03-01T08:30:01.000Z', 'ann@gmail.com'),
    record('Reception', '2026-03-01T09:30:00.000Z', ['bob@gmail.com', 'cleo@gmail.com']),
  ];
  const { policy, traffic, remove } = await makeFolder(asLines(lines));
  t.after(remove);
  const words = ['simulate', policy, '--traffic', traffic, '--json'];
  const day = await waybill(...words);
  assert.match(day.err, /1 records tell of no reception/);
  const report = JSON.parse(day.out) as DayReport;
  assert.equal(report.beginsAt, '2026-03-01T00:00:00.000Z');
  assert.deepEqual(
    report.hours.flatMap(({ hour, received }) => (received > 0 ? [[hour, received]] : [])),
    [
      [8, 1],
      [9, 2],
    ],
  );
  assert.equal(report.sources[0]?.name, 'ip-3', 'acme has a source of its own');
  const from = await waybill(...words, '--from', '2026-03-01T09:00:00Z', '--quiet');
  assert.equal(from.code, 69);
  assert.match(from.err, /day\.ndjson:1: at: is before the beginning; give an earlier --from/);
});

const WRONG: readonly (readonly [line: string, says: RegExp])[] = [
  ['{"at":"00:10"', /:2: is no JSON \(.*\); write one JSON object on each line/],
  ['[]', /:2: a list of 0 is no table; write it in \{ \}/],
  ['{"to":["a@b.test"]}', /:2: at: is missing; give it/],
  ['{"at":"25 o\'clock","to":["a@b.test"]}', /:2: at: .* is no time; write '00:10:00', ms|mill/],
  ['{"at":"2026-02-30T00:00:00Z","to":["a@b.test"]}', /:2: at: .* is no time/],
  ['{"at":-1,"to":["a@b.test"]}', /:2: at: -1 is no time/],
  ['{"at":0,"to":[]}', /:2: to: names nobody/],
  ['{"at":0,"to":["a b"]}', /:2: to: 'a b' is no address/],
  ['{"at":0,"to":["a@b.test"],"form":"x"}', /:2: form: is not known; known here: at, from, to/],
  ['{"at":0,"to":["a@b.test"],"size":"big"}', /:2: size: 'big' is no size; write octets/],
  ['{"at":0,"to":["a@b.test"],"meta":{"x":1}}', /:2: meta: is no table of texts/],
  ['{"at":0,"to":["a@b.test"],"tenant":7}', /:2: tenant: 7 is no text/],
  ['{"flow":"f","domains":{"a.test":1}}', /:2: messages: is missing/],
  ['{"flow":"f","messages":1,"domains":{}}', /:2: domains: has 0 domains/],
  ['{"flow":"f","messages":1,"domains":{"a.test":0}}', /:2: domains\.a\.test: has no weight/],
  ['{"flow":"f","messages":1,"domains":{"a b":1}}', /:2: domains\.a b: is no domain/],
  ['{"flow":"f","messages":1,"domains":{"a.test":1},"for":"soon"}', /:2: for: 'soon'/],
  ['{"flow":"f","messages":1,"domains":{"a.test":1},"hours":[0]}', /:2: hours: are no weights/],
  ['{"type":"Reception","recipient":"a@b.test"}', /:2: timestamp: is no time/],
];

test('what is wrong with traffic is named, all of it', async (t) => {
  const good = '{"at":0,"to":["a@b.test"]}';
  const { policy, traffic, remove } = await makeFolder([good, WRONG[0]?.[0]].join('\n'));
  t.after(remove);
  const { surveyTraffic, TrafficError } = await import('../../src/testing/testing.ts');
  for (const [line, says] of WRONG) {
    const open = async function* (): AsyncGenerator<string, void> {
      yield* [good, await Promise.resolve(line)];
    };
    const error = await surveyTraffic('f.ndjson', open).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof TrafficError, `${line} was taken`);
    assert.equal(error.problems.length, 1, line);
    assert.match(error.message, says);
  }
  const told = await waybill('simulate', policy, '--traffic', traffic);
  assert.equal(told.code, 69);
  assert.match(told.err, /day\.ndjson:2: is no JSON/);
  await writeFile(traffic, '\n');
  assert.match((await waybill('simulate', policy, '--traffic', traffic)).err, /has no message/);
  await writeFile(traffic, `${good.repeat(2)}\n{"at":1}\n`);
  const { err } = await waybill('simulate', policy, '--traffic', traffic);
  assert.match(err, /day\.ndjson:1: is no JSON.*\n.*day\.ndjson:2: to: is missing/);
});

test('lines that are out of order by far', async () => {
  const { surveyTraffic } = await import('../../src/testing/testing.ts');
  const open = async function* (): AsyncGenerator<string, void> {
    for (let at = 0; at < 2_000; at += 1) yield `{"at":${at + 10},"to":["a@b.test"]}`;
    yield await Promise.resolve('{"at":0,"to":["a@b.test"]}');
  };
  const message = /f:2001: at: is earlier than a message 1024 lines before; sort the lines by time/;
  await assert.rejects(surveyTraffic('f', open), { message });
});

test('what cannot be simulated', async (t) => {
  const { policy, traffic, models, remove } = await makeFolder();
  t.after(remove);
  const missing = await waybill('simulate', 'no-such-policy.ts', '--traffic', traffic);
  assert.equal(missing.code, 69);
  assert.match(missing.err, /no-such-policy\.ts: there is no such file/);
  const nothing = await waybill('simulate', policy, '--traffic', `${traffic}x`);
  assert.equal(nothing.code, 69);
  assert.match(nothing.err, /day\.ndjsonx: there is no such file/);
  const usage = await waybill('simulate', policy, '--traffic', traffic, '--for', 'ever');
  assert.equal(usage.code, 64);
  assert.match(usage.err, /Expected a span from '1m' to '31d'/);
  await writeFile(models, '{"waybill_models":2}');
  const old = await waybill('simulate', policy, '--traffic', traffic, '--models', models);
  assert.equal(old.code, 69);
  assert.match(old.err, /models\.json: waybill_models: 2 is no format known here/);
  await writeFile(policy, 'export default 7;\n');
  const refused = await waybill('simulate', policy, '--traffic', traffic);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /the policy cannot be simulated: /);
});
