/**
 * Stories about what peers answer and what becomes of the mail, and about what may enter a log.
 * They know only the pure functions of the domain.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReplyStage, VerdictKind } from '../../src/domain/reply.ts';
import {
  classifyReply,
  formatReply,
  isAccepted,
  isTooManyRecipients,
  makeReply,
  REPLY_TEXT_BYTES_MAX,
  readReply,
  scrubText,
  statusFor,
} from '../../src/domain/reply.ts';

test('replies mean what the classification says', () => {
  const known: readonly (readonly [string, ReplyStage, VerdictKind])[] = [
    ['250 2.0.0 ok', 'dot', 'delivered'],
    ['299 odd but accepted', 'dot', 'delivered'],
    ['250 ok', 'data', 'transient'],
    ['250 ok', 'rcpt', 'transient'],
    ['354 go on', 'dot', 'transient'],
    ['421 4.3.2 closing', 'rcpt', 'transient'],
    ['451 4.7.1 greylisted', 'rcpt', 'transient'],
    ['503 5.5.1 bad sequence', 'data', 'transient'],
    ['452 4.5.3 too many recipients', 'rcpt', 'transient'],
    ['552 too many recipients', 'rcpt', 'transient'],
    ['552 5.3.4 too big', 'dot', 'permanent'],
    ['552 5.3.4 too big', 'mail', 'permanent'],
    ['550 4.5.3 too many recipients', 'rcpt', 'transient'],
    ['550 5.1.1 no such user', 'rcpt', 'permanent'],
    ['554 5.7.1 refused', 'data', 'permanent'],
    ['554 no service', 'connect', 'transient'],
    ['220 hello', 'connect', 'transient'],
    ['0 nonsense', 'dot', 'transient'],
    ['199 nonsense', 'rcpt', 'transient'],
    ['600 nonsense', 'rcpt', 'transient'],
  ];
  for (const [line, stage, verdict] of known) {
    const space = line.indexOf(' ');
    const reply = readReply(Number(line.slice(0, space)), line.slice(space + 1));
    assert.equal(classifyReply(reply, stage), verdict, `${line} at ${stage}`);
  }
});

test('the status has the class of the verdict and leaves the reply alone', () => {
  const outOfStep = Object.freeze(makeReply(503, '5.5.1', 'bad sequence'));
  assert.equal(statusFor(outOfStep, classifyReply(outOfStep, 'data')), '4.5.1');
  assert.equal(outOfStep.enhanced, '5.5.1');
  assert.equal(statusFor(makeReply(550, '', 'no'), 'permanent'), '5.0.0');
  assert.equal(statusFor(makeReply(250, '2.1.5', 'ok'), 'delivered'), '2.1.5');
});

test('the enhanced code is taken off the front of the text', () => {
  const reply = readReply(451, '4.4.1  try later');
  assert.deepEqual(reply, { code: 451, enhanced: '4.4.1', text: 'try later' });
  assert.equal(formatReply(reply), '451 4.4.1 try later');
  assert.deepEqual(readReply(250, '2.0.0'), { code: 250, enhanced: '2.0.0', text: '' });
  assert.equal(formatReply(readReply(250, '')), '250');
  for (const text of ['4.4.1x', '3.4.1 x', '4.4 x', '4.4.1234 x', '4.4.1.2 x', 'x 4.4.1']) {
    assert.deepEqual(readReply(450, text), { code: 450, enhanced: '', text }, text);
  }
  assert.equal(makeReply(450, 'nonsense', '').enhanced, '');
});

test('acceptance and too many recipients', () => {
  assert.ok(isAccepted(makeReply(250, '', '')) && isAccepted(makeReply(251, '', '')));
  assert.ok(!isAccepted(makeReply(354, '', '')) && !isAccepted(makeReply(199, '', '')));
  assert.ok(isTooManyRecipients(makeReply(452, '', ''), 'rcpt'));
  assert.ok(!isTooManyRecipients(makeReply(452, '4.3.1', ''), 'dot'));
  assert.ok(isTooManyRecipients(makeReply(451, '4.5.3', ''), 'data'));
});

test("a peer's text is made harmless and kept short", () => {
  assert.equal(scrubText(' a\r\nb\u0000c\u001b[31md\u0085e\u2028f\ud800g\t'), 'a b c [31md e f g');
  const long = 'ü'.repeat(2_000_000);
  const capped = scrubText(long);
  assert.equal(Buffer.byteLength(capped), REPLY_TEXT_BYTES_MAX);
  const smile = scrubText(`a${'😀'.repeat(600)}`);
  assert.equal(Buffer.byteLength(smile), REPLY_TEXT_BYTES_MAX - 3);
  assert.doesNotMatch(smile, /\p{Cs}/u);
  assert.equal(scrubText('x'.repeat(1_024)).length, 1_024);
  assert.equal(makeReply(550, '', 'x'.repeat(5_000)).text.length, 1_024);
});
