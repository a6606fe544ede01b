/**
 * What a key may mean: an id of ours, a Message-ID, a recipient, the id under which the other side
 * queued a message, a tenant. The one idea: nobody need say which of these a text is; each is a
 * lead, with the key to look up and the proof that a record found by it is meant.
 * Deliberately unknown here: in which order leads are followed, and how far.
 */
import { parseQueueName } from '../../domain/queue-name.ts';
import type { KeyKind } from './keys.ts';
import { KEY, messageIdKey, messageIdsIn, recipientKey } from './keys.ts';
import type { LogEvent } from './log-look.ts';
import { tokenKey, tokensOf } from './reply-tokens.ts';

/** By what a message was found. */
export type FoundBy = 'id' | 'message-id' | 'recipient' | 'queue-id' | 'tenant';

/** One meaning of a key. */
export interface Lead {
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

/** Whether a record puts its message into a queue of the tenant. */
export const isOfTenant = ({ event }: LogEvent, tenant: string): boolean => {
  const isPlaced = isAcceptance(event) || event.type === 'message.rebound';
  return isPlaced && parseQueueName(event.body.queue).tenant === tenant;
};

/** The position of the acceptance, as far as an event tells it; else 1. */
export function firstPositionOf({ event, position }: LogEvent): number {
  if (isAcceptance(event)) return position;
  return 'origin' in event.body ? (event.body.origin ?? 1) : 1;
}

/** Leads to the messages of a tenant. */
export const tenantLead = (tenant: string): Lead => ({
  by: 'tenant',
  kind: KEY.tenant,
  text: tenant,
  proves: (found) => isOfTenant(found, tenant),
});

/** Leads to our own ids: it is one whenever it was, so neither time nor tenant chooses. */
export const idLead = (key: string): Lead => ({
  by: 'id',
  kind: KEY.stream,
  text: bare(key).toLowerCase(),
  proves: ({ event }) => /^(?:message|report)\./.test(event.type),
});

/** Addresses stand in angle brackets wherever they are printed, and are copied with them. */
const bare = (key: string): string => key.trim().replace(/^<(.*)>$/su, '$1');

/** Leads of a key that may have many messages. */
export function leadsOf(key: string): readonly Lead[] {
  const address = recipientKey(bare(key));
  const field = messageIdKey(key);
  const token = tokenKey(key);
  return [
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
