/**
 * One run of the load: smtp-source hands mail to a relay, smtp-sink counts what comes out, and a
 * probe on its own connection measures how long one message takes to be accepted meanwhile.
 * The one idea: source and sink are Postfix's own test programs, so no relay is measured with a
 * tool of its own making. Deliberately unknown here: which relay it is.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { findFreePort } from '../test/faults/free-port.ts';
import { medianOf, quantileOf, readTree } from './machine.ts';
import type { Peer } from './relay-peers.ts';
import { pause, untilGreeted } from './relay-peers.ts';

/** What is sent. */
export interface Workload {
  readonly name: string;
  readonly messages: number;
  readonly bytes: number;
  readonly sessions: number;
  readonly isReused: boolean;
}

/** What one run measured. */
export interface RunResult {
  readonly perSecond: number;
  readonly acceptedPerSecond: number;
  readonly cpuUsPerMessage: number;
  readonly acceptP50Ms: number;
  readonly acceptP99Ms: number;
  readonly rssMb: number;
  readonly isComplete: boolean;
}

const RUN_MS_MAX = 600_000;
const STALL_MS_MAX = 60_000;
const MEMORY_EVERY_MS = 500;
const MB = 1024 * 1024;

/** smtp-sink with its running count. */
export class Sink {
  readonly port: number;
  readonly #counts: string;
  readonly #child: ChildProcess;

  private constructor(port: number, counts: string, child: ChildProcess) {
    this.port = port;
    this.#counts = counts;
    this.#child = child;
  }

  static async start(folder: string): Promise<Sink> {
    const port = await findFreePort();
    const counts = join(folder, 'sink-counts');
    const out = openSync(counts, 'w');
    // As root, smtp-sink insists on another user.
    const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
    const args = ['-c', ...user, '-m', '2000', `127.0.0.1:${port}`, '1024'];
    const child = spawn('smtp-sink', args, { cwd: '/', stdio: ['ignore', out, 'ignore'] });
    closeSync(out);
    await untilGreeted(port);
    return new Sink(port, counts, child);
  }

  /** Messages taken so far. */
  get count(): number {
    const tail = readFileSync(this.#counts, 'latin1').slice(-200);
    return Number([...tail.matchAll(/mesg=(\d+)\D/g)].at(-1)?.[1] ?? 0);
  }

  stop(): void {
    this.#child.kill('SIGTERM');
  }
}

/** Runs a workload through a peer into the sink. */
export async function runLoad(peer: Peer, sink: Sink, workload: Workload): Promise<RunResult> {
  const before = sink.count;
  const start = { at: performance.now(), cpu: readTree(peer.pid).cpuSeconds };
  const source = startSource(peer.port, workload);
  const probe = { isOver: false, spansMs: [] as number[] };
  const probing = runProbe(peer.port, workload.bytes, probe);
  let rssBytes = 0;
  let acceptedAt = Number.NaN;
  let memoryAt = 0;
  let progress = { count: -1, at: start.at };
  let isComplete = false;
  for (;;) {
    await pause(10);
    const now = performance.now();
    if (now - memoryAt > MEMORY_EVERY_MS) {
      rssBytes = Math.max(rssBytes, readTree(peer.pid).rssBytes);
      memoryAt = now;
    }
    if (source.exitCode !== null && Number.isNaN(acceptedAt)) {
      acceptedAt = now;
      probe.isOver = true;
      await probing;
    }
    const count = sink.count - before;
    if (count > progress.count) progress = { count, at: now };
    isComplete = probe.isOver && count >= workload.messages + probe.spansMs.length;
    if (isComplete || now - start.at > RUN_MS_MAX || now - progress.at > STALL_MS_MAX) break;
  }
  const seconds = (progress.at - start.at) / 1000;
  const messages = workload.messages + probe.spansMs.length;
  const cpu = readTree(peer.pid).cpuSeconds - start.cpu;
  if (source.exitCode === null) source.kill('SIGKILL');
  probe.isOver = true;
  return {
    perSecond: progress.count / seconds,
    acceptedPerSecond: messages / ((acceptedAt - start.at) / 1000),
    cpuUsPerMessage: (cpu * 1e6) / messages,
    acceptP50Ms: medianOf(probe.spansMs),
    acceptP99Ms: quantileOf(probe.spansMs, 0.99),
    rssMb: rssBytes / MB,
    isComplete: isComplete && source.exitCode === 0,
  };
}

function startSource(port: number, workload: Workload): ChildProcess {
  const { messages, bytes, sessions, isReused } = workload;
  const args = ['-s', sessions, '-m', messages, '-l', bytes, '-C', 20, '-N'].map(String);
  const names = ['-M', 'source.example', '-f', 'sender@source.example', '-t', 'rcpt@dest.example'];
  const keep = isReused ? ['-d'] : [];
  const place = `inet:127.0.0.1:${port}`;
  return spawn('smtp-source', [...args, ...names, ...keep, place], { cwd: '/', stdio: 'ignore' });
}

/** One connection, one message at a time, each timed from the final dot to its 250. */
async function runProbe(
  port: number,
  bytes: number,
  probe: { isOver: boolean; spansMs: number[] },
): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.setEncoding('latin1');
  let isGone = false;
  let heard = '';
  let wake: () => void = () => {};
  socket.on('data', (text: string) => {
    heard += text;
    wake();
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    isGone = true;
    wake();
  });
  const listen = async (): Promise<boolean> => {
    while (!isGone && !/^\d{3} [^\n]*\n/m.test(heard)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    const isGood = /^[23]\d\d /m.test(heard);
    heard = '';
    return isGood && !isGone;
  };
  const ask = (line: string): Promise<boolean> => {
    socket.write(`${line}\r\n`);
    return listen();
  };
  const line = `${'p'.repeat(76)}\r\n`;
  const body = `Subject: probe\r\n\r\n${line.repeat(Math.ceil(bytes / line.length))}`;
  let isGood = (await listen()) && (await ask('EHLO probe.example'));
  while (isGood && !probe.isOver) {
    isGood = await ask('MAIL FROM:<probe@source.example>');
    isGood = isGood && (await ask('RCPT TO:<probe@dest.example>')) && (await ask('DATA'));
    socket.write(body);
    const dotAt = performance.now();
    isGood = isGood && (await ask('.'));
    if (isGood) probe.spansMs.push(performance.now() - dotAt);
  }
  socket.end('QUIT\r\n');
}
