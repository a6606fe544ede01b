/**
 * The contract of sinks over HTTP: in plain lists as in compressed, signed envelopes over TLS.
 * Deliberately unknown here: statuses and headers; see sink-http-answers.test.ts.
 */
import { parseHttpSinkConfig } from '../../src/domain/options-hook-http.ts';
import { createSecretReader } from '../../src/ports/node/secrets.ts';
import { createHttpSink } from '../../src/projections/sinks/http.ts';
import { CA2_PEM, SERVER_KEY, SERVER_PEM } from '../examples/tls-certificates.ts';
import { sinkContract } from './sink.ts';
import type { ReceiverTls } from './sink-http-receiver.ts';
import { openReceiver, recordsIn } from './sink-http-receiver.ts';
import { openLine } from './sink-line.ts';
import type { SinkPlace } from './sink-place.ts';
import { timersAt } from './sink-timers.ts';

const BOUND_MS = 700;

async function openPlace(options: object, isBatched: boolean, tls?: ReceiverTls) {
  const receiver = await openReceiver(tls);
  receiver.manner = ({ body }, response) => {
    const isRefused = body.includes('refused.example');
    response.writeHead(isRefused ? 422 : 200).end(isRefused ? 'one of these is refused' : 'thanks');
  };
  const line = await openLine({ target: () => receiver.port });
  const scheme = tls === undefined ? 'http' : 'https';
  const url = `${scheme}://127.0.0.1:${line.port}/log`;
  const config = parseHttpSinkConfig({ url, timeout: '700ms', ...options }, 'test');
  const ports = { timers: timersAt(), readSecret: createSecretReader(() => {}) };
  const place: SinkPlace = {
    open: () => createHttpSink(config, isBatched, ports),
    line,
    held: async () => receiver.taken.flatMap(recordsIn),
    refusal: {
      spoil: (record) => ({
        ...record,
        text: record.text.replace('example.com', 'refused.example'),
      }),
      takes: 'whole',
    },
    boundMs: BOUND_MS,
    dispose: async () => {
      await line.dispose();
      await receiver.close();
    },
  };
  return place;
}

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

sinkContract('HTTP', () => openPlace({}, true));

sinkContract('HTTPS, compressed, signed, in envelopes', () =>
  openPlace(
    {
      gzip: true,
      signing_secret: SECRET,
      cloudevents: 'structured',
      tls: { ca: { key_data: CA2_PEM } },
    },
    false,
    { key: SERVER_KEY, cert: SERVER_PEM },
  ),
);

sinkContract('HTTP, a record a line', () => openPlace({ content: 'ndjson', gzip: true }, false));
