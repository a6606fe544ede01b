/**
 * The bytes of a simulated message, and what its client heard. The one idea: the body carries a
 * mark, so that every copy of it can be told. Knows no engine.
 */

import type { Outcome } from '../intake/taking.ts';
import type { HttpOutcome } from './http-door.ts';
import type { Sent } from './result.ts';
import type { SendStep } from './scenario.ts';

const LINE = 'The quick brown fox jumps over the lazy dog, time and again and again.\r\n';

/** A message as its client writes it. */
export function makeBytes(
  { headers = {}, bytes = 200 }: SendStep,
  { mark, from, to }: Sent,
): Buffer {
  const fields = Object.entries({ From: from, To: to.join(', '), Subject: mark, ...headers });
  const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const filling = LINE.repeat(Math.max(1, Math.ceil(bytes / LINE.length)));
  // In the body: what a policy does to the header must not hide whose copy it is.
  return Buffer.from(`${head}\r\nX-Mark: ${mark}\r\n${filling}`, 'latin1');
}

/** Notes what a client heard by HTTP: taken, if for one recipient alone. */
export function settleInjected(sent: Sent, outcome: HttpOutcome, at: number): void {
  sent.answeredAt = at;
  if ('code' in outcome) {
    sent.code = outcome.code;
    sent.text = outcome.text;
    return;
  }
  sent.text = outcome.errors.join('; ');
  sent.code = outcome.success_count > 0 ? 250 : 550;
  sent.ids = (outcome.ids ?? []).map(({ id }) => id);
}

/** Notes what the client heard. */
export function settleSent(sent: Sent, outcome: Outcome, at: number): void {
  sent.answeredAt = at;
  if ('code' in outcome) {
    sent.code = outcome.code;
    sent.text = outcome.text;
    return;
  }
  sent.code = 250;
  sent.ids = outcome.filter(({ queue }) => queue !== 'null').map(({ id }) => id);
}
