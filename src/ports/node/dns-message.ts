/**
 * One DNS question as bytes, and what an answer's bytes mean for it. Everything an attacker could
 * vary is checked here: id, question, owner names, counts, chains of aliases. Bytes that do not fit
 * are `ignored`, never believed and never thrown. It knows no sockets, no clock and no cache.
 */

import type { Answer, DecodedPacket } from 'dns-packet';
import dns from 'dns-packet';
import type { MxRecord } from '../ports.ts';

/** What is asked for; the types that routing needs. */
export type QuestionType = 'MX' | 'A' | 'AAAA' | 'TXT';

/** A question: `name` in lower case, without a trailing dot. */
export interface Question {
  readonly name: string;
  readonly type: QuestionType;
}

/** What an answer says; `ttlSeconds` is undefined where the answer gives no lifetime. */
export type Reading =
  | {
      readonly kind: 'found';
      readonly mx: readonly MxRecord[];
      /** Addresses, or the texts of TXT records. */
      readonly addresses: readonly string[];
      readonly ttlSeconds: number;
    }
  | { readonly kind: 'alias'; readonly target: string; readonly ttlSeconds: number }
  | { readonly kind: 'absent'; readonly ttlSeconds: number | undefined }
  | { readonly kind: 'nxdomain'; readonly ttlSeconds: number | undefined }
  | { readonly kind: 'truncated' }
  | { readonly kind: 'refused'; readonly rcode: string }
  | { readonly kind: 'ignored'; readonly why: string };

/** The largest datagram we say we take (RFC 9715 section 3.1 and DNS flag day 2020). */
export const UDP_ANSWER_BYTES_MAX = 1232;
/** Records taken from one answer, the most preferred exchangers first. */
export const RECORDS_KEPT_MAX = 64;
/** Records in an answer beyond which it is not read at all. */
export const ANSWER_RECORDS_MAX = 512;
/** Aliases followed for one look-up. */
export const ALIASES_MAX = 8;

/** Compression pointers in a row, without a label between; an honest answer has one. */
const POINTERS_IN_ROW_MAX = 8;
const HEADER_BYTES = 12;
const TTL_SECONDS_MAX = 7 * 24 * 3600;
const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];
const HOST_PATTERN = /^(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/;

/** True for a name that may be asked for: labels of 1 to 63 octets, 253 in all. */
export const isQueryName = (name: string): boolean =>
  name.length <= 253 && name.split('.').every((label) => /^[\x21-\x7e]{1,63}$/.test(label));

const plainName = (name: string): string => name.toLowerCase().replace(/\.$/, '');

/** The query's bytes. EDNS (RFC 6891) is left out for servers that choke on it. */
export const encodeQuery = (question: Question, id: number, hasEdns: boolean): Buffer =>
  dns.encode({
    type: 'query',
    id,
    flags: dns.RECURSION_DESIRED,
    questions: [{ name: question.name, type: question.type, class: 'IN' }],
    additionals: hasEdns
      ? [
          {
            type: 'OPT',
            name: '.',
            udpPayloadSize: UDP_ANSWER_BYTES_MAX,
            extendedRcode: 0,
            ednsVersion: 0,
            flags: 0,
            flag_do: false,
            options: [],
          },
        ]
      : [],
  });

// A time to live with the top bit set counts as zero (RFC 2181 section 8).
const lifetime = (ttl: number | undefined): number =>
  ttl === undefined || ttl > 0x7fffffff || ttl < 0 ? 0 : Math.min(ttl, TTL_SECONDS_MAX);

// How long an absence holds: the lower of the SOA's own time and its minimum (RFC 2308 section 5).
const absenceSeconds = (authorities: readonly Answer[]): number | undefined => {
  for (const record of authorities) {
    if (record.type === 'SOA') {
      return Math.min(lifetime(record.ttl), lifetime(record.data.minimum));
    }
  }
  return undefined;
};

interface Chain {
  readonly name: string;
  readonly ttlSeconds: number;
  readonly isLooping: boolean;
}

// Follows the aliases inside one answer; records of other owners are not looked at.
const followAliases = (start: string, answers: readonly Answer[]): Chain => {
  let name = start;
  let ttlSeconds = TTL_SECONDS_MAX;
  for (let hops = 0; hops <= ALIASES_MAX; hops += 1) {
    const alias = answers.find(
      (record) => record.type === 'CNAME' && plainName(record.name) === name,
    );
    if (alias === undefined || alias.type !== 'CNAME') {
      return { name, ttlSeconds, isLooping: false };
    }
    ttlSeconds = Math.min(ttlSeconds, lifetime(alias.ttl));
    name = plainName(alias.data);
  }
  return { name, ttlSeconds, isLooping: true };
};

// An exchange that is no host name cannot be connected to and must not reach texts and logs.
const readMx = (records: readonly Answer[]): readonly MxRecord[] => {
  const mx: MxRecord[] = [];
  for (const record of records) {
    if (record.type !== 'MX') continue;
    const exchange = plainName(record.data.exchange);
    const isHost = exchange === '' || (exchange.length <= 253 && HOST_PATTERN.test(exchange));
    if (isHost) mx.push({ preference: record.data.preference ?? 0, exchange });
  }
  mx.sort((a, b) => a.preference - b.preference || (a.exchange < b.exchange ? -1 : 1));
  return mx.slice(0, RECORDS_KEPT_MAX);
};

// A TXT record is strings of at most 255 bytes that belong together (RFC 7208 section 3.3).
const readText = (record: Answer): string => {
  if (record.type !== 'TXT') return 'data' in record ? String(record.data) : '';
  const parts = Array.isArray(record.data) ? record.data : [record.data];
  return parts.map((part) => Buffer.from(part).toString('latin1')).join('');
};

const readRecords = (question: Question, packet: DecodedPacket): Reading => {
  const answers = packet.answers ?? [];
  const authorities = packet.authorities ?? [];
  const chain = followAliases(question.name, answers);
  if (chain.isLooping) return { kind: 'refused', rcode: 'alias chain too long' };
  const own = answers.filter(
    (record) => record.type === question.type && plainName(record.name) === chain.name,
  );
  if (own.length > 0) {
    const mx = question.type === 'MX' ? readMx(own) : [];
    const addresses =
      question.type === 'MX' ? [] : own.slice(0, RECORDS_KEPT_MAX).map((one) => readText(one));
    if (mx.length + addresses.length === 0) return { kind: 'refused', rcode: 'unusable records' };
    const ttlSeconds = own.reduce(
      (least, record) => Math.min(least, 'ttl' in record ? lifetime(record.ttl) : 0),
      chain.ttlSeconds,
    );
    return { kind: 'found', mx, addresses, ttlSeconds };
  }
  const ttlSeconds = absenceSeconds(authorities);
  if (ttlSeconds === undefined && chain.name !== question.name) {
    return { kind: 'alias', target: chain.name, ttlSeconds: chain.ttlSeconds };
  }
  // A referral from a server that does not recurse says nothing about the name.
  if (ttlSeconds === undefined && !packet.flag_ra && authorities.length > 0) {
    return { kind: 'refused', rcode: 'referral' };
  }
  return { kind: 'absent', ttlSeconds };
};

const readPacket = (question: Question, packet: DecodedPacket): Reading => {
  const asked = packet.questions?.[0];
  const rcode = (packet.flags ?? 0) & 0x0f;
  const option = packet.additionals?.find((record) => record.type === 'OPT');
  const isExtended = option?.type === 'OPT' && option.extendedRcode !== 0;
  if (rcode === 1 || rcode === 4 || isExtended) {
    // Servers that did not understand the query may leave the question out.
    return { kind: 'refused', rcode: isExtended ? 'BADVERS' : (RCODES[rcode] ?? `${rcode}`) };
  }
  if (
    asked === undefined ||
    asked.type !== question.type ||
    (asked.class ?? 'IN') !== 'IN' ||
    plainName(asked.name) !== question.name
  ) {
    return { kind: 'ignored', why: 'the answer is to another question' };
  }
  if (packet.flag_tc) return { kind: 'truncated' };
  if (rcode === 3)
    return { kind: 'nxdomain', ttlSeconds: absenceSeconds(packet.authorities ?? []) };
  if (rcode !== 0) return { kind: 'refused', rcode: RCODES[rcode] ?? `RCODE ${rcode}` };
  return readRecords(question, packet);
};

// Counts are checked before decoding, so that a small packet cannot claim much work.
const headerComplaint = (bytes: Buffer, id: number): string | undefined => {
  if (bytes.length < HEADER_BYTES) return 'the answer is shorter than a header';
  if (bytes.readUInt16BE(0) !== id) return 'the answer has another id';
  if ((bytes.readUInt16BE(2) & 0xf800) !== 0x8000) return 'it is no answer to a query';
  if (bytes.readUInt16BE(4) > 1) return 'the answer has several questions';
  const records = bytes.readUInt16BE(6) + bytes.readUInt16BE(8) + bytes.readUInt16BE(10);
  return records > ANSWER_RECORDS_MAX ? `the answer has ${records} records` : undefined;
};

// Names may share their ends by pointing back (RFC 1035 section 4.1.4). Pointers to pointers to
// pointers would make each of many names a long walk; a name with labels between is short anyway.
// Every offset is looked at as if a pointer began there, which costs less than reading the names.
const isTangled = (bytes: Buffer): boolean => {
  const inRow = new Uint8Array(bytes.length);
  for (let at = HEADER_BYTES; at + 1 < bytes.length; at += 1) {
    const high = bytes[at] as number;
    if (high < 0xc0) continue;
    const target = ((high & 0x3f) << 8) | (bytes[at + 1] as number);
    if (target >= at) continue;
    inRow[at] = (inRow[target] as number) + 1;
    if ((inRow[at] as number) > POINTERS_IN_ROW_MAX) return true;
  }
  return false;
};

/** Reads the bytes that came in answer to `question` sent with `id`. */
export const readAnswer = (bytes: Buffer, id: number, question: Question): Reading => {
  const complaint = headerComplaint(bytes, id);
  if (complaint !== undefined) return { kind: 'ignored', why: complaint };
  if (isTangled(bytes)) return { kind: 'ignored', why: 'the names of the answer are tangled' };
  // A truncated answer may end in the middle of a record; only its question is of use.
  const isTruncated = (bytes.readUInt16BE(2) & 0x0200) !== 0;
  const readable = isTruncated ? Buffer.from(bytes) : bytes;
  if (isTruncated) readable.fill(0, 6, HEADER_BYTES);
  try {
    return readPacket(question, dns.decode(readable));
  } catch (error) {
    return { kind: 'ignored', why: error instanceof Error ? error.message : 'it is malformed' };
  }
};
