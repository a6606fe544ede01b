/**
 * The worked consumer of webhooks in front of the real sink: records are kept once, what is forged,
 * old or broken is refused, and a consumer that was killed goes on where it was.
 * Deliberately unknown here: the shipper; batches are sent again by hand.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Webhook } from 'standardwebhooks';
import { createConsumer } from '../../examples/webhook-consumer/consumer.ts';
import { openJournal } from '../../examples/webhook-consumer/journal.ts';
import { isGenuine } from '../../examples/webhook-consumer/verify.ts';
import { sinkFor } from '../contracts/sink-http-world.ts';
import { recordsFrom } from '../contracts/sink-records.ts';

const secretOf = (octet: number): string => `whsec_${Buffer.alloc(32, octet).toString('base64')}`;
const [OLD, YOUNG, FOREIGN] = [secretOf(1), secretOf(2), secretOf(3)];
const never = new AbortController().signal;

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-consumer-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, 'records.jsonl');
}

/** A consumer that listens, until it is closed. */
async function consumerAt(path: string, secrets: readonly string[]) {
  const journal = openJournal(path);
  const server = createConsumer({ journal, secrets });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      journal.close();
    },
  };
}

const keptIn = (path: string): string[] =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { readonly event_id: string }).event_id);

const idsOf = (from: number, count: number): string[] =>
  recordsFrom(from, count).map(({ eventId }) => eventId);

test('each record is kept once, however often and in whatever batch it comes', async (t) => {
  const path = folderFor(t);
  const { url, close } = await consumerAt(path, [OLD]);
  const sink = sinkFor({ url, signing_secret: OLD, gzip: true });
  for (const [from, count] of [
    [1, 5],
    [1, 5],
    [4, 4],
    [8, 300],
    [1, 307],
  ] as const) {
    assert.deepEqual(await sink.send(recordsFrom(from, count), never), {
      kind: 'settled',
      refused: [],
    });
  }
  assert.deepEqual(keptIn(path), idsOf(1, 307));
  await sink.close();
  await close();
});

test('after a kill in the middle of a line the rest comes again', async (t) => {
  const path = folderFor(t);
  const first = await consumerAt(path, [OLD]);
  let sink = sinkFor({ url: first.url, signing_secret: OLD }, false);
  await sink.send(recordsFrom(1, 3), never);
  await sink.close();
  await first.close();
  appendFileSync(path, '{"event_id":"event-4","ty');
  const second = await consumerAt(path, [OLD]);
  sink = sinkFor({ url: second.url, signing_secret: OLD }, false);
  await sink.send(recordsFrom(3, 3), never);
  assert.deepEqual(keptIn(path), idsOf(1, 5));
  await sink.close();
  await second.close();
});

test('a disk that takes half a batch leaves whole lines, and the next batch is kept', async (t) => {
  const path = folderFor(t);
  const journal = fileURLToPath(
    new URL('../../examples/webhook-consumer/journal.ts', import.meta.url),
  );
  const program = `
    import { openJournal } from ${JSON.stringify(journal)};
    const journal = openJournal(process.argv[1]);
    for (const [id, size] of [['one', 5e3], ['two', 5e4], ['three', 1e2]]) {
      try {
        journal.keep([{ event_id: id, type: 'x'.repeat(size) }]);
      } catch {}
    }`;
  const node = `"${process.execPath}" --import tsx --input-type=module`;
  // The limit of the shell ends the file in the middle of a write, as a full disk does.
  const shell = `ulimit -f 20; exec ${node} --eval "$PROGRAM" "${path}"`;
  execFileSync('sh', ['-c', shell], { env: { ...process.env, PROGRAM: program } });
  assert.deepEqual(keptIn(path), ['one', 'three']);
});

test('secrets are exchanged without a gap, and a foreign one is refused for good', async (t) => {
  const path = folderFor(t);
  const steps: readonly (readonly [string[], string[]])[] = [
    [[OLD], [OLD]],
    [[OLD, YOUNG], [OLD]],
    [
      [OLD, YOUNG],
      [YOUNG, OLD],
    ],
    [[YOUNG], [YOUNG, OLD]],
    [[YOUNG], [YOUNG]],
  ];
  for (const [at, [theirs, ours]] of steps.entries()) {
    const { url, close } = await consumerAt(path, theirs);
    const sink = sinkFor({ url, signing_secret: ours });
    await sink.send(recordsFrom(at + 1, 1), never);
    await sink.close();
    await close();
  }
  assert.deepEqual(keptIn(path), idsOf(1, 5));
  const { url, close } = await consumerAt(path, [YOUNG]);
  for (const options of [{ signing_secret: FOREIGN }, {}]) {
    const sink = sinkFor({ url, ...options });
    const answer = await sink.send(recordsFrom(9, 1), never);
    assert.ok(answer.kind === 'settled');
    assert.equal(answer.refused[0]?.reason, '401 Unauthorized: the signature is not ours');
    await sink.close();
  }
  const broken = sinkFor({ url, signing_secret: YOUNG }, false);
  const [record] = recordsFrom(9, 1);
  assert.ok(record !== undefined);
  for (const text of ['no JSON', '7', '{"event_id":1}', 'null']) {
    const answer = await broken.send([{ ...record, text }], never);
    assert.ok(answer.kind === 'settled');
    assert.equal(answer.refused[0]?.reason, '400 Bad Request: these are no records', text);
  }
  await broken.close();
  await close();
  assert.deepEqual(keptIn(path), idsOf(1, 5));
});

test('its thirty lines judge signatures as the library does', () => {
  const body = '{"event_id":"event-1","text":"ü"}';
  const now = Math.floor(Date.now() / 1_000);
  for (const seconds of [now, now - 290, now + 290, now - 400, now + 400]) {
    const signature = new Webhook(OLD).sign('event-1', new Date(seconds * 1_000), body);
    const whole = {
      'webhook-id': 'event-1',
      'webhook-timestamp': String(seconds),
      'webhook-signature': signature,
    };
    const changes: Partial<typeof whole>[] = [
      {},
      { 'webhook-id': 'event-2' },
      { 'webhook-id': '' },
      { 'webhook-timestamp': String(seconds + 1) },
      { 'webhook-timestamp': 'now' },
      { 'webhook-signature': '' },
      { 'webhook-signature': 'v1,AAAA' },
      { 'webhook-signature': `v1,AAAA ${signature} v2,x` },
      { 'webhook-signature': signature.replace('v1', 'v1a') },
    ];
    for (const change of changes) {
      const headers = { ...whole, ...change };
      let expected = true;
      try {
        new Webhook(OLD).verify(body, headers);
      } catch {
        expected = false;
      }
      const what = `${seconds - now} ${JSON.stringify(change)}`;
      assert.equal(isGenuine(Buffer.from(body), headers, [FOREIGN, OLD]), expected, what);
    }
  }
});
