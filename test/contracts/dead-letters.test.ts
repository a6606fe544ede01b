/**
 * The files of dead letters: what was answered for is there, whole lines, in bounded space.
 * Deliberately unknown here: shippers.
 */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { deadFileOf, openDeadLetters } from '../../src/ports/node/dead-letters.ts';
import type { DeadLetter, DeadLetters } from '../../src/projections/shipper/dead-letters.ts';
import { makeRecord } from '../world/hook-log.ts';

const root = mkdtempSync(join(tmpdir(), 'dead-letters-'));
after(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const folder = (): string => {
  folders += 1;
  return join(root, `${folders}`, 'hooks');
};

const letter = (position: number, reason = 'status 400'): DeadLetter => ({
  at: Date.UTC(2025, 5, 15),
  eventId: `e${position}`,
  position,
  reason,
  record: makeRecord({ event_id: `e${position}` }),
});
const bury = (letters: DeadLetters, ...some: DeadLetter[]): Promise<string | undefined> =>
  new Promise((resolve) => letters.bury(some, resolve));
const lines = (path: string): Record<string, unknown>[] =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test('each letter is a line with reason, instant, ids and the record', async () => {
  const path = folder();
  const letters = openDeadLetters(path, 'webhook');
  assert.equal(await bury(letters, letter(1, 'a\nb'), letter(2)), undefined);
  const [first, second] = lines(join(path, 'webhook.dead.jsonl'));
  const { at, event_id, position, reason, record } = first ?? {};
  assert.deepEqual([at, event_id, position, reason], ['2025-06-15T00:00:00.000Z', 'e1', 1, 'a\nb']);
  assert.equal((record as { event_id: string }).event_id, 'e1');
  assert.equal(second?.['position'], 2);
});

test('many at a time come one after the other, none torn', async () => {
  const path = folder();
  const letters = openDeadLetters(path, 'w');
  const all = Array.from({ length: 40 }, (_one, index) => bury(letters, letter(index)));
  await Promise.all(all);
  const positions = lines(deadFileOf(path, 'w')).map(({ position }) => position);
  assert.deepEqual(positions, [...all.keys()]);
});

test('a line that a crash cut short does not swallow the next', async () => {
  const path = folder();
  const letters = openDeadLetters(path, 'w');
  await bury(letters, letter(1));
  appendFileSync(deadFileOf(path, 'w'), '{"at":"2025');
  await bury(letters, letter(2));
  const [, torn, whole] = readFileSync(deadFileOf(path, 'w'), 'utf8').split('\n');
  assert.equal(torn, '{"at":"2025');
  assert.equal((JSON.parse(whole ?? '') as { position: number }).position, 2);
});

test('a full file makes room: two files at most, and what goes is told', async () => {
  const path = folder();
  const dropped: string[] = [];
  const letters = openDeadLetters(path, 'w', (one) => dropped.push(one), 1_000);
  for (let position = 0; position < 30; position += 1) await bury(letters, letter(position));
  assert.deepEqual(readdirSync(path).sort(), ['w.dead.1.jsonl', 'w.dead.jsonl']);
  const kept = [...lines(join(path, 'w.dead.1.jsonl')), ...lines(join(path, 'w.dead.jsonl'))];
  const positions = kept.map(({ position }) => Number(position));
  assert.equal(positions.at(-1), 29);
  assert.deepEqual(
    positions,
    [...positions.keys()].map((index) => index + (positions[0] ?? 0)),
  );
  assert.ok(dropped.length > 0);
  const bytes = kept.reduce((sum, line) => sum + JSON.stringify(line).length + 1, 0);
  assert.ok(bytes <= 2_000, `${bytes}`);
});

test('a name that is no file name stays in its folder', () => {
  assert.equal(deadFileOf('hooks', '../a/b'), join('hooks', '..%2Fa%2Fb.dead.jsonl'));
});

test('a folder that cannot be is a cause, not a throw, and it is tried afresh', async () => {
  const path = folder();
  const parent = join(path, '..');
  writeFileSync(parent, 'a file in the way');
  const letters = openDeadLetters(path, 'w');
  assert.match((await bury(letters, letter(1))) ?? '', /ENOTDIR|EEXIST/);
  rmSync(parent);
  assert.equal(await bury(letters, letter(1)), undefined);
  assert.equal(lines(deadFileOf(path, 'w')).length, 1);
});
