/**
 * What the routes about suspensions, bounces and rebinds answer. A dry run answers with counts
 * instead. Knows no requests.
 */
import { OptionValueError, showValue } from '../domain/option-error.ts';
import { listOf, mapOf, tableOf, text } from '../domain/option-kinds.ts';
import type { Kind } from '../domain/options.ts';
import { optional, required } from '../domain/options.ts';
import { count, orNull, says, saysKind, spanText, timeText, words } from './answer-kinds.ts';

const yes: Kind<true> = {
  name: 'true',
  schema: { const: true },
  read(value) {
    if (value === true) return true;
    throw new OptionValueError(`${showValue(value)} is not true`, 'leave it out');
  },
};
const id = required(text, 'id of the entry');
const reason = required(words, 'why');
const duration = required(spanText, 'time left');
const DRY = {
  dry_run: optional(yes, 'nothing was done'),
  messages: optional(count, 'messages that wait in queues that match; only of a dry run'),
  queues: optional(count, 'queues that match; only of a dry run'),
};
const part = required(orNull(words), 'null: any');
const CRITERIA = {
  campaign: part,
  tenant: part,
  domain: part,
  queue_names: optional(listOf(words), 'these queues and no others'),
};

/** A suspension was placed. */
export const PLACED_SAID = says({ id: optional(text, 'id of the entry'), ...DRY });
/** A bounce was ordered; the counts of the reference are always empty. */
export const BOUNCE_SAID = says({
  id: optional(text, 'id of the entry'),
  bounced: optional(mapOf(count), 'always empty'),
  total_bounced: optional(count, 'always 0'),
  ...DRY,
});
/** A rebind was ordered. */
export const REBIND_SAID = says(DRY);
/** Suspensions of queues. */
export const SUSPEND_LIST = saysKind(listOf(tableOf({ id, ...CRITERIA, reason, duration })));
/** Suspensions of ready queues. */
export const SUSPEND_READY_LIST = saysKind(
  listOf(
    tableOf({
      id,
      name: required(words, 'name of the ready queue'),
      reason,
      duration,
      expires: required(timeText, 'its end'),
    }),
  ),
);
/** Bounces. */
export const BOUNCE_LIST = saysKind(
  listOf(
    tableOf({
      id,
      ...CRITERIA,
      routing_domain: part,
      reason,
      duration,
      bounced: required(mapOf(count), 'messages ended so far, by queue'),
      total_bounced: required(count, 'messages ended so far'),
    }),
  ),
);
