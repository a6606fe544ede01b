/**
 * What the sessions of one listener share: settings by peer, counts, held bytes, the deadlines'
 * clock, and whether the listener is closing.
 * The one idea: every bound that spans sessions is counted in one place. It does not know SMTP
 * beyond the refusals it hands out.
 */
import type { Captured } from '../domain/capture.ts';
import { matches } from '../domain/cidr.ts';
import type { ListenerConfig, SessionSettings } from '../domain/options-listener.ts';
import { sessionSettings } from '../domain/options-listener.ts';
import type { Bodies, Clock } from '../ports/ports.ts';
import type { SmtpTrace } from '../ports/smtp-trace.ts';
import type { IntakeHost, Log, Refusal } from './host.ts';
import { HELD_BYTES_MAX, REFUSED_LINGERING_MAX, SESSIONS_PER_ADDRESS_MAX } from './limits.ts';
import { escapeForLog } from './log-text.ts';
import type { DomainFinder } from './relaying.ts';
import { makeDomainFinder } from './relaying.ts';
import { TransactionTimes } from './times.ts';

/** A session, as far as its listener steers it. */
export interface Guest {
  readonly remoteAddress: string;
  readonly localAddress: string;
  checkDeadline(nowMs: number): void;
  /** Says 421 and closes, unless a message is being received or answered. */
  dismiss(): void;
  /** Closes whatever is going on. */
  evict(): void;
}

/** Sessions since the listener opened: let in, and turned away. */
export interface ListenerCounts {
  opened: number;
  denied: number;
}

/** What holds for the sessions of one peer. */
export interface Terms {
  readonly settings: SessionSettings;
  readonly hostname: string;
  /** In relay_hosts: may send anywhere, is greeted at once, and has no limit of its own. */
  readonly isTrusted: boolean;
}

const TERMS_CACHED_MAX = 1024;

/** The shared state of one listener. */
export class Desk {
  readonly config: ListenerConfig;
  readonly host: IntakeHost;
  readonly bodies: Bodies;
  readonly clock: Clock;
  readonly machineName: string;
  /** Where sessions are shown; absent: nowhere. */
  readonly trace: SmtpTrace | undefined;
  readonly guests = new Set<Guest>();
  readonly counts: ListenerCounts = { opened: 0, denied: 0 };
  readonly times = new TransactionTimes();
  isClosing = false;
  /** Address and port, once bound. */
  listener = '';

  private readonly log: Log;
  private readonly byAddress = new Map<string, number>();
  private readonly terms = new Map<string, Terms>();
  private heldBytes = 0;
  private lingering = 0;
  private emptied: (() => void) | undefined;

  constructor(
    config: ListenerConfig,
    host: IntakeHost,
    bodies: Bodies,
    clock: Clock,
    log: Log,
    machineName: string,
    trace?: SmtpTrace,
  ) {
    this.config = config;
    this.host = host;
    this.bodies = bodies;
    this.clock = clock;
    this.log = log;
    this.machineName = machineName;
    this.trace = trace;
  }

  termsFor(peer: string, local: string): Terms {
    const key = `${peer} ${local}`;
    const known = this.terms.get(key);
    if (known !== undefined) return known;
    const terms = this.ownTerms(sessionSettings(this.config, peer, local), peer);
    if (this.terms.size >= TERMS_CACHED_MAX) this.terms.clear();
    this.terms.set(key, terms);
    return terms;
  }

  /** Settings made for one session. */
  ownTerms(settings: SessionSettings, peer: string): Terms {
    const hostname = settings.hostname ?? this.machineName;
    return { settings, hostname, isTrusted: matches(settings.relay_hosts, peer) };
  }

  /** Address and port on our side of a session, as policy is told of it. */
  placeOf(local: string): string {
    return `${local}:${this.listener.slice(this.listener.lastIndexOf(':') + 1)}`;
  }

  /** What the policy says of domains in one session; its answers are kept in it. */
  domainFinderFor(
    peer: string,
    local: string,
    terms: Terms,
    findOwn?: () => Captured,
  ): DomainFinder {
    const listener = this.placeOf(local);
    const known = { received_from: peer, received_via: listener, hostname: terms.hostname };
    const makeMeta = () => metaTexts({ ...terms.settings.meta, ...findOwn?.(), ...known });
    const about = {
      peer,
      listener,
      get meta() {
        return makeMeta();
      },
    };
    return makeDomainFinder(this.host, about);
  }

  /** Lets a session in, or says why not; who was let in must be let go. */
  admit(guest: Guest, terms: Terms): Refusal | undefined {
    const { hostname, isTrusted } = terms;
    if (this.isClosing) return { code: 421, enhanced: '4.3.2', text: `${hostname} shutting down` };
    if (this.guests.size >= this.config.max_connections) {
      const text = `${hostname} too many concurrent sessions. Try later`;
      return { code: 421, enhanced: '4.3.2', text };
    }
    const peer = guest.remoteAddress;
    const count = this.byAddress.get(peer) ?? 0;
    if (!isTrusted && count >= SESSIONS_PER_ADDRESS_MAX) {
      const text = `${hostname} too many concurrent sessions from ${peer}. Try later`;
      return { code: 421, enhanced: '4.7.0', text };
    }
    const refusal = this.host.admit();
    // A bound of the engine passes: the session may wait for it, and hears 45x at its next MAIL.
    if (refusal?.code === 421) return refusal;
    this.byAddress.set(peer, count + 1);
    this.guests.add(guest);
    this.counts.opened += 1;
    return undefined;
  }

  letGo(guest: Guest): void {
    if (!this.guests.delete(guest)) return;
    const count = (this.byAddress.get(guest.remoteAddress) ?? 1) - 1;
    if (count === 0) this.byAddress.delete(guest.remoteAddress);
    else this.byAddress.set(guest.remoteAddress, count);
    if (this.guests.size === 0) this.emptied?.();
  }

  /** Resolves when the last session is gone. */
  waitUntilEmpty(): Promise<void> {
    return new Promise((resolve) => {
      this.emptied = resolve;
      if (this.guests.size === 0) resolve();
    });
  }

  /** May one more refused connection read its refusal? `linger(-1)` when it is gone. */
  linger(by: 1 | -1): boolean {
    if (by === 1 && this.lingering >= REFUSED_LINGERING_MAX) return false;
    this.lingering += by;
    return true;
  }

  /** Counts message bytes in memory; false when there are too many. */
  hold(bytes: number): boolean {
    this.heldBytes += bytes;
    return this.heldBytes <= HELD_BYTES_MAX;
  }

  /** A line about a peer; whatever the peer said in it is made harmless. */
  note(level: 'info' | 'warn' | 'error', text: string): void {
    this.log(level, `smtp ${this.listener}: ${escapeForLog(text)}`);
  }
}

const metaTexts = (meta: Captured): Readonly<Record<string, string>> =>
  Object.freeze(Object.fromEntries(Object.entries(meta).map(([key, one]) => [key, String(one)])));
