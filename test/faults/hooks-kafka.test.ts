/**
 * Log hooks to real Kafka brokers of both lines under load, end to end: brokers are stopped and
 * killed in the middle of batches, a topic is missing, and the daemon is killed.
 * The one idea: all of it happens to one run of mail, and at its end each topic holds each record
 * of the log at least once, in order; what came twice is a batch that was under way. Deliberately
 * unknown here: producers, acknowledgements, cursors.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { KafkaBroker, nameOfKafka } from '../../scripts/brokers/kafka.ts';
import type { KafkaLine } from '../../scripts/brokers/kafka-jars.ts';
import { lackOfKafka } from '../../scripts/brokers/kafka-jars.ts';
import { useBroker } from '../contracts/broker-world.ts';
import { nameTopic, readTopic } from '../contracts/kafka-place.ts';
import type { Line } from '../contracts/sink-line.ts';
import { openLine } from '../contracts/sink-line.ts';
import { idsOf } from '../contracts/sink-place.ts';
import { HookWorld } from './hook-world.ts';
import { isFullRun, pause } from './scratch.ts';
import { judgeShipping, sayShipping } from './shipping.ts';

const AWAY_MS = isFullRun() ? 60_000 : 15_000;
const KILLS = 3;
/** Enough for a batch to be with the broker, whose answer nobody hears. */
const UNDER_WAY_MS = 700;
const BATCH = 500;
const LATE_BATCH = 20;
const LATE_TYPES = ['Delivery', 'Bounce'];

const RELEASES = (['3', '4'] as const).map((release) => {
  const { skip, broker } = useBroker(lackOfKafka(release), () =>
    KafkaBroker.start({ line: release }),
  );
  return { release, skip, broker };
});

const lacks = RELEASES.map(({ skip, release }) =>
  skip === false ? '' : `${nameOfKafka(release)}: ${skip}`,
);
const skipAll = lacks.every((lack) => lack !== '') && lacks.join('; ');

/** A broker, the line to it, and the two hooks that send there. */
interface Place {
  readonly release: KafkaLine;
  readonly broker: KafkaBroker;
  readonly line: Line;
}

describe('log hooks to Kafka under load', { skip: skipAll }, () => {
  const run = new HookWorld('hooks-kafka');
  const places: Place[] = [];
  /** What could leave a batch under way, so far. */
  let faults = 0;

  for (const { release, skip } of RELEASES) {
    test(`${nameOfKafka(release)} takes part`, { skip }, () => {
      assert.ok(places.some((place) => place.release === release));
    });
  }

  before(async () => {
    for (const { release, skip, broker } of RELEASES) {
      if (skip !== false) continue;
      await nameTopic(broker(), 'events');
      const { front, behind } = broker().ports;
      const line = await openLine({ port: front, target: () => behind });
      places.push({ release, broker: broker(), line });
    }
    await run.start({ hooks: places.flatMap(hooksTo) });
  });
  after(async () => {
    await run.close();
    for (const { line } of places) await line.dispose();
  });

  test('records flow', () => demandFlow());

  test('a topic that is missing is named; once it is made all of it comes', async () => {
    const isNamed = ({ last_error: error }: { readonly last_error: { text: string } | null }) =>
      /there is no topic 'late'/.test(error?.text ?? '');
    for (const { release } of places) {
      await run.demandView(`late-${release}`, 'told which topic', isNamed);
      await run.demandView(`late-${release}`, 'waiting', (view) => view.lag_records > 500);
    }
    for (const { broker } of places) await nameTopic(broker, 'late');
    for (const { release } of places) await run.demandCaughtUp(`late-${release}`);
  });

  test('brokers are stopped for a while and started: mail goes on, then all comes', async () => {
    await Promise.all(places.map(({ broker }) => broker.stop()));
    faults += 1;
    await pause(AWAY_MS);
    await run.demandMail(100);
    for (const name of names()) {
      await run.demandView(
        name,
        'failing',
        (view) => view.failures > 0 && view.lag_records > 1_000,
      );
    }
    await Promise.all(places.map(({ broker }) => broker.start()));
    await demandFlow();
  });

  test('the brokers are killed in the middle of batches and started', async () => {
    for (const { line } of places) await line.begin('deaf');
    await pause(UNDER_WAY_MS);
    await Promise.all(places.map(({ broker }) => broker.kill()));
    for (const { line } of places) await line.heal();
    faults += 1;
    await Promise.all(places.map(({ broker }) => broker.start()));
    await demandFlow();
  });

  for (let kill = 1; kill <= KILLS; kill += 1) {
    test(`the daemon is killed in the middle of batches, ${kill}`, async () => {
      // The brokers hear what is produced, and nobody hears their answers.
      for (const { line } of places) await line.begin('deaf');
      await pause(UNDER_WAY_MS);
      await run.kill();
      for (const { line } of places) await line.heal();
      faults += 1;
      await run.startAgain();
      await demandFlow();
    });
  }

  test('everything is there, in order, and what came twice is explained', async (t) => {
    await run.settle();
    let repeats = 0;
    for (const { release, broker } of places) {
      for (const [topic, batchMax] of [
        ['events', BATCH],
        ['late', LATE_BATCH],
      ] as const) {
        const takes = ({ type }: { readonly type: string }): boolean =>
          topic === 'events' || LATE_TYPES.includes(type);
        const arrivals = idsOf(await readTopic(broker, topic));
        const verdict = judgeShipping({ wanted: run.wanted(takes), arrivals, batchMax, faults });
        t.diagnostic(`${sayShipping(`${topic}-${release}`, verdict)}, ${faults} faults`);
        assert.deepEqual(verdict.breaches, [], `${topic}-${release}`);
        assert.deepEqual(run.deadLines(`${topic}-${release}`), []);
        repeats += verdict.repeats;
      }
    }
    assert.ok(repeats > 0, 'no batch was under way at any fault');
  });

  const names = (): string[] =>
    places.flatMap(({ release }) => [`events-${release}`, `late-${release}`]);

  const demandFlow = async (): Promise<void> => {
    await run.demandMail(50);
    for (const { release } of places) {
      const { shipped } = await run.view(`events-${release}`);
      const isShipping = (view: { readonly shipped: number }): boolean =>
        view.shipped > shipped + 100;
      await run.demandView(`events-${release}`, 'shipping', isShipping);
      await run.demandCaughtUp(`events-${release}`);
    }
  };
});

/** One hook for every record, and one to a topic that is not there at first. */
function hooksTo({ release, line }: Place) {
  const kafka = { 'bootstrap.servers': `127.0.0.1:${line.port}`, 'message.timeout.ms': 4_000 };
  return [
    { name: `events-${release}`, batch_size: BATCH, kafka: { ...kafka, topic: 'events' } },
    {
      name: `late-${release}`,
      batch_size: LATE_BATCH,
      types: LATE_TYPES,
      kafka: { ...kafka, topic: 'late' },
    },
  ];
}
