/**
 * The request of `POST /api/inject/v1`: its shape, and the reading of its bytes. The idea: nothing
 * is guessed and nothing is passed over; whatever does not fit is refused with a sentence that
 * names the place. Deliberately unknown here: HTTP, templates, MIME.
 */
import { z } from 'zod';
import type { Mailbox } from '../../domain/address.ts';
import { parseMailbox, parsePath } from '../../domain/address.ts';
import { VALUE_DEPTH_MAX } from './limits.ts';

const SENTENCE_CHARS_MAX = 600;

/** A text that may quote a client, as one line of bounded length. */
export const oneLine = (text: string): string =>
  text.replace(/[\x00-\x1f\x7f]/g, '?').slice(0, SENTENCE_CHARS_MAX);

/** A request that is refused as a whole, with the status it is answered with. */
export class RequestRefused extends Error {
  readonly status: number;

  constructor(status: number, sentence: string) {
    super(oneLine(sentence));
    this.name = 'RequestRefused';
    this.status = status;
  }
}

/** A request whose rendering broke its thread or took too long; another try may fare better. */
export class RequestBroke extends RequestRefused {}

const VALUES = z.record(z.string(), z.unknown());
const optionalText = z.string().nullish();

const ADDRESS = z.strictObject({ email: z.string(), name: optionalText });

const RECIPIENT = z.strictObject({
  email: z.string(),
  name: optionalText,
  substitutions: VALUES.optional(),
  metadata: VALUES.optional(),
});

const ATTACHMENT = z.strictObject({
  data: z.string(),
  content_type: z.string(),
  content_id: optionalText,
  file_name: optionalText,
  base64: z.boolean().optional(),
});

const BUILDER = z.strictObject({
  text_body: optionalText,
  html_body: optionalText,
  amp_html_body: optionalText,
  attachments: z.array(ATTACHMENT).optional(),
  headers: z.record(z.string(), z.string()).optional(),
  from: ADDRESS.nullish(),
  subject: optionalText,
  reply_to: ADDRESS.nullish(),
});

const TRACE_HEADERS = z.strictObject({
  received_header: z.boolean().optional(),
  supplemental_header: z.boolean().optional(),
  header_name: z.string().optional(),
  include_meta_names: z.array(z.string()).optional(),
});

const shapeWith = <Content extends z.ZodType>(content: Content) =>
  z.strictObject({
    envelope_sender: z.string(),
    recipients: z.array(RECIPIENT),
    content,
    substitutions: VALUES.optional(),
    template_dialect: z.enum(['Jinja', 'Static', 'Handlebars']).optional(),
    deferred_spool: z.boolean().optional(),
    deferred_generation: z.boolean().optional(),
    trace_headers: TRACE_HEADERS.optional(),
  });

/** The whole shape, for whoever describes the route. */
export const INJECT_REQUEST = shapeWith(z.union([z.string(), BUILDER]));

// The content decides which of the two is checked, so that a refusal names the key and not "no
// variant of a union".
const WITH_TEXT = shapeWith(z.string());
const WITH_BUILDER = shapeWith(BUILDER);

type Shape = z.infer<typeof INJECT_REQUEST>;
/** One recipient as the request names it. */
export type InjectRecipient = Shape['recipients'][number];
/** Content in parts. */
export type BuilderContent = z.infer<typeof BUILDER>;
/** An attachment as the request gives it. */
export type InjectAttachment = z.infer<typeof ATTACHMENT>;
/** The way templates are written. */
export type Dialect = 'Jinja' | 'Static' | 'Handlebars';

/** Which headers are put in front of each message. */
export interface TraceHeaders {
  readonly received_header: boolean;
  readonly supplemental_header: boolean;
  readonly header_name: string;
  readonly include_meta_names: readonly string[];
}

/** A request that was read: its shape is right and its sender is an address. */
export interface InjectRequest {
  /** '' for the null sender. */
  readonly from: string;
  readonly recipients: readonly InjectRecipient[];
  readonly content: string | BuilderContent;
  readonly substitutions: Readonly<Record<string, unknown>>;
  readonly dialect: Dialect;
  readonly isDeferredSpool: boolean;
  readonly isDeferredGeneration: boolean;
  readonly trace: TraceHeaders;
}

const FIELD_NAME = /^[!-9;-~]{1,76}$/;

/** True for the name of a header field (RFC 5322 section 2.2). */
export const isFieldName = (name: string): boolean => FIELD_NAME.test(name);

/** Reads a request from its JSON bytes; throws RequestRefused. */
export function readRequest(bytes: Uint8Array): InjectRequest {
  return readShape(parseJson(bytes));
}

function parseJson(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new RequestRefused(400, 'the body is not UTF-8');
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new RequestRefused(400, `the body is not JSON: ${(error as Error).message}`);
  }
}

const refuse = (sentence: string): never => {
  throw new RequestRefused(422, sentence);
};

function readShape(raw: unknown): InjectRequest {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    return refuse('the body must be a JSON object');
  }
  const isText = typeof (raw as { content?: unknown }).content === 'string';
  const read = (isText ? WITH_TEXT : WITH_BUILDER).safeParse(raw);
  if (!read.success) return refuse(sentenceOf(read.error));
  const shape = read.data as Shape;
  checkDepth(shape.substitutions, 'substitutions');
  shape.recipients.forEach(({ substitutions, metadata }, index) => {
    checkDepth(substitutions, `recipients[${index}].substitutions`);
    checkDepth(metadata, `recipients[${index}].metadata`);
  });
  return {
    from: readSender(shape.envelope_sender),
    recipients: shape.recipients,
    content: shape.content,
    substitutions: shape.substitutions ?? {},
    dialect: shape.template_dialect ?? 'Jinja',
    isDeferredSpool: shape.deferred_spool ?? false,
    isDeferredGeneration: shape.deferred_generation ?? false,
    trace: readTrace(shape.trace_headers),
  };
}

function readSender(text: string): string {
  const sender = parsePath(text);
  if (sender === undefined) return refuse('envelope_sender: is not an address');
  return formatted(sender);
}

const formatted = ({ local, domain }: Mailbox): string =>
  local === '' ? '' : `${local}@${domain}`;

/** The address of a recipient, or undefined where there is none. */
export function readAddress(email: string): string | undefined {
  const mailbox = parseMailbox(email);
  return mailbox === undefined ? undefined : formatted(mailbox);
}

function readTrace(given: Shape['trace_headers']): TraceHeaders {
  const name = given?.header_name ?? 'X-KumoRef';
  if (!isFieldName(name)) return refuse('trace_headers.header_name: is no name of a header field');
  return {
    received_header: given?.received_header ?? false,
    supplemental_header: given?.supplemental_header ?? true,
    header_name: name,
    include_meta_names: given?.include_meta_names ?? [],
  };
}

function checkDepth(value: unknown, place: string): void {
  const isWithin = (inner: unknown, left: number): boolean => {
    if (typeof inner !== 'object' || inner === null) return true;
    return left > 0 && Object.values(inner).every((each) => isWithin(each, left - 1));
  };
  if (value === undefined || isWithin(value, VALUE_DEPTH_MAX + 1)) return;
  refuse(`${place}: is nested deeper than ${VALUE_DEPTH_MAX} levels`);
}

const placeOf = (path: readonly PropertyKey[]): string =>
  path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .replace(/^\./, '');

// Keys come from outside: shortened, and without what would break a line.
const show = (text: string): string =>
  JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);

function sentenceOf(error: z.ZodError): string {
  const [issue] = error.issues;
  if (issue === undefined) return 'the body has the wrong shape';
  const place = placeOf(issue.path);
  const before = place === '' ? '' : `${place.slice(0, 200)}: `;
  if (issue.code === 'unrecognized_keys') {
    return `${before}unknown key ${issue.keys.slice(0, 3).map(show).join(', ')}`;
  }
  if (place === 'content' && issue.code === 'invalid_type') {
    return 'content: must be a text (a whole message) or an object with text_body or html_body';
  }
  const isMissing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
  return isMissing ? `${before}is missing` : `${before}${issue.message}`;
}
