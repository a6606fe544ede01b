/**
 * The load source against the sink: what is sent arrives, what is reported is what happened.
 * One idea: two independent records, the source's and the sink's, must agree id by id and sum by
 * sum. Does not know how lanes and desk divide the work.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Copy } from '../../src/cli/sink-copy.ts';
import type { SinkOptions } from '../../src/cli/sink-server.ts';
import { startSink } from '../../src/cli/sink-server.ts';
import type { TrafficOptions } from '../../src/cli/traffic-desk.ts';
import type { TrafficReport } from '../../src/cli/traffic-report.ts';
import { runTraffic } from '../../src/cli/traffic-run.ts';

interface Run {
  readonly report: TrafficReport;
  readonly copies: readonly Copy[];
  readonly endings: readonly string[];
  readonly counts: { readonly connections: number; readonly protocolErrors: number };
}

const SMALL = [{ value: 600, weight: 1 }];

const send = async (
  options: Omit<TrafficOptions, 'to'>,
  sinkOptions: SinkOptions,
): Promise<Run> => {
  const copies: Copy[] = [];
  const endings: string[] = [];
  const onCopy: SinkOptions['onCopy'] = (copy, ending) => {
    copies.push(copy);
    endings.push(ending);
  };
  const sink = await startSink({ ...sinkOptions, onCopy });
  const to = { host: sink.address, port: sink.port };
  const report = await runTraffic({ concurrency: 5, sizes: SMALL, ...options, to });
  const counts = sink.counts();
  await sink.stop();
  return { report, copies, endings, counts };
};

interface RecordLine {
  readonly id: string;
  readonly to: readonly string[];
  readonly code: number;
  readonly sha256: string;
}

const withFolder = async (story: (file: string) => Promise<void>): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-traffic-'));
  await story(join(folder, 'record.jsonl'));
  rmSync(folder, { recursive: true });
};

const readRecord = (file: string): RecordLine[] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as RecordLine);

for (const without of [[], ['pipelining']] as const) {
  test(`every message arrives once, as recorded, ${without[0] ?? 'nothing'} left out`, async () => {
    await withFolder(async (recordFile) => {
      const { report, copies, counts } = await send({ messages: 200, recordFile }, { without });
      assert.equal(report.accepted, 200);
      assert.equal(counts.protocolErrors, 0);
      assert.deepEqual(report.replies, { '2xx': 200, '4xx': 0, '5xx': 0, other: 0 });
      assert.ok(report.latencyMs.p50 > 0 && report.latencyMs.max >= report.latencyMs.p99);
      const sums = new Map(copies.map((copy) => [copy.xid, copy.sha256]));
      assert.equal(sums.size, 200);
      assert.equal(new Set(sums.values()).size, 200, 'bodies are unique');
      for (const { id, code, sha256 } of readRecord(recordFile)) {
        assert.equal(code, 250);
        assert.equal(sums.get(id), sha256);
      }
    });
  });
}

test('refused recipients and messages are recorded and counted', async () => {
  await withFolder(async (recordFile) => {
    const locals = ['ok', 'tempfail', 'permfail-data', 'permfail-dot'].map((value) => ({
      value,
      weight: 1,
    }));
    const { report, copies, counts } = await send(
      { messages: 100, recipients: 2, locals, recordFile },
      {},
    );
    const lines = readRecord(recordFile);
    assert.equal(counts.protocolErrors, 0);
    assert.equal(report.accepted, copies.length);
    assert.equal(report.accepted + report.refused, 100);
    assert.ok(report.accepted > 0 && report.refused > 0);
    const recipients = lines.reduce((sum, line) => sum + line.to.length, 0);
    assert.equal(recipients, 200, 'each recipient of each message has one line');
    for (const { to, code } of lines) {
      const locals = to.map((address) => address.split(/[@+]/)[0]);
      if (code === 451) assert.deepEqual([...new Set(locals)], ['tempfail']);
      if (code === 250) assert.deepEqual([...new Set(locals)], ['ok']);
    }
  });
});

test('lost connections: what was not sent is sent again, what was sent is unknown', async () => {
  const { report, copies, endings } = await send(
    { messages: 120, concurrency: 3 },
    { drop: 0.1, dropBefore: 0.1, seed: 3 },
  );
  const unanswered = endings.filter((ending) => ending === 'unanswered').length;
  assert.equal(report.accepted + report.unknown, 120);
  assert.ok(report.unknown > 0);
  // A connection closed within the body may have taken the source's last write: it cannot know.
  assert.ok(unanswered > 0 && unanswered <= report.unknown);
  assert.ok(report.connections.reset >= unanswered);
  const accepted = copies.filter((_, index) => endings[index] === 'copy');
  assert.equal(new Set(accepted.map((copy) => copy.xid)).size, report.accepted);
});

test('a connection carries as many messages as told; 421 sends the message elsewhere', async () => {
  const few = await send({ messages: 20, concurrency: 2, perConnection: 5 }, {});
  assert.equal(few.report.accepted, 20);
  assert.ok(few.counts.connections >= 4);
  assert.equal(few.report.connections.reset, 0);
  const closed = await send({ messages: 20, concurrency: 2 }, { perConnection: 5 });
  assert.equal(closed.report.accepted, 20);
  assert.ok(closed.report.resent > 0);
});

test('the same seed plans the same messages', async () => {
  const domains = [
    { value: 'a.test', weight: 7 },
    { value: 'b.test', weight: 3 },
  ];
  const sizes = [...SMALL, { value: 2000, weight: 1 }];
  const options = { messages: 100, domains, sizes, run: 'same', seed: 5 };
  const tell = ({ copies }: Run): string[] =>
    copies.map((copy) => `${copy.xid} ${copy.to} ${copy.sha256}`).sort();
  const first = await send(options, {});
  assert.deepEqual(tell(await send({ ...options, concurrency: 2 }, {})), tell(first));
  const toA = first.copies.filter((copy) => copy.to[0]?.endsWith('@a.test')).length;
  assert.ok(toA > 50 && toA < 90, `${toA} of 100 to a.test`);
  const large = first.copies.filter((copy) => copy.bytes > 1900 && copy.bytes < 2100).length;
  assert.ok(large > 25 && large < 75, `${large} of 100 large`);
});

test('open loop keeps the rate, and waiting for a slow server counts as latency', async () => {
  const paced = await send({ durationMs: 400, ratePerSecond: 200 }, {});
  assert.ok(paced.report.messages > 60 && paced.report.messages <= 81, `${paced.report.messages}`);
  const slow = { durationMs: 300, ratePerSecond: 100, concurrency: 1 };
  const { report } = await send(slow, { delayMs: 30 });
  // 30 ms of work every 10 ms: the backlog grows until the end.
  assert.ok(report.latencyMs.max > 90, `max ${report.latencyMs.max}`);
});

test('a server that never answers, and none at all, end the run', async () => {
  const { report } = await send({ messages: 2, concurrency: 2, replyMsMax: 100 }, { hang: 1 });
  assert.deepEqual([report.unknown, report.connections.timedOut], [2, 2]);
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as AddressInfo;
  await new Promise((resolve) => taken.close(resolve));
  const to = { host: '127.0.0.1', port };
  const alone = await runTraffic({ to, messages: 3, giveUpMs: 300, sizes: SMALL });
  assert.equal(alone.hasGivenUp, true);
  assert.equal(alone.connections.opened, 0);
  assert.ok(alone.connections.refused >= 3);
});
