/**
 * Law: what a peer says never makes a second line: not in the trace headers, not in the log, not
 * in a reply, whatever it says.
 * The one idea: count the lines. It does not know which text was an attack.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseListenerConfig, sessionSettings } from '../../src/domain/options-listener.ts';
import { escapeForLog, PEER_TEXT_CHARS_MAX } from '../../src/intake/log-text.ts';
import { formatReceived, formatReference } from '../../src/intake/trace-header.ts';
import { Transaction } from '../../src/intake/transaction.ts';

const nasty = fc.constantFrom(
  '\r\n',
  '\n',
  '\r',
  '\0',
  '\u202e',
  '\u2028',
  '>',
  '<',
  ';',
  '"',
  '\\',
);
const text = fc
  .array(fc.oneof(nasty, fc.string({ unit: 'binary', maxLength: 6 })), { maxLength: 8 })
  .map((parts) => parts.join(''));

test('a Received header has its fields and nothing else', () => {
  fc.assert(
    fc.property(text, text, (helo, recipient) => {
      const header = formatReceived({
        helo,
        peer: '192.0.2.1',
        hostname: 'mx.test',
        protocol: 'ESMTP',
        id: '0'.repeat(32),
        recipient,
        receivedAt: 0,
      });
      assert.match(header, /^Received: from \S{1,255} \(\[192\.0\.2\.1\]\)\r\n\tby mx\.test with /);
      assert.match(header, /;\r\n\tThu, 01 Jan 1970 00:00:00 \+0000\r\n$/);
      assert.ok(header.split(/\r\n|\r|\n/).length <= 5);
      assert.doesNotMatch(header.replaceAll('\r\n\t', ' '), /\p{Cc}(?!\n$|$)/u);
      assert.ok((header.match(/[<>]/g) ?? []).length <= 2);
    }),
    { numRuns: 1000 },
  );
});

test('the reference header folds, and tells its recipient', () => {
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 3 }), text, (recipients, meta) => {
      const header = formatReference('X-KumoRef', recipients, { tenant: meta });
      const lines = header.trimEnd().split('\r\n\t');
      assert.ok(lines.every((line) => line.length <= 75 && !/[\r\n]/.test(line)));
      const code = lines.join('').slice('X-KumoRef: '.length);
      const told = JSON.parse(Buffer.from(code, 'base64').toString('utf8'));
      const json = JSON.parse(JSON.stringify({ recipients, meta }));
      assert.deepEqual(
        told.recipient,
        recipients.length === 1 ? json.recipients[0] : json.recipients,
      );
      assert.equal(told['_@_'], '\\_/');
      assert.equal(told.tenant, json.meta);
    }),
    { numRuns: 1000 },
  );
});

test('a log line is one line, bounded, without control or bidi characters', () => {
  fc.assert(
    fc.property(fc.oneof(text, fc.string({ unit: 'binary', maxLength: 3000 })), (said) => {
      const shown = escapeForLog(said);
      assert.doesNotMatch(shown, /[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u);
      assert.ok(shown.length <= PEER_TEXT_CHARS_MAX * 6 + 1);
    }),
    { numRuns: 1000 },
  );
});

test('MAIL and RCPT of any bytes are answered by one line, and kept addresses are clean', () => {
  const settings = sessionSettings(parseListenerConfig({}, 'law'), '127.0.0.1', '127.0.0.1');
  const about = {
    settings,
    hostname: 'mx.test',
    peer: '127.0.0.1',
    isTrusted: true,
    hasAuth: true,
    messagesSent: 0,
    mayRelay: () => false,
    takesReports: () => false,
  };
  const path = fc.oneof(
    text,
    fc.constantFrom('a@b.test', '', '"q>"@b.test', '@x:a@b.test', 'ü@b.test'),
  );
  const tail = fc.oneof(text, fc.constantFrom('', ' SMTPUTF8', ' SIZE=9', ' AUTH=<>'));
  fc.assert(
    fc.property(path, path, tail, (from, to, parameters) => {
      const transaction = new Transaction();
      const replies = [
        transaction.mail(Buffer.from(`MAIL FROM:<${from}>${parameters}`), about),
        transaction.rcpt(Buffer.from(`RCPT TO:<${to}>`), about),
      ];
      for (const { code, text: said } of replies) {
        assert.ok(code >= 250 && code < 560);
        assert.doesNotMatch(said, /\p{Cc}/u);
      }
      const kept = [transaction.from ?? '', ...transaction.recipients];
      assert.ok(kept.every((address) => !/[\p{Cc}\u202e\u2028]/u.test(address)));
      const isClean = transaction.smtpUtf8 || kept.every((address) => /^[ -~]*$/.test(address));
      assert.ok(isClean);
    }),
    { numRuns: 2000 },
  );
});
