/**
 * A submission as the world keeps it: what was sent, under which ids, and what was answered. The
 * one idea: the body carries a mark, so that every copy of it can be told. Deliberately unknown
 * here: engines and exchangers.
 */
import { domainOf } from '../../domain/address.ts';
import type { Refusal, Submission, SubmittedMessage } from '../../intake/host.ts';
import type { BodyRef } from '../../ports/ports.ts';

/** A submission and what was answered. */
export interface Mail {
  readonly mark: string;
  readonly body: string;
  readonly messages: readonly (Pick<SubmittedMessage, 'id' | 'to'> & Timing)[];
  readonly submittedAt: number;
  /** Its body may stay in memory until the first attempt has failed. */
  readonly mayDefer: boolean;
  ref: BodyRef | undefined;
  answeredAt: number | undefined;
  refusal: Refusal | undefined;
}

/** What a mail brings along about its time. */
export type Timing = Pick<SubmittedMessage, 'dueAt' | 'schedule'>;

/** Recipients by domain, as an intake parts them. */
export function groupByDomain(to: readonly string[]): string[][] {
  const groups = new Map<string, string[]>();
  for (const address of to) {
    const domain = domainOf(address);
    groups.set(domain, [...(groups.get(domain) ?? []), address]);
  }
  return [...groups.values()];
}

/** A body with its mark, of about so many bytes. */
export function makeBody(mark: string, bytes: number): string {
  const head = `X-Mark: ${mark}\r\nSubject: test\r\n\r\n`;
  const line = '.a line that begins with a dot\r\n';
  return head + line.repeat(Math.max(1, Math.ceil((bytes - head.length) / line.length)));
}

const FROM = 'sender@here.test';

/** What is kept beside a body. */
export function makeHeader({ messages }: Mail, at: number): string {
  const ids = messages.map(({ id }) => id);
  const own = messages.map(({ dueAt, schedule }) => ({ dueAt, schedule }));
  return JSON.stringify({ ids, from: FROM, to: messages.map(({ to }) => to), at, own });
}

/** A mail as an intake hands it over. */
export const makeSubmission = (
  { messages }: Mail,
  body: BodyRef,
  chunks: readonly Buffer[],
  receivedAt: number,
): Submission => ({
  service: 'esmtp',
  listener: '192.0.2.1:25',
  from: FROM,
  messages,
  body,
  chunks,
  bodyBytes: body.length,
  eightBit: false,
  smtpUtf8: false,
  peer: '203.0.113.1',
  helo: 'client.test',
  receivedAt,
});
