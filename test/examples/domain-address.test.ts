/**
 * Stories about addresses: which texts are one (RFC 5321 section 4.1.2, RFC 6531), and queue
 * names. They know only the pure functions of the domain.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  domainOf,
  formatMailbox,
  isNullSender,
  NULL_SENDER,
  needsUtf8,
  parseMailbox,
  parsePath,
} from '../../src/domain/address.ts';
import { formatQueueName, isUnambiguous, parseQueueName } from '../../src/domain/queue-name.ts';

const label = 'x'.repeat(63);
const domain255 = `${label}.${label}.${label}.${'y'.repeat(63)}`;

test('these are addresses', () => {
  const known = [
    'a@b',
    'user@example.com',
    'first.last+tag@sub.example.co',
    "!#$%&'*+/=?^_`{|}~-@example.com",
    '"quoted local"@example.com',
    '"a@b"@example.com',
    '"a\\"b\\\\c"@example.com',
    '""@example.com',
    'user@[192.0.2.1]',
    'user@[IPv6:2001:db8::1]',
    'user@[ipv6:::1]',
    'müller@example.com',
    'юзер@пример.рф',
    '用户@例子.公司',
    'user@xn--e1afmkfd.xn--p1ai',
    'user@1.example',
    `${'l'.repeat(64)}@example.com`,
    `u@${domain255}`,
  ];
  for (const text of known) {
    const mailbox = parseMailbox(text);
    assert.ok(mailbox !== undefined, text);
    assert.equal(formatMailbox(mailbox), text);
  }
});

test('these are not', () => {
  const wrong = [
    '',
    '@',
    'user',
    '@example.com',
    'user@',
    '.user@example.com',
    'user.@example.com',
    'us..er@example.com',
    'us er@example.com',
    'a@b@example.com',
    '"open@example.com',
    '"a"b@example.com',
    '"a""b"@example.com',
    '"trailing\\"@example.com',
    'user@-example.com',
    'user@example-.com',
    'user@exa_mple.com',
    'user@example..com',
    'user@example.com.',
    'user@.example.com',
    'user@[192.0.2.256]',
    'user@[2001:db8::1]',
    'user@[IPv6:192.0.2.1]',
    'user@[x-tag:content]',
    'user@[192.0.2.1',
    'user@192.0.2.1]',
    'us\rer@example.com',
    'us\u0000er@example.com',
    '"us\ner"@example.com',
    'us\u0085er@example.com',
    'us\ud800er@example.com',
    'user@exam\u2028ple.com',
    '<user@example.com>',
    'user@example.com ',
    `${'l'.repeat(65)}@example.com`,
    `${'ü'.repeat(33)}@example.com`,
    `u@${'x'.repeat(64)}.com`,
    `u@${domain255}z`,
    `u@${domain255}.z`,
    `${'a@'.repeat(100_000)}`,
  ];
  for (const text of wrong) assert.equal(parseMailbox(text), undefined, text.slice(0, 80));
});

test('paths have brackets, null senders and forgotten routes', () => {
  const user = { local: 'user', domain: 'example.com' };
  assert.deepEqual(parsePath('<user@example.com>'), user);
  assert.deepEqual(parsePath('user@example.com'), user);
  assert.deepEqual(parsePath('<@hop.example,@other.example:user@example.com>'), user);
  assert.equal(parsePath('<>'), NULL_SENDER);
  assert.equal(parsePath(''), NULL_SENDER);
  assert.ok(isNullSender(NULL_SENDER) && !isNullSender(user));
  assert.equal(formatMailbox(NULL_SENDER), '');
  for (const text of [
    '<',
    '>',
    '<<a@b>>',
    '<a@b',
    'a@b>',
    '<@hop:>',
    '<@hop>',
    '<hop:a@b>',
    '< >',
  ]) {
    assert.equal(parsePath(text), undefined, text);
  }
});

test('routing uses the domain in lower case', () => {
  assert.equal(domainOf('User@Example.COM'), 'example.com');
  assert.equal(domainOf('"a@b"@Example.COM'), 'example.com');
  assert.equal(domainOf('u@[IPv6:2001:DB8::1]'), '[ipv6:2001:db8::1]');
  assert.equal(domainOf(''), '');
  assert.equal(domainOf('postmaster'), '');
  assert.ok(needsUtf8('ü@example.com') && needsUtf8('u@пример.рф') && !needsUtf8('u@example.com'));
});

test('queue names take the documented forms', () => {
  const known = [
    ['campaign:tenant@domain', { campaign: 'campaign', tenant: 'tenant', domain: 'domain' }],
    ['tenant@domain', { tenant: 'tenant', domain: 'domain' }],
    ['campaign:@domain', { campaign: 'campaign', tenant: '', domain: 'domain' }],
    ['domain', { domain: 'domain' }],
    ['domain!route', { domain: 'domain', routing_domain: 'route' }],
    ['t@[IPv6:::1]!mx:25', { tenant: 't', domain: '[IPv6:::1]', routing_domain: 'mx:25' }],
    ['a:b:c@d@e!f!g', { campaign: 'a', tenant: 'b:c', domain: 'd@e', routing_domain: 'f!g' }],
  ] as const;
  for (const [text, name] of known) {
    assert.deepEqual(parseQueueName(text), name);
    assert.equal(formatQueueName(name), text);
  }
  assert.equal(formatQueueName({ campaign: 'c', domain: 'd' }), 'c:@d');
  assert.ok(isUnambiguous({ campaign: 'c', domain: 'd' }));
  assert.ok(!isUnambiguous({ tenant: 'a:b', domain: 'd' }));
  assert.ok(!isUnambiguous({ tenant: 'a@b', domain: 'd' }));
  assert.ok(!isUnambiguous({ domain: 'a!b' }));
});
