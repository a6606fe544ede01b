/**
 * What the deciding parts share, at its beginning: empty but for books, ports and limits. Also how
 * intake is paced to delivery, which is asked before anything is decided. Holds no other rule.
 */
import type { Books } from '../domain/books.ts';
import { BrokenTls } from '../domain/broken-tls.ts';
import { LabelCounts } from '../domain/label-counts.ts';
import type { Limits } from '../domain/limits.ts';
import type { StsShelf } from '../domain/mta-sts-policies.ts';
import { StsPolicies } from '../domain/mta-sts-policies.ts';
import type { PolicyAsker } from '../domain/policy-asker.ts';
import { ReaderFloors } from '../domain/reader-floors.ts';
import { RuleIndex } from '../domain/rule-index.ts';
import { Calendar } from '../domain/time-window.ts';
import { createTimerWheel } from '../domain/timer-wheel.ts';
import { TurnedAway } from '../domain/turned-away.ts';
import type { Ports } from '../ports/ports.ts';
import type { TurnHands, Turns } from '../turn.ts';
import { Alarms } from './alarms.ts';
import { Answers } from './answers.ts';
import type { ConnectionHost } from './connection/connection.ts';
import type { Core } from './core.ts';
import * as deciding from './deciding.ts';
import { HeldRows } from './held-rows.ts';
import type { Input } from './input.ts';
import { newLastErrors } from './inspecting/last-errors.ts';
import { Measures } from './measures.ts';
import { newNdrDuty } from './ndr-notes.ts';
import { PlacedRows } from './placed-rows.ts';
import { Pools } from './pools.ts';
import { Asked } from './queue/asked.ts';
import { QuotaLines } from './quota-lines.ts';
import type { Ration, Token } from './rationing.ts';
import type { Registry } from './registry.ts';
import { SourceHealth } from './source-health.ts';
import { newSpool } from './spooling.ts';
import { candidateFailed, mayDial } from './suspending.ts';
import { newSweep } from './sweeping.ts';

/** One tick of the timer wheel: how late a retry or an expiry may be. */
const WHEEL_TICK_MS = 100;

/** What a core is made of. */
export interface CoreParts {
  readonly ports: Ports;
  readonly asker: PolicyAsker;
  readonly books: Books;
  readonly last: { readonly turn: number; readonly position: number };
  readonly ehloName: string;
  readonly log?: Core['log'];
  readonly readSecret?: Core['readSecret'];
  /** Where MTA-STS policies outlive the process. */
  readonly stsShelf?: StsShelf;
  /** What readers behind the commit still need of the log. */
  readonly readers?: Core['house']['readers'];
}

/** What a turn asks of the deciding parts. */
export const makeTurnHands = (core: Core): TurnHands<Input> => ({
  ring: (at) => deciding.ring(core, at),
  decide: (input, at) => deciding.decide(core, input, at),
  match: (at) => deciding.match(core, at),
  admitNow: (waiting, at) => admitNow(core, waiting, at),
  nextDueAt: () => deciding.nextDueAt(core),
  isEnding: () => core.whenQuiet !== undefined,
});

/** Everything the deciding parts share, at its beginning. */
export function makeCore(
  parts: CoreParts,
  limits: Limits,
  turns: Turns<Input>,
  registry: Registry,
  find: () => Core,
): Core {
  const { ports, books } = parts;
  const now = ports.clock.now();
  const alarms = new Alarms();
  return {
    ports,
    books,
    limits,
    turns,
    registry,
    wheel: createTimerWheel(WHEEL_TICK_MS, now),
    alarms,
    calendar: new Calendar(),
    answers: new Answers(parts.asker, books, (event) => turns.emit(event)),
    asked: new Asked(),
    rules: new RuleIndex(books.rules),
    ndrs: newNdrDuty(),
    spool: newSpool(),
    adminLeft: 0,
    ...makeTlsMemory(parts),
    ...makeRates(ports, books, alarms),
    ...makeSourceMemory(books),
    sweep: newSweep(),
    tallies: { ...NOTHING_YET },
    lastErrors: newLastErrors(),
    measures: new Measures(),
    placed: new PlacedRows(),
    epoch: 1,
    held: new HeldRows(limits),
    ...nothingHeld(),
    planning: 0,
    drawing: new Map(),
    drawNow: [],
    readyOf: new Map(),
    ehloName: parts.ehloName,
    connectionHost: makeConnectionHost(ports, turns, find),
    requeue: (slot, at) => deciding.requeue(find(), slot, at),
    ownPlaces: new Set(),
    readSecret: parts.readSecret ?? (() => undefined),
    nextLink: 1,
    nextOffer: 1,
    nextNumber: 0,
    backlog: 0,
    settledNow: 0,
    isStopping: false,
    stoppedAt: 0,
    whenQuiet: undefined,
    house: makeHouse(parts, now),
    log: parts.log ?? (() => {}),
  };
}

type Held = 'queues' | 'readyQueues' | 'sessions' | 'offers' | 'offerOf' | 'cycles';
type Touched = 'touchedQueues' | 'touchedReady' | 'starved';

/** Queues, connections and what they have in hand: none. */
function nothingHeld(): Pick<Core, Held | Touched> {
  return {
    queues: new Map(),
    readyQueues: new Map(),
    sessions: new Map(),
    offers: new Map(),
    offerOf: new Map(),
    cycles: new Map(),
    touchedQueues: new Set(),
    touchedReady: new Set(),
    starved: new Set(),
  };
}

const makeHouse = ({ last, readers }: CoreParts, snapshotAt: number): Core['house'] => ({
  snapshotAt,
  snapshotPosition: last.position + 1,
  isSaving: false,
  isRound: false,
  isAnySourceless: false,
  moving: 0,
  readers: readers ?? (() => []),
  floors: new ReaderFloors(),
});

const NOTHING_YET: Core['tallies'] = {
  refreshes: 0,
  refreshesFailed: 0,
  policyFaults: 0,
  throttled: 0,
  rebound: 0,
  stsImpossible: 0,
};

const makeSourceMemory = (books: Books): Pick<Core, 'pools' | 'health'> => ({
  pools: new Pools(),
  health: new SourceHealth(books),
});

function makeTlsMemory({
  ports,
  stsShelf: shelf,
}: CoreParts): Pick<Core, 'sts' | 'brokenTls' | 'routedModes'> {
  const { resolver, policyFetch: fetch, clock } = ports;
  const sts = new StsPolicies({ resolver, fetch, now: () => clock.now(), shelf });
  return { sts, brokenTls: new BrokenTls(), routedModes: new WeakMap() };
}

/** What rates and limits need; quotas that count in this process get their memory. */
function makeRates(ports: Ports, books: Books, alarms: Alarms) {
  const reserves = { now: new Map<string, number>(), inFlight: 0 };
  ports.quotas.remember?.({
    usedUntil: (key) => books.rates.get(key),
    reserve: (key, until) => reserves.now.set(key, until),
  });
  return {
    lines: new QuotaLines(alarms),
    rationed: new Set<Ration>(),
    reserves,
    fares: new Map<number, Token[]>(),
    turnedAway: new TurnedAway(),
    delays: {
      messageRate: new LabelCounts(),
      insertThrottle: new LabelCounts(),
      readyFull: new LabelCounts(),
    },
  };
}

function makeConnectionHost(ports: Ports, turns: Turns<Input>, find: () => Core): ConnectionHost {
  return {
    steadyMs: () => ports.clock.steadyMs(),
    mayDial: (link) => mayDial(find(), link),
    failed: (link, failed) => candidateFailed(find(), link, failed),
    opened: (link, peer) => turns.push({ kind: 'opened', link, peer }),
    idle: (link) => turns.push({ kind: 'idle', link }),
    parting: (link) => turns.push({ kind: 'parting', link }),
    settled: (link, settlement) => turns.push({ kind: 'settled', link, settlement }),
    wantsDial: (link) => turns.push({ kind: 'wantsDial', link }),
    wantsResend: (link) => turns.push({ kind: 'wantsResend', link }),
    ended: (link, ending) => turns.push({ kind: 'ended', link, ending }),
  };
}

/** Paces intake to delivery: above the bound a turn takes what it settled, and the overdue. */
function admitNow(core: Core, waiting: readonly Input[], at: number): number {
  if (core.backlog < core.limits.paceRowsMin || core.isStopping) return waiting.length;
  let count = Math.min(waiting.length, core.settledNow + 1);
  while (count < waiting.length) {
    const input = waiting[count];
    const isMail = input?.kind === 'submitted' || input?.kind === 'generated';
    if (!isMail || at - input.at < core.limits.paceMsMax) break;
    count += 1;
  }
  if (count < waiting.length) core.alarms.set('pace', at + core.limits.paceMsMax);
  return count;
}
