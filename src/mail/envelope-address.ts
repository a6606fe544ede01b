/**
 * Addresses of an envelope as policy sees and gives them. Knows no header, and not who may send
 * where.
 */
import { formatMailbox, needsUtf8, parsePath } from '../domain/address.ts';

/** An address of an envelope; all parts are '' for the null sender. */
export class EnvelopeAddress {
  /** The local part without its quotes. */
  readonly user: string;
  readonly domain: string;
  /** The address as the envelope has it. */
  readonly email: string;

  constructor(email: string) {
    const at = email.lastIndexOf('@');
    const local = email.slice(0, Math.max(at, 0));
    const isQuoted = local.startsWith('"') && local.endsWith('"') && local.length > 1;
    this.user = isQuoted ? local.slice(1, -1).replace(/\\(.)/g, '$1') : local;
    this.domain = email.slice(at + 1);
    this.email = email;
    Object.freeze(this);
  }

  toString(): string {
    return this.email;
  }
}

/** What policy may give for an address. */
export type GivenAddress = string | { readonly email: string };

/** Reads what policy gave; `what` names it in the error. '' is the null sender, if that may be. */
export function readGivenAddress(
  given: GivenAddress,
  what: string,
  about: { readonly isUtf8: boolean; readonly mayBeNull?: boolean },
): string {
  const text: unknown = typeof given === 'object' && given !== null ? given.email : given;
  const mailbox = typeof text === 'string' ? parsePath(text) : undefined;
  const email = mailbox === undefined ? '' : formatMailbox(mailbox);
  if (mailbox === undefined || (email === '' && about.mayBeNull !== true)) {
    throw new TypeError(`${what}: ${JSON.stringify(text)} is no address`);
  }
  if (!about.isUtf8 && needsUtf8(email)) {
    throw new TypeError(`${what}: ${email} needs SMTPUTF8, which the client did not ask for`);
  }
  return email;
}
