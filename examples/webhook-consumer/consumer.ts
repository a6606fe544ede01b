/**
 * A consumer of Waybill's webhooks: verifies the signature over the body as it came, keeps each
 * record once, and says 2xx only when the records are on disk.
 * The one idea: 401 and 400 are for good (the sender puts such records aside), 503 means again.
 * Deliberately unknown here: what is done with the records afterwards.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { gunzipSync } from 'node:zlib';
import type { Journal, WaybillRecord } from './journal.ts';
import { isGenuine } from './verify.ts';

const BODY_BYTES_MAX = 64 * 1_024 * 1_024;

/** What a consumer needs. */
export interface ConsumerOptions {
  readonly journal: Journal;
  /** One `whsec_…`, or the old and the new one while they are exchanged. */
  readonly secrets: readonly string[];
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new RangeError('the body is too large');
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  const isGzip = request.headers['content-encoding'] === 'gzip';
  return isGzip ? gunzipSync(body, { maxOutputLength: BODY_BYTES_MAX }) : body;
}

/** An object, or a list of them: whichever the hook's batch_size makes. */
function readRecords(body: Buffer): WaybillRecord[] | undefined {
  try {
    const value = JSON.parse(body.toString('utf8')) as WaybillRecord | WaybillRecord[];
    const records = [value].flat();
    return records.every(({ event_id: id }) => typeof id === 'string') ? records : undefined;
  } catch {
    return undefined;
  }
}

async function answer(
  { journal, secrets }: ConsumerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const say = (status: number, text: string): void => {
    response.writeHead(status, { 'content-type': 'text/plain' }).end(`${text}\n`);
  };
  try {
    const body = await readBody(request);
    // The signature first: nothing of an unsigned body is looked at.
    if (!isGenuine(body, request.headers, secrets)) return say(401, 'the signature is not ours');
    const records = readRecords(body);
    if (records === undefined) return say(400, 'these are no records');
    const kept = journal.keep(records);
    say(200, `${kept} new of ${records.length}`);
  } catch (error) {
    console.error('webhook:', error);
    say(503, 'try again');
  }
}

/** The server; the caller lets it listen. */
export const createConsumer = (options: ConsumerOptions): Server =>
  createServer((request, response) => void answer(options, request, response));
