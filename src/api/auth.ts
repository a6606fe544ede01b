/**
 * Who asks, and whether they may: the real socket's address (no header is believed), then the
 * Authorization header if there is one, whoever sent it. Verdicts on credentials are remembered for
 * a minute under a keyed hash, so that neither they nor anything that could be guessed at offline
 * is kept. Deliberately unknown here: what routes do, and how a policy judges.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { AclFinder } from '../domain/acl.ts';
import { isAuthenticated, mayAsk, withDefaults } from '../domain/acl.ts';
import type { AuthAnswer, AuthInfo } from '../domain/auth-info.ts';
import { joinAuth, TRUSTED_GROUP } from '../domain/auth-info.ts';
import type { Cidr } from '../domain/cidr.ts';
import { matches } from '../domain/cidr.ts';
import { plainAddress } from '../domain/ip.ts';
import type { Timers } from '../ports/timers.ts';
import { Refused } from './refusals.ts';

/** Who judges; another value with each version of the policy. */
export interface Judge {
  basic(user: string, password: string | undefined): Promise<AuthAnswer>;
  bearer(token: string): Promise<AuthAnswer>;
  acl: AclFinder;
}

/** What authentication stands on. */
export interface AuthParts {
  /** `ip:port` of the listener, as rules name it. */
  readonly listener: string;
  readonly trusted: readonly Cidr[];
  readonly judge: () => Judge;
  readonly timers: Timers;
}

/** A verdict is remembered for so long, ms. */
const KEPT_MS = 60_000;
/** Verdicts remembered; the least recently used goes first. */
const KEPT_MAX = 1_024;
/** Handlers that judge at the same time; past it whoever asks is told to try again. */
const JUDGED_MAX = 64;
/** The longest a handler may take, ms. */
const JUDGE_MS_MAX = 10_000;
/** A longer header is no credential. */
const HEADER_CHARS_MAX = 8_192;

const CHALLENGE = 'Basic realm="waybill", charset="UTF-8", Bearer realm="waybill"';
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;
// RFC 6750 section 2.1.
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;

type Credentials =
  | { readonly kind: 'basic'; readonly user: string; readonly password: string | undefined }
  | { readonly kind: 'bearer'; readonly token: string };

/** Reads the header; refuses with 400 what is neither Basic nor Bearer. */
export function readCredentials(header: string): Credentials {
  const [, scheme = '', rest = ''] = /^([A-Za-z]+) +(\S+) *$/.exec(header) ?? [];
  const isLong = header.length > HEADER_CHARS_MAX;
  if (!isLong && scheme.toLowerCase() === 'bearer' && TOKEN.test(rest)) {
    return { kind: 'bearer', token: rest };
  }
  if (isLong || scheme.toLowerCase() !== 'basic' || !BASE64.test(rest)) {
    throw new Refused(
      400,
      'the Authorization header is neither Basic nor Bearer as RFCs 7617 and 6750 write them',
    );
  }
  const text = Buffer.from(rest, 'base64').toString('utf8');
  if (text.includes('\ufffd') || /\p{Cc}/u.test(text)) {
    throw new Refused(400, 'user or password in the Authorization header is not UTF-8 text');
  }
  const colon = text.indexOf(':');
  return colon < 0
    ? { kind: 'basic', user: text, password: undefined }
    : { kind: 'basic', user: text.slice(0, colon), password: text.slice(colon + 1) };
}

interface Kept {
  readonly verdict: Promise<AuthAnswer>;
  readonly untilMs: number;
}

/** Judges credentials, and remembers. */
export class Doorkeeper {
  readonly #parts: AuthParts;
  readonly #key = randomBytes(32);
  #kept = new Map<string, Kept>();
  #keptFor: Judge | undefined;
  #judging = 0;

  constructor(parts: AuthParts) {
    this.#parts = parts;
  }

  /** Who asks; 400 and 401 where credentials are no good. */
  async recognise(request: FastifyRequest): Promise<AuthInfo> {
    const address = request.socket.remoteAddress ?? '';
    const plain = plainAddress(address);
    const isTrusted = matches(this.#parts.trusted, address);
    const peer: AuthInfo = {
      peer_address: plain === '' ? null : plain,
      identities: [],
      groups: isTrusted ? [TRUSTED_GROUP] : [],
    };
    const { authorization } = request.headers;
    if (authorization === undefined) return peer;
    const given = readCredentials(authorization);
    const verdict = await this.#judge(authorization, given);
    if (verdict === false) throw new Refused(401, 'these credentials are not accepted');
    if (verdict !== true) return joinAuth(peer, verdict);
    const identity =
      given.kind === 'basic'
        ? ({ identity: given.user, context: 'HttpBasicAuth' } as const)
        : ({ identity: '', context: 'BearerToken' } as const);
    return { ...peer, identities: [identity] };
  }

  /** Refuses who may not: 401 while nobody is known, 403 for somebody who is. */
  admit(request: FastifyRequest): void {
    // The route that was found, not what the address line says: an escaped path is the same route.
    const path = request.routeOptions.url;
    const { listener, judge } = this.#parts;
    const asked = { listener, path: path ?? '', method: request.method };
    const isAllowed = mayAsk(withDefaults(judge().acl), asked, request.auth);
    if (isAllowed) return;
    if (path === undefined && request.auth.groups.includes(TRUSTED_GROUP)) return;
    const what = `${request.method} ${path ?? 'this path'}`;
    if (isAuthenticated(request.auth)) throw new Refused(403, `${what} is not for you`);
    throw new Refused(401, `${what} needs an address in trusted_hosts, or credentials`);
  }

  async #judge(header: string, given: Credentials): Promise<AuthAnswer> {
    const judge = this.#parts.judge();
    if (judge !== this.#keptFor) this.#kept = new Map();
    this.#keptFor = judge;
    const key = createHmac('sha256', this.#key).update(header).digest('base64');
    const nowMs = this.#parts.timers.steadyMs();
    const known = this.#kept.get(key);
    this.#kept.delete(key);
    if (known !== undefined && nowMs < known.untilMs) {
      this.#kept.set(key, known);
      return await known.verdict;
    }
    const verdict = this.#ask(judge, given);
    // What failed is not remembered; it may be well again at once.
    verdict.catch(() => this.#kept.delete(key));
    this.#kept.set(key, { verdict, untilMs: nowMs + KEPT_MS });
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= KEPT_MAX) break;
      this.#kept.delete(oldest);
    }
    return await verdict;
  }

  async #ask(judge: Judge, given: Credentials): Promise<AuthAnswer> {
    if (this.#judging >= JUDGED_MAX) {
      throw new Refused(503, 'too many credentials are being judged; try again');
    }
    this.#judging += 1;
    let cancel = (): void => {};
    const tooLate = new Promise<never>((_, reject) => {
      cancel = this.#parts.timers.after(JUDGE_MS_MAX, () =>
        reject(new Refused(503, 'judging the credentials takes too long; try again')),
      );
    });
    const judged =
      given.kind === 'basic' ? judge.basic(given.user, given.password) : judge.bearer(given.token);
    const ended = judged.finally(() => {
      this.#judging -= 1;
    });
    ended.catch(() => {});
    try {
      return await Promise.race([ended, tooLate]);
    } finally {
      cancel();
    }
  }
}

/** Has every request of a server recognised and admitted before anything else. */
export function guard(server: FastifyInstance, parts: AuthParts): void {
  const keeper = new Doorkeeper(parts);
  server.decorateRequest('auth', null as unknown as AuthInfo);
  server.addHook('onRequest', async (request, reply) => {
    request.auth = { peer_address: null, identities: [], groups: [] };
    try {
      request.auth = await keeper.recognise(request);
      keeper.admit(request);
    } catch (error) {
      if (error instanceof Refused && error.statusCode === 401) {
        reply.header('www-authenticate', CHALLENGE);
      }
      throw error;
    }
  });
}
