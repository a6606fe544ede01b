/**
 * The header kept beside each body: the envelopes once more, so that a message can be found again
 * when its record in the log is damaged. Intake writes it, recovery reads it. Knows no file and no
 * log.
 */
import type { BodyRef } from '../ports/ports.ts';
import type { Schedule } from './schedule.ts';

/** A message found beside its body only. */
export interface Foundling {
  readonly id: string;
  readonly from: string;
  readonly to: readonly string[];
  readonly body: BodyRef;
  readonly peer: string;
  readonly helo: string;
  readonly isEightBit: boolean;
  readonly smtpUtf8: boolean;
  /** Absent: that of the first recipient's domain. */
  readonly queue?: string | undefined;
  readonly dueAt?: number | undefined;
  readonly schedule?: Schedule | undefined;
  readonly meta?: Readonly<Record<string, unknown>> | undefined;
}

/** What is kept of a message by itself. */
type Kept = Pick<Foundling, 'id' | 'to' | keyof Own>;

/** The same, as far as it is not what it would be anyway. */
type Own = Pick<Foundling, 'queue' | 'dueAt' | 'schedule' | 'meta'>;

/** What is kept beside the body of some messages. */
export interface BodyHeader {
  readonly from: string;
  readonly messages: readonly Kept[];
  /** When they were received, ms since 1970. */
  readonly at: number;
  readonly peer: string;
  readonly helo: string;
  readonly isEightBit: boolean;
  readonly smtpUtf8: boolean;
}

/** Writes it. */
export function formatBodyHeader({ messages, ...shared }: BodyHeader): string {
  const ids = messages.map(({ id }) => id);
  const to = messages.map((message) => message.to);
  const isPlain = messages.every(
    ({ queue, dueAt, schedule, meta }) => !queue && !dueAt && !schedule && !meta,
  );
  if (isPlain) return JSON.stringify({ ids, to, ...shared });
  const own = messages.map(({ queue, dueAt, schedule, meta }) => ({
    queue,
    dueAt,
    schedule,
    meta,
  }));
  return JSON.stringify({ ids, to, ...shared, own });
}

/** The messages named in the header kept beside a body. */
export function readHeader(header: string, body: BodyRef): Foundling[] {
  const parsed = JSON.parse(header) as {
    ids?: string[];
    from?: string;
    to?: string[][];
    peer?: string;
    helo?: string;
    isEightBit?: boolean;
    smtpUtf8?: boolean;
    own?: Own[];
  };
  const { ids = [], from = '', to = [], peer = '', helo = '', own = [] } = parsed;
  const { isEightBit = false, smtpUtf8 = false } = parsed;
  return ids.map((id, index) => ({
    id,
    from,
    to: to[index] ?? [],
    body,
    peer,
    helo,
    isEightBit,
    smtpUtf8,
    ...own[index],
  }));
}
