/**
 * What recovery takes up again from the bodies when the log was damaged: what no readable record
 * speaks of, unless it is older than anything the log still holds. Knows no files.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatMessageId } from '../../src/domain/message-id.ts';
import type { BodyRef, StoredRecord } from '../../src/ports/ports.ts';
import type { Finding } from '../../src/recover.ts';
import { recover } from '../../src/recover.ts';

const AT = 1_700_000_000_000;
const HOUR_MS = 3_600_000;
const REF: BodyRef = { segment: 1, offset: 0, length: 10, sum: 7 };
const SHORTENED: Finding = {
  kind: 'log-shortened',
  position: 1,
  sentence: 'the log was shortened',
};

const idOf = (number: number, at: number): string => formatMessageId(at, '0000abcd', number);

const headerOf = (id: string): string =>
  JSON.stringify({ ids: [id], from: 'a@a.test', to: [['b@b.test']], at: AT, peer: '', helo: '' });

const startedAt = (at: number): StoredRecord => ({
  position: 1,
  turn: 1,
  at,
  stream: 'engine',
  type: 'engine.started',
  version: 1,
  body: JSON.stringify({ version: '0', node: '0000abcd', seed: 1, number: 1 }),
});

/** Recovers from these records and bodies; answers the ids taken up again. */
async function takenUp(
  records: readonly StoredRecord[],
  ids: readonly string[],
  reports: readonly Finding[],
): Promise<string[]> {
  const log = {
    lastPosition: records.length,
    lastTurn: records.length,
    reports,
    replay: async (from: number, each: (records: StoredRecord[]) => void) =>
      each(records.slice(from - 1)),
  };
  const bodies = {
    scan: (each: (header: string, ref: BodyRef) => void, done: (scan: unknown) => void) => {
      for (const id of ids) each(headerOf(id), REF);
      done(undefined);
    },
  };
  const { foundlings } = await recover(log, bodies);
  return foundlings.map(({ id }) => id);
}

test('of a log cut to nothing every body is taken up again', async () => {
  const ids = [idOf(1, AT), idOf(2, AT + HOUR_MS)];
  assert.deepEqual(await takenUp([], ids, [SHORTENED]), ids);
});

test('what is older than the oldest record had ended: its records were let go', async () => {
  const old = idOf(1, AT - HOUR_MS);
  const lost = idOf(2, AT + 1);
  assert.deepEqual(await takenUp([startedAt(AT)], [old, lost], [SHORTENED]), [lost]);
});

test('of a whole log nothing is taken up, whatever the bodies say', async () => {
  assert.deepEqual(await takenUp([startedAt(AT)], [idOf(1, AT)], []), []);
});
