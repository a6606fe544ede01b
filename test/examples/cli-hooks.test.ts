/**
 * `waybill hooks` as a person types it, against a control socket that the test plays: what is
 * asked, what is printed, and how it ends. Deliberately unknown here: the daemon.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { ControlServer } from '../../src/manager/control-server.ts';
import { openControl } from '../../src/manager/control-server.ts';
import type { HookAnswer, HookOrder } from '../../src/projections/hook-status.ts';
import { NO_HOOKS } from '../../src/projections/hook-status.ts';
import { waybill } from './cli-run.ts';

describe('waybill hooks', () => {
  const dir = mkdtempSync(join(tmpdir(), 'waybill-hooks-'));
  const asked: HookOrder[] = [];
  let answer: HookAnswer | undefined;
  let server: ControlServer;

  before(async () => {
    server = await openControl(dir, async ({ do: what, order }) => {
      assert.equal(what, 'hooks');
      assert.ok(order);
      asked.push(order);
      return { answer: answer ?? (await NO_HOOKS.ask(order)) };
    });
  });
  after(() => {
    server.close();
    rmSync(dir, { recursive: true });
  });

  test('lists, for people and for programs', async () => {
    const [people, programs] = await Promise.all([
      waybill('hooks', '--data', dir),
      waybill('hooks', '--data', dir, '--json'),
    ]);
    assert.deepEqual(people, { code: 0, out: 'no log hooks are set up\n', err: '' });
    assert.deepEqual(programs, { code: 0, out: '[]\n', err: '' });
  });

  test('passes wishes on and prints what the daemon says', async () => {
    asked.length = 0;
    answer = { kind: 'done', said: 'webhook is paused' };
    const paused = await waybill('hooks', 'pause', 'webhook', '--data', dir);
    assert.deepEqual(paused, { code: 0, out: 'webhook is paused\n', err: '' });
    const skipped = await waybill('hooks', 'skip', 'webhook', '--data', dir, '--json');
    assert.equal(skipped.out, '{"said":"webhook is paused"}\n');
    await waybill('hooks', '--data', dir, 'skip', 'webhook', '--records', '3');
    const span = ['--from', '2026-11-22T13:00:00Z', '--to', '2026-11-22T15:00:00+01:00'];
    await waybill('hooks', 'replay', 'webhook', ...span, '--data', dir);
    assert.deepEqual(asked, [
      { do: 'pause', name: 'webhook' },
      { do: 'skip', name: 'webhook', records: 'batch' },
      { do: 'skip', name: 'webhook', records: 3 },
      {
        do: 'replay',
        name: 'webhook',
        from: Date.UTC(2026, 10, 22, 13),
        to: Date.UTC(2026, 10, 22, 14),
      },
    ]);
    answer = undefined;
  });

  test('says why something cannot be done', async () => {
    const unknown = await waybill('hooks', 'resume', 'nobody', '--data', dir);
    assert.equal(unknown.code, 69);
    assert.match(unknown.err, /there is no log hook nobody; none is set up/);
    const [nobody, times, order] = await Promise.all([
      waybill('hooks', '--data', join(dir, 'none')),
      waybill('hooks', 'replay', 'x', '--from', 'noon', '--to', 'now', '--data', dir),
      waybill(
        ...['hooks', 'replay', 'x', '--data', dir],
        ...['--from', '2026-11-22T13:00:00Z', '--to', '2026-11-22T13:00:00Z'],
      ),
    ]);
    assert.equal(nobody.code, 69);
    assert.match(nobody.err, /no waybilld answers for/);
    assert.equal(times.code, 64);
    assert.match(times.err, /'noon' is not a time; write it like '2026-01-31T12:00:00Z'/);
    assert.equal(order.code, 64);
    assert.match(order.err, /--to is not after --from/);
  });
});
