/**
 * DKIM against what RFC 8463 appendix A publishes: its keys, its message and both its signatures,
 * which are deterministic and must come out to the octet.
 * Deliberately unknown here: how our own field is laid out.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { feedBody } from '../../src/dkim/canonical.ts';
import { splitFields, splitMessage } from '../../src/dkim/message-parts.ts';
import { readPrivateKey } from '../../src/dkim/private-key.ts';
import { hashBody, signFields } from '../../src/dkim/sign.ts';
import type { Canonicalization } from '../../src/domain/options-dkim.ts';
import { judgeByMailauth, octets, signingBy } from './dkim-kit.ts';

const ED25519_SEED = 'nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=';
const ED25519_PUBLIC = '11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=';
const RSA_PEM = `-----BEGIN RSA PRIVATE KEY-----
MIICXQIBAAKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi
Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqM
KrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB
AoGAH0cxOhFZDgzXWhDhnAJDw5s4roOXN4OhjiXa8W7Y3rhX3FJqmJSPuC8N9vQm
6SVbaLAE4SG5mLMueHlh4KXffEpuLEiNp9Ss3O4YfLiQpbRqE7Tm5SxKjvvQoZZe
zHorimOaChRL2it47iuWxzxSiRMv4c+j70GiWdxXnxe4UoECQQDzJB/0U58W7RZy
6enGVj2kWF732CoWFZWzi1FicudrBFoy63QwcowpoCazKtvZGMNlPWnC7x/6o8Gc
uSe0ga2xAkEA8C7PipPm1/1fTRQvj1o/dDmZp243044ZNyxjg+/OPN0oWCbXIGxy
WvmZbXriOWoSALJTjExEgraHEgnXssuk7QJBALl5ICsYMu6hMxO73gnfNayNgPxd
WFV6Z7ULnKyV7HSVYF0hgYOHjeYe9gaMtiJYoo0zGN+L3AAtNP9huqkWlzECQE1a
licIeVlo1e+qJ6Mgqr0Q7Aa7falZ448ccbSFYEPD6oFxiOl9Y9se9iYHZKKfIcst
o7DUw1/hz2Ck4N5JrgUCQQCyKveNvjzkkd8HjYs0SwM0fPjK16//5qDZ2UiDGnOe
uEzxBDAr518Z8VFbR41in3W4Y3yCDgQlLlcETrS+zYcL
-----END RSA PRIVATE KEY-----
`;
const RSA_PUBLIC =
  'MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi' +
  'Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZy' +
  'VYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB';

const BODY_HASH = '2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=';
const ED25519_FIELD = [
  'DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;',
  ' d=football.example.com; i=@football.example.com;',
  ' q=dns/txt; s=brisbane; t=1528637909; h=from : to :',
  ' subject : date : message-id : from : subject : date;',
  ` bh=${BODY_HASH};`,
  ' b=',
].join('\r\n');
const ED25519_SIGNATURE =
  '/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==';
const RSA_FIELD = [
  'DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;',
  ' d=football.example.com; i=@football.example.com;',
  ' q=dns/txt; s=test; t=1528637909; h=from : to : subject :',
  ' date : message-id : from : subject : date;',
  ` bh=${BODY_HASH};`,
  ' b=',
].join('\r\n');
const RSA_SIGNATURE =
  'F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tF' +
  'OeS9mPYQTnGdaSGsgeefOsk2JzdA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=';
const MESSAGE = octets(
  [
    'From: Joe SixPack <joe@football.example.com>',
    'To: Suzie Q <suzie@shopping.example.net>',
    'Subject: Is dinner ready?',
    'Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)',
    'Message-ID: <20030712040037.46341.5F8J@football.example.com>',
    '',
    'Hi.',
    '',
    'We lost the game.  Are you hungry yet?',
    '',
    'Joe.',
    '',
    '',
  ].join('\r\n'),
);
const NAMES = ['from', 'to', 'subject', 'date', 'message-id'];

const { header, body } = splitMessage([MESSAGE]);
const fields = splitFields(header).filter(({ name }) => NAMES.includes(name));

const signed = (algo: 'sha256' | 'ed25519', pem: string, field: string): string => {
  const key = readPrivateKey(Buffer.from(pem), algo);
  const signing = { ...signingBy({ algo, key, pem, record: '' }), algo };
  return signFields(fields, field, 'Relaxed', { signing, key });
};

const canonicalBody = (text: string, kind: Canonicalization): string => {
  let whole = '';
  feedBody([octets(text)], kind, (piece) => {
    whole += Buffer.from(piece).toString('latin1');
  });
  return whole;
};

describe('what the RFCs publish', () => {
  it('RFC 8463: the body hash', () => assert.equal(hashBody(body, 'Relaxed'), BODY_HASH));

  it('RFC 8463: the Ed25519 signature', () => {
    assert.equal(signed('ed25519', ED25519_SEED, ED25519_FIELD), ED25519_SIGNATURE);
  });

  it('RFC 8463: the RSA signature', () => {
    assert.equal(signed('sha256', RSA_PEM, RSA_FIELD), RSA_SIGNATURE);
  });

  it('mailauth, as judge, believes what is published, and not another subject', async () => {
    const lines = `${ED25519_FIELD}${ED25519_SIGNATURE}\r\n${RSA_FIELD}${RSA_SIGNATURE}\r\n`;
    const records = {
      'brisbane._domainkey.football.example.com': `v=DKIM1; k=ed25519; p=${ED25519_PUBLIC}`,
      'test._domainkey.football.example.com': `v=DKIM1; k=rsa; p=${RSA_PUBLIC}`,
    };
    const whole = lines + MESSAGE.toString('latin1');
    assert.deepEqual(await judgeByMailauth(octets(whole), records), ['pass', 'pass']);
    const other = whole.replace('dinner', 'supper');
    assert.deepEqual(await judgeByMailauth(octets(other), records), [
      'fail bad signature',
      'fail bad signature',
    ]);
  });

  it('RFC 6376 section 3.4.5: the examples of canonical forms', () => {
    const given = ' C \r\nD \t E\r\n\r\n\r\n';
    assert.equal(canonicalBody(given, 'Relaxed'), ' C\r\nD E\r\n');
    assert.equal(canonicalBody(given, 'Simple'), ' C \r\nD \t E\r\n');
  });

  it('RFC 6376 sections 3.4.3 and 3.4.4: the hashes of an empty body', () => {
    assert.equal(hashBody([], 'Simple'), 'frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=');
    assert.equal(hashBody([], 'Relaxed'), '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=');
  });
});
