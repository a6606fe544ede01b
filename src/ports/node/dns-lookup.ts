/**
 * One name looked up: several servers, aliases followed, one deadline over all of it. A server that
 * keeps silent is not given up, another is asked beside it, so that a slow answer still counts.
 * It knows no cache and no limits of concurrency.
 */
import type { Fault, Ms, MxRecord } from '../ports.ts';
import type { Exchange, ExchangeOutcome, Settled } from './dns-exchange.ts';
import { RESEND_AFTER_MS, startExchange } from './dns-exchange.ts';
import type { Question } from './dns-message.ts';
import { ALIASES_MAX } from './dns-message.ts';
import type { DnsServer } from './dns-system.ts';

/** How a look-up ends; `isLocal` marks trouble of this machine, which says nothing of the name. */
export type LookupOutcome =
  | {
      readonly kind: 'found';
      readonly mx: readonly MxRecord[];
      readonly addresses: readonly string[];
      readonly ttlSeconds: number;
    }
  | { readonly kind: 'absent'; readonly ttlSeconds: number | undefined }
  | {
      readonly kind: 'failed';
      readonly fault: Fault;
      readonly ttlSeconds: number | undefined;
      readonly isLocal: boolean;
    };

type Failed = Extract<LookupOutcome, { kind: 'failed' }>;

/** The servers to ask, and which of them answered last. */
export interface ServerList {
  readonly servers: readonly DnsServer[];
  /** Index of the server to begin with. */
  preferred: number;
}

const describe = (question: Question): string => `${question.name} ${question.type}`;

const failure = (
  question: Question,
  code: Fault['code'],
  cause: string,
  isLocal = false,
): Failed => ({
  kind: 'failed',
  fault: { code, where: describe(question), cause, retryable: true },
  ttlSeconds: undefined,
  isLocal,
});

/** The answer for a name that nobody has; RFC 5321 leaves it to us to try again later. */
export const nxdomain = (question: Question, ttlSeconds: number | undefined): Failed => ({
  ...failure(question, 'FAULT_DNS_NXDOMAIN', 'NXDOMAIN'),
  ttlSeconds,
});

interface Round {
  cancel(): void;
  findComplaint(): string | undefined;
}

// Asks the servers one after the other, the next one when a server failed or kept silent a while;
// the first answer of any of them ends the round.
const startRound = (
  question: Question,
  list: ServerList,
  ended: (outcome: Settled | Failed) => void,
): Round => {
  const exchanges: Exchange[] = [];
  const first = list.preferred;
  let failed = 0;
  let next: NodeJS.Timeout | undefined;
  const stop = (): void => {
    clearTimeout(next);
    for (const exchange of exchanges) exchange.cancel();
  };
  const judge = (index: number, outcome: ExchangeOutcome): void => {
    if (outcome.kind !== 'failed') {
      stop();
      list.preferred = index;
      ended(outcome);
      return;
    }
    failed += 1;
    if (failed < list.servers.length) {
      askNext();
      return;
    }
    stop();
    ended(failure(question, outcome.code, outcome.cause, outcome.isLocal));
  };
  function askNext(): void {
    clearTimeout(next);
    const count = exchanges.length;
    const index = (first + count) % list.servers.length;
    const server = list.servers[index];
    if (server === undefined || count >= list.servers.length) return;
    exchanges.push(startExchange(question, server, (outcome) => judge(index, outcome)));
    next = setTimeout(askNext, RESEND_AFTER_MS);
  }
  askNext();
  return {
    cancel: stop,
    findComplaint: () =>
      exchanges.map((exchange) => exchange.findComplaint()).find((text) => text !== undefined),
  };
};

/** Looks `question` up within `timeoutMs`; the answer never comes before this returns. */
export const startLookup = (
  question: Question,
  list: ServerList,
  timeoutMs: Ms,
  ended: (outcome: LookupOutcome) => void,
): (() => void) => {
  let aliases = 0;
  let ttlSeconds = Number.POSITIVE_INFINITY;
  let round: Round;
  const finish = (outcome: LookupOutcome): void => {
    clearTimeout(deadline);
    ended(outcome);
  };
  const judge = (asked: Question, outcome: Settled | Failed): void => {
    if (outcome.kind === 'alias') {
      aliases += 1;
      if (aliases > ALIASES_MAX) {
        finish(failure(question, 'FAULT_DNS_SERVFAIL', 'alias chain too long'));
        return;
      }
      ttlSeconds = Math.min(ttlSeconds, outcome.ttlSeconds);
      ask({ name: outcome.target, type: asked.type });
    } else if (outcome.kind === 'found') {
      finish({ ...outcome, ttlSeconds: Math.min(ttlSeconds, outcome.ttlSeconds) });
    } else if (outcome.kind === 'nxdomain') {
      finish(nxdomain(question, outcome.ttlSeconds));
    } else {
      finish(outcome);
    }
  };
  function ask(asked: Question): void {
    round = startRound(asked, list, (outcome) => judge(asked, outcome));
  }
  const deadline = setTimeout(() => {
    const complaint = round.findComplaint();
    round.cancel();
    ended(
      complaint === undefined
        ? failure(question, 'FAULT_DNS_TIMEOUT', 'timed out')
        : failure(question, 'FAULT_DNS_MALFORMED', complaint),
    );
  }, timeoutMs);
  ask(question);
  return () => {
    clearTimeout(deadline);
    round.cancel();
  };
};
