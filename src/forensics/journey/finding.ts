/**
 * From what an operator has in hand to messages: an id of ours, a Message-ID, a recipient, the id
 * under which the other side queued it, a tenant. The one idea: nobody need say which of these a
 * text is; all are tried, and what was found says by what.
 * Deliberately unknown here: what became of the messages.
 */
import { parseQueueName } from '../../domain/queue-name.ts';
import type { KeyKind } from './keys.ts';
import { KEY, messageIdKey, messageIdsIn, recipientKey } from './keys.ts';
import type { LogEvent, LogLook } from './log-look.ts';
import { tokenKey, tokensOf } from './reply-tokens.ts';
import type { TimeSpan } from './stretch.ts';

/** Messages found at most; who wants others narrows the time. */
export const MATCHES_MAX = 100;
/** Records looked at for one question. */
const CANDIDATES_MAX = 10_000;

/** What is asked; at least one of key and tenant. Times in ms, both ends within. */
export interface JourneyQuestion {
  readonly key?: string | undefined;
  readonly tenant?: string | undefined;
  readonly from?: number | undefined;
  readonly upto?: number | undefined;
}

/** By what a message was found. */
export type FoundBy = 'id' | 'message-id' | 'recipient' | 'queue-id' | 'tenant';

/** By what a message was found, and a position that none of its events lies before. */
export interface FoundMessage {
  readonly by: readonly FoundBy[];
  readonly from: number;
}

/** Messages by id, newest first. */
export interface Found {
  readonly messages: ReadonlyMap<string, FoundMessage>;
  /** There are more, or may be. */
  readonly isCut: boolean;
}

interface Way {
  readonly by: FoundBy;
  readonly kind: KeyKind;
  readonly text: string;
  readonly proves: (found: LogEvent) => boolean;
}

const isAcceptance = (
  event: LogEvent['event'],
): event is Extract<LogEvent['event'], { type: 'message.accepted' | 'message.recovered' }> =>
  event.type === 'message.accepted' || event.type === 'message.recovered';

/** The acceptance among the events of a message. */
export const findAcceptance = (events: readonly LogEvent[]) => {
  for (const { event, at, position } of events) {
    if (isAcceptance(event)) return { body: event.body, at, position, type: event.type };
  }
  return undefined;
};

const isOfTenant = ({ event }: LogEvent, tenant: string): boolean => {
  const isPlaced = isAcceptance(event) || event.type === 'message.rebound';
  return isPlaced && parseQueueName(event.body.queue).tenant === tenant;
};

const tenantWay = (tenant: string): Way => ({
  by: 'tenant',
  kind: KEY.tenant,
  text: tenant,
  proves: (found) => isOfTenant(found, tenant),
});

/** The ways in which a key may lead to messages. */
function waysOf(key: string): readonly Way[] {
  // Addresses stand in angle brackets wherever they are printed, and are copied with them.
  const bare = key.trim().replace(/^<(.*)>$/su, '$1');
  const address = recipientKey(bare);
  const field = messageIdKey(key);
  const token = tokenKey(key);
  return [
    {
      by: 'id',
      kind: KEY.stream,
      text: bare.toLowerCase(),
      proves: ({ event }) => /^(?:message|report)\./.test(event.type),
    },
    {
      by: 'message-id',
      kind: KEY.messageId,
      text: field,
      proves: ({ event }) =>
        isAcceptance(event) && messageIdsIn(event.body.headers).map(messageIdKey).includes(field),
    },
    {
      by: 'recipient',
      kind: KEY.recipient,
      text: address,
      proves: ({ event }) =>
        isAcceptance(event) && event.body.to.some((to) => recipientKey(to) === address),
    },
    {
      by: 'queue-id',
      kind: KEY.queueId,
      text: token,
      proves: ({ event }) =>
        event.type === 'message.delivered' && tokensOf(event.body.text).includes(token),
    },
  ];
}

/** Finds messages; of each way the newest first. */
export function findMessages(look: LogLook, question: JourneyQuestion): Found {
  const { key, tenant, from = 0, upto = Number.MAX_SAFE_INTEGER } = question;
  const ways = key === undefined ? [tenantWay(tenant ?? '')] : waysOf(key);
  const span: TimeSpan = { from, upto };
  const messages = new Map<string, FoundMessage>();
  let left = CANDIDATES_MAX;
  for (const { by, kind, text, proves } of ways) {
    // An id is an id whenever it was: time and tenant choose among many.
    const isExact = by === 'id';
    for (const found of look.newest(kind, text, isExact ? {} : { span })) {
      left -= 1;
      if (left < 0) return { messages, isCut: true };
      const { stream } = found.event;
      const known = messages.get(stream);
      if (known?.by.includes(by) === true) continue;
      if (!isExact && (found.at < from || found.at > upto)) continue;
      if (!proves(found)) continue;
      if (!isExact && tenant !== undefined && !hasTenant(look, stream, tenant)) continue;
      if (known === undefined && messages.size === MATCHES_MAX) return { messages, isCut: true };
      messages.set(stream, {
        by: [...(known?.by ?? []), by],
        from: Math.max(known?.from ?? 1, firstOf(found)),
      });
      if (isExact) break;
    }
  }
  return { messages, isCut: false };
}

/** The position of the acceptance, as far as an event tells it; else 1. */
function firstOf({ event, position }: LogEvent): number {
  if (isAcceptance(event)) return position;
  return 'origin' in event.body ? (event.body.origin ?? 1) : 1;
}

/** Whether a message was ever in a queue of the tenant. */
const hasTenant = (look: LogLook, id: string, tenant: string): boolean =>
  look.latest(KEY.stream, id, Number.MAX_SAFE_INTEGER, (one) => isOfTenant(one, tenant)) !==
  undefined;
