/**
 * Any bytes as an answer: reading them never throws, never takes long, and never yields records
 * unless id and question are right. Deliberately unknown here: sockets.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import dns from 'dns-packet';
import fc from 'fast-check';
import type { Question } from '../../src/ports/node/dns-message.ts';
import { encodeQuery, readAnswer } from '../../src/ports/node/dns-message.ts';
import { a, cname, mx, respond, soa } from './resolver-server.ts';

const QUESTION: Question = { name: 'example.com', type: 'MX' };
const ID = 0x1234;
const SETTLED = ['found', 'alias', 'absent', 'nxdomain'];

const query = dns.decode(encodeQuery(QUESTION, ID, true));
const answers = [
  cname('example.com', 'other.example'),
  mx('other.example', 10, 'mx1.example'),
  mx('other.example', 20, 'mx2.example'),
  a('mx1.example', '192.0.2.1'),
];
const whole = respond(query, { answers, authorities: [soa('example', 60, 60)] });

/** A chain of compression pointers, each to the one before, and many names at its end. */
const knottedAnswer = (): Buffer => {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(ID);
  head.writeUInt16BE(0x8180, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(500, 6);
  const start = Buffer.from('076578616d706c6503636f6d00000f0001', 'hex');
  const chain = Buffer.alloc(16_000);
  const base = head.length + start.length;
  // The chain is the content of one record of a type nobody reads.
  const carrier = Buffer.from('00ff0000010000003c0000', 'hex');
  carrier.writeUInt16BE(chain.length, 9);
  const first = base + carrier.length;
  for (let at = 0; at < chain.length; at += 2) {
    chain.writeUInt16BE(0xc000 | (at === 0 ? 12 : Math.min(first + at - 2, 0x3fff)), at);
  }
  const name = Buffer.from('ffff000f00010000003c0004000affff', 'hex');
  for (const at of [0, 14]) name.writeUInt16BE(0xc000 | (first + chain.length - 2), at);
  const names = Buffer.concat(Array.from({ length: 499 }, () => name));
  return Buffer.concat([head, start, carrier, chain, names]);
};

describe('the bytes of an answer', () => {
  it('are read when they are whole', () => {
    const reading = readAnswer(whole, ID, QUESTION);
    assert.equal(reading.kind === 'found' && reading.mx.length, 2);
  });

  it('never throw when some of them are changed or missing', () => {
    const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { maxLength: 8 }), fc.nat(whole.length), (changes, upto) => {
        const bytes = Buffer.from(whole.subarray(0, upto));
        for (const [at, value] of changes) if (at < upto) bytes[at] = value;
        const reading = readAnswer(bytes, ID, QUESTION);
        if (SETTLED.includes(reading.kind)) assert.equal(bytes.readUInt16BE(0), ID);
      }),
      { numRuns: 2_000 },
    );
  });

  it('never settle anything when they are noise', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        const head = Buffer.from('123481800001000100000000', 'hex');
        for (const bytes of [Buffer.from(noise), Buffer.concat([head, noise])]) {
          assert.ok(!SETTLED.includes(readAnswer(bytes, ID, QUESTION).kind));
        }
      }),
    );
  });

  it('cannot make the reader work for long', () => {
    const bytes = knottedAnswer();
    const before = process.cpuUsage();
    const reading = readAnswer(bytes, ID, QUESTION);
    // Work, not time: a processor that is busy elsewhere says nothing of it.
    const { user, system } = process.cpuUsage(before);
    assert.ok(user + system < 100_000, `reading took ${user + system} µs of work`);
    assert.equal(reading.kind, 'ignored');
  });
});
