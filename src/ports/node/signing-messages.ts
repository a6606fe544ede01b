/**
 * What the pool of signing threads and its threads say to each other.
 * Deliberately unknown here: how either side works.
 */
import type { SigningFaultCode } from '../../dkim/fault.ts';

/** A message to sign; the octets were handed over, or are shared. */
export interface SigningJob {
  readonly id: number;
  readonly chunks: readonly Uint8Array[];
  /** Signatures as JSON. */
  readonly signings: readonly string[];
}

/** What a thread says. */
export type SigningWord =
  | { readonly kind: 'signed'; readonly id: number; readonly lines: string }
  | {
      readonly kind: 'refused';
      readonly id: number;
      readonly code: SigningFaultCode;
      readonly sentence: string;
    }
  | { readonly kind: 'warning'; readonly sentence: string };
