/**
 * An outbound connection as the engine sees it: give a message, release its body, hear the outcome.
 * The idea: one XState actor per connection, one signal per phase, one deadline looked at by
 * `tick`; all calls are synchronous and everything is reported through the host. Deliberately
 * unknown here: queues, retries, the log; the engine's inbox is behind the host.
 */
import type { InspectionEvent } from 'xstate';
import { createActor } from 'xstate';
import { invariant } from '../../domain/invariant.ts';
import type { SourceConfig } from '../../domain/options-egress.ts';
import type { PathConfig } from '../../domain/options-path.ts';
import type { Reply, ReplyStage, VerdictKind } from '../../domain/reply.ts';
import type { Fault, Network, TlsIdentity } from '../../ports/ports.ts';
import type { SmtpTrace, TraceMeta } from '../../ports/smtp-trace.ts';
import { makeTable, tellSteps } from '../chart-table.ts';
import { connectionChart } from './chart.ts';
import type { Conversation } from './conversation.ts';
import { makeConversation } from './conversation.ts';
import { actions } from './effects.ts';
import type { Ending, FailedCandidate, PlanRest } from './ending.ts';
import { beginAttempt, untried } from './envelope.ts';
import { guards } from './guards.ts';
import { tell, tellMessage } from './tracing.ts';
import { prepare } from './transaction.ts';
import type { ConnectionSignal } from './vocabulary.ts';

/** One address of the plan. */
export interface Candidate {
  /** Host name for SNI and the certificate; an address when there is no name. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** Unix socket; wins over the address. */
  readonly path?: string;
}

/** What a connection is to be. */
export interface ConnectionRequest {
  readonly id: number;
  /** In order; used up front to back. */
  readonly plan: readonly Candidate[];
  /** What another connection left of its plan; taken instead of a whole one. */
  readonly rest?: PlanRest;
  readonly path: PathConfig;
  readonly source: SourceConfig;
  readonly ehloName: string;
  readonly authPassword?: string;
  /** Of the source's log-in at its SOCKS5 proxy. */
  readonly proxyPassword?: string;
  /** What TLS must do where that is not what the path says (MTA-STS). */
  readonly enableTls?: PathConfig['enable_tls'];
  /** What we show to a peer that asks who we are. */
  readonly identity?: TlsIdentity | 'unreadable';
  /** A handshake with this site failed lately (`remember_broken_tls`). */
  readonly isTlsBroken?: boolean;
  /** New links have a rate: each waits for `letDial`. */
  readonly asksToDial?: () => boolean;
  /** Messages have a rate: one that goes to the next host waits for `resume`. */
  readonly asksToResend?: () => boolean;
  /** Where the conversation is shown, and what is known of the session before it begins. */
  readonly trace?: { readonly sink: SmtpTrace; readonly about: TraceMeta };
}

/** One message for the peer. */
export interface Transaction {
  readonly offer: number;
  readonly from: string;
  readonly to: readonly string[];
  readonly bodyBytes: number;
  readonly eightBit: boolean;
  readonly smtpUtf8: boolean;
  /** What those who watch the conversation are told of the message; absent: nobody does. */
  readonly about?: TraceMeta | undefined;
}

/** What one recipient got; `index` is into `Transaction.to`. */
export interface Outcome {
  readonly index: number;
  readonly kind: VerdictKind;
  /** The part of the conversation the reply belongs to. */
  readonly stage: ReplyStage;
  readonly reply: Reply;
  /** The line that drew it; absent where nothing was said, and where it was delivered. */
  readonly command?: string | undefined;
}

/** The end of one message on this connection. Every recipient is in `outcomes` or in `again`. */
export interface Settlement {
  readonly offer: number;
  readonly outcomes: readonly Outcome[];
  /** To be offered again at once; no attempt was made, or too many for one transaction. */
  readonly again: readonly number[];
  /** The final dot was written and no answer came: the transient ones may have it already. */
  readonly unknown: boolean;
  /** MAIL was written for it, to this host or another. */
  readonly isTried: boolean;
  readonly tookMs: number;
}

/** The peer of an open connection. */
export interface PeerInfo {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** Through a proxy: the address that the proxy connected from, as it says. */
  readonly localAddress: string;
  readonly localPort: number;
  /** Through a proxy: `socks5` or `haproxy`, and the address and port that the peer sees. */
  readonly via?: string;
  /** First word of the greeting. */
  readonly greeting: string;
  /** The name in the answer to EHLO. */
  readonly domain: string;
  readonly tls?: {
    readonly protocol: string;
    readonly cipher: string;
    /** The certificate was checked and is valid. */
    readonly authorized: boolean;
    readonly subject: string;
  };
  /** Why the conversation is in clear although the peer offers TLS. */
  readonly tlsFault?: Fault;
  /** How often TLS failed on this connection before it was open. */
  readonly tlsFailures?: number;
}

/** Who owns connections. The calls come while a call into the connection or a link runs. */
export interface ConnectionHost {
  steadyMs(): number;
  /** Whether another candidate may be dialled: not while the source is suspended. */
  mayDial(id: number): boolean;
  /** A candidate failed; told before the next is dialled. */
  failed(id: number, failed: FailedCandidate): void;
  /** Introduction, TLS and login are done; again after each reconnect. */
  opened(id: number, peer: PeerInfo): void;
  /** Wants work: `give`, or nothing; after `idle_timeout` it parts. */
  idle(id: number): void;
  /** Says farewell: takes no more; what is given now comes back untried. */
  parting(id: number): void;
  settled(id: number, settlement: Settlement): void;
  /** Wants to dial the next address; answered by `letDial`. */
  wantsDial?(id: number): void;
  /** Has a message that broke off at another host; answered by `resume`. */
  wantsResend?(id: number): void;
  /** The last report, but for messages given after it. */
  ended(id: number, ending: Ending): void;
}

/** One outbound SMTP or LMTP connection, over one or more candidates one after the other. */
export interface Connection {
  readonly id: number;
  /** Sends the envelope when idle, else as soon as it is; one message at a time. */
  give(transaction: Transaction): void;
  /**
   * The offer is durable and here is the body: it goes once the peer said 354. False when the
   * connection does not have the message, so that nothing of it can have gone or will go.
   */
  release(offer: number, body: readonly Buffer[]): boolean;
  /** An answer to `wantsDial`; false when it came too late and nothing was dialled for it. */
  letDial(isAllowed: boolean): boolean;
  /** An answer to `wantsResend`; false when it came too late and nothing was sent for it. */
  resume(): boolean;
  /** Looks at the deadline. */
  tick(steadyMs: number): void;
  /** Finishes the message in hand, then parts. */
  stop(): void;
  /** Ends at once; a message in hand is settled as broken. */
  abort(why: string): void;
  /** Ends at once and hands back what it has, untried; once the final dot is out, as `stop`. */
  withdraw(why: string): void;
  state(): string;
}

const makeLogic = makeTable<ConnectionSignal, Conversation>(
  connectionChart.provide({ actions, guards }),
);
const connectionLogic = makeLogic();

class ChartedConnection implements Connection {
  readonly #held: Conversation;
  readonly #actor;
  #error: unknown;
  #isBroken = false;

  constructor(
    network: Network,
    host: ConnectionHost,
    request: ConnectionRequest,
    inspect?: (event: InspectionEvent) => void,
  ) {
    const held = makeConversation(network, host, request);
    const logic = inspect === undefined ? connectionLogic : makeLogic(tellSteps(inspect));
    const actor = createActor(logic, { input: held, ...(inspect && { inspect }) });
    this.#held = held;
    this.#actor = actor;
    // XState keeps what an action throws from the caller of `send`; it belongs to the caller.
    actor.subscribe({
      error: (error) => {
        this.#isBroken = true;
        this.#error = error;
      },
    });
    held.signal = (type) => {
      if (held.isOver) return;
      actor.send({ type });
      this.#check();
    };
    tell(held, 'BeginSession');
    actor.start();
    this.#check();
  }

  get id(): number {
    return this.#held.request.id;
  }

  give(transaction: Transaction): void {
    const held = this.#held;
    const attempt = beginAttempt(transaction, held.host.steadyMs());
    if (held.isOver) {
      held.host.settled(this.id, untried(attempt, attempt.givenAt));
      return;
    }
    invariant(held.attempt === undefined, 'a connection takes one message at a time');
    held.attempt = attempt;
    tellMessage(held, transaction);
    if (!held.isIdle) return;
    prepare(held, attempt);
    held.signal('message.given');
  }

  release(offer: number, body: readonly Buffer[]): boolean {
    const { attempt } = this.#held;
    // The connection may have broken, and told so, before the engine knew.
    if (attempt === undefined || attempt.transaction.offer !== offer) return false;
    attempt.body = body;
    attempt.isReleased = true;
    this.#held.signal('body.released');
    return true;
  }

  letDial(isAllowed: boolean): boolean {
    if (this.#held.isOver || this.state() !== 'asking') return false;
    this.#held.signal(isAllowed ? 'dial.allowed' : 'dial.denied');
    return isAllowed;
  }

  resume(): boolean {
    const held = this.#held;
    if (held.isOver || !held.isIdle || held.attempt === undefined) return false;
    prepare(held, held.attempt);
    held.signal('message.given');
    return true;
  }

  tick(steadyMs: number): void {
    const held = this.#held;
    if (steadyMs < held.deadlineAt) return;
    held.deadlineAt = Number.POSITIVE_INFINITY;
    held.signal('deadline.passed');
  }

  stop(): void {
    this.#held.isStopping = true;
    this.#held.signal('stop.wanted');
  }

  abort(why: string): void {
    if (this.#held.isOver) return;
    this.#held.cause = why;
    this.#held.signal('abort.wanted');
  }

  withdraw(why: string): void {
    const { attempt } = this.#held;
    if (attempt?.isDotWritten === true) return this.stop();
    if (attempt !== undefined) attempt.isWithdrawn = true;
    this.abort(why);
  }

  state(): string {
    return this.#actor.getSnapshot().value;
  }

  #check(): void {
    if (this.#isBroken) throw this.#error;
  }
}

/** Opens a connection: dials the first candidate and goes on by itself; `inspect` is XState's. */
export function openConnection(
  network: Network,
  host: ConnectionHost,
  request: ConnectionRequest,
  inspect?: (event: InspectionEvent) => void,
): Connection {
  return new ChartedConnection(network, host, request, inspect);
}
