/**
 * A disk that is full in the midst of an erasure: the order ends with a sentence, the log is one
 * that starts and balances, and once there is room `--resume` brings the order to its end.
 * Deliberately unknown here: what an erasure writes, and where.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { verifyLog } from '../../src/cli/verify-log.ts';
import { eraseRecipients } from '../../src/erasing/erase.ts';
import { readPending } from '../../src/erasing/pending.ts';
import { withDir } from '../contracts/log-place.ts';
import { openStore } from '../contracts/log-store-place.ts';
import { waybill } from '../examples/cli-run.ts';
import { filesWith, makeHistory, PEOPLE } from '../world/erasure.ts';
import { mountTinyDisk } from './tiny-disk.ts';

const WHO = PEOPLE[3];
const ORDER = {
  id: '5d0c0ffe-2222-4222-8333-444455556666',
  addresses: [WHO],
  by: 'dpo',
  cause: 'request 3',
};
/** What is left of the disk when the order is given. */
const FREE_BYTES = [0, 4_096, 24_576, 49_152] as const;

const countsOf = (dir: string) => {
  const { recipients, messages, imbalance, differences } = verifyLog(dir);
  return { recipients, messages, imbalance, differences };
};

test('an erasure on a full disk is taken up again, and nothing is lost', async (context) => {
  await withDir(async (scratch) => {
    let cut = 0;
    for (const free of FREE_BYTES) {
      const disk = mountTinyDisk(join(scratch, `disk-${free}`), 'size=16m');
      if (typeof disk === 'string') return context.skip(disk);
      try {
        const dir = join(disk.path, 'data');
        await makeHistory(dir, { seed: 11, messages: 50 });
        const counts = countsOf(dir);
        disk.lay('filler', Math.max(0, disk.freeBytes() - free));
        const where = `${disk.freeBytes()} bytes free`;
        const world = { now: () => Date.now() };
        const ended = await eraseRecipients(dir, ORDER, world).catch((error: Error) => error);
        assert.ok(ended instanceof Error, `${where}: it came to its end`);
        if (readPending(dir) !== undefined) cut += 1;
        const said = await waybill('erase', '--data', dir, '--resume');
        assert.notEqual(said.code, 0, `${where}: ${said.out}`);
        assert.match(said.err, /room for a copy|No erasure was cut short/, where);
        assert.doesNotMatch(said.err, /\n {4}at /, 'a sentence, and no trace');
        disk.lift('filler');
        // A daemon may start on it before anybody takes the order up.
        const opened = openStore(dir);
        assert.deepEqual(opened.reports, [], where);
        opened.store.close();
        assert.deepEqual(countsOf(dir), counts, where);
        const pending = readPending(dir);
        const words = ['--recipient', WHO, '--reason', 'request 3', '--by', 'dpo'];
        const again = pending === undefined ? words : ['--resume'];
        const { code, out, err } = await waybill('erase', '--data', dir, ...again);
        assert.equal(code, 0, `${where}: ${out}${err}`);
        assert.deepEqual(filesWith(dir, WHO), [], where);
        const after = verifyLog(dir);
        assert.deepEqual(
          [countsOf(dir), after.damage, after.erasures.unfinished],
          [counts, [], []],
        );
      } finally {
        disk.remove();
      }
    }
    assert.ok(cut > 0, 'the disk was full in the midst of it');
  });
});
