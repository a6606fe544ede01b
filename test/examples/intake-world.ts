/**
 * A listener with a host and bodies in memory, and a client that speaks bytes, for the intake's
 * tests. The one idea: every answer of the host can be held back or turned into a refusal, so that
 * order and failure are in the test's hand. It does not know what is being tested.
 */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import type { ListenerConfig } from '../../src/domain/options-listener.ts';
import { parseListenerConfig, parseListenerDomain } from '../../src/domain/options-listener.ts';
import type { ReceptionAsker } from '../../src/domain/reception-asker.ts';
import type { IntakeHost, Refusal, ReportNote, Submission } from '../../src/intake/host.ts';
import type { SmtpListener } from '../../src/intake/smtp.ts';
import { startSmtpListener } from '../../src/intake/smtp.ts';
import { createClock } from '../../src/ports/node/clock.ts';
import type { Bodies, BodyRef, Fault } from '../../src/ports/ports.ts';
import type { SmtpTrace } from '../../src/ports/smtp-trace.ts';

export class MemoryHost implements IntakeHost {
  readonly submissions: Submission[] = [];
  readonly reports: ReportNote[] = [];
  readonly held: (() => void)[] = [];
  /** The policy that sessions ask. */
  reception: ReceptionAsker | undefined;
  isHolding = false;
  refusal: Refusal | undefined;
  submitRefusal: Refusal | undefined;
  relayedDomain = '';
  private next = 1;

  admit(): Refusal | undefined {
    return this.refusal;
  }

  allocateIds(count: number): string[] {
    return Array.from({ length: count }, () => (this.next++).toString(16).padStart(32, '0'));
  }

  submit(submission: Submission, answered: (refusal?: Refusal) => void): void {
    this.submissions.push(submission);
    const answer = () => answered(this.submitRefusal);
    if (this.isHolding) this.held.push(answer);
    else answer();
  }

  takeReports(reports: readonly ReportNote[], answered: (refusal?: Refusal) => void): void {
    this.reports.push(...reports);
    const answer = () => answered(this.submitRefusal);
    if (this.isHolding) this.held.push(answer);
    else answer();
  }

  /** What is said of a domain; by default only `relayedDomain` is relayed to. */
  domains: (domain: string, listener: string, meta: object) => unknown = (domain) =>
    domain === this.relayedDomain ? { relay_to: true } : undefined;

  findDomain(domain: string, listener: string, meta: Readonly<Record<string, string>>) {
    const answer = this.domains(domain, listener, meta);
    if (answer === undefined || answer === 'failed') return answer as 'failed' | undefined;
    return parseListenerDomain(answer, 'test');
  }
}

export class MemoryBodies implements Bodies {
  readonly written: { header: string; text: string }[] = [];
  /** Of each that was written: whether it might have stayed in memory. */
  readonly mayDefer: boolean[] = [];
  readonly held: (() => void)[] = [];
  isHolding = false;
  fault: Fault | undefined;

  write(
    header: string,
    chunks: readonly Buffer[],
    answered: (to: BodyRef | Fault) => void,
    mayDefer = false,
  ): void {
    this.mayDefer.push(mayDefer);
    const text = Buffer.concat(chunks).toString('latin1');
    const offset = this.written.push({ header, text }) - 1;
    const ref = { segment: 1, offset, length: text.length, sum: 0 };
    const answer = () => answered(this.fault ?? ref);
    if (this.isHolding) this.held.push(answer);
    else answer();
  }

  read(): void {}
  refer(_segment: number, _by: number): void {}
}

/** Speaks bytes, hears replies. */
export class RawClient {
  readonly socket: Socket;
  heard = '';
  isOver = false;
  private waiting: (() => void) | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    this.attach(socket);
  }

  attach(socket: Socket): void {
    socket.on('data', (bytes: Buffer) => {
      this.heard += bytes.toString('latin1');
      this.waiting?.();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isOver = true;
      this.waiting?.();
    });
  }

  send(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** The next whole reply, or '' when the connection ended first. */
  async reply(): Promise<string> {
    for (;;) {
      const match = /^(?:\d{3}-[^\n]*\n)*\d{3} [^\n]*\n/.exec(this.heard);
      if (match !== null) {
        this.heard = this.heard.slice(match[0].length);
        return match[0].trimEnd();
      }
      if (this.isOver) return '';
      await this.change();
    }
  }

  async talk(line: string): Promise<string> {
    this.send(`${line}\r\n`);
    return this.reply();
  }

  async over(): Promise<void> {
    while (!this.isOver) await this.change();
  }

  private change(): Promise<void> {
    return new Promise((resolve) => {
      this.waiting = resolve;
    });
  }
}

export interface IntakeWorld {
  readonly host: MemoryHost;
  readonly bodies: MemoryBodies;
  readonly listener: SmtpListener;
  readonly log: string[];
  dial(): Promise<RawClient>;
  /** A client that was greeted and said EHLO. */
  greet(): Promise<RawClient>;
  end(): Promise<void>;
}

export async function openIntake(
  options: Record<string, unknown> = {},
  trace?: SmtpTrace,
): Promise<IntakeWorld> {
  // Stories about bytes and counts of bodies are told without a header that differs by recipient.
  const trace_headers = { supplemental_header: false };
  const raw = { listen: '127.0.0.1:0', hostname: 'mx.test', trace_headers, ...options };
  const config: ListenerConfig = parseListenerConfig(raw, 'test');
  const host = new MemoryHost();
  const bodies = new MemoryBodies();
  const log: string[] = [];
  const note = (_level: string, text: string) => log.push(text);
  const listener = await startSmtpListener(config, host, bodies, createClock(), note, trace);
  const sockets: Socket[] = [];
  const dial = async () => {
    const socket = connect(listener.port, '127.0.0.1');
    sockets.push(socket);
    const client = new RawClient(socket);
    await once(socket, 'connect');
    return client;
  };
  const greet = async () => {
    const client = await dial();
    await client.reply();
    await client.talk('EHLO client.test');
    return client;
  };
  const end = async () => {
    for (const socket of sockets) socket.destroy();
    await listener.stop(0);
  };
  return { host, bodies, listener, log, dial, greet, end };
}

/** What was stored of the only message, without our own header. */
export function storedBody(bodies: MemoryBodies, index = 0): string {
  const text = bodies.written[index]?.text ?? '';
  return text.replace(/^Received: [^\n]*\n(?:\t[^\n]*\n)*/, '');
}

export const wait = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));
