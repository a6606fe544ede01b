/**
 * Stories about values operators write: spans, rates, limits, networks. Each table row is a text
 * and what it means, or that it is refused and with which words.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matches, parseCidr } from '../../src/domain/cidr.ts';
import { formatDuration, parseDuration } from '../../src/domain/duration.ts';
import { parseIp } from '../../src/domain/ip.ts';
import { OptionValueError } from '../../src/domain/option-error.ts';
import { formatThrottle, parseLimit, parseThrottle } from '../../src/domain/throttle-spec.ts';

const refuses = (read: (value: unknown) => unknown, values: readonly unknown[], words?: RegExp) => {
  for (const value of values) {
    const shown = typeof value === 'object' ? JSON.stringify(value) : String(value);
    assert.throws(
      () => read(value),
      (error) => error instanceof OptionValueError && (words?.test(error.message) ?? true),
      `${shown} must be refused as ${words}`,
    );
  }
};

test('spans are read as documented', () => {
  const known: readonly (readonly [unknown, number])[] = [
    [0, 0],
    [90, 90_000],
    [1.5, 1_500],
    [0.1 + 0.2, 300],
    [3n, 3_000],
    ['0', 0],
    ['1h 30m', 5_400_000],
    ['1h30m', 5_400_000],
    ['90 min', 5_400_000],
    ['2h 37min', 9_420_000],
    ['4.2s', 4_200],
    ['1.5h', 5_400_000],
    ['1 0s', 10_000],
    ['  7 days ', 604_800_000],
    ['1M', 2_630_016_000],
    ['1m', 60_000],
    ['1y', 31_557_600_000],
    ['2w 1w', 3 * 604_800_000],
    ['300ms', 300],
    ['1us', 1],
    ['1500µs', 2],
    ['1m 1ns', 60_001],
  ];
  for (const [value, ms] of known) assert.equal(parseDuration(value), ms, String(value));
});

test('spans that are wrong are refused', () => {
  refuses(parseDuration, ['60', '1 0', ' 0'], /has no unit/);
  refuses(parseDuration, [-1, -0.5, -3n, -1e300, -Number.MAX_VALUE], /negative/);
  refuses(parseDuration, ['5 fortnights', '1H', '1S'], /unknown unit/);
  refuses(parseDuration, ['1.3333333h', '0.1ns', '1.5ns', '0.00001h'], /not exact/);
  refuses(parseDuration, ['1.s', '', '  ']);
  refuses(parseDuration, ['-5s', '1,5s', '1_000s', 's', '5s foo', '5s, 3m'], /not a duration/);
  refuses(parseDuration, [undefined, null, true, [], {}, NaN, Infinity], /not a duration/);
  refuses(parseDuration, ['999999999 years', 1e300], /too long/);
});

test('spans are written in the largest units', () => {
  const known: readonly (readonly [number, string])[] = [
    [0, '0s'],
    [9_420_000, '2h 37m'],
    [604_800_000, '7days'],
    [2_630_016_000 + 2 * 86_400_000, '1month 2days'],
    [31_557_600_000 * 2 + 1, '2years 1ms'],
    [86_400_000, '1day'],
  ];
  for (const [ms, text] of known) assert.equal(formatDuration(ms), text);
});

test('rates are read, and written in their canonical form', () => {
  const known: readonly (readonly [string, string])[] = [
    ['10/s', '10/s'],
    ['10/seconds', '10/s'],
    ['1,000/hr', '1000/h'],
    ['10_000/d', '10000/d'],
    ['20/30minute', '20/1800s'],
    ['3/5m', '3/300s'],
    ['local:100/123m', 'local:100/7380s'],
    ['60/minute,max_burst=1', '60/m,max_burst=1'],
    ['50/day,max_burst=50', '50/d'],
    ['1,000/60s,max_burst=1_0', '1000/m,max_burst=10'],
  ];
  for (const [text, canonical] of known)
    assert.equal(formatThrottle(parseThrottle(text)), canonical);
  const spec = { limit: 100, periodMs: 7_380_000, maxBurst: 100, local: true };
  assert.deepEqual(parseThrottle('local:100/123m'), spec);
});

test('rates that are wrong are refused', () => {
  refuses(parseThrottle, [10, null, {}], /is not a rate/);
  refuses(parseThrottle, ['10', '10s'], /expected 'limit\/period'/);
  refuses(parseThrottle, ['10/', '10/minutes', '10/ s', '10/S', '10/5', '10/1.5s'], /period/);
  refuses(parseThrottle, ['0/s', '0_0/s'], /limit of 0/);
  refuses(parseThrottle, ['5/0s', '5/00h'], /period of 0/);
  refuses(parseThrottle, ['x/s', '/s', '-1/s', '1.5/s', ' 1/s', '_/s'], /whole number/);
  refuses(parseThrottle, ['1/s,max_burst=', '1/s,max_burst=x'], /whole number/);
  refuses(parseThrottle, ['1/s,burst=3'], /period/);
});

test('limits are read, and wrong ones refused', () => {
  assert.deepEqual(parseLimit(32), { limit: 32, local: false });
  assert.deepEqual(parseLimit('1,000'), { limit: 1_000, local: false });
  assert.deepEqual(parseLimit('local:10'), { limit: 10, local: true });
  assert.deepEqual(parseLimit({ limit: 5, force_local: true }), { limit: 5, local: true });
  assert.deepEqual(parseLimit({ limit: 5 }), { limit: 5, local: false });
  const wrong = [0, -1, 1.5, '0', '', 'x', '10/s', null, true, [5], { limit: 0 }, {}];
  refuses(parseLimit, [...wrong, { limit: 1, local: true }, { limit: 1, force_local: 'yes' }]);
});

test('networks match by family and prefix, mapped addresses as what they stand for', () => {
  const list = ['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', '::1'].map(parseCidr);
  for (const inside of ['10.255.0.1', '192.0.2.7', '2001:db8:1::2', '::1', '::ffff:10.1.2.3']) {
    assert.ok(matches(list, inside), inside);
  }
  for (const outside of ['11.0.0.1', '192.0.2.8', '2001:db9::', '::2', 'example.com', '']) {
    assert.ok(!matches(list, outside), outside);
  }
  assert.ok(matches([parseCidr('0.0.0.0/0')], '255.255.255.255'));
  assert.ok(!matches([parseCidr('0.0.0.0/0')], '::1'));
  assert.ok(matches([parseCidr('::/0')], 'ffff::'));
  assert.ok(matches([parseCidr('2001:db8::8000:0/97')], '2001:db8::ffff:ffff'));
  assert.ok(!matches([parseCidr('2001:db8::8000:0/97')], '2001:db8::7fff:ffff'));
  assert.ok(matches([parseCidr('::ffff:10.0.0.0/104')], '10.9.9.9'));
});

test('networks that are wrong are refused', () => {
  refuses(parseCidr, ['10.1.2.3/8', '2001:db8::1/32', '::1/127'], /bits set beyond/);
  refuses(parseCidr, ['10.0.0.0/33', '10.0.0.0/', '10.0.0.0/-1', '::/129', '10.0.0.0/08']);
  refuses(parseCidr, ['10.0.0', '010.0.0.1', '1.2.3.256', '[::1]', 'localhost', '', 5, null]);
});

test('IPv6 texts are read strictly', () => {
  assert.deepEqual(parseIp('1:2:3:4:5:6:7:8')?.words, [0x10002, 0x30004, 0x50006, 0x70008]);
  assert.deepEqual(parseIp('::')?.words, [0, 0, 0, 0]);
  assert.deepEqual(parseIp('1::8')?.words, [0x10000, 0, 0, 8]);
  assert.deepEqual(parseIp('64:ff9b::192.0.2.1')?.words, [0x64ff9b, 0, 0, 0xc0000201]);
  assert.equal(parseIp('::ffff:192.0.2.1')?.family, 4);
  const wrong = [
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    ':::',
    '1::2::3',
    '::12345',
    '::1.2.3',
    ':1',
  ];
  for (const text of [...wrong, '1.2.3.4::', '::1.2.3.4:5', 'fe80::1%eth0', ':', '1:']) {
    assert.equal(parseIp(text), undefined, text);
  }
});
