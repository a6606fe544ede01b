/**
 * A listener whose sessions ask a policy of the test, and clients that send whole messages to it.
 * The one idea: handlers are an operator's part, called as the engine calls them; what was told of
 * them is kept. It does not know what is being tested.
 */

import { createPolicyAsker } from '../../src/policy/ask.ts';
import { definePolicy } from '../../src/policy/define.ts';
import type { PolicyPart } from '../../src/policy/hooks.ts';
import type { SmtpTrace } from '../../src/ports/smtp-trace.ts';
import type { IntakeWorld, RawClient } from './intake-world.ts';
import { openIntake } from './intake-world.ts';

export interface ReceptionWorld extends IntakeWorld {
  /** Sentences about handlers that failed. */
  readonly faults: string[];
}

export const MAIL = 'Subject: s\r\nX-Tenant: t1\r\n\r\nbody\r\n';

/** A listener with a policy of these parts. */
export async function openReception(
  parts: PolicyPart | readonly PolicyPart[],
  options: Record<string, unknown> = {},
  trace?: SmtpTrace,
): Promise<ReceptionWorld> {
  const world = await openIntake(options, trace);
  const faults: string[] = [];
  const list = (Array.isArray(parts) ? parts : [parts]) as readonly PolicyPart[];
  const policy = definePolicy(...list);
  const asker = createPolicyAsker(policy, ({ sentence }) => faults.push(sentence));
  world.host.reception = asker.reception;
  return { ...world, faults };
}

/** What a client hears at the dot, having sent a message to these recipients. */
export async function offer(
  client: RawClient,
  to: readonly string[] = ['b@b.test'],
  data: string = MAIL,
  from = 'a@a.test',
): Promise<string> {
  await client.talk(`MAIL FROM:<${from}>`);
  for (const one of to) await client.talk(`RCPT TO:<${one}>`);
  await client.talk('DATA');
  return client.talk(`${data}.`);
}

/** The stored text without the Received header. */
export const bodyAt = (world: IntakeWorld, index = 0): string =>
  (world.bodies.written[index]?.text ?? '').replace(/Received: [^\n]*\n(?:\t[^\n]*\n)*/, '');
