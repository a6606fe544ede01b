/**
 * The log in memory keeps the contract, and fails the ways a test asks it to.
 * The one idea: what the simulated world relies on (disk full, power loss) is checked here once.
 * Deliberately unknown here: SQLite.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemoryLog, createMemoryStore } from '../../src/events/memory-log.ts';
import type { LogPlace } from './log-contract.ts';
import { draft, logContract, TestListener, toBatches, toStored } from './log-contract.ts';

const soon = (task: () => void): void => queueMicrotask(task);

const makePlace = async (): Promise<LogPlace> => {
  const store = createMemoryStore();
  return {
    open: async (listener) => {
      const log = createMemoryLog(soon, listener, store);
      const last = store.records.at(-1);
      const snapshot = store.snapshots.at(-1);
      return {
        log,
        lastPosition: last?.position ?? 0,
        lastTurn: last?.turn ?? 0,
        ...(snapshot === undefined ? {} : { snapshot }),
        replay: (from, each) => log.replay(from, each),
      };
    },
    dispose: async () => {},
  };
};

logContract('memory', makePlace, 200);

const batches = toBatches([[draft('1')], [draft('2')], [draft('3')]]);

/** A log whose commits happen when the test says so. */
const steppedLog = () => {
  const tasks: (() => void)[] = [];
  const listener = new TestListener();
  const log = createMemoryLog((task) => tasks.push(task), listener);
  const step = (): void => tasks.shift()?.();
  return { log, listener, step };
};

test('memory: a full disk is said once and turns wait in order', () => {
  const { log, listener, step } = steppedLog();
  log.fillDisk();
  for (const batch of batches) log.append(batch);
  for (let count = 0; count < 5; count++) step();
  assert.deepEqual(
    listener.faults.map(({ code }) => code),
    ['FAULT_DISK_FULL'],
  );
  assert.deepEqual(listener.durableTurns, []);
  log.freeDisk();
  for (let count = 0; count < 5; count++) step();
  assert.deepEqual(listener.durableTurns, [1, 2, 3]);
  assert.deepEqual(listener.rooms, [false, true]);
});

test('memory: power loss takes what was not durable, and the log falls silent', () => {
  const { log, listener, step } = steppedLog();
  for (const batch of batches) log.append(batch);
  step();
  log.losePower();
  for (let count = 0; count < 5; count++) step();
  assert.deepEqual(listener.durableTurns, [1]);
  assert.deepEqual(log.store.records, toStored(batches.slice(0, 1)));
});

for (const isKept of [false, true]) {
  test(`memory: a failed commit may or may not have been kept (${isKept})`, () => {
    const { log, listener, step } = steppedLog();
    const cause = 'disk I/O error';
    log.failNext({ code: 'FAULT_DISK_IO', where: 'log', cause, retryable: false }, isKept);
    for (const batch of batches) log.append(batch);
    for (let count = 0; count < 5; count++) step();
    assert.deepEqual(
      listener.faults.map(({ code }) => code),
      ['FAULT_DISK_IO'],
    );
    assert.deepEqual(listener.durableTurns, []);
    assert.equal(log.store.records.length, isKept ? 1 : 0);
  });
}
