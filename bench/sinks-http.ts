/**
 * Lanes of the HTTP sink for the bench of sinks: plain, signed, compressed, in envelopes.
 * The one idea: the receiver lives in a process of its own and only reads, so that it neither
 * shares the sink's thread nor counts as its cost.
 * Deliberately unknown here: what is measured.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { sinkFor } from '../test/contracts/sink-http-world.ts';
import type { SinkLane } from './sinks.ts';

const OWN_FILE = fileURLToPath(import.meta.url);
const SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;

async function openLane(options: object): Promise<SinkLane> {
  const receiver = fork(OWN_FILE, ['receive'], { execArgv: ['--import', 'tsx'] });
  const [port] = (await once(receiver, 'message')) as [number];
  const sink = sinkFor({ url: `http://127.0.0.1:${port}/`, timeout: '10s', ...options });
  return {
    sink,
    close: async () => {
      await sink.close();
      receiver.kill();
      await once(receiver, 'exit');
    },
  };
}

/** The lanes by name. */
export const HTTP_LANES: Readonly<Record<string, () => Promise<SinkLane>>> = {
  http: () => openLane({}),
  'http-signed': () => openLane({ signing_secret: SECRET }),
  'http-gzip': () => openLane({ gzip: true, signing_secret: SECRET }),
  'http-envelopes': () => openLane({ cloudevents: 'structured', signing_secret: SECRET }),
};

function receive(): void {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(204).end());
  });
  server.listen(0, '127.0.0.1', () => {
    process.send?.((server.address() as AddressInfo).port);
  });
}

if (process.argv[1] === OWN_FILE && process.argv[2] === 'receive') receive();
