/**
 * Law: what is written as text reads back as the same thing: queue names, spans, rates, limits,
 * addresses and networks. The idea: a name is an identity, so two things must never share a text,
 * and a text must never change by being read.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatMailbox, parseMailbox, parsePath } from '../../src/domain/address.ts';
import { parseCidr } from '../../src/domain/cidr.ts';
import { formatDuration, parseDuration } from '../../src/domain/duration.ts';
import { parseIp } from '../../src/domain/ip.ts';
import type { QueueName } from '../../src/domain/queue-name.ts';
import { formatQueueName, isUnambiguous, parseQueueName } from '../../src/domain/queue-name.ts';
import {
  formatLimit,
  formatThrottle,
  parseLimit,
  parseThrottle,
} from '../../src/domain/throttle-spec.ts';

const word = fc.stringMatching(/^[a-z0-9._[\]-]{1,12}$/);
const hostile = fc.stringMatching(/^[a@:!.]{0,6}$/);

function queueName(part: fc.Arbitrary<string>): fc.Arbitrary<QueueName> {
  return fc.record(
    { campaign: part, tenant: part, domain: part, routing_domain: part },
    { requiredKeys: ['domain'], noNullPrototype: true },
  );
}

test('a queue name of ordinary parts is unambiguous and round-trips', () => {
  fc.assert(
    fc.property(queueName(word), (name) => {
      assert.ok(isUnambiguous(name));
      const expected = name.campaign === undefined ? name : { tenant: '', ...name };
      assert.deepEqual(parseQueueName(formatQueueName(name)), expected);
    }),
  );
});

test('every text is a queue name, and reading it loses nothing', () => {
  fc.assert(
    fc.property(fc.oneof(hostile, fc.string()), (text) => {
      assert.equal(formatQueueName(parseQueueName(text)), text);
    }),
    { numRuns: 500 },
  );
});

test('two unambiguous names with one text are the same name', () => {
  fc.assert(
    fc.property(queueName(hostile), queueName(hostile), (one, two) => {
      if (!isUnambiguous(one) || !isUnambiguous(two)) return;
      if (formatQueueName(one) !== formatQueueName(two)) return;
      assert.equal(one.campaign, two.campaign);
      assert.equal(one.domain, two.domain);
      assert.equal(one.routing_domain, two.routing_domain);
      // With a campaign, an absent tenant and an empty one are the same place.
      if (one.campaign === undefined) assert.equal(one.tenant, two.tenant);
      else assert.equal(one.tenant ?? '', two.tenant ?? '');
    }),
    { numRuns: 2_000 },
  );
});

test('a span of whole milliseconds round-trips', () => {
  const ms = fc.oneof(fc.nat(), fc.nat(200_000_000_000), fc.maxSafeNat());
  fc.assert(fc.property(ms, (span) => assert.equal(parseDuration(formatDuration(span)), span)));
});

test('rates and limits round-trip, and equal ones have equal texts', () => {
  const rate = fc.record(
    {
      limit: fc.integer({ min: 1, max: 1_000_000_000 }),
      periodMs: fc.oneof(
        fc.constantFrom(1_000, 60_000, 3_600_000, 86_400_000),
        fc.integer({ min: 1, max: 10_000_000 }).map((seconds) => seconds * 1_000),
      ),
      maxBurst: fc.nat(1_000_000_000),
      local: fc.boolean(),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(rate, (spec) => {
      const back = parseThrottle(formatThrottle(spec));
      assert.deepEqual(back, spec);
      assert.equal(formatThrottle(back), formatThrottle(spec));
    }),
  );
  const limits = fc.record(
    { limit: fc.integer({ min: 1 }), local: fc.boolean() },
    { noNullPrototype: true },
  );
  fc.assert(fc.property(limits, (spec) => assert.deepEqual(parseLimit(formatLimit(spec)), spec)));
});

test('an address round-trips as written, with and without brackets', () => {
  const local = fc.oneof(
    fc.stringMatching(/^[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,10}(\.[a-zé]{1,5}){0,2}$/u),
    fc.stringMatching(/^"([ !#-[\]-~]|\\[ -~]){0,12}"$/),
  );
  const domain = fc.oneof(
    fc.stringMatching(/^[a-z0-9]{1,10}(\.[a-z0-9]{1,5}){0,3}$/),
    fc.ipV4().map((ip) => `[${ip}]`),
    fc.ipV6().map((ip) => `[IPv6:${ip}]`),
  );
  fc.assert(
    fc.property(local, domain, (left, right) => {
      const mailbox = parseMailbox(`${left}@${right}`);
      assert.deepEqual(mailbox, { local: left, domain: right });
      assert.deepEqual(parsePath(`<${left}@${right}>`), mailbox);
      assert.equal(formatMailbox(mailbox), `${left}@${right}`);
    }),
    { numRuns: 500 },
  );
});

test('garbage never throws and what is read as an address is written back as it came', () => {
  const bits = fc.constantFrom(
    '@',
    '"',
    '\\',
    '.',
    '[',
    ']',
    '<',
    '>',
    ':',
    'a',
    '1',
    ' ',
    'ü',
    '\r',
  );
  fc.assert(
    fc.property(fc.array(bits, { maxLength: 12 }), (parts) => {
      const text = parts.join('');
      const mailbox = parseMailbox(text);
      if (mailbox !== undefined) assert.equal(formatMailbox(mailbox), text);
      parsePath(text);
    }),
    { numRuns: 3_000 },
  );
});

test('every address is an IP, lies in its own network, and IPv6 texts agree', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
      const ip = parseIp(text);
      assert.ok(ip !== undefined);
      const cidr = parseCidr(text);
      assert.deepEqual([cidr.family, cidr.words], [ip.family, ip.words]);
      assert.deepEqual(parseIp(text.toUpperCase()), ip);
    }),
    { numRuns: 500 },
  );
});
