/**
 * The body of a request as bytes, decompressed (gzip, deflate) and bounded: inflating goes on only
 * while there is room, so a bomb costs no more than the limit. Knows no JSON.
 */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream';
import { createGunzip, createInflate } from 'node:zlib';
import { RequestRefused } from '../intake/inject/request.ts';

/** Compressed octets may be so many more than the limit of what comes out of them. */
const PACKED_SLACK_BYTES = 65_536;

const tooLarge = (limit: number): RequestRefused =>
  new RequestRefused(413, `the body is larger than request_body_limit, ${limit} octets`);

/** What undoes the encoding of a body; undefined where there is none. */
function openUnpacker(encoding: string) {
  if (encoding === '' || encoding === 'identity') return undefined;
  if (encoding === 'gzip' || encoding === 'x-gzip') return createGunzip();
  if (encoding === 'deflate') return createInflate();
  throw new RequestRefused(415, 'content-encoding must be gzip or deflate');
}

/** Reads a body; `grow` hears of bytes before they are kept. Rejects with RequestRefused. */
export async function readBody(
  request: IncomingMessage,
  payload: Readable,
  limit: number,
  grow: (bytes: number) => void,
): Promise<Buffer> {
  const encoding = String(request.headers['content-encoding'] ?? '')
    .trim()
    .toLowerCase();
  const unpacker = openUnpacker(encoding);
  const said = Number(request.headers['content-length'] ?? 0);
  if (unpacker === undefined && said > limit) throw tooLarge(limit);
  if (unpacker === undefined) return await gather(payload, limit, grow);
  let packed = 0;
  payload.on('data', (chunk: Buffer) => {
    packed += chunk.length;
    if (packed > limit + PACKED_SLACK_BYTES) unpacker.destroy(tooLarge(limit));
  });
  finished(payload, (error) => {
    if (error) unpacker.destroy(new RequestRefused(400, 'the body ended before its end'));
  });
  try {
    return await gather(payload.pipe(unpacker), limit, grow);
  } catch (error) {
    if (error instanceof RequestRefused) throw error;
    throw new RequestRefused(400, `the body is not ${encoding}: ${(error as Error).message}`);
  } finally {
    payload.unpipe(unpacker);
    unpacker.destroy();
  }
}

async function gather(
  stream: Readable,
  limit: number,
  grow: (bytes: number) => void,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Left to itself the loop would destroy the socket with the stream, and nobody would hear why.
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    const piece = chunk as Buffer;
    bytes += piece.length;
    if (bytes > limit) throw tooLarge(limit);
    grow(piece.length);
    chunks.push(piece);
  }
  return Buffer.concat(chunks);
}
