/**
 * The submitter of the fault runs: hands messages over and remembers each answer word for word.
 * The one idea: only what it saw counts as a promise; a connection that dies before the answer
 * leaves the message unanswered, and nothing is asked of the daemon about it.
 * Deliberately unknown here: what happens to a message after its 250.
 */
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import type { Probe } from './probe-mail.ts';

/** What the submitter was told about a message. */
export interface Answer {
  readonly number: number;
  readonly kind: 'taken' | 'refused' | 'unanswered';
  readonly text: string;
  readonly at: number;
}

const ANSWER_WAIT_MS_MAX = 30_000;

/** One connection to the daemon; every method fails when it is gone. */
class Line {
  readonly #socket: Socket;
  #rest = '';
  #isGone = false;
  #wake: () => void = () => {};

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.setEncoding('latin1');
    this.#socket.setTimeout(ANSWER_WAIT_MS_MAX, () => this.#socket.destroy());
    this.#socket.on('data', (text: string) => {
      this.#rest += text;
      this.#wake();
    });
    this.#socket.on('error', () => this.#socket.destroy());
    this.#socket.on('close', () => {
      this.#isGone = true;
      this.#wake();
    });
  }

  /** The next complete reply, or undefined when the connection ended before it. */
  async read(): Promise<string | undefined> {
    for (;;) {
      const whole = /^(?:\d{3}-[^\n]*\n)*\d{3}(?: [^\n]*)?\n/.exec(this.#rest)?.[0];
      if (whole !== undefined) {
        this.#rest = this.#rest.slice(whole.length);
        return whole.trimEnd();
      }
      if (this.#isGone) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async ask(bytes: Buffer | string): Promise<string | undefined> {
    if (!this.#isGone) this.#socket.write(bytes);
    return await this.read();
  }

  close(): void {
    this.#socket.destroy();
  }
}

const isGood = (reply: string | undefined): boolean => reply !== undefined && /^[23]/.test(reply);

async function dial(port: number): Promise<Line | undefined> {
  const line = new Line(port);
  if (isGood(await line.read()) && isGood(await line.ask('EHLO probe.example\r\n'))) return line;
  line.close();
  return undefined;
}

async function handOver(line: Line, probe: Probe): Promise<string | undefined> {
  let reply = await line.ask(`MAIL FROM:<${probe.from}>\r\n`);
  for (const to of probe.to) {
    if (isGood(reply)) reply = await line.ask(`RCPT TO:<${to}>\r\n`);
  }
  if (isGood(reply)) reply = await line.ask('DATA\r\n');
  if (!isGood(reply)) return reply;
  return await line.ask(Buffer.concat([probe.wire, Buffer.from('.\r\n')]));
}

/** How a run sends its mail. */
export interface SenderOptions {
  readonly lines: number;
  /** Where the daemon listens now; waits while it is down, undefined ends the sending. */
  readonly port: () => Promise<number | undefined>;
  readonly answered: (answer: Answer) => void;
}

/** Sends all messages once, over several connections, across restarts of the daemon. */
export async function sendAll(probes: readonly Probe[], options: SenderOptions): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    let line: Line | undefined;
    for (;;) {
      const port = line === undefined ? await options.port() : 0;
      if (port === undefined) return;
      line ??= await dial(port);
      if (line === undefined) continue;
      const probe = probes[next];
      next += 1;
      if (probe === undefined) {
        line.close();
        return;
      }
      const text = await handOver(line, probe);
      options.answered({ number: probe.number, ...judge(text), at: Date.now() });
      if (!isGood(text)) {
        line.close();
        line = undefined;
      }
    }
  };
  await Promise.all(Array.from({ length: options.lines }, work));
}

function judge(text: string | undefined): Pick<Answer, 'kind' | 'text'> {
  if (text === undefined) return { kind: 'unanswered', text: '' };
  return { kind: isGood(text) ? 'taken' : 'refused', text };
}
