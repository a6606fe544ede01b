/**
 * Keeping one worker alive, under a clock that the test turns: crashes, waits that grow, silence,
 * handlers that do not come back, acknowledgements that do not come.
 * Deliberately unknown here: processes, and which version is right.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { BACK_OFF_MS_MAX, BackOff } from '../../src/manager/back-off.ts';
import type { Exit } from '../../src/manager/exit.ts';
import type { WorkerOrder } from '../../src/manager/messages.ts';
import { STOP_MS_MAX } from '../../src/manager/messages.ts';
import { Supervisor } from '../../src/manager/supervisor.ts';
import type { Crash } from '../../src/manager/supervisor-parts.ts';
import type { WorkerEars } from '../../src/manager/worker-link.ts';

interface Life {
  readonly ears: WorkerEars;
  readonly orders: WorkerOrder[];
  isKilled: boolean;
}

const WANTED = { version: 7, reason: 'test', epoch: 3 };
const READY = { kind: 'ready', listeners: ['127.0.0.1:25'], httpListeners: [] } as const;

let lives: Life[] = [];
let crashes: Crash[] = [];
let hopeless: Exit[] = [];
let supervisor: Supervisor;

const life = (): Life => lives.at(-1) as Life;
const kindsOf = ({ orders }: Life): string[] =>
  orders.map(({ kind }) => kind).filter((kind) => kind !== 'beat');

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] });
  [lives, crashes, hopeless] = [[], [], []];
  supervisor = new Supervisor(
    (ears) => {
      const one: Life = { ears, orders: [], isKilled: false };
      lives.push(one);
      return {
        pid: 1000 + lives.length,
        isApart: true,
        send: (order) => one.orders.push(order),
        kill: () => {
          if (one.isKilled) return;
          one.isKilled = true;
          // A killed process is heard of later, not at once.
          setTimeout(() => ears.ended({ code: 70, sentence: 'it was ended by SIGKILL' }), 1);
        },
      };
    },
    {
      ready: () => {},
      using: () => {},
      bumpWanted: () => {},
      crashed: (crash) => crashes.push(crash),
      hopeless: (exit) => hopeless.push(exit),
      counters: () => ({ activations: 1, refusals: 2, workerRestarts: 3 }),
      log: () => {},
    },
  );
});
afterEach(async () => {
  const stopped = supervisor.stop(false);
  mock.timers.tick(10);
  await stopped;
  mock.timers.reset();
});

/** A worker that took over the version and takes mail. */
const comeUp = (): void => {
  life().ears.heard({ kind: 'using', version: WANTED.version, epoch: WANTED.epoch });
  life().ears.heard(READY);
};
const begin = (): void => {
  supervisor.begin();
  supervisor.use(WANTED).catch(() => {});
  comeUp();
};
const crash = (code = 70): void => life().ears.ended({ code, sentence: `code ${code}` });
const answerBeats = (seconds: number): void => {
  for (let second = 0; second < seconds; second += 1) {
    mock.timers.tick(1000);
    life().ears.heard({ kind: 'alive', id: second });
  }
};

test('waits double up to half a minute, and begin anew after a minute of health', () => {
  const backOff = new BackOff();
  const waits = Array.from({ length: 10 }, () => backOff.next(0));
  assert.deepEqual(waits.slice(0, 4), [100, 200, 400, 800]);
  assert.equal(waits.at(-1), BACK_OFF_MS_MAX);
  assert.equal(backOff.next(59_999), BACK_OFF_MS_MAX);
  assert.equal(backOff.next(60_000), 100);
});

test('a crash is followed by another life with the version that is wanted', () => {
  begin();
  crash();
  assert.equal(lives.length, 1);
  mock.timers.tick(100);
  assert.equal(lives.length, 2);
  assert.deepEqual(life().orders[0], { kind: 'use', ...WANTED });
  assert.equal(supervisor.status.restarts, 1);
  assert.equal(supervisor.status.lastCrash?.sentence, 'code 70');
});

test('a life that was ended because another was wanted is no restart', () => {
  begin();
  supervisor.replace('other listeners');
  assert.deepEqual(kindsOf(life()).at(-1), 'stop');
  life().ears.ended({ code: 0, sentence: 'stopped' });
  assert.equal(lives.length, 2);
  assert.equal(supervisor.status.restarts, 0);
  life().ears.heard(READY);
  crash();
  assert.equal(supervisor.status.restarts, 1);
});

test('crashes in a row are waited for longer', () => {
  begin();
  for (const waitMs of [100, 200, 400]) {
    crash();
    mock.timers.tick(waitMs - 1);
    const before = lives.length;
    mock.timers.tick(1);
    assert.equal(lives.length, before + 1);
  }
});

test('what decides about versions is asked before the next life', () => {
  begin();
  crash();
  supervisor.want({ version: 6, reason: 'back', epoch: 4 });
  mock.timers.tick(100);
  assert.deepEqual(life().orders[0], { kind: 'use', version: 6, reason: 'back', epoch: 4 });
});

test('a worker that never came up ends the daemon with its code', () => {
  supervisor.begin();
  crash(69);
  assert.deepEqual(hopeless, [{ code: 69, sentence: 'the worker did not start: code 69' }]);
});

test('a failed flush is worth another life, a policy that cannot be served is not', () => {
  begin();
  crash(74);
  mock.timers.tick(100);
  assert.equal(hopeless.length, 0);
  comeUp();
  crash(78);
  assert.equal(hopeless[0]?.code, 78);
});

test('a worker that answers each second lives; one silent for five seconds is replaced', () => {
  begin();
  answerBeats(30);
  assert.equal(life().isKilled, false);
  mock.timers.tick(4_999);
  assert.equal(life().isKilled, false);
  mock.timers.tick(1_001);
  assert.equal(life().isKilled, true);
  mock.timers.tick(1);
  assert.equal(crashes[0]?.hungIn, '');
  assert.equal(crashes[0]?.version, WANTED.version);
});

test('a handler that does not come back costs the worker, and is named', () => {
  begin();
  life().ears.runs('get_egress_pool', 4_900);
  assert.equal(life().isKilled, false);
  life().ears.runs('get_egress_pool', 5_100);
  mock.timers.tick(1);
  assert.equal(crashes[0]?.hungIn, 'get_egress_pool');
  assert.match(supervisor.status.lastCrash?.sentence ?? '', /handler get_egress_pool/);
});

test('a worker that recovers for long is not taken for hanging', () => {
  supervisor.begin();
  supervisor.use(WANTED).catch(() => {});
  mock.timers.tick(120_000);
  assert.equal(life().isKilled, false);
});

test('a version that is not acknowledged within five seconds replaces the worker', async () => {
  begin();
  const using = supervisor.use({ version: 8, reason: 'new', epoch: 4 });
  answerBeats(5);
  await using;
  assert.equal(life().isKilled, true);
  mock.timers.tick(1);
  assert.equal(lives.length, 2);
  assert.deepEqual(crashes, []);
  assert.deepEqual(life().orders[0], { kind: 'use', version: 8, reason: 'new', epoch: 4 });
});

test('an acknowledgement in time ends the wait; an older one does not', async () => {
  begin();
  let isDone = false;
  const using = supervisor.use({ version: 8, reason: 'new', epoch: 4 }).then(() => {
    isDone = true;
  });
  life().ears.heard({ kind: 'using', version: 7, epoch: 4 });
  await Promise.resolve();
  assert.equal(isDone, false);
  life().ears.heard({ kind: 'using', version: 8, epoch: 4 });
  await using;
  answerBeats(10);
  assert.equal(life().isKilled, false);
});

test('a version that hangs while it is taken over is a hang, not just silence', async () => {
  begin();
  const using = supervisor.use({ version: 8, reason: 'new', epoch: 4 });
  mock.timers.tick(4_500);
  life().ears.runs('get_queue_config', 4_400);
  mock.timers.tick(500);
  await using;
  mock.timers.tick(1);
  assert.equal(crashes[0]?.hungIn, 'get_queue_config');
});

test('other settings: stopped in good order, then started', () => {
  begin();
  supervisor.want({ version: 8, reason: 'new', epoch: 4 });
  supervisor.replace('the listeners changed');
  assert.deepEqual(kindsOf(life()), ['use', 'stop']);
  crash(0);
  assert.equal(lives.length, 2);
  assert.deepEqual(crashes, []);
  assert.deepEqual(life().orders[0], { kind: 'use', version: 8, reason: 'new', epoch: 4 });
});

test('a stop waits for the worker, and kills one that does not end', async () => {
  begin();
  const stopped = supervisor.stop(true);
  assert.deepEqual(kindsOf(life()), ['use', 'stop']);
  mock.timers.tick(STOP_MS_MAX + 4_999);
  assert.equal(life().isKilled, false);
  mock.timers.tick(1);
  assert.equal(life().isKilled, true);
  mock.timers.tick(1);
  assert.equal((await stopped)?.code, 70);
  assert.equal(lives.length, 1);
});
