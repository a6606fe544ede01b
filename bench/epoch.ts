/**
 * The question: how long does a bump take to reach a hundred thousand live `Epoch` queues, and for
 * how long at a stretch does it hold up everything else? The engine, the asker and the SQLite log
 * are the real ones; the rows wait for a time to come, so nothing but the sweep has work. Prints a
 * line a round: the same answers, other answers for all, a shorter life for all.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Books } from '../src/domain/books.ts';
import { formatMessageId } from '../src/domain/message-id.ts';
import type { PolicyAsker } from '../src/domain/policy-asker.ts';
import { createQuotas } from '../src/domain/quotas.ts';
import type { Engine } from '../src/engine.ts';
import { createEngine } from '../src/engine.ts';
import type { Event } from '../src/events/catalogue.ts';
import { fold } from '../src/events/codec.ts';
import { openSqliteLog } from '../src/events/sqlite-log.ts';
import { createPolicyAsker } from '../src/policy/ask.ts';
import { definePolicy } from '../src/policy/define.ts';
import { createClock } from '../src/ports/node/clock.ts';
import type { EngineBodies, Network, Random, Resolver } from '../src/ports/ports.ts';

const { values } = parseArgs({
  options: {
    queues: { type: 'string', default: '100000' },
    /** Messages waiting in each. */
    rows: { type: 'string', default: '1' },
  },
});
const QUEUES = Number(values.queues);
const ROWS = Number(values.rows);
const NODE = 'b0a7b0a7';
const HOUR_MS = 3_600_000;

/** A policy as operators write one: an object a call, sources from a table. */
function makeAsker(options: Readonly<Record<string, string>>): PolicyAsker {
  const policy = definePolicy({
    get_queue_config: (domain) => ({
      egress_pool: 'pool0',
      refresh_strategy: 'Epoch',
      retry_interval: domain.endsWith('7.example') ? '10m' : '5m',
      ...options,
    }),
    get_egress_pool: () => ({ entries: [{ name: 'ip-1', weight: 2 }, { name: 'ip-2' }] }),
    get_egress_source: (name) => ({ ehlo_domain: `${name}.sender.example` }),
  });
  return createPolicyAsker(policy, ({ sentence }) => console.error(sentence));
}

function makeBooks(at: number): Books {
  const books = new Books();
  const apply = (event: Event): void =>
    fold(books, event, { stream: event.stream, position: 1, at });
  for (let queue = 0; queue < QUEUES; queue += 1) {
    const name = `domain-${queue}.example`;
    apply({ type: 'queue.opened', stream: name, body: { answer: '', pool: '' } });
    for (let row = 0; row < ROWS; row += 1) {
      apply({
        type: 'message.accepted',
        stream: formatMessageId(at, NODE, queue * ROWS + row),
        body: {
          queue: name,
          from: 'bounce@sender.example',
          to: [`recipient@${name}`],
          body: [1, 0, 1_000, 0],
          service: 'esmtp',
          peer: '127.0.0.1',
          helo: 'bench',
          due: at + HOUR_MS + (row % 3_600) * 1_000,
        },
      });
    }
  }
  return books;
}

const bodies = { refer: () => {}, sparse: () => [] } as unknown as EngineBodies;
const random: Random = { uniform: () => 0.5 } as Random;

async function startEngine(dir: string, at: number): Promise<Engine> {
  let engine: Engine | undefined;
  const { log } = await openSqliteLog({
    dir,
    listener: {
      durable: (turn, commitMs) => engine?.durable(turn, commitMs),
      failed: (fault) => {
        throw new Error(fault.cause);
      },
    },
  });
  const books = makeBooks(at);
  engine = createEngine({
    ports: {
      clock: createClock(),
      random,
      network: {} as Network,
      resolver: {} as Resolver,
      log,
      bodies,
      quotas: createQuotas({ now: () => Date.now() }),
    },
    asker: makeAsker({}),
    books,
    last: { turn: 0, position: 0 },
    beginning: {
      version: 'bench',
      node: NODE,
      seed: 1,
      policy: { hash: 'bench-1', file: 'bench' },
      damage: [],
      foundlings: [],
    },
    ehloName: 'bench.example',
    limits: { snapshotRecordsMax: Number.MAX_SAFE_INTEGER, snapshotMsMax: Number.MAX_SAFE_INTEGER },
    fatal: (fault) => {
      throw new Error(fault.cause);
    },
  });
  const running = engine;
  await new Promise<void>((resolve) => running.start(resolve));
  return running;
}

const isSwept = ({ core }: Engine): boolean => !core.sweep.isOn && core.turns.inFlight === 0;

/** Waits for the end of the sweep; answers the longest time the loop did not come round, ms. */
function watch(engine: Engine): Promise<number> {
  return new Promise((resolve) => {
    let longestMs = 0;
    let lastAt = performance.now();
    const look = (): void => {
      const now = performance.now();
      longestMs = Math.max(longestMs, now - lastAt);
      lastAt = now;
      if (isSwept(engine)) resolve(longestMs);
      else setImmediate(look);
    };
    setImmediate(look);
  });
}

async function measure(engine: Engine, what: string, begin: (done: () => void) => void) {
  const { tallies, turns } = engine.core;
  const before = { ...tallies, turns: turns.counts.turns, position: turns.position };
  const startedAt = performance.now();
  let ackMs = 0;
  begin(() => {
    ackMs = performance.now() - startedAt;
  });
  const longestMs = await watch(engine);
  const tookMs = performance.now() - startedAt;
  const refreshes = tallies.refreshes - before.refreshes;
  const records = turns.position - before.position;
  console.log(
    `${what}: ${refreshes} queues asked for in ${Math.round(tookMs)} ms, longest stretch` +
      ` ${longestMs.toFixed(1)} ms, acknowledged after ${ackMs.toFixed(1)} ms,` +
      ` ${turns.counts.turns - before.turns} turns, ${records} records`,
  );
}

const dir = mkdtempSync(join(tmpdir(), 'waybill-epoch-'));
try {
  console.log(`${QUEUES} queues with ${ROWS} messages each`);
  const engine = await startEngine(dir, Date.now());
  await watch(engine);
  let epoch = 1;
  const use = (options: Readonly<Record<string, string>>) => (done: () => void) => {
    epoch += 1;
    const asker = makeAsker(options);
    const told = { hash: `bench-${epoch}`, file: 'bench', reason: 'bench' };
    engine.usePolicy({ asker, version: epoch, epoch, ...told }, done);
  };
  await measure(engine, 'a bump, nothing changed', (done) => {
    epoch += 1;
    engine.bumpEpoch(epoch, 'bench', done);
  });
  await measure(engine, 'a version, nothing changed', use({}));
  await measure(engine, 'a version, all changed', use({ max_retry_interval: '2h' }));
  await measure(engine, 'a version, shorter life for all', use({ max_age: '2 days' }));
  await new Promise<void>((resolve) => engine.stop(0, resolve));
} finally {
  rmSync(dir, { recursive: true, force: true });
}
