/**
 * The header kept beside each body: the envelopes once more, so that a message can be found again
 * when its record in the log is damaged. Intake writes it, recovery reads it. Knows no file and no
 * log.
 */
import type { BodyRef } from '../ports/ports.ts';

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
  };
  const { ids = [], from = '', to = [], peer = '', helo = '' } = parsed;
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
  }));
}
