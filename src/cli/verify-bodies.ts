/**
 * Whether the bodies of living messages are there and whole: each frame of the body segments is
 * read and held against its checksums, and what the log promises to send is looked for among them.
 * Memory follows the living messages. Deliberately unknown here: the log, and mending.
 */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isDeferredSegment } from '../domain/deferred-place.ts';
import type { BodyPlace } from '../events/message.ts';
import { nodeDisk } from '../ports/node/bodies-disk.ts';
import { SEGMENT_NAME } from '../ports/node/bodies-files.ts';
import { scanSegment } from '../ports/node/bodies-scan.ts';

/** Damaged frames and messages without a body that are told one by one. */
const LISTED_MAX = 1000;

/** A living message whose body is not what the log says. */
export interface LostBody {
  readonly message: string;
  readonly segment: number;
  readonly offset: number;
}

/** A frame that does not hold. */
export interface DamagedFrame {
  readonly segment: number;
  readonly offset: number;
  readonly why: string;
}

/** What looking at all bodies found. */
export interface BodiesCheck {
  readonly segments: number;
  readonly frames: number;
  /** Messages whose bodies were looked for. */
  readonly living: number;
  /** Messages whose bodies are in the memory of a process only: nothing to look for. */
  readonly inMemory: number;
  readonly lost: number;
  readonly lostListed: readonly LostBody[];
  /** Frames that do not hold, whether a living message needs them or not. */
  readonly damaged: number;
  readonly damagedListed: readonly DamagedFrame[];
}

interface Wanted {
  readonly body: BodyPlace;
  readonly messages: string[];
}

const keyOf = (segment: number, offset: number): string => `${segment} ${offset}`;

// Several messages may have one body.
const gather = (places: Iterable<readonly [string, BodyPlace]>) => {
  const wanted = new Map<string, Wanted>();
  let inMemory = 0;
  for (const [message, body] of places) {
    if (isDeferredSegment(body[0])) {
      inMemory += 1;
      continue;
    }
    const key = keyOf(body[0], body[1]);
    const known = wanted.get(key);
    if (known === undefined) wanted.set(key, { body, messages: [message] });
    else known.messages.push(message);
  }
  return { wanted, inMemory };
};

const segmentsOf = (dir: string): { path: string; segment: number; bytes: number }[] => {
  const folder = join(dir, 'bodies');
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return names.sort().flatMap((name) => {
    const number = SEGMENT_NAME.exec(name)?.[1];
    if (number === undefined) return [];
    const path = join(folder, name);
    const facts = lstatSync(path, { throwIfNoEntry: false });
    if (facts?.isFile() !== true) return [];
    return [{ path, segment: Number(number), bytes: facts.size }];
  });
};

/** Reads all bodies of a data directory; `shown` hears of each segment that is through. */
export const checkBodies = async (
  dir: string,
  places: Iterable<readonly [message: string, body: BodyPlace]>,
  shown: (done: number, total: number) => void = () => undefined,
): Promise<BodiesCheck> => {
  const { wanted, inMemory } = gather(places);
  let living = 0;
  for (const { messages } of wanted.values()) living += messages.length;
  let frames = 0;
  let damaged = 0;
  const damagedListed: DamagedFrame[] = [];
  const targets = segmentsOf(dir);
  for (const [index, target] of targets.entries()) {
    const tell = (offset: number, why: string): void => {
      damaged += 1;
      const { segment } = target;
      if (damagedListed.length < LISTED_MAX) damagedListed.push({ segment, offset, why });
    };
    const refused = await scanSegment(nodeDisk, target, {
      found: (_header, { segment, offset, length, sum }) => {
        frames += 1;
        const key = keyOf(segment, offset);
        const body = wanted.get(key)?.body;
        if (body !== undefined && body[2] === length && body[3] === sum) wanted.delete(key);
      },
      damaged: tell,
    });
    if (refused !== undefined) tell(0, refused.message);
    shown(index + 1, targets.length);
  }
  const lostListed: LostBody[] = [];
  let lost = 0;
  for (const { body, messages } of wanted.values()) {
    lost += messages.length;
    for (const message of messages) {
      if (lostListed.length >= LISTED_MAX) break;
      lostListed.push({ message, segment: body[0], offset: body[1] });
    }
  }
  return {
    segments: targets.length,
    frames,
    living,
    inMemory,
    lost,
    lostListed,
    damaged,
    damagedListed,
  };
};
