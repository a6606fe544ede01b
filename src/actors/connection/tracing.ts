/**
 * An outbound conversation as those who watch it see it: every line both ways, and what is known of
 * session and message. Nothing is made while nobody watches, and credentials are never shown.
 * Deliberately unknown here: watchers, filters, the time.
 */
import { formatPlace } from '../../domain/ip.ts';
import type { TraceMeta, TracePayload } from '../../ports/smtp-trace.ts';
import type { Transaction } from './connection.ts';
import type { Conversation } from './conversation.ts';
import { maskSecrets } from './credentials.ts';

// While a log-in is answered, only the code: a secret may come back in pieces, or in another form.
const ANSWER = /^(\d{3}[ -]).*/gm;

const note = (held: Conversation, payload: TracePayload): void =>
  held.request.trace?.sink.note(metaOf(held), payload);

const isWatched = (held: Conversation): boolean => held.request.trace?.sink.isWatched === true;

function metaOf(held: Conversation): TraceMeta {
  const { candidate, request, localAddress, localPort, traced } = held;
  const isOpen = held.localPort !== 0;
  return {
    ...request.trace?.about,
    mx_plan: request.plan.map(({ name, address, path }) => ({ name, address: path ?? address })),
    ...(isOpen ? { source_address: formatPlace(localAddress, localPort) } : {}),
    ...(candidate === undefined ? {} : { mx_host: candidate.name }),
    ...(candidate === undefined ? {} : { mx_address: candidate.path ?? candidate.address }),
    ...traced,
  };
}

/** Something has come about. */
export function tell(
  held: Conversation,
  what: 'BeginSession' | 'Connected' | 'MessageObtained' | 'Closed',
): void {
  if (isWatched(held)) note(held, what);
}

/** Something that nobody said; the text is made only where somebody watches. */
export function diagnose(held: Conversation, level: 'INFO' | 'ERROR', say: () => string): void {
  if (!isWatched(held)) return;
  note(held, { Diagnostic: { level, message: maskSecrets(held, say()) } });
}

/** A message is in hand. */
export function tellMessage(held: Conversation, transaction: Transaction): void {
  if (!isWatched(held)) return;
  held.traced = {
    ...transaction.about,
    sender: transaction.from,
    recipient: [...transaction.to],
  };
  note(held, 'MessageObtained');
}

/** The peer said something. */
export function tellRead(held: Conversation, bytes: Buffer): void {
  if (!isWatched(held)) return;
  const text = bytes.toString('utf8');
  const isSecret = held.stage === 'authenticating';
  const shown = isSecret ? text.replace(ANSWER, '$1***') : maskSecrets(held, text);
  note(held, { Read: shown });
}

/** Writes to the link, in sight of those who watch; false means: wait until it has drained. */
export function write(held: Conversation, chunks: readonly (Buffer | string)[]): boolean {
  if (isWatched(held)) {
    const text = chunks.map((chunk) => chunk.toString('utf8')).join('');
    note(held, { Write: maskSecrets(held, text) });
  }
  return held.link?.write(chunks) ?? false;
}
