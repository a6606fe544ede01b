/**
 * What keeping a body costs: segments that grow, segments used again, and SQLite blobs with group
 * commit on a thread, each with 50 writers in a closed loop and the oldest bodies released on the
 * way. Prints the medians of several interleaved rounds.
 *   node --import tsx bench/bodies.ts [directory] [rounds]
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { crc32 } from 'node:zlib';
import Database from 'better-sqlite3';
import { startThread } from '../src/events/log-start.ts';
import { openBodies } from '../src/ports/node/bodies.ts';
import type { BodyRef, Fault } from '../src/ports/ports.ts';

const WRITERS = 50;
/** Bodies alive at a time; the oldest beyond are released. */
const LIVING_MAX = 2000;
const HEADER = JSON.stringify({ from: 'sender@example.com', to: ['recipient@example.net'] });
const WORKLOADS = [
  { bodyBytes: 10 * 1024, bodies: 30_000 },
  { bodyBytes: 100 * 1024, bodies: 4_000 },
];

/** What the bench needs of a store: keep one, let one go, end. */
interface Store {
  write(header: string, chunk: Buffer, answered: (ref: BodyRef) => void): void;
  release(ref: BodyRef): void;
  close(): Promise<void>;
}

interface Reading {
  readonly perSecond: number;
  readonly cpuMs: number;
}

async function filesStore(dir: string, sparesMax: number): Promise<Store> {
  const store = await openBodies({
    dir,
    sparesMax,
    listener: { failed: (fault) => fail(fault) },
  });
  store.settle();
  return {
    write: (header, chunk, answered) =>
      store.write(header, [chunk], (ref) => ('code' in ref ? fail(ref) : answered(ref))),
    release: ({ segment, length }) => store.refer(segment, -1, length),
    close: () => new Promise((resolve) => store.close(resolve)),
  };
}

interface Order {
  readonly adds: readonly { header: string; body: Uint8Array; sum: number }[];
  readonly drops: readonly number[];
}

/** The thread of the SQLite store: one transaction an order. */
function serveBlobs(file: string): void {
  const database = new Database(file);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.exec('create table body (id integer primary key, header text, sum integer, bytes blob)');
  const add = database.prepare('insert into body (header, sum, bytes) values (?, ?, ?)');
  const drop = database.prepare('delete from body where id = ?');
  const commit = database.transaction(({ adds, drops }: Order) => {
    for (const id of drops) drop.run(id);
    return adds.map(({ header, sum, body }) => Number(add.run(header, sum, body).lastInsertRowid));
  });
  parentPort?.on('message', (order: Order | 'end') => {
    if (order !== 'end') parentPort?.postMessage(commit(order));
    else {
      database.close();
      process.exit();
    }
  });
}

/** Bodies as blobs: gathers like the file store, one transaction in flight. */
function blobStore(dir: string): Store {
  const file = join(dir, 'bodies.db');
  const worker = startThread('./bodies', import.meta.url, { workerData: { file } });
  worker.on('error', (error) => {
    throw error;
  });
  let adds: { header: string; body: Buffer; sum: number; answered: (ref: BodyRef) => void }[] = [];
  let drops: number[] = [];
  let isBusy = false;
  const pump = (): void => {
    if (isBusy || adds.length === 0) return;
    isBusy = true;
    const batch = adds;
    const order = { adds: batch.map(({ header, body, sum }) => ({ header, body, sum })), drops };
    adds = [];
    drops = [];
    worker.once('message', (ids: number[]) => {
      isBusy = false;
      batch.forEach(({ body, sum, answered }, index) => {
        answered({ segment: 0, offset: ids[index] as number, length: body.length, sum });
      });
      setImmediate(pump);
    });
    worker.postMessage(
      order,
      batch.map(({ body }) => body.buffer as ArrayBuffer),
    );
  };
  return {
    write(header, chunk, answered) {
      adds.push({ header, body: chunk, sum: crc32(chunk), answered });
      setImmediate(pump);
    },
    release: ({ offset }) => drops.push(offset),
    close: () =>
      new Promise((resolve) => {
        worker.once('exit', () => resolve());
        worker.postMessage('end');
      }),
  };
}

function fail(fault: Fault): never {
  throw new Error(`${fault.code}: ${fault.cause}`);
}

/** Keeps so many bodies with all writers; every body is a buffer of its own, as from a socket. */
function keep(store: Store, bodyBytes: number, bodies: number): Promise<void> {
  const pattern = Buffer.alloc(bodyBytes, 'The quick brown fox.\r\n');
  const alive: BodyRef[] = [];
  let oldest = 0;
  let started = 0;
  let ended = 0;
  return new Promise((resolve) => {
    const next = (): void => {
      if (started === bodies) return;
      started += 1;
      const chunk = Buffer.allocUnsafeSlow(bodyBytes);
      pattern.copy(chunk);
      store.write(HEADER, chunk, (ref) => {
        alive.push(ref);
        if (alive.length - oldest > LIVING_MAX) {
          store.release(alive[oldest] as BodyRef);
          oldest += 1;
        }
        ended += 1;
        if (ended < bodies) next();
        else resolve();
      });
    };
    for (let writer = 0; writer < WRITERS; writer += 1) next();
  });
}

async function measure(
  open: (dir: string) => Promise<Store> | Store,
  root: string,
  { bodyBytes, bodies }: { bodyBytes: number; bodies: number },
): Promise<Reading> {
  const dir = mkdtempSync(join(root, 'waybill-bench-'));
  const store = await open(dir);
  // Fills the living set and brings segments round to their second life.
  await keep(store, bodyBytes, LIVING_MAX + bodies);
  const began = process.hrtime.bigint();
  const cpu = process.cpuUsage();
  await keep(store, bodyBytes, bodies);
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  const { user, system } = process.cpuUsage(cpu);
  await store.close();
  rmSync(dir, { recursive: true });
  return { perSecond: bodies / seconds, cpuMs: (user + system) / 1000 / bodies };
}

const median = (values: readonly number[]): number =>
  [...values].sort((left, right) => left - right)[values.length >> 1] as number;

const STORES: Record<string, (dir: string) => Promise<Store> | Store> = {
  'segments growing, removed': (dir) => filesStore(dir, 0),
  'segments used again': (dir) => filesStore(dir, 40),
  'SQLite blobs on a thread': blobStore,
};

async function main(root: string, rounds: number): Promise<void> {
  console.log(`${WRITERS} writers, ${LIVING_MAX} living bodies, ${rounds} rounds, in ${root}\n`);
  console.log('| store | body | bodies/s (min-max) | CPU ms/body |\n|---|---|---|---|');
  for (const workload of WORKLOADS) {
    const readings = new Map<string, Reading[]>();
    for (let round = 0; round < rounds; round += 1) {
      for (const [name, open] of Object.entries(STORES)) {
        const reading = await measure(open, root, workload);
        readings.set(name, [...(readings.get(name) ?? []), reading]);
      }
    }
    for (const [name, all] of readings) {
      const speeds = all.map(({ perSecond }) => Math.round(perSecond));
      const range = `${median(speeds)} (${Math.min(...speeds)}-${Math.max(...speeds)})`;
      const cpu = median(all.map(({ cpuMs }) => cpuMs)).toFixed(4);
      console.log(`| ${name} | ${workload.bodyBytes / 1024} KiB | ${range} | ${cpu} |`);
    }
  }
}

if (isMainThread) await main(process.argv[2] ?? tmpdir(), Number(process.argv[3] ?? 3));
else serveBlobs((workerData as { file: string }).file);
