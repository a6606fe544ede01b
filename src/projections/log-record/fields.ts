/**
 * The fields of a record that take more than copying: replies, ends of connections, times, ids.
 * Knows no event and no type of record.
 */
import type {
  EnhancedCode,
  LogRecord,
  PeerField,
  ResponseField,
  SourceAddressField,
} from './record.ts';

/**
 * How every text begins that no peer said: the reference's own, because consumers filter on it.
 * It never changes.
 */
export const INTERNAL_MARKER = 'KumoMTA internal: ';

/** `4.4.2`, as events have it, taken apart; null where there is none. */
export function readEnhanced(text: string): EnhancedCode | null {
  // No expression: this is asked for each record.
  const first = text.indexOf('.');
  if (first < 0) return null;
  const second = text.indexOf('.', first + 1);
  return {
    class: Number(text.slice(0, first)),
    subject: Number(text.slice(first + 1, second)),
    detail: Number(text.slice(second + 1)),
  };
}

/** A reply as a record has it. */
export const responseOf = (
  code: number,
  enhanced: string,
  content: string,
  command: string | null,
): ResponseField => ({ code, enhanced_code: readEnhanced(enhanced), content, command });

/** The same from one line: `551 5.4.7 text`. */
export function responseOfLine(line: string): ResponseField {
  const [, code = '0', enhanced = '', content = ''] =
    /^(\d{3}) (?:([245]\.\d{1,3}\.\d{1,3}) )?(.*)$/s.exec(line) ?? [];
  return responseOf(Number(code), enhanced, code === '0' ? line : content, null);
}

/** Marks a text as ours. */
export const markInternal = (text: string): string =>
  text.startsWith(INTERNAL_MARKER) ? text : INTERNAL_MARKER + text;

/** The other end: an event has it as `name address:port`. */
export function peerOf(text: string | undefined): PeerField | null {
  if (text === undefined || text === '') return null;
  const at = text.indexOf(' ');
  return { name: text.slice(0, at), addr: text.slice(at + 1) };
}

/** Our end: `local`, or behind a proxy `kind address:port` and the proxy's own place. */
export function sourceAddressOf(
  local: string | undefined,
  via: string | undefined,
  proxy: string | undefined,
): SourceAddressField | null {
  if (via === undefined) return local === undefined ? null : { address: local };
  const at = via.indexOf(' ');
  const protocol = via.slice(0, at) === 'haproxy' ? 'haproxy' : 'socks5';
  const address = via.slice(at + 1);
  return proxy === undefined ? { address, protocol } : { address, server: proxy, protocol };
}

/** One address as text; none, or two and more, as a list. */
export const oneOrMany = (to: readonly string[]): LogRecord['recipient'] =>
  to.length === 1 ? (to[0] as string) : to;

/**
 * The node of a data directory (8 hex digits) as a UUID: the digits, then a constant. Of version 8
 * (RFC 9562 section 5.8), so that it is never taken for a random one.
 */
export const nodeIdOf = (node: string): string =>
  `${node.padStart(8, '0').slice(0, 8)}-7761-8962-a969-6c6c00000000`;

/** Writes instants as RFC 3339 with milliseconds; the text of a second serves all in a row. */
function makeFormat(): (at: number) => string {
  let second = -1;
  let text = '';
  return (at) => {
    const now = Math.floor(at / 1000);
    if (now !== second) {
      second = now;
      text = new Date(now * 1000).toISOString().slice(0, 20);
    }
    const ms = at - now * 1000;
    return `${text}${ms < 100 ? (ms < 10 ? '00' : '0') : ''}${ms}Z`;
  };
}

/** The time of an event as RFC 3339. */
export const formatInstant = makeFormat();

/** When a message came to be; apart, so that the two do not forget each other's second. */
export const formatCreated = makeFormat();

/** The id of an event outside: its position, and proof of which log it is from. */
export const eventIdOf = (position: number, chain: string): string =>
  `${position}-${chain.slice(0, 16)}`;
