/**
 * From what a start finds to books: newest whole snapshot, then the records after it, folded. Where
 * the log was damaged, the bodies are asked what the log may have lost: a body whose message no
 * readable record names was acknowledged at most, never ended, and is taken up again. Writes
 * nothing.
 */
import { Registry } from './actors/registry.ts';
import type { Foundling } from './domain/body-header.ts';
import { readHeader } from './domain/body-header.ts';
import { Books } from './domain/books.ts';
import { acceptedAtOfMessageId, numberOfMessageId } from './domain/message-id.ts';
import { decodeBooks } from './domain/snapshot.ts';
import type { ReplayedStep } from './events/replay.ts';
import { Replay } from './events/replay.ts';
import type { BodyRef, StoredRecord } from './ports/ports.ts';

/** The part of an opened log that recovery needs. */
export interface Recoverable {
  readonly snapshot?: { readonly position: number; readonly bytes: Uint8Array };
  readonly lastPosition: number;
  readonly lastTurn: number;
  readonly reports: readonly Finding[];
  replay(from: number, each: (records: StoredRecord[]) => void): Promise<void>;
}

/** One finding of damage. */
export interface Finding {
  readonly kind: string;
  readonly position?: number;
  readonly sentence: string;
}

/** The part of the body store that recovery needs. */
export interface ScannableBodies {
  scan(each: (header: string, ref: BodyRef) => void, done: (scan: unknown) => void): void;
}

/** What recovery found. */
export interface Recovered {
  readonly books: Books;
  readonly last: { readonly turn: number; readonly position: number };
  readonly damage: readonly { kind: string; position: number; sentence: string }[];
  readonly foundlings: readonly Foundling[];
}

/** An id may be this much older than its record, ms: given out at reception, accepted later. */
const OLD_MS = 60_000;

// Findings that cannot have cost a record: the log itself is whole.
const HARMLESS = new Set(['snapshot-damaged', 'high-water-missing', 'high-water-damaged']);

/** Rebuilds the books. */
export async function recover(log: Recoverable, bodies: ScannableBodies): Promise<Recovered> {
  const isDamaged = (): boolean => log.reports.some(({ kind }) => !HARMLESS.has(kind));
  const charts = new Registry();
  const { books, leftOut } = await rebuild(log, isDamaged, (step) => {
    if (!isDamaged()) charts.signal(step);
  });
  charts.stop();
  const foundlings = isDamaged() ? await findLost(log, bodies, books) : [];
  const damage = log.reports.map(({ kind, position, sentence }) => ({
    kind,
    position: position ?? 0,
    sentence,
  }));
  for (const sentence of leftOut) {
    damage.push({ kind: 'record-unfit', position: 0, sentence });
  }
  const last = { turn: log.lastTurn, position: log.lastPosition };
  return { books, last, damage, foundlings };
}

/**
 * Newest picture and what came after it. The records are asked for before the picture is unpacked,
 * so the log reads while this thread unpacks: with a million rows that is half a second.
 */
async function rebuild(
  log: Recoverable,
  isDamaged: () => boolean,
  signal: (step: ReplayedStep) => void,
): Promise<Replay> {
  const { snapshot } = log;
  if (snapshot !== undefined) {
    let replay: Replay | undefined;
    const early: StoredRecord[] = [];
    const replayed = log.replay(snapshot.position + 1, (records) => {
      if (replay === undefined) early.push(...records);
      else for (const record of records) replay.apply(record);
    });
    const books = decodeBooks(snapshot.bytes);
    if (books !== undefined) {
      replay = new Replay(books, isDamaged, signal);
      for (const record of early) replay.apply(record);
    }
    await replayed;
    if (replay !== undefined) return replay;
  }
  const replay = new Replay(new Books(), isDamaged, signal);
  await log.replay(1, (records) => {
    for (const record of records) replay.apply(record);
  });
  return replay;
}

/** Messages that have a body, and that nothing in the readable log speaks of. */
async function findLost(
  log: Recoverable,
  bodies: ScannableBodies,
  books: Books,
): Promise<Foundling[]> {
  const known = new Set<number>();
  // Where not one record is left, nothing is known to be old.
  let firstAt = Number.NEGATIVE_INFINITY;
  await log.replay(1, (records) => {
    for (const { stream, at } of records) {
      if (firstAt === Number.NEGATIVE_INFINITY) firstAt = at;
      const number = numberOfMessageId(stream);
      if (number >= 0) known.add(number);
    }
  });
  const found: Foundling[] = [];
  await new Promise<void>((resolve) => {
    bodies.scan(
      (header, body) => {
        for (const foundling of readHeader(header, body)) {
          const number = numberOfMessageId(foundling.id);
          const isKnown = known.has(number) || books.rows.find(number) >= 0;
          // Older than anything the log still holds: ended long ago, its records were let go.
          const isOld = acceptedAtOfMessageId(foundling.id) + OLD_MS < firstAt;
          if (!isKnown && !isOld) found.push(foundling);
        }
      },
      () => resolve(),
    );
  });
  return found;
}
