/**
 * AUTH PLAIN (RFC 4954, RFC 4616): its lines, and what they come to. The idea: the password is seen
 * by the handler and by nobody else; wherever else the line is shown, it is masked. Whether a login
 * is right, the policy says.
 */
import type { AuthAnswer } from '../domain/auth-info.ts';
import type { Interview } from './interview.ts';
import type { Reply } from './transaction.ts';

type Done = () => void;

/** A session, as far as a login needs it. */
export interface LoginGuest {
  readonly peer: string;
  readonly isWithinTransaction: boolean;
  say(reply: Reply): void;
  /** A refusal is noted. */
  refuse(reply: Reply): void;
  authenticated(authz: string, authn: string, answer: AuthAnswer): void;
}

/** What a client gave. */
export interface Credentials {
  /** As whom it wants to act; whom it is, where it did not say. */
  readonly authz: string;
  readonly authn: string;
  readonly password: string;
}

const reply = (code: number, enhanced: string, text: string): Reply => ({ code, enhanced, text });

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** RFC 4616 section 2: octets of each of the three. */
const PART_BYTES_MAX = 255;

/** Reads the response of PLAIN; undefined where it is none. */
export function readCredentials(response: string): Credentials | undefined {
  if (!BASE64.test(response)) return undefined;
  const bytes = Buffer.from(response, 'base64');
  const text = bytes.toString('utf8');
  const [authz, authn, password, more] = text.split('\0');
  if (text.includes('\ufffd') || !authn || !password || more !== undefined) return undefined;
  const parts = [authz as string, authn, password];
  if (parts.some((part) => Buffer.byteLength(part) > PART_BYTES_MAX)) return undefined;
  return { authz: authz === '' ? authn : (authz as string), authn, password };
}

/** The login of one session. */
export class Login {
  /** The next line is a response, not a command. */
  isAwaited = false;
  private isDone = false;
  private readonly guest: LoginGuest;
  private readonly interview: Interview;

  constructor(guest: LoginGuest, interview: Interview) {
    this.guest = guest;
    this.interview = interview;
  }

  /** An AUTH command. */
  begin(command: Buffer, callback: Done): void {
    const [, mechanism = '', response, extra] = command.toString('latin1').trim().split(/ +/);
    if (this.isDone) this.guest.refuse(reply(503, '5.5.1', 'already authenticated'));
    else if (this.guest.isWithinTransaction) {
      this.guest.refuse(reply(503, '5.5.1', 'no AUTH during a mail transaction'));
    } else if (extra !== undefined || mechanism === '') {
      this.guest.refuse(reply(501, '5.5.4', 'syntax: AUTH PLAIN [initial-response]'));
    } else if (mechanism.toUpperCase() !== 'PLAIN') {
      this.guest.refuse(reply(504, '5.5.4', 'only AUTH PLAIN is known here'));
    } else if (response !== undefined) {
      // RFC 4954 section 4: a single "=" is an empty response.
      this.judge(response === '=' ? '' : response, callback);
      return;
    } else {
      this.isAwaited = true;
      this.guest.say({ code: 334, enhanced: '', text: '' });
    }
    callback();
  }

  /** The line after a 334. */
  respond(line: Buffer, callback: Done): void {
    this.isAwaited = false;
    const response = line.toString('latin1').trim();
    if (response !== '*') return this.judge(response, callback);
    this.guest.refuse(reply(501, '5.7.0', 'authentication cancelled'));
    callback();
  }

  private judge(response: string, callback: Done): void {
    const given = readCredentials(response);
    if (given === undefined) {
      this.guest.refuse(reply(501, '5.5.2', 'that is no response of PLAIN'));
      return callback();
    }
    const { authz, authn, password } = given;
    this.interview.login(authz, authn, password, (refusal, answer = false) => {
      if (refusal !== undefined) this.guest.refuse(refusal);
      else if (answer === false) {
        this.guest.refuse(reply(535, '5.7.8', 'authentication credentials invalid'));
      } else {
        this.isDone = true;
        this.guest.authenticated(authz, authn, answer);
        this.guest.say(reply(235, '2.7.0', 'authentication succeeded'));
      }
      callback();
    });
  }
}
