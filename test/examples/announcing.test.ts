/**
 * When the daemon says what to its service manager, under a clock that the test turns: words of
 * life come from the worker, reloads come in pairs, the line of status follows what happens.
 * Deliberately unknown here: how words travel (service-notices).
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { Announcing, describeDaemon } from '../../src/manager/announcing.ts';
import type { DaemonStatus } from '../../src/manager/status.ts';
import type { Notice } from '../../src/ports/node/service-notices.ts';

const STATUS: DaemonStatus = {
  pid: 1,
  version: '0.1.0',
  uptimeMs: 0,
  policy: {
    ...{ source: '/etc/waybill/policy.ts', version: 3, hash: 'abc', epoch: 4 },
    ...{ activations: 1, refusals: 0 },
  },
  workers: [{ pid: 2, state: 'ready', version: 3, epoch: 4, uptimeMs: 0, restarts: 0 }],
  listeners: ['0.0.0.0:25'],
  httpListeners: ['127.0.0.1:8000'],
};
const WELL = 'ready at smtp 0.0.0.0:25, http 127.0.0.1:8000; policy policy.ts version 3';

let told: Notice[] = [];
let isMoving = true;
let status = STATUS;
let announcing: Announcing;

const begin = (watchdogMs?: number): Announcing => {
  const tell = (notice: Notice): void => {
    told.push(notice);
  };
  announcing = new Announcing(
    { tell, ...(watchdogMs === undefined ? {} : { watchdogMs }) },
    { status: () => status, isMoving: () => isMoving },
  );
  return announcing;
};

beforeEach(() => {
  mock.timers.enable({ apis: ['setInterval'] });
  [told, isMoving, status] = [[], true, STATUS];
});
afterEach(() => {
  announcing.end();
  mock.timers.reset();
});

const turnClock = (ms: number): Notice[] => {
  told = [];
  mock.timers.tick(ms);
  return told;
};

test('words of life come thrice within the patience, while the worker lives', () => {
  begin(9_000).ready();
  assert.deepEqual(told, [{ state: 'ready', status: WELL }]);
  assert.deepEqual(turnClock(9_000), [{ isAlive: true }, { isAlive: true }, { isAlive: true }]);
  isMoving = false;
  assert.deepEqual(turnClock(60_000), []);
  isMoving = true;
  assert.deepEqual(turnClock(3_000), [{ isAlive: true }]);
});

test('without a watchdog only news is told', () => {
  begin().ready();
  assert.deepEqual(turnClock(60_000), []);
  const lastCrash = { at: 0, sentence: 'it was ended by SIGSEGV' };
  const worker = { ...STATUS.workers[0], state: 'waiting', restarts: 1, lastCrash } as const;
  status = { ...STATUS, workers: [worker as DaemonStatus['workers'][number]] };
  const news =
    'no mail is taken: worker waiting; policy policy.ts version 3; ' +
    '1 restarts, last crash: it was ended by SIGSEGV';
  assert.deepEqual(turnClock(10_000), [{ status: news }]);
});

test('a reload is told when it begins, and mail being taken when the last one is over', () => {
  begin().ready();
  told = [];
  announcing.reloading(true);
  announcing.reloading(true);
  announcing.reloading(false);
  assert.deepEqual(told, [{ state: 'reloading' }]);
  // A worker that comes back meanwhile ends no reload.
  announcing.ready();
  assert.deepEqual(told, [{ state: 'reloading' }]);
  announcing.reloading(false);
  assert.deepEqual(told.slice(1), [{ state: 'ready', status: WELL }]);
});

test('before mail is taken and after the end has begun a reload is nothing to tell', () => {
  begin(3_000);
  announcing.reloading(true);
  announcing.reloading(false);
  assert.deepEqual(told, []);
  announcing.ready();
  announcing.stopping('SIGTERM');
  announcing.reloading(true);
  announcing.reloading(false);
  assert.deepEqual(told.slice(1), [{ state: 'stopping', status: 'stopping: SIGTERM' }]);
  assert.deepEqual(turnClock(2_000), [{ isAlive: true }, { isAlive: true }], 'the end takes time');
  announcing.end();
  assert.deepEqual(turnClock(60_000), []);
});

test('a refusal is shown until a later version is in force', () => {
  const lastRefusal = { at: 0, number: 4, sentence: 'policy.ts:3: no such pool' };
  const policy = { ...STATUS.policy, lastRefusal };
  begin();
  assert.equal(
    describeDaemon({ ...STATUS, policy }),
    `${WELL}; refused: policy.ts:3: no such pool`,
  );
  assert.equal(
    describeDaemon({ ...STATUS, policy: { ...policy, version: 5 } }),
    WELL.replace('version 3', 'version 5'),
  );
});
