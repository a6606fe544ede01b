/**
 * Sessions of clients in the sight of those who watch: what is said both ways, what handlers
 * answered and what becomes of messages are shown, passwords are not.
 * Deliberately unknown here: websockets and filters.
 */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { reject } from '../../src/domain/reject.ts';
import type { PolicyPart } from '../../src/policy/hooks.ts';
import type { TracePayload } from '../../src/ports/smtp-trace.ts';
import { wait } from './intake-world.ts';
import type { ReceptionWorld } from './reception-kit.ts';
import { MAIL, offer, openReception } from './reception-kit.ts';
import { KeptTrace } from './smtp-trace-kept.ts';

let world: ReceptionWorld;
let trace: KeptTrace;

const open = async (part: PolicyPart = { get_queue_config: () => ({}) }): Promise<void> => {
  trace = new KeptTrace();
  world = await openReception(part, {}, trace);
};

afterEach(() => world.end());

/** What an event of that name says. */
const toldOf = <Name extends string>(name: Name): unknown[] =>
  trace.events.flatMap(([, payload]) =>
    typeof payload !== 'string' && name in payload
      ? [(payload as Exclude<TracePayload, string> & Record<string, unknown>)[name]]
      : [],
  );

test('a session is shown from beginning to end, and what becomes of its message', async () => {
  await open();
  const client = await world.greet();
  assert.match(await offer(client), /^250 /);
  await client.talk('QUIT');
  await wait(20);
  const names = trace.names();
  assert.deepEqual([names[0], names.at(-1)], ['Connected', 'Closed']);
  const envelope = 'EHLO client.test\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\n';
  assert.equal(trace.said('Read'), `${envelope}${MAIL}.\r\nQUIT\r\n`);
  const written = trace.said('Write');
  assert.match(written, /^220 mx\.test ESMTP .*\r\n250-mx\.test.*\r\n(?:250-.*\r\n)+250 .*\r\n/);
  assert.match(written, /\r\n354 .*\r\n250 2\.0\.0 OK ids=[0-9a-f]{32}\r\n221 .*\r\n$/);
  const [[meta]] = trace.events as [[Record<string, unknown>, unknown]];
  assert.match(String(meta['received_from']), /^127\.0\.0\.1:\d+$/);
  const [disposition] = toldOf('MessageDisposition') as [Record<string, unknown>];
  const { id, queue, sender, recipient, will_enqueue } = disposition;
  assert.deepEqual(
    [queue, sender, recipient, will_enqueue],
    ['b.test', 'a@a.test', 'b@b.test', true],
  );
  assert.match(String(id), /^[0-9a-f]{32}$/);
});

test('what handlers answered is shown, also that they refused', async () => {
  await open({
    smtp_server_mail_from: async () => {
      await wait(1);
    },
    smtp_server_rcpt_to: () => reject(550, '5.1.1 nobody'),
  });
  const client = await world.greet();
  await client.talk('MAIL FROM:<a@a.test>');
  assert.match(await client.talk('RCPT TO:<b@b.test>'), /^550 /);
  assert.deepEqual(toldOf('Callback'), [
    { name: 'smtp_server_mail_from', result: null, error: null },
    { name: 'smtp_server_rcpt_to', result: null, error: '550 5.1.1 nobody' },
  ]);
});

test('what could be a password is not shown, wherever a client says it', async () => {
  await open({ smtp_server_auth_plain: () => true });
  const client = await world.greet();
  const secret = Buffer.from('\0ann\0sesame').toString('base64');
  await client.talk(`AUTH PLAIN ${secret}`);
  await client.talk('AUTH PLAIN');
  await client.talk(secret);
  const shown = JSON.stringify(trace.events);
  assert.match(shown, /AUTH PLAIN/);
  assert.ok(!shown.includes(secret) && !shown.includes('sesame'), shown);
});

test('nobody watches: nothing is made', async () => {
  await open();
  trace.isWatched = false;
  const client = await world.greet();
  assert.match(await offer(client), /^250 /);
  assert.deepEqual(trace.events, []);
});
