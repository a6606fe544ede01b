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

/** The lines of the answer to EHLO. */
export function listExtensions(hostname: string, bytesMax: number, hasTls: boolean): string[] {
  const lines = [hostname, 'PIPELINING', '8BITMIME', 'SMTPUTF8', 'ENHANCEDSTATUSCODES'];
  lines.push(`SIZE ${bytesMax}`);
  if (hasTls) lines.push('STARTTLS');
  return lines;
}

/** The name of the protocol in a trace header (RFC 3848, RFC 6531 section 4.3). */
export function nameProtocol(isExtended: boolean, smtpUtf8: boolean, isSecure: boolean): string {
  const plain = smtpUtf8 ? 'UTF8SMTP' : isExtended ? 'ESMTP' : 'SMTP';
  return isSecure ? `${plain}S` : plain;
}
