/**
 * `waybill journey` at its edges: what an operator pastes as a key, times in every form, a daemon
 * that wants credentials, and replies that would forge lines of the timeline. Deliberately unknown
 * here: logs and indexes.
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { describeAnswer } from '../../src/cli/journey-text.ts';
import { demandOrder, parsePast } from '../../src/cli/past-time.ts';
import { CommandFailure } from '../../src/cli/terminal.ts';
import { findMessages } from '../../src/forensics/journey/finding.ts';
import { KEY } from '../../src/forensics/journey/keys.ts';
import type { LogLook } from '../../src/forensics/journey/log-look.ts';
import { waybill } from './cli-run.ts';

const asked: string[] = [];
const server = createServer((request, response) => {
  const isKnown = request.headers.authorization === `Basic ${btoa('ann:s3cret')}`;
  asked.push(request.url ?? '');
  response.writeHead(isKnown ? 200 : 401, { 'content-type': 'application/json' });
  const answer = isKnown ? { kind: 'nothing', text: 'the log has none' } : { error: 'who are you' };
  response.end(JSON.stringify(answer));
});
let place: string;

before(async () => {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  place = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => server.close());

test('an endpoint that wants credentials gets them, and says who may not ask', async () => {
  const known = await waybill('journey', 'x', '--endpoint', `http://ann:s3cret@${place}`);
  assert.deepEqual([known.code, known.out], [1, 'the log has none\n'], known.err);
  const stranger = await waybill('journey', 'x', '--endpoint', `http://${place}`);
  assert.equal(stranger.code, 77, stranger.err);
  assert.match(stranger.err, /does not let us: who are you; .*WAYBILL_TOKEN/);
});

test('what cannot be meant is refused before anything is read', async () => {
  const refused = [
    { words: [''], says: /give a KEY or --tenant/ },
    { words: ['x', '--from', '1h', '--to', '2h'], says: /--to \(.*\) is before --from/ },
    { words: ['x', '--from', 'yesterday'], says: /Expected .*2h/ },
    { words: ['x', '--endpoint', 'ftp://x'], says: /is no address of a daemon/ },
  ];
  for (const { words, says } of refused) {
    const { code, err } = await waybill('journey', ...words, '--data', '/nonexistent');
    assert.equal(code, 64, err);
    assert.match(err, says);
  }
});

test('times are written as for waybill at', () => {
  const near = (text: string, agoMs: number): void => {
    const off = Math.abs(Date.now() - agoMs - parsePast(text));
    assert.ok(off < 5_000, `${text}: ${off} ms off`);
  };
  near('2h', 7_200_000);
  near('-1h30m', 5_400_000);
  near('1 day', 86_400_000);
  near('now', 0);
  assert.equal(parsePast('2026-01-31T12:00:00+01:00'), Date.UTC(2026, 0, 31, 11));
  assert.equal(parsePast('2026-01-31T12:00:00.123456Z'), Date.UTC(2026, 0, 31, 12, 0, 0, 123));
  assert.equal(parsePast('2026-01-31 12:00'), +new Date(2026, 0, 31, 12));
  assert.equal(parsePast('00:00'), new Date().setHours(0, 0, 0, 0));
  for (const text of ['turn:3', '17', '9999999999999h', '', '25:00', '2026-02-30T00:00:00Z']) {
    assert.throws(() => parsePast(text), /Expected/, text);
  }
  demandOrder(1, 1);
  demandOrder(undefined, 1);
  assert.throws(() => demandOrder(2, 1), CommandFailure);
});

test('a key is found as it was printed: in angle brackets, or beside a comment', () => {
  const body = { to: ['Bob@x.test'], headers: { 'Message-ID': '<a.b@x.test> (was <old>)' } };
  const event = { type: 'message.accepted', stream: 'm', body: { ...body, from: '', queue: 'x' } };
  const heard: string[] = [];
  const found = { event, position: 1, at: 1 };
  const look = {
    *newest(kind: number, text: string) {
      heard.push(`${kind} ${text}`);
      yield found;
    },
  } as unknown as LogLook;
  const { messages } = findMessages(look, { key: ' <BOB@x.test>' });
  assert.ok(messages.get('m')?.by.includes('recipient'));
  assert.ok(heard.includes(`${KEY.recipient} bob@x.test`), heard.join());
  assert.ok(heard.includes(`${KEY.stream} bob@x.test`), heard.join());
});

test('no text of a peer makes a line of its own', () => {
  const text = 'later\r\n2026-01-31 12:00:00.000  delivered\u001b[2J';
  const result = { fate: 'deferred', to: ['a@x'], code: 451, text, command: 'RCPT TO:<a@x>\r\n' };
  const attempt = { kind: 'attempt', at: '2026-01-31T12:00:00Z', attempt: 1, results: [result] };
  const standing = { state: 'queued', text: 'still queued', recipients: [] };
  const journey = { id: 'm', steps: [attempt], standing, gaps: [], upto: { position: 1, at: '' } };
  const told = describeAnswer({ kind: 'journey', journey } as never);
  assert.equal(told.split('\n').length, 4, told);
  assert.match(told, /^ {4}deferred for <a@x>: 451 later 2026.*delivered.\[2J to RCPT TO:<a@x>$/m);
  assert.ok(!told.includes('\u001b'));
});
