/**
 * Log hooks to a real RabbitMQ under load, end to end: the broker is stopped, killed in the middle
 * of batches and blocked by its memory alarm, keys that lead nowhere, and the daemon is killed.
 * The one idea: all of it happens to one run of mail, and at its end each queue holds each record
 * of the log at least once, in order; what came twice is a batch that was under way. Deliberately
 * unknown here: confirms, channels, cursors.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { findRabbit } from '../../scripts/brokers/programs.ts';
import { RabbitBroker } from '../../scripts/brokers/rabbit.ts';
import { onChannel } from '../contracts/amqp-place.ts';
import { useBroker } from '../contracts/broker-world.ts';
import type { Line } from '../contracts/sink-line.ts';
import { openLine } from '../contracts/sink-line.ts';
import { HookWorld } from './hook-world.ts';
import { isFullRun, pause, until } from './scratch.ts';
import { judgeShipping, sayShipping } from './shipping.ts';

const AWAY_MS = isFullRun() ? 60_000 : 15_000;
const SHORT_MS = 4_000;
const KILLS = 3;
/** Enough for a batch to be with the broker, whose answer nobody hears. */
const UNDER_WAY_MS = 700;
const READ_MS_MAX = 60_000;
const ROUTED = ['Reception', 'Delivery'];
/** A hook of small batches waits for the broker's disk so often that it takes the rare types. */
const RARE = ['Bounce', 'TransientFailure'];

/** Hooks by name, with the records of a batch; the key of the last one leads nowhere for some. */
const BATCHES = { ten: 10, hundred: 100, astray: 50 } as const;
type Name = keyof typeof BATCHES;
const NAMES = Object.keys(BATCHES) as Name[];
const ALL = [...ROUTED, ...RARE];
const TYPES: Readonly<Record<Name, readonly string[]>> = { ten: RARE, hundred: ALL, astray: ALL };

const found = findRabbit();
const { skip, broker } = useBroker('lack' in found ? found.lack : undefined, () =>
  RabbitBroker.start(),
);

describe('log hooks to RabbitMQ under load', { skip }, () => {
  const run = new HookWorld('hooks-rabbit');
  let line: Line;
  /** What could leave a batch under way, so far. */
  let faults = 0;

  before(async () => {
    line = await openLine({ target: () => broker().ports.plain });
    await onChannel(broker(), async (channel) => {
      for (const name of NAMES) await channel.assertQueue(name, { durable: true });
      await channel.assertExchange('by-type', 'direct', { durable: true });
      for (const type of ROUTED) await channel.bindQueue('astray', 'by-type', type);
    });
    const place = { host: '127.0.0.1', port: line.port, publish_timeout: '3s' };
    const hooks = NAMES.map((name) => ({
      name,
      batch_size: BATCHES[name],
      types: TYPES[name],
      amqp:
        name === 'astray'
          ? { ...place, exchange: 'by-type', routing_key: '{{type}}' }
          : { ...place, routing_key: name },
    }));
    await run.start({ hooks });
  });
  after(async () => {
    await run.close();
    await line?.dispose();
  });

  test('records flow', () => demandFlow());

  test('the broker is stopped for a while and started: mail goes on, then all comes', async () => {
    await broker().stop();
    faults += 1;
    await pause(AWAY_MS);
    await run.demandMail(100);
    for (const name of NAMES) {
      await run.demandView(
        name,
        'failing',
        (view) => view.failures > 0 && view.lag_records > 1_000,
      );
    }
    await broker().start();
    await demandFlow();
  });

  test('the broker is killed in the middle of batches and started', async () => {
    await line.begin('deaf');
    await pause(UNDER_WAY_MS);
    await broker().kill();
    await line.heal();
    faults += 1;
    await broker().start();
    await demandFlow();
    // And once more wherever it is by chance.
    await broker().kill();
    faults += 1;
    await broker().start();
    await demandFlow();
  });

  test('the memory alarm blocks publishers: it is shown, nothing is lost or repeated', async () => {
    await broker().control('set_vm_memory_high_watermark', '0.00001');
    const isBlocked = ({ last_error: error }: { readonly last_error: { text: string } | null }) =>
      /blocked/.test(error?.text ?? '');
    for (const name of NAMES) await run.demandView(name, 'blocked', isBlocked);
    await run.demandMail(100);
    await pause(SHORT_MS);
    await broker().control('set_vm_memory_high_watermark', '0.6');
    await demandFlow();
  });

  for (let kill = 1; kill <= KILLS; kill += 1) {
    test(`the daemon is killed in the middle of batches, ${kill}`, async () => {
      // The broker hears what is published, and nobody hears its confirms.
      await line.begin('deaf');
      await pause(UNDER_WAY_MS);
      await run.kill();
      await line.heal();
      faults += 1;
      await run.startAgain();
      await demandFlow();
    });
  }

  test('everything is there, in order, and what came twice is explained', async (t) => {
    await run.settle();
    let repeats = 0;
    for (const name of NAMES) {
      const types = name === 'astray' ? ROUTED : TYPES[name];
      const wanted = run.wanted(({ type }) => types.includes(type));
      const arrivals = await takeAll(broker(), name);
      const batchMax = BATCHES[name];
      const verdict = judgeShipping({ wanted, arrivals, batchMax, faults });
      t.diagnostic(`${sayShipping(name, verdict)}, ${faults} faults`);
      assert.deepEqual(verdict.breaches, [], name);
      repeats += verdict.repeats;
    }
    assert.ok(repeats > 0, 'no batch was under way at any fault');
  });

  test('what no queue gets lies in the dead letters, each with its reason', () => {
    assert.deepEqual([run.deadLines('ten'), run.deadLines('hundred')], [[], []]);
    const dead = run.deadLines('astray');
    for (const { reason } of dead) assert.match(reason, /NO_ROUTE/);
    const lost = run.wanted(({ type }) => RARE.includes(type));
    assert.ok(lost.length > 100);
    const ids = dead.map(({ event_id }) => event_id);
    const verdict = judgeShipping({
      wanted: lost,
      arrivals: ids,
      batchMax: BATCHES.astray,
      faults,
    });
    assert.deepEqual(verdict.breaches, []);
  });

  const demandFlow = async (): Promise<void> => {
    await run.demandMail(50);
    for (const name of NAMES) {
      const { shipped } = await run.view(name);
      await run.demandView(name, 'shipping', (view) => view.shipped > shipped + 20);
    }
    const { dead_lettered: before } = await run.view('astray');
    await run.demandView('astray', 'burying', (view) => view.dead_lettered > before);
    await run.demandCaughtUp(...NAMES);
  };
});

/** Ids of all that a queue holds, in order; they are taken out of it. */
const takeAll = (broker: RabbitBroker, queue: string): Promise<string[]> =>
  onChannel(broker, async (channel) => {
    const { messageCount } = await channel.checkQueue(queue);
    const ids: string[] = [];
    const take = (message: { properties: { messageId?: string } } | null): void => {
      if (message !== null) ids.push(message.properties.messageId ?? '');
    };
    await channel.consume(queue, take, { noAck: true });
    await until(() => ids.length >= messageCount, READ_MS_MAX);
    return ids;
  });
