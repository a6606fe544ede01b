/**
 * The smallest sink there can be, with its receiver: records as lines over TCP, a batch ends with
 * its number, the receiver says `took N` or which records it refuses.
 * The one idea: the contract is shown to be sound by something without a library in it.
 * Deliberately unknown here: HTTP and brokers.
 */
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import type { OutgoingRecord, RefusedRecord, Sink, SinkAnswer } from '../../src/ports/sink.ts';
import { openLine } from './sink-line.ts';
import type { HeldRecord, SinkPlace } from './sink-place.ts';

const BOUND_MS = 500;

/** The sink. */
export class SampleSink implements Sink {
  #link: Socket | undefined;
  #sends = 0;
  readonly #port: number;
  readonly #boundMs: number;

  constructor(port: number, boundMs: number = BOUND_MS) {
    this.#port = port;
    this.#boundMs = boundMs;
  }

  async send(batch: readonly OutgoingRecord[], signal: AbortSignal): Promise<SinkAnswer> {
    if (signal.aborted) return { kind: 'failed', reason: 'stopped' };
    const link = this.#link?.destroyed === false ? this.#link : this.#connect();
    const answer = await this.#exchange(link, batch, signal);
    if (answer.kind === 'failed') await this.close();
    return answer;
  }

  async close(): Promise<void> {
    const link = this.#link;
    this.#link = undefined;
    if (link === undefined || link.destroyed) return;
    const isClosed = new Promise((resolve) => link.once('close', resolve));
    link.destroy();
    await isClosed;
  }

  #connect(): Socket {
    const link = connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    // Between two sends nobody else hears of an error; the next send does.
    link.on('error', () => {});
    this.#link = link;
    return link;
  }

  #exchange(
    link: Socket,
    batch: readonly OutgoingRecord[],
    signal: AbortSignal,
  ): Promise<SinkAnswer> {
    this.#sends += 1;
    const number = this.#sends;
    const lines = batch.map(({ eventId, text, isReplay }) =>
      JSON.stringify({ eventId, text, isReplay }),
    );
    return new Promise((resolve) => {
      const answer = (given: SinkAnswer) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
        link.off('data', hear).off('error', fail).off('close', fail);
        resolve(given);
      };
      const fail = () => answer({ kind: 'failed', reason: 'the link broke' });
      const abort = () => answer({ kind: 'failed', reason: 'stopped' });
      const timer = setTimeout(() => answer({ kind: 'failed', reason: 'too late' }), this.#boundMs);
      let text = '';
      const hear = (bytes: Buffer) => {
        text += bytes.toString('latin1');
        if (!text.endsWith('\n')) return;
        const match = /^took (\d+)( [\d,]*)?\n$/.exec(text);
        if (match === null || Number(match[1]) !== number) fail();
        else answer({ kind: 'settled', refused: refusedOf(match[2]) });
      };
      signal.addEventListener('abort', abort);
      link.on('data', hear).on('error', fail).on('close', fail);
      link.write(`${lines.join('\n')}\n${number}\n`);
    });
  }
}

const refusedOf = (list: string | undefined): RefusedRecord[] =>
  list === undefined
    ? []
    : list
        .trim()
        .split(',')
        .map((index) => ({ index: Number(index), reason: 'not wanted' }));

/** Serves one link: a batch counts when its number came, with the end of its line. */
function receive(link: Socket, held: HeldRecord[]): void {
  let batch: HeldRecord[] = [];
  let rest = '';
  link.on('error', () => {});
  link.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('{')) batch.push(JSON.parse(line) as HeldRecord);
      else {
        link.write(`took ${line}${take(batch, held)}\n`);
        batch = [];
      }
    }
  });
}

/** Takes a batch but for what it refuses, which it lists. */
function take(batch: readonly HeldRecord[], held: HeldRecord[]): string {
  const isRefused = ({ text }: HeldRecord) => text.includes('refused.example');
  const refused = batch.flatMap((record, at) => (isRefused(record) ? [at] : []));
  held.push(...batch.filter((record) => !isRefused(record)));
  return refused.length === 0 ? '' : ` ${refused.join(',')}`;
}

/** A sample sink with its receiver. */
export async function openSamplePlace(): Promise<SinkPlace> {
  const held: HeldRecord[] = [];
  const server = createServer((link) => receive(link, held));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const line = await openLine({ target: () => (server.address() as AddressInfo).port });
  return {
    open: () => new SampleSink(line.port),
    line,
    held: async () => held,
    refusal: {
      spoil: (record) => ({
        ...record,
        text: record.text.replace('example.com', 'refused.example'),
      }),
      takes: 'each',
    },
    boundMs: BOUND_MS,
    dispose: async () => {
      await line.dispose();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
