/**
 * Reads the log of a stopped daemon with nothing but SQLite: what was accepted, how each recipient
 * ended, which attempts have no known outcome.
 * The one idea: the judge reads the rows itself and folds them by its own few rules, so a fault in
 * the engine's fold cannot hide itself.
 * Deliberately unknown here: the engine's code.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { numberOfSender } from './probe-mail.ts';

/** A message as the log tells it. */
export interface LedgerMessage {
  readonly stream: string;
  /** Number of the probe; NaN when the message is none. */
  readonly number: number;
  readonly to: readonly string[];
  /** Types of the terminal events of each recipient, in order. */
  readonly ends: Map<string, string[]>;
  /** Attempts without a known outcome. */
  unknown: number;
  isOffered: boolean;
  isQuarantined: boolean;
}

/** All messages of a log, and what broke its own grammar. */
export interface Ledger {
  readonly messages: ReadonlyMap<string, LedgerMessage>;
  readonly events: number;
  readonly breaches: readonly string[];
}

interface Row {
  readonly position: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly stream: string;
  readonly type: string;
  readonly body: string;
}

interface Body {
  readonly from?: string;
  readonly to?: readonly string[];
  readonly index?: readonly number[];
}

const TERMINALS = new Set([
  'message.delivered',
  'message.bounced',
  'message.expired',
  'message.cancelled',
  'message.purged',
]);

const SEGMENT_NAME = /^\d+\.db$/;

/** Reads the whole log below a data directory, oldest row first. */
export function readRows(data: string): Row[] {
  const folder = join(data, 'log');
  const names = readdirSync(folder).filter((name) => SEGMENT_NAME.test(name));
  return names.sort().flatMap((name) => {
    const db = new Database(join(folder, name), { readonly: true });
    try {
      const sql = 'SELECT position, at, stream, type, body FROM event ORDER BY position';
      return db.prepare(sql).all() as Row[];
    } finally {
      db.close();
    }
  });
}

/** Folds the rows of a log into the fate of each message. */
export function readLedger(data: string): Ledger {
  const messages = new Map<string, LedgerMessage>();
  const breaches: string[] = [];
  const rows = readRows(data);
  for (const row of rows) {
    if (!row.type.startsWith('message.')) continue;
    const body = JSON.parse(row.body) as Body;
    const known = messages.get(row.stream);
    if (row.type === 'message.accepted' || row.type === 'message.recovered') {
      if (known !== undefined) breaches.push(`${row.stream} was accepted twice`);
      messages.set(row.stream, openMessage(row.stream, body));
    } else if (known === undefined) {
      breaches.push(`${row.type} at ${row.position} has no acceptance`);
    } else {
      takeEvent(known, row.type, body);
    }
  }
  for (const message of messages.values()) if (message.isOffered) message.unknown += 1;
  return { messages, events: rows.length, breaches };
}

function openMessage(stream: string, body: Body): LedgerMessage {
  return {
    stream,
    number: numberOfSender(body.from ?? ''),
    to: body.to ?? [],
    ends: new Map(),
    unknown: 0,
    isOffered: false,
    isQuarantined: false,
  };
}

function takeEvent(message: LedgerMessage, type: string, body: Body): void {
  if (type === 'message.offered') {
    // An offer upon an open one means that the first never got its outcome.
    if (message.isOffered) message.unknown += 1;
    message.isOffered = true;
    return;
  }
  if (type === 'message.unsettled') message.unknown += 1;
  if (type === 'message.quarantined') message.isQuarantined = true;
  if (type !== 'message.moved') message.isOffered = false;
  if (!TERMINALS.has(type)) return;
  for (const to of body.to ?? []) {
    message.ends.set(to, [...(message.ends.get(to) ?? []), type]);
  }
}
