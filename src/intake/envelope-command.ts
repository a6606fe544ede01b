/**
 * Takes MAIL and RCPT apart: the path between angle brackets and the ESMTP parameters behind it.
 * The one idea: strict where a loose reading could send mail elsewhere than the sender of the
 * command meant. It does not know sessions, relay rules or replies beyond the code they need.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { hasUnsafeCharacters } from './log-text.ts';

/** A MAIL or RCPT command, taken apart; the address is not judged yet. */
export interface EnvelopeCommand {
  /** What stands between the angle brackets. */
  readonly path: string;
  /** Keyword in capitals to value; '' where there is none. */
  readonly parameters: ReadonlyMap<string, string>;
}

// RFC 5321 section 4.1.2. A quoted local part may hold '>' and spaces, so it is matched as a whole.
const COMMAND = /^(MAIL FROM|RCPT TO): *<((?:"(?:[^"\\]|\\.)*"|[^"<>])*)> *(\S.*)?$/i;
const CONTROL = /[\u0000-\u001f\u007f]/;
const PARAMETER = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([^\s=]+))?$/;

/** The text of a command line; undefined when its bytes beyond ASCII are not UTF-8. */
export function readLine(line: Buffer): string | undefined {
  if (isAscii(line)) return line.toString('latin1');
  return isUtf8(line) ? line.toString('utf8') : undefined;
}

/** Takes the line apart; undefined when it is not well formed. */
export function parseEnvelopeCommand(verb: string, line: string): EnvelopeCommand | undefined {
  if (CONTROL.test(line) || hasUnsafeCharacters(line)) return undefined;
  const match = COMMAND.exec(line);
  if (match === null || match[1]?.toUpperCase() !== verb) return undefined;
  const parameters = parseParameters(match[3]);
  if (parameters === undefined) return undefined;
  return { path: match[2] ?? '', parameters };
}

const NONE: ReadonlyMap<string, string> = new Map();

function parseParameters(text: string | undefined): ReadonlyMap<string, string> | undefined {
  if (text === undefined) return NONE;
  const parameters = new Map<string, string>();
  for (const word of text.trimEnd().split(/ +/)) {
    const match = PARAMETER.exec(word);
    const key = match?.[1]?.toUpperCase();
    // A repeated parameter has no meaning that two readers would agree on.
    if (key === undefined || parameters.has(key)) return undefined;
    parameters.set(key, match?.[2] ?? '');
  }
  return parameters;
}

/** What the parameters of MAIL ask for, or the refusal they earn. */
export interface MailParameters {
  readonly sizeBytes: number;
  readonly smtpUtf8: boolean;
}

const SIZE = /^\d{1,20}$/;
const BODY = /^(?:7BIT|8BITMIME)$/i;
// RFC 4954 section 5: an address, or `<>`, in xtext (RFC 3461 section 4).
const AUTH = /^(?:[!-*,-<>-~]|\+[0-9A-F]{2})+$/;

/**
 * Reads the parameters of MAIL; a text is the complaint of a 501, undefined asks for a 555. AUTH is
 * one of them where logins are offered. What it says nobody here can know to be true, so it is
 * read and not believed.
 */
export function readMailParameters(
  parameters: ReadonlyMap<string, string>,
  hasAuth: boolean,
): MailParameters | string | undefined {
  let sizeBytes = 0;
  let smtpUtf8 = false;
  for (const [key, value] of parameters) {
    if (key === 'SIZE') {
      if (!SIZE.test(value)) return 'SIZE needs a number';
      sizeBytes = Number(value);
    } else if (key === 'BODY') {
      if (!BODY.test(value)) return 'BODY is 7BIT or 8BITMIME';
    } else if (key === 'SMTPUTF8') {
      if (value !== '') return 'SMTPUTF8 takes no value';
      smtpUtf8 = true;
    } else if (key === 'AUTH' && hasAuth) {
      if (!AUTH.test(value)) return 'AUTH is <> or an address in xtext';
    } else return undefined;
  }
  return { sizeBytes, smtpUtf8 };
}
