/**
 * The questions: what does the choice of a source cost a message, out of a pool of 500 and with
 * 10,000 ready queues; and what does a suspended pool cost while 100,000 messages wait for it? The
 * engine and its asker are the real ones, the log is in memory, nothing is ever dialled. Prints a
 * line a case; the first pass, in which every ready queue is opened, is told apart.
 */
import { parseArgs } from 'node:util';
import type { HeldQueue } from '../src/actors/core.ts';
import { placeDueRows } from '../src/actors/matching.ts';
import { holdQueue, rowIsDue } from '../src/actors/queue/due.ts';
import { Books } from '../src/domain/books.ts';
import { formatMessageId } from '../src/domain/message-id.ts';
import { createQuotas } from '../src/domain/quotas.ts';
import type { Engine } from '../src/engine.ts';
import { createEngine } from '../src/engine.ts';
import type { Event } from '../src/events/catalogue.ts';
import { fold } from '../src/events/codec.ts';
import { createMemoryLog, createMemoryStore } from '../src/events/memory-log.ts';
import { createPolicyAsker } from '../src/policy/ask.ts';
import { definePolicy } from '../src/policy/define.ts';
import { createClock } from '../src/ports/node/clock.ts';
import type { EngineBodies, Network, Random, Resolver } from '../src/ports/ports.ts';

const { values } = parseArgs({
  options: {
    sources: { type: 'string', default: '500' },
    sites: { type: 'string', default: '20' },
    messages: { type: 'string', default: '100000' },
    /** Seconds for which a suspended pool is watched. */
    idle: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '5' },
  },
});
const SOURCES = Number(values.sources);
const SITES = Number(values.sites);
const MESSAGES = Number(values.messages);
const ROUNDS = Number(values.rounds);
const NODE = 'b0a7b0a7';
const HOUR_MS = 3_600_000;
const nameOf = (source: number): string => `ip-${source}`;

interface Case {
  readonly says: string;
  readonly weightOf: (source: number) => number;
  readonly maxReady: (source: string) => number;
  /** Every so manieth source is suspended; 0 = none. */
  readonly suspendEvery: number;
}

const ROOM = 1_000_000;
const CASES: readonly Case[] = [
  { says: 'equal weights', weightOf: () => 1, maxReady: () => ROOM, suspendEvery: 0 },
  { says: 'weights 1 to 10', weightOf: (s) => 1 + (s % 10), maxReady: () => ROOM, suspendEvery: 0 },
  {
    says: 'one of weight 1,000, the rest 1',
    weightOf: (s) => (s === 7 ? 1_000 : 1),
    maxReady: () => ROOM,
    suspendEvery: 0,
  },
  {
    says: 'every other source suspended',
    weightOf: (s) => 1 + (s % 10),
    maxReady: () => ROOM,
    suspendEvery: 2,
  },
  {
    says: 'all but one are full',
    weightOf: (s) => 1 + (s % 10),
    maxReady: (source) => (source === 'ip-7' ? ROOM : 1),
    suspendEvery: 0,
  },
];

const siteOf = (queue: number): string => `198.51.100.${queue + 1}`;

function makeAsker({ weightOf, maxReady }: Case) {
  const entries = Array.from({ length: SOURCES }, (_, source) => ({
    name: nameOf(source),
    weight: weightOf(source),
  }));
  const policy = definePolicy({
    get_queue_config: (domain) => ({
      egress_pool: 'big',
      refresh_strategy: 'Epoch',
      protocol: { smtp: { mx_list: [`[${siteOf(Number(/\d+/.exec(domain)?.[0]) % SITES)}]`] } },
    }),
    get_egress_pool: () => ({ entries, ttl: '1h' }),
    get_egress_source: () => ({ ttl: '1h' }),
    get_egress_path_config: (_domain, source) => ({
      max_ready: maxReady(source),
      refresh_strategy: 'Epoch',
    }),
  });
  return createPolicyAsker(policy, ({ sentence }) => console.error(sentence));
}

/** `queues` queues with the messages dealt out to them, due at `due`. */
function makeBooks(at: number, queues: number, due: number): Books {
  const books = new Books();
  const apply = (event: Event): void =>
    fold(books, event, { stream: event.stream, position: 1, at });
  for (let queue = 0; queue < queues; queue += 1) {
    const name = `domain-${queue}.example`;
    apply({ type: 'queue.opened', stream: name, body: { answer: '', pool: '' } });
  }
  for (let number = 0; number < MESSAGES; number += 1) {
    const queue = `domain-${number % queues}.example`;
    const to = [`recipient@${queue}`];
    const peer = { peer: '127.0.0.1', helo: 'bench', service: 'esmtp' };
    const place = [1, 0, 1_000, 0] as const;
    const body = { queue, from: 'a@sender.example', to, body: place, ...peer, due };
    apply({ type: 'message.accepted', stream: formatMessageId(at, NODE, number), body });
  }
  return books;
}

const BODIES = { refer: () => {}, sparse: () => [] } as unknown as EngineBodies;
const RANDOM: Random = { uniform: () => 0.5 };
const NOBODY: Network = {
  dial: () => ({ write: () => true, secure() {}, end() {}, destroy() {} }),
};
const UNLIMITED = { snapshotRecordsMax: ROOM * ROOM, snapshotMsMax: ROOM * ROOM, sweepAsksMax: 0 };

async function startEngine(books: Books, kind: Case): Promise<Engine> {
  let engine: Engine | undefined;
  const listener = {
    durable: (turn: number) => setImmediate(() => engine?.durable(turn, 0)),
    failed: () => {},
  };
  const log = createMemoryLog((task) => setImmediate(task), listener, createMemoryStore());
  engine = createEngine({
    ports: {
      clock: createClock(),
      random: RANDOM,
      network: NOBODY,
      resolver: {} as Resolver,
      log,
      bodies: BODIES,
      quotas: createQuotas({ now: () => Date.now() }),
    },
    asker: makeAsker(kind),
    books,
    last: { turn: 0, position: 0 },
    beginning: {
      version: 'bench',
      node: NODE,
      seed: 1,
      policy: { hash: 'bench', file: 'bench' },
      damage: [],
      foundlings: [],
    },
    ehloName: 'bench.example',
    // No connection is opened: the choice alone is looked at.
    limits: { ...UNLIMITED, connectionsMax: 0 },
    fatal: (fault) => {
      throw new Error(fault.cause);
    },
  });
  const running = engine;
  await new Promise<void>((resolve) => running.start(resolve));
  return running;
}

/** Runs `work` as part of a turn. */
const inTurn = (engine: Engine, work: (at: number) => void): Promise<void> =>
  new Promise((resolve) => {
    engine.core.turns.push({
      kind: 'run',
      run: (at) => {
        work(at);
        engine.core.turns.promise(resolve);
      },
    });
  });

const suspend = (engine: Engine, source: number): Promise<void> =>
  new Promise((resolve, reject) => {
    engine.sources.suspend(nameOf(source), Date.now() + HOUR_MS, 'bench', (refusal) => {
      if (refusal === undefined) resolve();
      else reject(new Error(refusal));
    });
  });

/** Places every row once; answers µs a message. */
async function placeAll(engine: Engine): Promise<number> {
  const { core } = engine;
  let tookMs = 0;
  let placed = 0;
  await inTurn(engine, (at) => {
    core.books.rows.each((slot) => rowIsDue(core, slot, at));
    const queues = [...core.queues.values()];
    const began = performance.now();
    for (const queue of queues) placeDueRows(core, queue, at);
    tookMs = performance.now() - began;
    placed = core.readyOf.size;
    // Nothing is to be served: the rows are taken back by the next round.
    core.touchedReady.clear();
    core.touchedQueues.clear();
  });
  if (placed !== MESSAGES) throw new Error(`${placed} of ${MESSAGES} messages were placed`);
  return (tookMs * 1_000) / placed;
}

async function measureChoice(kind: Case): Promise<void> {
  const at = Date.now();
  const engine = await startEngine(makeBooks(at, SITES, at + HOUR_MS), kind);
  const { core } = engine;
  if (kind.suspendEvery > 0) {
    for (let source = 0; source < SOURCES; source += kind.suspendEvery) {
      await suspend(engine, source);
    }
  }
  // The routes are literals and known at once, but in a turn of their own.
  await inTurn(engine, (now) => {
    for (const row of core.books.queues) {
      if (row === undefined) continue;
      const queue: HeldQueue = holdQueue(core, row, now);
      const slot = row.head;
      rowIsDue(core, slot, now);
      placeDueRows(core, queue, now);
    }
  });
  await inTurn(engine, () => {});
  const first = await placeAll(engine);
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) rounds.push(await placeAll(engine));
  const median = rounds.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0;
  console.log(
    `${kind.says}: ${median.toFixed(2)} µs a message (worst round` +
      ` ${Math.max(...rounds).toFixed(2)}), ${core.readyQueues.size} ready queues;` +
      ` ${first.toFixed(2)} µs when they are opened`,
  );
  core.turns.halt();
}

async function measureIdle(queues: number): Promise<void> {
  const at = Date.now();
  const engine = await startEngine(makeBooks(at, queues, at + 2_000), CASES[0] as Case);
  const { core } = engine;
  for (let source = 0; source < SOURCES; source += 1) await suspend(engine, source);
  const isResting = (): boolean =>
    core.books.queues.every((row) => row?.state === 'resting') && core.turns.isIdle;
  while (!isResting()) await new Promise((resolve) => setTimeout(resolve, 50));
  // What was compiled and thrown away meanwhile is not what waiting costs.
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const seconds = Number(values.idle);
  const turns = core.turns.counts.turns;
  const before = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  const { user, system } = process.cpuUsage(before);
  const ms = (user + system) / 1_000;
  console.log(
    `${MESSAGES} messages in ${queues} queues, all ${SOURCES} sources suspended: ` +
      `${(ms / seconds).toFixed(2)} ms CPU a second, ${core.turns.counts.turns - turns} turns ` +
      `in ${seconds} s`,
  );
  core.turns.halt();
}

console.log(`${SOURCES} sources, ${SITES} sites, ${MESSAGES} messages`);
for (const kind of CASES) await measureChoice(kind);
for (const queues of [1, 1_000]) await measureIdle(queues);
process.exit(0);
