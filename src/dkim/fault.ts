/**
 * Why a message could not be signed: a code to decide by and a sentence for the operator. It is
 * recognised by name, because it crosses threads and a compiled policy has its own copies of ours.
 * Deliberately unknown here: what becomes of the message.
 */

/**
 * `key`: there is no usable key. `message`: this message cannot be signed, now or later.
 * `busy`: too many wait to be signed. `lost`: the thread that signed ended. `closed`: nothing here
 * signs, or no longer.
 */
export type SigningFaultCode = 'key' | 'message' | 'busy' | 'lost' | 'closed';

/** A message was not signed. */
export class SigningFault extends Error {
  readonly code: SigningFaultCode;

  constructor(code: SigningFaultCode, sentence: string) {
    super(sentence);
    this.name = 'SigningFault';
    this.code = code;
  }
}

/** True for a fault of this or another copy of the class. */
export const isSigningFault = (value: unknown): value is SigningFault =>
  value instanceof Error && value.name === 'SigningFault' && 'code' in value;
