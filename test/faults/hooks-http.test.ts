/**
 * Webhooks and log files under load, end to end: receivers that fail, put off, hang and cut the
 * line, and a daemon that is killed in the middle of batches.
 * The one idea: all of it happens to one run of mail, and at its end every receiver and the files
 * hold each record of the log at least once, in order; what came twice is a batch that was under
 * way. Deliberately unknown here: cursors, threads, what a sink does with an answer.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { LogTailer } from '../../src/projections/log-files/tailer.ts';
import { realWorld } from '../contracts/broker-world.ts';
import { HookWorld } from './hook-world.ts';
import { MoodyReceiver, RETRY_AFTER_S } from './moody-receiver.ts';
import { isFullRun, pause, until } from './scratch.ts';
import { judgeShipping, sayShipping } from './shipping.ts';

const SPELL_MS = isFullRun() ? 60_000 : 15_000;
const SHORT_MS = 4_000;
const KILLS = 3;
const TAKE_MS = 40;
const FLOW_MS_MAX = 60_000;
/** A batch of a logger of files; see its options. */
const FILE_BATCH = 1_000;
/** Of a wait that was asked for, this much may be lost between two clocks. */
const CLOCK_MS = 20;

const BATCHES = { single: 1, seven: 7, hundred: 100 } as const;
type Name = keyof typeof BATCHES;
const NAMES = Object.keys(BATCHES) as Name[];
const TYPES: Readonly<Record<Name, readonly string[] | undefined>> = {
  single: ['Bounce'],
  seven: ['Bounce', 'TransientFailure'],
  hundred: undefined,
};

describe('webhooks and log files under load', () => {
  const run = new HookWorld('hooks-http');
  const logs = join(run.folder, 'logs');
  const receivers = {} as Record<Name, MoodyReceiver>;
  const all = (): readonly MoodyReceiver[] => NAMES.map((name) => receivers[name]);
  /** What could leave a batch under way, so far. */
  let faults = 0;

  const setManner = (manner: MoodyReceiver['manner']): void => {
    for (const receiver of all()) receiver.manner = manner;
  };

  before(async () => {
    for (const name of NAMES) receivers[name] = await MoodyReceiver.open();
    const hooks = NAMES.map((name) => ({
      name,
      url: receivers[name].url,
      http: { timeout: '2s' },
      batch_size: BATCHES[name],
      ...(TYPES[name] === undefined ? {} : { types: TYPES[name] }),
    }));
    await run.start({
      hooks,
      localLogs: [{ name: 'files', log_dir: logs, max_segment_duration: '5s' }],
    });
    receivers.hundred.takeMs = TAKE_MS;
  });
  after(async () => {
    await run.close();
    for (const receiver of all()) await receiver.close();
  });

  test('records flow', () => demandFlow());

  test('500 for a while: nothing is taken, mail goes on, then all of it comes', async () => {
    setManner('fail');
    await run.demandMail(100);
    await pause(SPELL_MS);
    for (const name of NAMES) {
      await run.demandView(name, 'failing with 500', (view) =>
        /500/.test(view.last_error?.text ?? ''),
      );
    }
    setManner('take');
    await demandFlow();
  });

  test('429 with Retry-After: no request comes before its time', async () => {
    const marks = all().map((receiver) => receiver.heard.length);
    setManner('put off');
    await pause(3 * SHORT_MS);
    setManner('take');
    await demandFlow();
    for (const [at, receiver] of all().entries()) judgePatience(receiver, marks[at] ?? 0);
  });

  test('a response that hangs is given up, and the batch comes again', async () => {
    setManner('hang');
    await pause(SHORT_MS);
    faults += 1;
    setManner('take');
    await demandFlow();
  });

  test('a line that is cut in the middle of a request, and then of an answer', async () => {
    for (const trouble of ['cut', 'half-answer'] as const) {
      for (const { line } of all()) await line.begin(trouble);
      await pause(SHORT_MS);
      for (const { line } of all()) await line.heal();
      faults += 1;
      await demandFlow();
    }
  });

  for (let kill = 1; kill <= KILLS; kill += 1) {
    test(`the daemon is killed in the middle of batches, ${kill}`, async () => {
      const { hundred } = receivers;
      const heard = hundred.heard.length;
      // What is heard from now on is never answered: the batch is under way when the end comes.
      setManner('hang');
      assert.ok(await until(() => hundred.heard.length > heard, FLOW_MS_MAX));
      await run.kill();
      faults += 1;
      setManner('take');
      await run.startAgain();
      await demandFlow();
    });
  }

  test('everything is there, in order, and what came twice is explained', async (t) => {
    await run.settle();
    for (const name of NAMES) {
      const types = TYPES[name];
      const wanted = run.wanted(({ type }) => types === undefined || types.includes(type));
      const { arrivals } = receivers[name];
      const batchMax = BATCHES[name];
      const verdict = judgeShipping({ wanted, arrivals, batchMax, faults });
      t.diagnostic(`${sayShipping(name, verdict)}, ${faults} faults`);
      assert.deepEqual(verdict.breaches, [], name);
      assert.deepEqual(run.deadLines(name), []);
    }
    // Of the hook with the large batches one was under way at each kill.
    const { hundred } = receivers;
    assert.ok(new Set(hundred.arrivals).size < hundred.arrivals.length);
  });

  test('the files have every record, in order', async (t) => {
    const arrivals = await idsOfFiles(logs);
    const wanted = run.wanted();
    const verdict = judgeShipping({ wanted, arrivals, batchMax: FILE_BATCH, faults: KILLS });
    t.diagnostic(`${sayShipping('files', verdict)}, ${KILLS} kills`);
    assert.deepEqual(verdict.breaches, []);
  });

  const demandFlow = async (): Promise<void> => {
    await run.demandMail(50);
    const marks = all().map(({ arrivals }) => arrivals.length);
    const isFlowing = (): boolean =>
      all().every(({ arrivals }, at) => arrivals.length > (marks[at] ?? 0) + 5);
    const told = (): string =>
      `${all().map(({ arrivals }, at) => arrivals.length - (marks[at] ?? 0))}\n${run.daemon.tail}`;
    assert.ok(await until(isFlowing, FLOW_MS_MAX), told());
    await run.demandCaughtUp(...NAMES, 'files');
  };

  /** Behind each request that was put off there is the time that was asked for. */
  const judgePatience = ({ heard }: MoodyReceiver, from: number): void => {
    const later = heard.slice(from);
    assert.ok(later.filter(({ manner }) => manner === 'put off').length >= 2, 'it was asked twice');
    later.forEach(({ atMs, manner }, at) => {
      const next = later[at + 1];
      if (manner !== 'put off' || next === undefined) return;
      const waitedMs = next.atMs - atMs;
      assert.ok(waitedMs >= RETRY_AFTER_S * 1_000 - CLOCK_MS, `asked again after ${waitedMs} ms`);
    });
  };
});

/** Ids of the records in a directory of log files, the oldest first. */
async function idsOfFiles(directory: string): Promise<string[]> {
  const warned: string[] = [];
  const tailer = new LogTailer({
    directory,
    pattern: '*',
    batchSize: 1_000,
    batchLatencyMs: 0,
    follow: false,
    timers: realWorld.timers,
    warn: (sentence) => warned.push(sentence),
  });
  const ids: string[] = [];
  for await (const { records } of tailer.batches()) {
    ids.push(...(records as { readonly event_id: string }[]).map(({ event_id }) => event_id));
  }
  assert.deepEqual(warned, []);
  return ids;
}
