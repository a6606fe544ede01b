/**
 * Who may relay, for peers that are not in relay_hosts: what the policy says of the domains of
 * sender and recipient. The one idea: a session asks for a domain once and keeps the answer, also
 * that there is none; a policy that fails makes the mail wait. Knows no replies and no engine.
 */
import { matches } from '../domain/cidr.ts';
import type { ListenerDomain } from '../domain/options-listener.ts';
import type { IntakeHost } from './host.ts';

/** Domains a session remembers; past it the one learnt first is forgotten. */
export const DOMAINS_KEPT_MAX = 16;

/** Says whether mail may be relayed; undefined when nobody knows now. */
export type RelayRule = (senderDomain: string, recipientDomain: string) => boolean | undefined;

/** What is known of a session. */
export interface RelayTerms {
  readonly peer: string;
  /** Address and port on our side. */
  readonly listener: string;
  /** What is known when it is asked: a login may have added to it. */
  readonly meta: Readonly<Record<string, string>>;
}

/** Finds what the policy says of a domain; in one session it is asked once. */
export type DomainFinder = (domain: string) => ListenerDomain | 'failed' | undefined;

/** The finder for one session. */
export function makeDomainFinder(host: IntakeHost, about: RelayTerms): DomainFinder {
  const known = new Map<string, ListenerDomain | undefined>();
  return (domain) => {
    if (known.has(domain)) return known.get(domain);
    const answer = host.findDomain?.(domain, about.listener, about.meta);
    if (answer === 'failed') return answer;
    const [oldest] = known.keys();
    if (known.size >= DOMAINS_KEPT_MAX && oldest !== undefined) known.delete(oldest);
    known.set(domain, answer);
    return answer;
  };
}

/** The rule for one session of `peer`. */
export function makeRelayRule(peer: string, find: DomainFinder): RelayRule {
  return (senderDomain, recipientDomain) => {
    // The null sender has no domain, and with it no right to relay.
    const sender = senderDomain === '' ? undefined : find(senderDomain);
    if (typeof sender === 'object' && matches(sender.relay_from, peer)) return true;
    const recipient = find(recipientDomain);
    if (typeof recipient === 'object' && recipient.relay_to) return true;
    return sender === 'failed' || recipient === 'failed' ? undefined : false;
  };
}
