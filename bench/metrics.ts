/**
 * The question: what do scrapes cost a daemon with a million queues that relays 500 messages/s? The
 * daemon is a process of its own (metrics-daemon.ts). Phases without scrapes, with plain and with
 * compressed ones, in turns, each begun with a whole collection; medians, a line in history.jsonl.
 * Memory is what lives while a scrape goes on, by collecting all garbage again and again, against
 * what lives without: a resident set tells where V8 is between two collections instead.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { get } from 'node:http';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { loadavg, tmpdir } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { WORKER_FLAGS } from '../src/manager/spare-worker.ts';
import { MeasuringSink } from '../test/faults/measuring-sink.ts';
import { describeMachine, measureFlushUs, medianOf } from './machine.ts';
import type { DaemonFigures, DaemonPlaces } from './metrics-daemon.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: {
    queues: { type: 'string', default: '1000000' },
    rate: { type: 'string', default: '500' },
    rounds: { type: 'string', default: '3' },
    /** Seconds of a phase. */
    phase: { type: 'string', default: '10' },
    /** Span between two pictures of the books, ms; none by default. */
    'picture-ms': { type: 'string', default: '1e12' },
    'no-history': { type: 'boolean', default: false },
  },
});
const RATE = Number(values.rate);
const LINES = 64;
/** Between two collections while a scrape is weighed, ms. */
const WEIGH_EACH_MS = 2_000;
const BODY = `Subject: bench\r\n\r\n${'a line of text that says nothing\r\n'.repeat(60)}.\r\n`;

type Kind = 'none' | 'plain' | 'gzip';

interface Phase extends DaemonFigures {
  readonly perSecond: number;
  readonly firstByteMs: number;
  readonly scrapeMs: number;
  readonly bytes: number;
  readonly scrapes: number;
}

/** Reads replies line by line. */
function makeAsker(socket: Socket): (text: string) => Promise<string> {
  let rest = '';
  let heard: (() => void) | undefined;
  socket.setEncoding('latin1').on('data', (text: string) => {
    rest += text;
    heard?.();
  });
  return async (text) => {
    socket.write(text);
    for (;;) {
      const whole = /^(?:\d{3}-[^\n]*\n)*\d{3} [^\n]*\n/.exec(rest)?.[0];
      if (whole !== undefined) {
        rest = rest.slice(whole.length);
        return whole;
      }
      await new Promise<void>((resolve) => {
        heard = resolve;
      });
    }
  };
}

/** Messages at a steady rate, each when its time has come, until told to stop. */
class Load {
  #next = 0;
  #isOn = true;
  readonly #startedAt = performance.now();
  readonly #lines: Promise<void>[];

  constructor(port: number) {
    this.#lines = Array.from({ length: LINES }, () => this.#line(port));
  }

  async stop(): Promise<void> {
    this.#isOn = false;
    await Promise.all(this.#lines);
  }

  async #line(port: number): Promise<void> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const ask = makeAsker(socket);
    await ask('');
    await ask('EHLO bench.example\r\n');
    while (this.#isOn) {
      const number = this.#next;
      this.#next += 1;
      const dueAt = this.#startedAt + (number * 1000) / RATE;
      await wait(Math.max(0, dueAt - performance.now()));
      await ask(`MAIL FROM:<s${number}@sender.example>\r\n`);
      await ask(`RCPT TO:<r${number}@load.example>\r\n`);
      await ask('DATA\r\n');
      const said = await ask(BODY);
      if (!said.startsWith('250')) throw new Error(`refused: ${said}`);
    }
    socket.destroy();
  }
}

interface Scraped {
  readonly firstByteMs: number;
  readonly tookMs: number;
  readonly bytes: number;
}

async function scrape(port: number, kind: Kind): Promise<Scraped> {
  const startedAt = performance.now();
  const headers = kind === 'gzip' ? { 'accept-encoding': 'gzip' } : {};
  const request = get({ host: '127.0.0.1', port, path: '/metrics', headers, agent: false });
  const [answer] = await once(request, 'response');
  let firstByteMs = 0;
  let bytes = 0;
  answer.on('data', (chunk: Buffer) => {
    if (bytes === 0) firstByteMs = performance.now() - startedAt;
    bytes += chunk.length;
  });
  await once(answer, 'end');
  if (answer.statusCode !== 200) throw new Error(`scrape: ${answer.statusCode}`);
  return { firstByteMs, tookMs: performance.now() - startedAt, bytes };
}

async function ask<T>(child: ChildProcess, word: string): Promise<T> {
  child.send(word);
  const [answer] = await once(child, 'message');
  return answer as T;
}

async function runPhase(
  child: ChildProcess,
  sink: MeasuringSink,
  kind: Kind,
  port: number,
): Promise<Phase> {
  await wait(1_000);
  await ask(child, 'begin');
  const startedAt = performance.now();
  const before = sink.messages.length;
  const endsAt = startedAt + Number(values.phase) * 1000;
  const scrapes: Scraped[] = [];
  while (kind !== 'none' && performance.now() < endsAt) scrapes.push(await scrape(port, kind));
  await wait(Math.max(0, endsAt - performance.now()));
  const figures = await ask<DaemonFigures>(child, 'end');
  const seconds = (performance.now() - startedAt) / 1000;
  return {
    ...figures,
    perSecond: (sink.messages.length - before) / seconds,
    firstByteMs: medianOf(scrapes.map(({ firstByteMs }) => firstByteMs)),
    scrapeMs: medianOf(scrapes.map(({ tookMs }) => tookMs)),
    bytes: medianOf(scrapes.map(({ bytes }) => bytes)),
    scrapes: scrapes.length,
  };
}

/** What a scrape of a kind adds to what lives, at most, MiB. */
async function weigh(child: ChildProcess, kind: Kind, port: number): Promise<number> {
  const before = await ask<number>(child, 'weigh');
  if (kind === 'none') return (await ask<number>(child, 'weigh')) - before;
  let most = before;
  let isOver = false;
  const going = scrape(port, kind).finally(() => {
    isOver = true;
  });
  while (!isOver) {
    await wait(WEIGH_EACH_MS);
    most = Math.max(most, await ask<number>(child, 'weigh'));
  }
  await going;
  return most - before;
}

const KINDS: readonly Kind[] = ['none', 'plain', 'gzip'];

function describe(kind: Kind, phases: readonly Phase[], idle: readonly Phase[], liveMb = 0) {
  const middle = (pick: (phase: Phase) => number): number =>
    Number(medianOf(phases.map(pick)).toPrecision(4));
  const base = (pick: (phase: Phase) => number): number => medianOf(idle.map(pick));
  const rate = middle(({ perSecond }) => perSecond);
  return {
    scrapes: kind,
    firstByteMs: middle(({ firstByteMs }) => firstByteMs),
    scrapeMs: middle(({ scrapeMs }) => scrapeMs),
    mb: middle(({ bytes }) => bytes / 1e6),
    blockMsMax: middle(({ blockMsMax }) => blockMsMax),
    blockMsP99: middle(({ blockMsP99 }) => blockMsP99),
    heldMsMax: middle(({ heldMsMax }) => heldMsMax),
    heldGcMs: middle(({ heldGcMs }) => heldGcMs),
    heldWaitedMs: middle(({ heldWaitedMs }) => heldWaitedMs),
    heldOwnMsMax: middle(({ heldOwnMsMax }) => heldOwnMsMax),
    heldMsP999: middle(({ heldMsP999 }) => heldMsP999),
    gcMsMax: middle(({ gcMsMax }) => gcMsMax),
    sliceMsMax: middle(({ sliceMsMax }) => sliceMsMax),
    extraLiveMb: Math.round(liveMb),
    extraRssMb: Math.round(middle(({ rssMb }) => rssMb) - base(({ rssMb }) => rssMb)),
    perSecond: rate,
    ofNone: Number((rate / base(({ perSecond }) => perSecond)).toFixed(3)),
    cpuPercent: middle(({ cpuPercent }) => cpuPercent),
    waitedPercent: middle(({ waitedPercent }) => waitedPercent),
  };
}

const sink = new MeasuringSink(1);
const sinkPort = await sink.open();
const program = fileURLToPath(new URL('./metrics-daemon.ts', import.meta.url));
const child = spawn(
  process.execPath,
  [
    ...WORKER_FLAGS,
    ...process.execArgv,
    program,
    values.queues,
    String(sinkPort),
    values['picture-ms'],
  ],
  { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
);
const [places] = (await once(child, 'message')) as [DaemonPlaces];
console.log(`${values.queues} queues, RSS ${places.rssMb} MB`);
const load = new Load(places.smtp);
const weights = new Map<Kind, number>();
const phases = new Map<Kind, Phase[]>(KINDS.map((kind) => [kind, []]));
try {
  await wait(4_000);
  for (const kind of KINDS) weights.set(kind, await weigh(child, kind, places.http));
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const kind of KINDS) {
      const phase = await runPhase(child, sink, kind, places.http);
      phases.get(kind)?.push(phase);
      console.log(JSON.stringify({ kind, ...phase }));
    }
  }
} finally {
  await load.stop();
  child.kill();
  await sink.close();
}
const rows = KINDS.map((kind) =>
  describe(kind, phases.get(kind) ?? [], phases.get('none') ?? [], weights.get(kind)),
);
console.table(rows);
if (!values['no-history']) {
  const flushUs = Math.round(measureFlushUs(tmpdir()));
  const busy = { load: loadavg()[0], queues: Number(values.queues), rate: RATE };
  const entry = { at: new Date().toISOString(), ...describeMachine(ROOT), flushUs, ...busy };
  const line = JSON.stringify({ ...entry, metrics: rows });
  appendFileSync(`${ROOT}bench/history.jsonl`, `${line}\n`);
}
