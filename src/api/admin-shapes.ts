/**
 * What the routes about suspensions, bounces and rebinds answer. A dry run answers with counts
 * instead. Knows no requests.
 */
import { OptionValueError, showValue } from '../domain/option-error.ts';
import { listOf, mapOf, tableOf } from '../domain/option-kinds.ts';
import type { Kind } from '../domain/options.ts';
import { optional, required } from '../domain/options.ts';
import {
  count,
  eitherOf,
  orNull,
  says,
  saysKind,
  spanText,
  timeText,
  uuidText,
  words,
} from './answer-kinds.ts';

const yes: Kind<true> = {
  name: 'true',
  schema: { const: true },
  read(value) {
    if (value === true) return true;
    throw new OptionValueError(`${showValue(value)} is not true`, 'leave it out');
  },
};
const id = required(uuidText, 'id of the entry');
const reason = required(words, 'why');
const duration = required(spanText, 'time left');
const DRY = tableOf({
  dry_run: required(yes, 'nothing was done'),
  messages: required(count, 'messages that wait in queues that match'),
  queues: required(count, 'queues that match'),
});
const PLACED = { id };
const part = required(orNull(words), 'null: any');
const CRITERIA = {
  campaign: part,
  tenant: part,
  domain: part,
  queue_names: optional(listOf(words), 'these queues and no others'),
};

/** A suspension of a ready queue was placed. */
export const PLACED_SAID = says(PLACED);
/** A suspension of queues was placed, or tried out. */
export const SUSPEND_SAID = saysKind(eitherOf(tableOf(PLACED), DRY));
/** A bounce was ordered, or tried out; the counts of the reference are always empty. */
export const BOUNCE_SAID = saysKind(
  eitherOf(
    tableOf({
      ...PLACED,
      bounced: required(mapOf(count), 'always empty'),
      total_bounced: required(count, 'always 0'),
    }),
    DRY,
  ),
);
/** A rebind was ordered, or tried out. */
export const REBIND_SAID = saysKind(eitherOf(tableOf({}), DRY));
/** Suspensions of queues. */
export const SUSPEND_LIST = saysKind(listOf(tableOf({ id, ...CRITERIA, reason, duration })));
/** A suspension of a ready queue. */
export const READY_SUSPENSION = tableOf({
  id,
  name: required(words, 'name of the ready queue'),
  reason,
  duration,
  expires: required(timeText, 'its end'),
});
/** Suspensions of ready queues. */
export const SUSPEND_READY_LIST = saysKind(listOf(READY_SUSPENSION));
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
