/**
 * EHLO: what a client may call itself, what it is offered, and how the session is named in a trace
 * header afterwards. Pure; it does not know the session.
 */

// Anything printable, since many clients call themselves oddly; RFC 5321 section 4.1.4 forbids
// refusing mail for it. The length is that of a domain (section 4.5.3.1.2).
const NAME = /^[!-~\u00a1-\uffff]{1,255}$/;

/** The name in an EHLO command, in lower case; undefined when there is not exactly one. */
export function readEhloName(command: Buffer): string | undefined {
  const [, name, extra] = command.toString().trim().split(/\s+/);
  const isName = name !== undefined && extra === undefined && NAME.test(name);
  return isName ? name.toLowerCase() : undefined;
}

/** What is offered beside what is offered to everybody. */
export interface Offers {
  readonly hasTls: boolean;
  readonly hasAuth: boolean;
}

/** What the answer to EHLO offers. */
export function listExtensions(bytesMax: number, { hasTls, hasAuth }: Offers): string[] {
  const list = ['PIPELINING', '8BITMIME', 'SMTPUTF8', 'ENHANCEDSTATUSCODES', `SIZE ${bytesMax}`];
  if (hasTls) list.push('STARTTLS');
  if (hasAuth) list.push('AUTH PLAIN');
  return list;
}

/** What a trace header says of a session. */
export interface Spoken {
  readonly isExtended: boolean;
  readonly smtpUtf8: boolean;
  readonly isSecure: boolean;
  readonly isAuthenticated: boolean;
}

/** The name of the protocol in a trace header (RFC 3848, RFC 6531 section 4.3). */
export function nameProtocol(spoken: Spoken): string {
  const plain = spoken.smtpUtf8 ? 'UTF8SMTP' : spoken.isExtended ? 'ESMTP' : 'SMTP';
  return `${plain}${spoken.isSecure ? 'S' : ''}${spoken.isAuthenticated ? 'A' : ''}`;
}
