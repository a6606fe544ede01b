/**
 * What the deciding parts of the engine share: the books, the ports and everything held in memory
 * about queues, ready queues and connections. One value, made by `engine.ts`; the parts are
 * functions over it, so that none of them needs to import another's insides. Holds no logic.
 */
import type { Books, QueueRow } from '../domain/books.ts';
import type { BrokenTls } from '../domain/broken-tls.ts';
import type { LabelCounts } from '../domain/label-counts.ts';
import type { Limits } from '../domain/limits.ts';
import type { StsMode } from '../domain/mta-sts.ts';
import type { StsPolicies } from '../domain/mta-sts-policies.ts';
import type { Site } from '../domain/mx-plan.ts';
import type { KeySource } from '../domain/option-places.ts';
import type { SourceConfig } from '../domain/options-egress.ts';
import type { PathConfig } from '../domain/options-path.ts';
import type { QueueConfig } from '../domain/options-queue.ts';
import type { QueueName } from '../domain/queue-name.ts';
import type { ReaderFloors, ReaderNeed } from '../domain/reader-floors.ts';
import type { Rotation } from '../domain/round-robin.ts';
import type { RuleIndex } from '../domain/rule-index.ts';
import type { Calendar } from '../domain/time-window.ts';
import type { TimerWheel } from '../domain/timer-wheel.ts';
import type { TurnedAway } from '../domain/turned-away.ts';
import type { Ports } from '../ports/ports.ts';
import type { Turns } from '../turn.ts';
import type { Alarms } from './alarms.ts';
import type { Answers } from './answers.ts';
import type { Connection, ConnectionHost, Outcome, PeerInfo } from './connection/connection.ts';
import type { HeldRows } from './held-rows.ts';
import type { Input } from './input.ts';
import type { LastErrors } from './inspecting/last-errors.ts';
import type { ReadyMarks, SessionMeter } from './inspecting/marks.ts';
import type { HeldLease } from './leasing.ts';
import type { Measures, ReadyCounts } from './measures.ts';
import type { NdrDuty } from './ndr-notes.ts';
import type { PlacedRows } from './placed-rows.ts';
import type { KeptRest } from './plan-rest.ts';
import type { Pools } from './pools.ts';
import type { Asked } from './queue/asked.ts';
import type { QuotaLines } from './quota-lines.ts';
import type { Ration, Token } from './rationing.ts';
import type { Registry } from './registry.ts';
import type { PathShaping, QueueShaping } from './shaping.ts';
import type { SlotRing } from './slot-ring.ts';
import type { SourceHealth } from './source-health.ts';
import type { Spool } from './spooling.ts';
import type { Tallies } from './tallies.ts';

/** What is held about a queue with due rows. */
export interface HeldQueue {
  readonly row: QueueRow;
  readonly name: QueueName;
  config: QueueConfig;
  /** Undefined until it first picks a source of its pool. */
  robin: Rotation | undefined;
  site: Site | undefined;
  siteExpiresAt: number;
  isRouting: boolean;
  /** Counts the routes asked for; an answer to an earlier one is of no use. */
  route: number;
  /** Due rows that wait for a place in a ready queue. */
  readonly due: SlotRing;
  /** The row that passed its rates and found no room, with its ticket; -1 = none. */
  passed: number;
  passedTicket: number;
  /** Ready queues that will call when they have room again; and places in those that did. */
  readonly waitsFor: Set<ReadyQueue>;
  readonly turns: Map<ReadyQueue, number>;
  /** The one with a slow rate that keeps its only place for this queue just now. */
  calledBy: ReadyQueue | undefined;
  readonly shaping: QueueShaping;
  usedAt: number;
}

/** The bounded queue of one source towards one site, and its connections. */
export interface ReadyQueue {
  readonly name: string;
  source: SourceConfig;
  site: Site;
  path: PathConfig;
  /** Keys of the answers that `source` and `path` came from. */
  sourceKey: string;
  pathKey: string;
  /** Raised with each change that connections must not outlive. */
  revision: number;
  /** Epoch of this process in which it was configured, and when it is to be asked for again. */
  epoch: number;
  nextAt: number;
  readonly routingDomain: string;
  readonly rows: SlotRing;
  /** Rows in it, without stale entries. */
  size: number;
  readonly sessions: Set<Session>;
  readonly idle: Session[];
  /** Messages in the hands of its connections: open offers. */
  offered: number;
  /** Sessions that part: they take no more and count against limits until they are gone. */
  parting: number;
  /** Connections being planned: not yet sessions. */
  planning: number;
  /** Sessions in a row that reached no host. */
  failures: number;
  /** Queues that wait for room, first in first out; and places kept for those that were called. */
  readonly waiting: Set<HeldQueue>;
  called: number;
  /** Modes of the MTA-STS policies of those who put mail in here, and until when each counts. */
  readonly stsUses: Map<StsMode, number>;
  readonly shaping: PathShaping;
  /** What is counted of it for metrics. */
  readonly counts: ReadyCounts;
  /** No new connection before this time. */
  notBefore: number;
  /** A plan that the next connection goes on with. */
  rest: KeptRest | undefined;
  usedAt: number;
  /** It was let go: one that is needed again is another. */
  isGone: boolean;
  /** Since when something holds it up, for those who look. */
  readonly marks: ReadyMarks;
}

/** A connection of a ready queue. */
export interface Session {
  readonly id: number;
  /** Its name for those who read the log. */
  readonly uuid: string;
  readonly ready: ReadyQueue;
  readonly connection: Connection;
  peer: PeerInfo | undefined;
  offer: Offer | undefined;
  /** When the offer was given, engine time. */
  givenAt: number;
  isStopping: boolean;
  /** It said so: whatever has no verdict yet comes back untried. */
  isParting: boolean;
  /** How often TLS had failed when that was last noted. */
  tlsFailures: number;
  /** Its place under limits that others share. */
  readonly held: HeldLease | undefined;
  readonly meter: SessionMeter;
}

/** A message in the hands of a connection. */
export interface Offer {
  readonly number: number;
  readonly slot: number;
  readonly messageId: string;
  readonly session: Session;
  readonly attempt: number;
  readonly to: readonly string[];
  /** Index of each of `to` in the accepted envelope. */
  readonly index: readonly number[];
  body: readonly Buffer[] | undefined;
  isDurable: boolean;
  /** What it cost where messages have a rate; undefined once it is used up. */
  token: Token | undefined;
  /** What the row paid on its way here; see fares.ts. */
  fares: readonly Token[];
  /** The connection has it: MAIL may be written. */
  isGiven: boolean;
  /** The connection was allowed to send body and dot: the outcome can be unknown from here on. */
  isReleased: boolean;
}

/** A multi-recipient message between two offers of one cycle. */
export interface Cycle {
  readonly deferred: Outcome[];
  readonly deferredIndex: number[];
  readonly deferredTo: string[];
  again: number[];
}

/** A round through everything that is configured, in slices. */
export interface Sweep {
  /** Where in the queues it stands, and how many are left to look at. */
  queueAt: number;
  queuesLeft: number;
  /** Ready queues left to look at; undefined while queues are. */
  ready: ReadyQueue[] | undefined;
  /** Keys of the answers and pools of queues that were looked at, or asked for, since it began. */
  readonly answers: Set<string>;
  readonly pools: Set<string>;
  /** At its end answers that nobody rests on are forgotten. */
  isForgetting: boolean;
  /** A slice is on its way. */
  isOn: boolean;
  /** Where in the rows a round of setting the wheel anew stands, and how many are left. */
  armAt: number;
  armsLeft: number;
  /** Rows that this slice may still walk over. */
  rowsLeft: number;
}

/** Messages that had to wait, by queue. */
export type Delays = Readonly<Record<'messageRate' | 'insertThrottle' | 'readyFull', LabelCounts>>;

/** What the deciding parts share. */
export interface Core {
  readonly ports: Ports;
  readonly books: Books;
  readonly limits: Limits;
  readonly turns: Turns<Input>;
  readonly wheel: TimerWheel;
  readonly alarms: Alarms;
  readonly calendar: Calendar;
  readonly answers: Answers;
  readonly asked: Asked;
  /** Which rules of operators hold for a queue. */
  readonly rules: RuleIndex;
  /** Reports of failure that are owed to senders. */
  readonly ndrs: NdrDuty;
  /** Bodies that are in memory only. */
  readonly spool: Spool;
  /** Events that rounds over many queues may still write in this turn. */
  adminLeft: number;
  /** The MTA-STS policies of receivers. */
  readonly sts: StsPolicies;
  readonly brokenTls: BrokenTls;
  /** The mode that each queue's last route was recorded with. */
  readonly routedModes: WeakMap<QueueRow, string>;
  /** Those who wait for rates and limits. */
  readonly lines: QuotaLines;
  /** Rations with tokens that this turn has not spent. */
  readonly rationed: Set<Ration>;
  /** Reserves of rates that are not durable yet: those of this turn, and turns with some. */
  readonly reserves: { readonly now: Map<string, number>; inFlight: number };
  /** What rows that wait for a connection have paid; see fares.ts. */
  readonly fares: Map<number, Token[]>;
  readonly turnedAway: TurnedAway;
  readonly delays: Delays;
  readonly pools: Pools;
  readonly health: SourceHealth;
  readonly sweep: Sweep;
  readonly tallies: Tallies;
  /** What failed last, of those that failed lately. */
  readonly lastErrors: LastErrors;
  readonly measures: Measures;
  /** Rows in ready queues and with connections, by their scheduled queue. */
  readonly placed: PlacedRows;
  /** Epoch of this process: 1 at its start, one more each time configuration comes into force. */
  epoch: number;
  readonly registry: Registry;
  readonly held: HeldRows;
  readonly queues: Map<number, HeldQueue>;
  readonly readyQueues: Map<string, ReadyQueue>;
  readonly sessions: Map<number, Session>;
  readonly offers: Map<number, Offer>;
  readonly offerOf: Map<number, Offer>;
  readonly cycles: Map<number, Cycle>;
  readonly touchedQueues: Set<HeldQueue>;
  readonly touchedReady: Set<ReadyQueue>;
  /** Ready queues that wanted more connections than the engine had left. */
  readonly starved: Set<ReadyQueue>;
  /** Connections being planned, of all ready queues. */
  planning: number;
  /** Rows being read back from the log: slot → what to do with the envelope. */
  readonly drawing: Map<number, 'ready' | 'expire'>;
  /** Rows to be read back at the end of this turn. */
  readonly drawNow: number[];
  /** Which ready queue a ready row is in. */
  readonly readyOf: Map<number, ReadyQueue>;
  readonly ehloName: string;
  readonly connectionHost: ConnectionHost;
  /** Puts a row back to be placed anew; no attempt is counted. */
  readonly requeue: (slot: number, at: number) => void;
  /** Reads a password or key; undefined when it cannot be had. Cached by its adapter. */
  readonly readSecret: (source: KeySource) => string | undefined;
  /** `address:port` of our own listeners: mail sent there would go round in a loop. */
  readonly ownPlaces: Set<string>;
  nextLink: number;
  nextOffer: number;
  /** Next message number to give out. */
  nextNumber: number;
  /** Rows due or ready, not yet offered. */
  backlog: number;
  /** Outcomes decided in this turn; paces intake. */
  settledNow: number;
  isStopping: boolean;
  /** When it was told to stop; 0 = not yet. */
  stoppedAt: number;
  /** Set while stopping: the end, decided in the first turn with nothing in anybody's hands. */
  whenQuiet: ((at: number) => void) | undefined;
  /** Housekeeping's memory. */
  readonly house: {
    snapshotAt: number;
    snapshotPosition: number;
    /** From the moment of a picture until it is on disk. */
    isSaving: boolean;
    /** The long ways of a round are under way. */
    isRound: boolean;
    /** Mail may wait for want of a source. */
    isAnySourceless: boolean;
    /** Bodies being copied to a new place. */
    moving: number;
    /** What readers behind the commit still need of the log, and what living messages needed. */
    readonly readers: () => readonly ReaderNeed[];
    readonly floors: ReaderFloors;
  };
  readonly log: (level: 'info' | 'warn' | 'error', text: string) => void;
}
