/**
 * The control socket between a manager and an operator's tool, and requests that come in storms.
 * Deliberately unknown here: what requests do.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, mock, test } from 'node:test';
import { formatSpan } from '../../src/cli/span.ts';
import { describe as describeStatus } from '../../src/cli/status.ts';
import { Asking } from '../../src/manager/asking.ts';
import { askManager, NoManager } from '../../src/manager/control-client.ts';
import type { ControlServer } from '../../src/manager/control-server.ts';
import { openControl } from '../../src/manager/control-server.ts';

describe('the control socket', () => {
  const dir = mkdtempSync(join(tmpdir(), 'waybill-control-'));
  const path = join(dir, 'control.sock');
  let server: ControlServer;

  before(async () => {
    server = await openControl(dir, async ({ do: what, version }) => {
      if (what === 'stop') throw new Error('not today');
      return { what, version };
    });
  });
  after(() => {
    server.close();
    rmSync(dir, { recursive: true });
  });

  test('is of the owner alone', () => {
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  test('answers a question', async () => {
    const answer = await askManager(dir, { do: 'policy.activate', version: 3 });
    assert.deepEqual(answer, { id: 1, ok: true, what: 'policy.activate', version: 3 });
  });

  test('says in a sentence what is in the way', async () => {
    await assert.rejects(askManager(dir, { do: 'stop' }), /^Error: not today$/);
    await assert.rejects(askManager(join(dir, 'none'), { do: 'status' }), NoManager);
  });

  test('takes several lines in pieces, and survives what is no JSON', async () => {
    const socket = connect(path);
    let heard = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      heard += text;
    });
    socket.write('{"id":1,"do":"sta');
    await new Promise((resolve) => setTimeout(resolve, 20));
    socket.write('tus"}\nrubbish\nnull\n{"id":4,"do":"stop"}\n');
    while (heard.split('\n').length < 5) await new Promise((resolve) => setTimeout(resolve, 5));
    socket.destroy();
    const replies = heard.trim().split('\n');
    const sorted = replies.map((line) => (JSON.parse(line) as { id: number; ok: boolean }).ok);
    assert.equal(sorted.filter(Boolean).length, 1);
    assert.match(heard, /no JSON/);
    assert.match(heard, /"id":4,"ok":false,"error":"not today"/);
  });

  test('a file left by a manager that was killed is in nobody’s way', async () => {
    const again = await openControl(dir, async () => ({ again: true }));
    assert.equal((await askManager(dir, { do: 'status' }))['again'], true);
    again.close();
  });
});

test('a storm of requests is one a second, and none is forgotten', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const passed: string[] = [];
  const asking = new Asking((reason) => passed.push(reason));
  for (let turn = 0; turn < 100; turn += 1) asking.ask(`${turn}`);
  assert.deepEqual(passed, ['0']);
  mock.timers.tick(1000);
  assert.deepEqual(passed, ['0', '1']);
  mock.timers.tick(5000);
  asking.ask('later');
  assert.deepEqual(passed, ['0', '1', 'later']);
  asking.stop();
  mock.timers.reset();
});

test('the status is shown in words', () => {
  const at = Date.UTC(2026, 0, 2, 3, 4, 5);
  const text = describeStatus({
    pid: 10,
    version: '1.2.3',
    uptimeMs: 93_784_000,
    policy: {
      ...{ source: 'embedded', version: 4, hash: 'h', epoch: 9, activations: 2, refusals: 1 },
      lastRefusal: { at, number: 5, sentence: 'line 3 is wrong' },
    },
    workers: [
      {
        ...{ pid: 11, state: 'ready', version: 4, epoch: 9, uptimeMs: 61_000, restarts: 1 },
        lastCrash: { at, sentence: 'it was ended by SIGKILL' },
      },
    ],
    listeners: ['127.0.0.1:25'],
    httpListeners: ['127.0.0.1:8000'],
  });
  assert.match(text, /^manager {5}pid 10, waybilld 1\.2\.3, up 1 d 2 h$/m);
  assert.match(text, /embedded, version 4, epoch 9/);
  assert.match(text, /last refusal 2026-01-02T03:04:05\.000Z: line 3 is wrong/);
  assert.match(text, /^worker {6}pid 11, ready, version 4, epoch 9, up 1 m 1 s, 1 restart$/m);
  assert.match(text, /last crash .*SIGKILL/);
  assert.match(text, /smtp 127\.0\.0\.1:25\nlistener {4}http 127\.0\.0\.1:8000$/);
  assert.equal(formatSpan(12), '12 ms');
});
