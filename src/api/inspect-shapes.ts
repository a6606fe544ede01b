/**
 * What the routes answer that look into the engine: the reference's shapes, field by field. Knows
 * no requests.
 */
import { flag, listOf, mapOf, oneOf, tableOf } from '../domain/option-kinds.ts';
import { optional, required } from '../domain/options.ts';
import { READY_SUSPENSION } from './admin-shapes.ts';
import {
  amount,
  anyTable,
  count,
  eitherOf,
  oneOrMany,
  orNull,
  says,
  spanText,
  timeText,
  uuidText,
  words,
} from './answer-kinds.ts';

const MESSAGE = {
  sender: required(words, 'envelope sender; empty for none'),
  recipient: required(oneOrMany, 'those without an outcome'),
  meta: required(anyTable, 'metadata that is kept'),
  data: required(
    orNull(words),
    'the message, where it was asked for; bytes that are no UTF-8 lost',
  ),
};
const NOW = { now: required(timeText, 'when it was looked at') };
const NAME = { queue_name: required(words, 'its name') };
const config = required(anyTable, 'the options in force, as they would be written');

/** One message. */
export const MESSAGE_SAID = says({
  id: required(words, 'its id'),
  message: required(tableOf(MESSAGE), 'the message'),
});

const QUEUED = {
  ...MESSAGE,
  due: required(timeText, 'when it is tried next'),
  num_attempts: required(count, 'attempts made'),
};
/** A scheduled queue. */
export const QUEUE_SAID = says({
  ...NAME,
  messages: required(
    listOf(tableOf({ id: required(words, 'its id'), message: required(tableOf(QUEUED), 'it') })),
    'some of its messages, in the order in which they came into it',
  ),
  num_scheduled: required(count, 'messages in it'),
  queue_config: config,
  delayed_metric: required(count, 'messages in it'),
  ...NOW,
  last_changed: required(timeText, 'when something last came into it, or left it empty'),
});

const STATE = tableOf({
  context: required(words, 'what binds'),
  since: required(timeText, 'since when'),
});
const STATES = {
  connection_limited: optional(STATE, 'more connections are wanted than a limit allows'),
  connection_rate_throttled: optional(STATE, 'a connection waits for its rate'),
};
/** States of ready queues. */
export const STATES_SAID = says({
  states_by_ready_queue: required(mapOf(tableOf(STATES)), 'by the name of the ready queue'),
});

const MX = {
  site_name: required(words, 'the label that its hosts share'),
  by_preference: required(mapOf(listOf(words)), 'hosts by preference'),
  is_mx: required(flag, 'named by MX records'),
  is_domain_literal: required(flag, 'an address'),
  is_secure: required(flag, 'secured by DNSSEC; never here'),
};
const CEILING = tableOf({
  value: required(amount, 'the bound: connections, or so many a second'),
  source: required(
    eitherOf(
      tableOf({ kind: required(oneOf('primary', 'reconnect_cycling'), 'of the path itself') }),
      tableOf({
        kind: required(oneOf('additional'), 'shared with others'),
        name: required(words, 'under which it is counted'),
      }),
    ),
    'where it comes from',
  ),
  display: required(words, 'as it would be written'),
});
const CONSTRAINTS = tableOf({
  max_concurrent_dispatchers: required(CEILING, 'connections at once'),
  max_message_rate: optional(CEILING, 'the lowest message rate that can be reached'),
  max_message_rate_declared: optional(words, 'the lowest configured, where it is out of reach'),
  max_connection_rate: optional(CEILING, 'new connections'),
  max_source_selection_rate: optional(CEILING, 'choices of the source'),
});
const phase = oneOf(
  'Idle',
  'ConnectionRateThrottled',
  'MessageRateThrottled',
  'AttemptingConnection',
  'DeliveringMessage',
  'Closing',
);
const DISPATCHER = {
  session_id: required(uuidText, 'id of the session in records'),
  started_at: required(timeText, 'when it began'),
  age: required(spanText, 'since then'),
  phase: required(phase, 'what it does'),
  detail: optional(words, 'in our own words'),
  time_in_current_phase: required(spanText, 'since when'),
  messages_delivered: required(count, 'messages that were taken'),
  messages_transfailed: required(count, 'messages that were put off'),
  messages_failed: required(count, 'messages that were refused'),
  delivered_this_connection: required(count, 'messages that were taken'),
  overall_rate_per_sec: required(amount, 'messages a second since it began'),
};
const READY_STATE = {
  ready_count: required(count, 'messages in it'),
  connection_count: required(count, 'connections'),
  ...STATES,
  suspended: optional(READY_SUSPENSION, 'an operator suspended it'),
  watchdog_threshold: required(spanText, 'a connection stuck for longer is cut'),
};
/** A ready queue. */
export const READY_SAID = says({
  ...NAME,
  mx: optional(tableOf(MX), 'where it goes'),
  egress_source: required(words, 'from where'),
  egress_pool: required(words, 'the pool of its first message'),
  protocol: required(words, '`smtp_client`'),
  state: required(tableOf(READY_STATE), 'how it is'),
  path_config: config,
  constraints: required(CONSTRAINTS, 'what bounds it'),
  scheduled_queue_names: optional(listOf(words), 'queues with messages in it; only if asked'),
  dispatchers: required(listOf(tableOf(DISPATCHER)), 'its connections'),
  ...NOW,
});
/** Where mail would go. */
export const PATH_SAID = says({
  domain: required(words, 'as asked'),
  source: required(words, 'as asked'),
  mx: required(orNull(tableOf(MX)), 'where it goes; null where the name has no answer'),
  ...NAME,
  queue_config: config,
  path_config: config,
  constraints: required(CONSTRAINTS, 'what bounds it, the scheduled queue included'),
});

const LINE = {
  queue_name: required(words, 'its name'),
  messages: required(count, 'messages in it'),
  oldest: required(orNull(timeText), 'when its first message was accepted'),
  age: required(orNull(spanText), 'since then'),
  state: required(words, '`ready`, `resting` or `suspended`'),
  until: required(orNull(timeText), 'when that ends'),
  cause: required(orNull(words), 'why it rests or is suspended'),
  last_error: required(
    orNull(
      tableOf({
        at: required(timeText, 'when'),
        code: required(count, 'of the reply; 0: there was none'),
        text: required(words, 'what was said'),
      }),
    ),
    'the last failure since the start, of the queues that failed lately',
  ),
};
/** Queues by a ranking. */
export const TOP_SAID = says({
  queues: required(listOf(tableOf(LINE)), 'the first by the ranking'),
  looked_at: required(count, 'queues looked at'),
  messages: required(count, 'messages in all queues'),
  ...NOW,
});
