/**
 * The options of a scheduled queue (make_queue_config), as one table. The idea: what a queue can be
 * told is data. Names are the reference's, so that files written for it load here.
 * Deliberately unknown here: who asks, when, and what a queue does with the answer.
 */

import { OptionValueError, showValue } from './option-error.ts';
import { duration, flag, listOf, oneOf, tableOf, text, throttle } from './option-kinds.ts';
import type { MxListEntry } from './option-places.ts';
import { mxEntry } from './option-places.ts';
import type { Kind, OptionTable, Parsed } from './options.ts';
import { inert, isTable, option, optional, readOptions, required } from './options.ts';

/** How a queue's mail leaves: to the MX hosts of its domain, or along a fixed list of hosts. */
export interface Protocol {
  readonly smtp: {
    readonly mx_list: readonly MxListEntry[];
    readonly treat_mx_list_as_secure: boolean;
  };
}

const SMTP_OPTIONS = {
  mx_list: option(listOf(mxEntry), [], 'hosts in the order to be tried, instead of MX records'),
  treat_mx_list_as_secure: option(flag, false, 'count the list as secured by DNSSEC'),
} satisfies OptionTable;

const smtpTable = tableOf(SMTP_OPTIONS);

const ELSEWHERE: readonly string[] = ['maildir_path', 'custom_lua', 'xfer'];

/** The protocol table; only smtp is spoken. */
export const protocol: Kind<Protocol> = {
  name: '{smtp = {mx_list, treat_mx_list_as_secure}}',
  schema: {
    type: 'object',
    properties: { smtp: smtpTable.schema },
    required: ['smtp'],
    additionalProperties: false,
  },
  read(value) {
    const fix = 'use {smtp = {mx_list = [...]}}';
    if (!isTable(value)) {
      throw new OptionValueError(`${showValue(value)} is not a protocol`, fix);
    }
    const keys = Object.keys(value);
    const elsewhere = keys.find((key) => ELSEWHERE.includes(key));
    if (elsewhere !== undefined) {
      throw new OptionValueError(`the protocol ${elsewhere} is not supported yet`, fix);
    }
    if (keys.length !== 1 || keys[0] !== 'smtp') {
      throw new OptionValueError(`${showValue(value)} is not a protocol`, fix);
    }
    return { smtp: smtpTable.read(Object.values(value)[0]) };
  },
};

const ONE_WHEEL = 'one timer wheel serves the due times of all queues';
const SHRINK = 'messages are never kept in memory with their bodies';

/** What memory is given back under pressure; accepted so that files load. */
export const shrinkWord = oneOf('ShrinkDataAndMeta', 'ShrinkData', 'NoShrink');

/** When a configuration is asked for again. */
export const refreshStrategy = oneOf('Ttl', 'Epoch');

const SHRINK_ROWS = {
  interval: required(duration, 'time until due'),
  policy: required(shrinkWord, 'what to drop'),
} satisfies OptionTable;

/** The table behind parseQueueConfig. */
export const QUEUE_OPTIONS = {
  retry_interval: option(duration, '20m', 'first retry delay; doubles with each attempt'),
  max_retry_interval: optional(duration, 'the longest retry delay'),
  max_age: option(duration, '7 days', 'lifetime in the queue, unless the message has its own'),
  egress_pool: optional(text, 'the pool of sources; without it the system chooses the address'),
  max_message_rate: optional(throttle, 'how fast messages become ready to be sent'),
  protocol: option(protocol, { smtp: {} }, 'how the mail leaves'),
  reap_interval: option(duration, '10m', 'how long an empty, idle queue is remembered'),
  refresh_interval: option(duration, '1m', 'how often the configuration is asked for again'),
  refresh_strategy: option(refreshStrategy, 'Ttl', 'refresh by time, or when the policy changes'),
  provider_name: optional(text, 'the name under which metrics add up'),
  strategy: inert(
    oneOf('SingletonTimerWheel', 'SingletonTimerWheelV2', 'TimerWheel', 'SkipList'),
    ONE_WHEEL,
  ),
  timerwheel_tick_interval: inert(duration, ONE_WHEEL),
  shrink_policy: inert(listOf(tableOf(SHRINK_ROWS)), SHRINK),
} satisfies OptionTable;

/** What a queue was told, defaults filled in, spans in milliseconds. */
export type QueueConfig = Parsed<typeof QUEUE_OPTIONS>;

/** Reads a queue's configuration; `where` names it in a refusal. */
export function parseQueueConfig(raw: unknown, where: string): QueueConfig {
  return readOptions(QUEUE_OPTIONS, raw, where);
}
