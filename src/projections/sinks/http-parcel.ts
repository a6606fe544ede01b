/**
 * What one request carries: the body made of a batch, its media type, the id it is known by.
 * The one idea: the same batch makes the same id and the same body however often it is sent, so a
 * receiver can tell what it has already; only time stamp and signature are new.
 * Deliberately unknown here: connections, secrets, answers.
 */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { OutgoingRecord } from '../../ports/sink.ts';

/** The form of bodies, as the options say. */
export interface ParcelForm {
  readonly content: 'json' | 'ndjson';
  readonly isEnveloped: boolean;
  /** Whether a record that is alone in its batch is still sent as a list of one. */
  readonly isBatched: boolean;
}

/** A body with what has to be said about it. */
export interface Parcel {
  /** `webhook-id`: printable ASCII, bounded, stable. */
  readonly id: string;
  readonly contentType: string;
  readonly text: string;
  readonly isReplay: boolean;
  /** Of a record that is alone in its body. */
  readonly traceparent: string | undefined;
}

/** Bodies shorter than this are not compressed: it would cost more than it saves. */
export const GZIP_BYTES_MIN = 1_024;
// Records repeat their field names, so the fastest level saves nearly as much as the best one.
const GZIP_LEVEL = 1;
const PLAIN_ID = /^[\x21-\x7e]{1,128}$/;
// W3C Trace Context section 3.2; all zeros means nothing.
const TRACEPARENT = /^[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Makes the body of a batch of one record or more. */
export function packBatch(batch: readonly OutgoingRecord[], form: ParcelForm): Parcel {
  const isList = form.isBatched || batch.length > 1;
  const texts = batch.map(form.isEnveloped ? envelopeOf : ({ text }) => text);
  const [only, ...others] = batch;
  return {
    id: idOf(batch),
    contentType: typeOf(form, isList),
    text: join(texts, form, isList),
    isReplay: batch.some(({ isReplay }) => isReplay),
    traceparent: others.length === 0 && only !== undefined ? traceparentOf(only) : undefined,
  };
}

function idOf(batch: readonly OutgoingRecord[]): string {
  const first = batch[0]?.eventId ?? '';
  const last = batch.at(-1)?.eventId ?? '';
  if (batch.length === 1 && PLAIN_ID.test(first)) return first;
  const name = JSON.stringify([first, last, batch.length]);
  return `batch_${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
}

function typeOf({ content, isEnveloped }: ParcelForm, isList: boolean): string {
  if (content === 'ndjson') return 'application/x-ndjson';
  if (!isEnveloped) return 'application/json';
  return isList ? 'application/cloudevents-batch+json' : 'application/cloudevents+json';
}

function join(texts: readonly string[], { content }: ParcelForm, isList: boolean): string {
  if (content === 'ndjson') return `${texts.join('\n')}\n`;
  return isList ? `[${texts.join(',')}]` : (texts[0] ?? '');
}

function traceparentOf({ record }: OutgoingRecord): string | undefined {
  const given = record.meta['traceparent'];
  return typeof given === 'string' && TRACEPARENT.test(given) ? given : undefined;
}

/** A record in its CloudEvents 1.0 envelope (structured mode, JSON event format section 3). */
function envelopeOf(outgoing: OutgoingRecord): string {
  const { record, eventId, isReplay, text } = outgoing;
  const traceparent = traceparentOf(outgoing);
  const envelope = JSON.stringify({
    specversion: '1.0',
    id: eventId,
    source: `urn:waybill:node:${encodeURIComponent(wellFormed(record.nodeid))}`,
    type: `waybill.log.${record.type}`,
    time: record.event_time,
    ...(record.id !== '' && { subject: record.id }),
    schemaversion: record.schema_version,
    ...(isReplay && { replay: true }),
    ...(traceparent !== undefined && { traceparent }),
    datacontenttype: 'application/json',
  });
  // The record's own text is taken as it is: it need not be read and written again.
  return `${envelope.slice(0, -1)},"data":${text}}`;
}

/** Lone surrogates, which encodeURIComponent throws for, replaced as UTF-8 would. */
const wellFormed = (text: string): string => Buffer.from(text, 'utf8').toString('utf8');

const compress = promisify(gzip);

/** A body as it goes over the wire. */
export interface WireBody {
  readonly bytes: Buffer;
  readonly isGzip: boolean;
}

/** Compresses a body where that is wanted and worth it. */
export async function wireBodyOf(bytes: Buffer, mayGzip: boolean): Promise<WireBody> {
  if (!mayGzip || bytes.length < GZIP_BYTES_MIN) return { bytes, isGzip: false };
  return { bytes: await compress(bytes, { level: GZIP_LEVEL }), isGzip: true };
}
