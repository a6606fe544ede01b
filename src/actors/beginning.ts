/**
 * The first turn of a run: what was found in the books becomes work again. Attempts left open by a
 * crash are of unknown outcome and are said to be; due times go back on the wheel, pauses get their
 * alarms again, bodies get their references. Reads no file: recovery has filled the books.
 */

import { domainOf } from '../domain/address.ts';
import type { Foundling } from '../domain/body-header.ts';
import { isDeferredSegment } from '../domain/deferred-place.ts';
import type { NdrDuties } from '../domain/ndrs.ts';
import { ROW_OFFERED, ROW_SOURCELESS } from '../domain/rows.ts';
import { takeUpRules } from './admin/ruling.ts';
import type { Core } from './core.ts';
import { takeUpGenerations } from './generating.ts';
import { hastenSourceless } from './hastening.ts';
import { rememberError } from './inspecting/last-errors.ts';
import { takeUpNdrs } from './ndrs.ts';
import { openQueue } from './queue/configuring.ts';
import { leftIndexes, maxAgeOf, messageIdOf, originOf } from './rows-in-hand.ts';
import { loseRow } from './spooling.ts';
import { startSweep } from './sweeping.ts';

/** Numbers skipped at each start, so that an id of a lost submission is never given out again. */
export const NUMBER_STRIDE = 65_536;

/** What is said at the start of a run. */
export interface Beginning {
  readonly version: string;
  /** Drawn for a new data directory; an old one keeps its own. */
  readonly node: string;
  readonly seed: number;
  readonly policy: {
    readonly hash: string;
    readonly file: string;
    /** Its number in the policy store, the epoch, and why it is in force, where there are any. */
    readonly version?: number;
    readonly epoch?: number;
    readonly reason?: string;
    /** Whether MTA-STS policies of receivers are looked for; absent = yes. */
    readonly isMtaStsEnabled?: boolean;
    /** Which failures are reported to senders; absent = none. */
    readonly ndrDuties?: NdrDuties | undefined;
  };
  readonly damage: readonly { kind: string; position: number; sentence: string }[];
  readonly foundlings: readonly Foundling[];
}

/** Decides the first turn. */
export function begin(core: Core, beginning: Beginning, at: number): void {
  const { books, turns } = core;
  const number = (Math.floor(books.engine.number / NUMBER_STRIDE) + 1) * NUMBER_STRIDE;
  const node = books.engine.node === '' ? beginning.node : books.engine.node;
  const { version, seed, policy } = beginning;
  turns.emit({ type: 'engine.started', stream: 'engine', body: { version, node, seed, number } });
  core.nextNumber = number;
  for (const { kind, position, sentence } of beginning.damage) {
    turns.emit({ type: 'log.damaged', stream: 'log', body: { kind, at: position, sentence } });
  }
  notePolicy(core, policy);
  core.sts.isEnabled = policy.isMtaStsEnabled ?? true;
  core.ndrs.duties = policy.ndrDuties;
  for (const foundling of beginning.foundlings) takeUpFoundling(core, foundling, at);
  const { offered, lost } = takeUpRows(core);
  for (const slot of offered) unsettle(core, slot, at);
  takeUpLost(core, lost, at);
  for (const row of books.queues) {
    if (row !== undefined && row.until > 0) core.alarms.set(`queue ${row.name}`, row.until);
  }
  for (const source of books.sources.values()) {
    if (source.until > 0) core.alarms.set(`source ${source.name}`, source.until);
  }
  takeUpGenerations(core);
  takeUpNdrs(core);
  takeUpRules(core, at);
  core.alarms.set('house', at + core.limits.reapMs);
  startSweep(core, at);
  hastenSourceless(core, at);
}

/** The log says which version answers from here on; nothing is said where it is the same. */
function notePolicy(core: Core, policy: Beginning['policy']): void {
  const { engine } = core.books;
  const { hash, file, version = 0, epoch = engine.epoch, reason = 'start' } = policy;
  if (engine.policy === hash && engine.policyVersion === version && engine.epoch === epoch) return;
  const body = { version, hash, file, reason, epoch };
  core.turns.emit({ type: 'policy.activated', stream: 'policy', body });
}

/** A message the log had lost. Whether it was tried before is not known any more. */
function takeUpFoundling(core: Core, found: Foundling, at: number): void {
  const { books, turns } = core;
  const queue = found.queue ?? domainOf(found.to[0] ?? '');
  if (queue === '') return;
  if (books.findQueue(queue) === undefined) openQueue(core, queue, at);
  const { segment, offset, length, sum } = found.body;
  turns.emit({
    type: 'message.recovered',
    stream: found.id,
    body: {
      queue,
      from: found.from,
      to: found.to,
      body: [segment, offset, length, sum],
      service: 'recovery',
      peer: found.peer,
      helo: found.helo,
      ...(found.isEightBit ? { eightBit: 1 as const } : {}),
      ...(found.smtpUtf8 ? { smtpUtf8: 1 as const } : {}),
      ...(found.dueAt !== undefined && found.dueAt > at ? { due: found.dueAt } : {}),
      ...(found.meta === undefined ? {} : { meta: found.meta }),
      schedule: found.schedule,
    },
  });
}

/**
 * Puts every living row on the wheel, gives its body a reference, and answers the offered ones. In
 * the order in which rows lie in memory: along their queues a million took three times as long.
 */
function takeUpRows(core: Core): { readonly offered: number[]; readonly lost: number[] } {
  const { rows, queues } = core.books;
  const { bodies } = core.ports;
  const c = rows.columns;
  const maxAges = Float64Array.from(queues, (queue) => (queue?.count ? maxAgeOf(core, queue) : 0));
  const offered: number[] = [];
  const lost: number[] = [];
  rows.each((slot) => {
    if (isDeferredSegment(c.bodySegment[slot] as number)) {
      lost.push(slot);
      return;
    }
    bodies.refer(c.bodySegment[slot] as number, 1, c.bodyBytes[slot] as number);
    const maxAgeMs = maxAges[c.queue[slot] as number] as number;
    const expiresAt =
      rows.schedules.get(slot)?.expires ?? (c.acceptedAt[slot] as number) + maxAgeMs;
    core.wheel.set(slot, Math.min(c.dueAt[slot] as number, expiresAt));
    const flags = c.flags[slot] as number;
    if ((flags & ROW_OFFERED) !== 0) offered.push(slot);
    if ((flags & ROW_SOURCELESS) !== 0) core.house.isAnySourceless = true;
  });
  return { offered, lost };
}

/** What the process before this one had in memory only comes to its end here, one by one. */
function takeUpLost(core: Core, lost: readonly number[], at: number): void {
  if (lost.length === 0) return;
  for (const slot of lost) {
    const flags = core.books.rows.columns.flags[slot] as number;
    if ((flags & ROW_OFFERED) !== 0) emitUnsettled(core, slot, at);
    loseRow(core, slot);
  }
  const what = 'that were kept in memory only (deferred_spool) died with the process before this';
  core.log('error', `${lost.length} messages ${what}: each has ended as lost`);
}

/** The process ended between an offer and its outcome: tried again at once, and counted. */
function unsettle(core: Core, slot: number, at: number): void {
  emitUnsettled(core, slot, at);
  core.wheel.set(slot, at);
}

function emitUnsettled(core: Core, slot: number, at: number): void {
  const attempts = core.books.rows.columns.attempts[slot] as number;
  const event = {
    type: 'message.unsettled',
    stream: messageIdOf(core, slot),
    body: {
      attempt: attempts + 1,
      attempts,
      due: at,
      cause: 'the engine ended before the outcome was recorded',
      index: leftIndexes(core, slot),
      ...originOf(core, slot),
    },
  } as const;
  rememberError(core.lastErrors, event, at);
  core.turns.emit(event);
}
