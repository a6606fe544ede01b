/**
 * A slice of rendered messages on its way to be durable: each gets its id, its trace headers and
 * its metadata, is shaped, and has its body stored; what comes out is a submission. The idea: a
 * slice is one group for the disk and one turn for the engine, never a wait for each message.
 * Deliberately unknown here: HTTP, templates, what becomes of a submission.
 */

import { needsUtf8 } from '../../domain/address.ts';
import { pickMeta } from '../../domain/capture.ts';
import type { Bodies, BodyRef, Fault } from '../../ports/ports.ts';
import { isFault } from '../../ports/ports.ts';
import { captureHeaders } from '../capturing.ts';
import type { IntakeHost, Submission, SubmittedMessage } from '../host.ts';
import { readHeader } from '../message-intake.ts';
import type { Draft, InjectClient, Rejection, ShapeDraft } from './draft.ts';
import { dress, metaOf, receivedFor } from './draft.ts';
import type { Printed } from './press.ts';
import type { TraceHeaders } from './request.ts';
import { oneLine } from './request.ts';

/** A recipient that got no message, and why. */
export interface Failure {
  readonly email: string;
  readonly why: string;
}

/** What is asked of the world. */
export interface StoringWorld {
  readonly host: IntakeHost;
  readonly bodies: Bodies;
  readonly shape: ShapeDraft | undefined;
  readonly now: () => number;
}

/** What all messages of a request have in common. */
export interface Origin {
  readonly from: string;
  readonly trace: TraceHeaders;
  /** Bodies may stay in memory until the first attempt has failed (deferred_spool). */
  readonly mayDefer: boolean;
  readonly client: InjectClient;
}

/** A slice with its bodies durable: submissions to hand over, or to let go of. */
export interface StoredSlice {
  readonly submissions: readonly Submission[];
  /** Messages that policy sent nowhere: as good as taken. */
  readonly discarded: number;
  readonly failures: readonly Failure[];
  /** The store did not take some, for now: they are among the failures. */
  readonly isShort: boolean;
}

interface Written {
  readonly draft: Draft;
  readonly chunks: readonly Buffer[];
  readonly isEightBit: boolean;
  readonly body: BodyRef;
}

const DISCARD = 'null';

/** Stores the messages of a slice; a message that cannot be stored is a failure of its own. */
export async function storeSlice(
  world: StoringWorld,
  origin: Origin,
  slice: readonly Printed[],
): Promise<StoredSlice> {
  const failures: Failure[] = [];
  const at = world.now();
  const made = slice.filter((printed) => {
    if ('bytes' in printed) return true;
    failures.push(printed);
    return false;
  }) as Extract<Printed, { readonly bytes: Uint8Array }>[];
  const ids = world.host.allocateIds(made.length);
  let discarded = 0;
  let isShort = false;
  const written = await Promise.all(
    made.map(async (printed, index) => {
      const draft = makeDraft(origin, printed, ids[index] as string, at);
      const shaped = await shape(world, draft, origin.client);
      if ('rejection' in shaped) {
        failures.push({ email: printed.email, why: shaped.rejection });
      } else if (shaped.queue === DISCARD) discarded += 1;
      else {
        const chunks = dress(shaped);
        const isSame = shaped.chunks === draft.chunks;
        const isEightBit = isSame ? printed.isEightBit : shaped.chunks.some(hasEightBit);
        const header = headerBeside(shaped, origin, isEightBit, at);
        const body = await store(world.bodies, header, chunks, mayDefer(origin, shaped));
        if (!isFault(body)) return { draft: shaped, chunks, isEightBit, body };
        isShort = true;
        failures.push({ email: printed.email, why: whyNot(body) });
      }
      return undefined;
    }),
  );
  const kept = written.filter((entry) => entry !== undefined);
  return { submissions: submissionsOf(world, origin, kept, at), discarded, failures, isShort };
}

/** Gives the bodies of submissions back that were not handed over. */
export function letGo(bodies: Bodies, submissions: readonly Submission[]): void {
  for (const { body, messages } of submissions) {
    const own = messages.flatMap(({ letter }) => (letter === undefined ? [] : [letter.body]));
    for (const { segment, length } of [body, ...own]) bodies.refer(segment, -1, length);
  }
}

const hasEightBit = (chunk: Buffer): boolean => chunk.some((octet) => octet > 0x7f);

function makeDraft(
  origin: Origin,
  printed: Extract<Printed, { readonly bytes: Uint8Array }>,
  id: string,
  at: number,
): Draft {
  const { from, trace, client } = origin;
  const { bytes, email, metadata } = printed;
  const own = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const to = [email];
  const received = trace.received_header ? [receivedFor({ id, from, to }, client, at)] : [];
  return { id, from, to, chunks: [...received, own], meta: metaOf(client, metadata), trace };
}

// Kept beside the body, so that a damaged log can be mended from the bodies.
function headerBeside(draft: Draft, { client }: Origin, isEightBit: boolean, at: number): string {
  const { id, from, to } = draft;
  const smtpUtf8 = isWide(draft);
  const beside = {
    ids: [id],
    from,
    to: [to],
    at,
    peer: client.peer,
    helo: '',
    isEightBit,
    smtpUtf8,
  };
  return JSON.stringify(beside);
}

/** Code of the policy that throws costs one message, and nobody's body. */
async function shape(
  world: StoringWorld,
  draft: Draft,
  client: InjectClient,
): Promise<Draft | Rejection> {
  if (world.shape === undefined) return draft;
  try {
    return await world.shape(draft, client);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { rejection: `451 4.3.0 the policy failed: ${oneLine(why)}` };
  }
}

// What is to be sent later waits on the disk.
const mayDefer = (origin: Origin, { dueAt, schedule }: Draft): boolean =>
  origin.mayDefer && dueAt === undefined && schedule === undefined;

const store = (bodies: Bodies, header: string, chunks: readonly Buffer[], deferring: boolean) =>
  new Promise<BodyRef | Fault>((resolve) => bodies.write(header, chunks, resolve, deferring));

const whyNot = (fault: Fault): string =>
  fault.code === 'FAULT_DISK_FULL'
    ? '452 4.3.1 insufficient system storage'
    : '451 4.3.0 the message could not be stored, try again later';

const isWide = ({ from, to }: Draft): boolean => needsUtf8(from) || to.some(needsUtf8);

function submissionsOf(
  world: StoringWorld,
  origin: Origin,
  written: readonly Written[],
  receivedAt: number,
): Submission[] {
  const plain = written.filter(({ draft }) => !isWide(draft));
  const wide = written.filter(({ draft }) => isWide(draft));
  return [plain, wide].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { client } = origin;
    return {
      service: 'http' as const,
      listener: client.listener,
      ...letterOf(first),
      messages: group.map((entry, index) => messageOf(world.host, entry, index > 0)),
      smtpUtf8: group === wide,
      peer: client.peer,
      helo: '',
      receivedAt,
    };
  });
}

const letterOf = ({ draft, body, chunks, isEightBit }: Written) => ({
  from: draft.from,
  body,
  chunks,
  bodyBytes: body.length,
  eightBit: isEightBit,
});

function messageOf(host: IntakeHost, entry: Written, isOwn: boolean): SubmittedMessage {
  const { id, to, queue, dueAt, schedule, meta, isShaped } = entry.draft;
  const { meta: names = [], headers: fields = [] } = host.capture ?? {};
  // As by SMTP: what policy has seen is kept whole.
  const picked = isShaped ? meta : names.length === 0 ? {} : pickMeta(names, meta);
  return {
    id,
    to,
    queue,
    dueAt,
    schedule,
    letter: isOwn ? letterOf(entry) : undefined,
    meta: Object.keys(picked).length > 0 ? picked : undefined,
    headers: fields.length === 0 ? undefined : captureHeaders(fields, readHeader(entry.chunks)),
  };
}
