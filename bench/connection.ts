/**
 * What does one message cost on an open connection? Messages per second and processor time per
 * message, on one reused connection and on twenty, against an accepting peer in another process.
 * Usage: node --import tsx bench/connection.ts [messages] [body bytes] [host:port of another peer]
 */
import { fork } from 'node:child_process';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import type {
  Connection,
  ConnectionHost,
  Settlement,
} from '../src/actors/connection/connection.ts';
import { openConnection } from '../src/actors/connection/connection.ts';
import { parseSourceConfig } from '../src/domain/options-egress.ts';
import { parsePathConfig } from '../src/domain/options-path.ts';
import { createNetwork } from '../src/ports/node/network.ts';

const FINAL = Buffer.from('\r\n.\r\n');

// Accepts everything; looks at as little as it can, so that the client is what is measured.
function servePeer(): void {
  const server = net.createServer({ noDelay: true }, (socket) => {
    let isBody = false;
    let tail = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      if (isBody) {
        tail = Buffer.concat([tail, bytes]).subarray(-FINAL.length);
        if (!tail.equals(FINAL)) return;
        isBody = false;
        socket.write('250 2.0.0 Ok: queued as 4Xy7Zw\r\n');
        return;
      }
      const line = bytes.toString('latin1');
      if (line.startsWith('EHLO')) socket.write('250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n');
      else if (line.startsWith('QUIT')) socket.end('221 2.0.0 Bye\r\n');
      else {
        isBody = true;
        tail = Buffer.alloc(0);
        socket.write('250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 End data with <CR><LF>.<CR><LF>\r\n');
      }
    });
    socket.write('220 sink ESMTP\r\n');
  });
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as net.AddressInfo).port));
}

function makeBody(bytes: number): Buffer[] {
  const line = `${'The quick brown fox jumps over the lazy dog. '.repeat(2).slice(0, 76)}\r\n`;
  const head = Buffer.from('Received: from a by b\r\nSubject: bench\r\n\r\n');
  const text = line.repeat(Math.ceil(bytes / line.length)).slice(0, bytes - head.length - 2);
  return [head, Buffer.from(`${text}\r\n`)];
}

class Bench implements ConnectionHost {
  readonly connections = new Map<number, Connection>();
  readonly #body: Buffer[];
  readonly #finish: () => void;
  left: number;
  pending: number;

  constructor(messages: number, body: Buffer[], finish: () => void) {
    this.left = messages;
    this.pending = messages;
    this.#body = body;
    this.#finish = finish;
  }

  steadyMs(): number {
    return performance.now();
  }

  mayDial(): boolean {
    return true;
  }

  failed(): void {}

  opened(): void {}

  parting(): void {}

  idle(id: number): void {
    if (this.left <= 0) return;
    const offer = this.left;
    this.left -= 1;
    const connection = this.connections.get(id);
    connection?.give({
      offer,
      from: 'sender@example.com',
      to: ['recipient@example.net'],
      bodyBytes: 10_000,
      eightBit: false,
      smtpUtf8: false,
    });
    // In the engine the release comes after a commit; here the 354 is waited for or not by chance.
    setImmediate(() => connection?.release(offer, this.#body));
  }

  settled(_id: number, settlement: Settlement): void {
    if (settlement.outcomes[0]?.kind !== 'delivered') throw new Error(JSON.stringify(settlement));
    this.pending -= 1;
    if (this.pending === 0) this.#finish();
  }

  ended(): void {}
}

async function measure(
  address: string,
  port: number,
  count: number,
  messages: number,
  body: Buffer[],
): Promise<void> {
  const network = createNetwork();
  const path = parsePathConfig({ max_deliveries_per_connection: 10_000_000 }, 'path');
  const source = parseSourceConfig({ name: 'bench' }, 'source');
  const cpu = process.cpuUsage();
  const from = performance.now();
  await new Promise<void>((done) => {
    const bench = new Bench(messages, body, done);
    for (let id = 1; id <= count; id += 1) {
      const plan = [{ name: 'sink', address, port }];
      const request = { id, plan, path, source, ehloName: 'bench.test' };
      bench.connections.set(id, openConnection(network, bench, request));
    }
  });
  const tookMs = performance.now() - from;
  const used = process.cpuUsage(cpu);
  const each = (used.user + used.system) / messages;
  console.log(
    `${count} connection(s): ${Math.round((messages / tookMs) * 1000)} messages/s, ` +
      `${each.toFixed(0)} µs processor time each (${(used.user / messages).toFixed(0)} user)`,
  );
}

async function main(): Promise<void> {
  const [messages = '20000', bytes = '10000', elsewhere] = process.argv.slice(2);
  const body = makeBody(Number(bytes));
  const child = elsewhere === undefined ? fork(fileURLToPath(import.meta.url), ['--peer']) : null;
  let address = '127.0.0.1';
  let port = await new Promise<number>((done) => {
    if (child === null) done(0);
    else child.once('message', (heard) => done(heard as number));
  });
  if (elsewhere !== undefined) {
    address = elsewhere.slice(0, elsewhere.lastIndexOf(':'));
    port = Number(elsewhere.slice(elsewhere.lastIndexOf(':') + 1));
  }
  await measure(address, port, 1, Number(messages) / 4, body);
  for (const count of [1, 20]) await measure(address, port, count, Number(messages), body);
  child?.kill();
  process.exit(0);
}

if (process.argv[2] === '--peer') servePeer();
else await main();
