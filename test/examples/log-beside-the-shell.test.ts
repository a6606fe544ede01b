/**
 * The log may be read at the sqlite3 prompt while the engine writes, also after a restart: a second
 * reader that comes and goes must not cost the writer its write-ahead log.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openSqliteLog } from '../../src/events/sqlite-log.ts';

const hasShell = spawnSync('sqlite3', ['--version']).status === 0;

async function openAndAppend(dir: string, whileOpen: () => void): Promise<number> {
  let durable = 0;
  let failure = '';
  const listener = {
    durable: () => {
      durable += 1;
    },
    failed: ({ cause }: { cause: string }) => {
      failure = cause;
    },
  };
  const { log, recovery } = await openSqliteLog({ dir, listener });
  await recovery.replay(1, () => {});
  let position = recovery.lastPosition + 1;
  for (let turn = 1; turn <= 5; turn += 1) {
    const draft = { stream: 'engine', type: 'engine.stopped', version: 1, body: '{}' };
    log.append({ turn: recovery.lastTurn + turn, at: Date.now(), position, drafts: [draft] });
    position += 1;
    while (durable < turn && failure === '') await new Promise((done) => setTimeout(done, 5));
    assert.equal(failure, '');
    whileOpen();
  }
  await new Promise<void>((done) => log.close(done));
  return position - 1;
}

test('a shell that reads and leaves does not disturb the writer', {
  skip: hasShell ? false : 'there is no sqlite3 shell here',
}, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'waybill-shell-'));
  try {
    const count = (): number => {
      const [segment] = readdirSync(join(dir, 'log')).filter((name) => name.endsWith('.db'));
      const path = join(dir, 'log', segment as string);
      return Number(execFileSync('sqlite3', [path, 'select count(*) from event']));
    };
    await openAndAppend(dir, count);
    const last = await openAndAppend(dir, count);
    assert.equal(count(), last);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
