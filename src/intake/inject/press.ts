/**
 * The press: one request, read and compiled once, from which the messages of its recipients are
 * made. The idea: whatever is wrong with one recipient is that recipient's failure, whatever is
 * wrong with the request refuses it. Runs on a thread of its own. Knows neither disk nor engine.
 */
import type { Addressee, Composer } from './composing.ts';
import { readBuilder } from './composing.ts';
import type { Values } from './dialects.ts';
import { TemplateFault } from './dialects.ts';
import { formatMailbox, TextFault } from './field-text.ts';
import { MESSAGE_BYTES_MAX, SLICE_BYTES_MAX, SLICE_MESSAGES_MAX, SLICE_MS_MAX } from './limits.ts';
import type { InjectRecipient, InjectRequest, TraceHeaders } from './request.ts';
import { oneLine, readAddress, readRequest } from './request.ts';
import type { TemplateSet } from './templates.ts';
import { openTemplates } from './templates.ts';
import { readWhole } from './whole-message.ts';

/** What is known of a request once it was read. */
export interface OpenedRequest {
  readonly from: string;
  readonly recipients: number;
  readonly isDeferredSpool: boolean;
  readonly isDeferredGeneration: boolean;
  readonly trace: TraceHeaders;
}

/** A message, or why there is none. */
export type Printed =
  | {
      readonly email: string;
      readonly bytes: Uint8Array<ArrayBuffer>;
      readonly isEightBit: boolean;
      /** Octets of the header, without the empty line behind it. */
      readonly headerBytes: number;
      readonly metadata: Values | undefined;
    }
  | { readonly email: string; readonly why: string };

const SHOWN_CHARS_MAX = 256;

/** An address as an answer shows it: bounded, in one line. */
const shown = (text: string): string => oneLine(text.slice(0, SHOWN_CHARS_MAX));

/** A request on the press. */
export class Press {
  readonly opened: OpenedRequest;
  readonly #request: InjectRequest;
  readonly #templates: TemplateSet;
  readonly #composer: Composer;
  readonly #isCommonTame: boolean;

  constructor(request: InjectRequest, templates: TemplateSet) {
    const { from, recipients, isDeferredSpool, isDeferredGeneration, trace, content } = request;
    const count = recipients.length;
    this.opened = { from, recipients: count, isDeferredSpool, isDeferredGeneration, trace };
    this.#request = request;
    this.#templates = templates;
    this.#isCommonTame = isTame(request.substitutions);
    this.#composer =
      typeof content === 'string' ? readWhole(content, templates) : readBuilder(content, templates);
  }

  /** Makes messages from recipient `from` on, until the slice is full; at least one. */
  print(from: number, at: number, now: () => number): Printed[] {
    const startedAt = now();
    const slice: Printed[] = [];
    let bytes = 0;
    for (const recipient of this.#request.recipients.slice(from, from + SLICE_MESSAGES_MAX)) {
      const printed = this.#printOne(recipient, at);
      slice.push(printed);
      if ('bytes' in printed) bytes += printed.bytes.length;
      if (bytes >= SLICE_BYTES_MAX || now() - startedAt >= SLICE_MS_MAX) break;
    }
    return slice;
  }

  /** The recipients from `from` on, as they are shown. */
  names(from: number): string[] {
    return this.#request.recipients.slice(from).map(({ email }) => shown(email));
  }

  free(): void {
    this.#templates.free();
  }

  #printOne(recipient: InjectRecipient, at: number): Printed {
    const email = readAddress(recipient.email);
    if (email === undefined) return { email: shown(recipient.email), why: 'is not an address' };
    try {
      const text = this.#composer.compose(this.#addressee(recipient, email, at));
      const bytes = Buffer.from(text);
      if (bytes.length > MESSAGE_BYTES_MAX) {
        return { email, why: `the message is larger than ${MESSAGE_BYTES_MAX} octets` };
      }
      const { metadata } = recipient;
      const hasMetadata = metadata !== undefined && Object.keys(metadata).length > 0;
      return {
        email,
        bytes: new Uint8Array(bytes),
        isEightBit: bytes.length > text.length,
        headerBytes: Math.max(0, bytes.indexOf('\r\n\r\n')),
        metadata: hasMetadata ? metadata : undefined,
      };
    } catch (thrown) {
      if (!(thrown instanceof TextFault) && !(thrown instanceof TemplateFault)) throw thrown;
      return { email, why: oneLine(thrown.message) };
    }
  }

  #addressee(recipient: InjectRecipient, email: string, at: number): Addressee {
    const name = recipient.name ?? undefined;
    const toHeader = formatMailbox(name, email, 'recipient');
    const own = { email, ...(name === undefined ? {} : { name }), to_header: toHeader };
    const values = { ...own, ...recipient.substitutions };
    const isAllTame = this.#isCommonTame && isTame(recipient.substitutions);
    // Those that all share are with the engine; where one has a line end all are given once more.
    const tame = isAllTame
      ? undefined
      : (tamed({ ...this.#request.substitutions, ...values }) as Values);
    return { values, toHeader, at, tame };
  }
}

const WILD = /[\r\n\0]/;

function isTame(value: unknown): boolean {
  if (typeof value === 'string') return !WILD.test(value);
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([key, inner]) => !WILD.test(key) && isTame(inner));
}

const tameText = (text: string): string => text.replace(/[\r\n\0]/g, '');

function tamed(value: unknown): unknown {
  if (typeof value === 'string') return tameText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(tamed);
  const entries = Object.entries(value).map(
    ([key, inner]) => [tameText(key), tamed(inner)] as const,
  );
  return Object.fromEntries(entries);
}

/** Reads a request and compiles it; throws RequestRefused. */
export async function openPress(bytes: Uint8Array): Promise<Press> {
  const request = readRequest(bytes);
  const templates = await openTemplates(request.dialect, request.substitutions);
  try {
    return new Press(request, templates);
  } catch (thrown) {
    templates.free();
    throw thrown;
  }
}
