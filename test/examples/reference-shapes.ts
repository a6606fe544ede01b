/**
 * What the HTTP interface of the reference is asked with and answers, as values of our own. Taken
 * from the OpenAPI description that KumoMTA publishes (docs/reference/kumod.openapi.json of its
 * repository, version 2026.06.23, Apache-2.0): names, types and presence, nothing else of it.
 * Deliberately unknown here: what we do.
 */
import type { Shape } from './reference-compare.ts';
import { orNull } from './reference-compare.ts';

/** One operation of the reference; a key that ends in `?` may be left out. */
export interface Endpoint {
  readonly query?: Readonly<Record<string, Shape>>;
  readonly body?: Shape;
  /** Of 200; absent: nothing is published. */
  readonly answer?: Shape;
  /** Other statuses that are published. */
  readonly refuses?: readonly number[];
}

const nullText = 'text|null';
const id = { id: 'uuid' };
const PARTS = { 'campaign?': nullText, 'domain?': nullText, 'tenant?': nullText };
const SPAN = { reason: 'text', 'duration?': nullText, 'expires?': 'time|null' };
const ROUTING = { 'routing_domain?': nullText };
const NAMES = { 'queue_names?': ['text'] as const };
const READY_SUSPENSION = {
  ...id,
  name: 'text',
  reason: 'text',
  duration: 'text',
  expires: 'time',
};

const CEILING = {
  display: 'text',
  value: 'number',
  source: {
    anyOf: [
      { kind: { enum: ['primary', 'reconnect_cycling'] } },
      { kind: { enum: ['additional', 'other'] }, name: 'text' },
    ],
  },
};
const CONSTRAINTS = {
  max_concurrent_dispatchers: CEILING,
  'max_connection_rate?': orNull(CEILING),
  'max_message_rate?': orNull(CEILING),
  'max_message_rate_declared?': nullText,
  'max_source_selection_rate?': orNull(CEILING),
};
const PHASE = {
  anyOf: [
    {
      enum: [
        ...['Starting', 'Idle', 'ConnectionRateThrottled', 'MessageRateThrottled'],
        ...['AttemptingConnection', 'DeliveringMessage', 'Closing'],
      ],
    },
    { AcquiringLease: { label: 'text' } },
    { AccumulatingBatch: { have: 'count', want: 'count' } },
  ],
};
const DISPATCHER = {
  age: 'text',
  delivered_this_connection: 'count',
  'detail?': nullText,
  messages_delivered: 'count',
  messages_failed: 'count',
  messages_transfailed: 'count',
  overall_rate_per_sec: 'number',
  phase: PHASE,
  session_id: 'uuid',
  started_at: 'time',
  time_in_current_phase: 'text',
};
const MX = {
  by_preference: { '*': ['text'] as const },
  is_domain_literal: 'flag',
  is_mx: 'flag',
  is_secure: 'flag',
  site_name: 'text',
};
const STATE = { context: 'text', since: 'time' };
const MESSAGE = {
  'data?': nullText,
  'due?': 'time|null',
  meta: 'object',
  'num_attempts?': 'count|null',
  recipient: ['text'] as const,
  'scheduling?': 'object',
  sender: 'text',
};
const INSPECTED = { id: 'text', message: MESSAGE };
const MAILBOX = { email: 'text', 'name?': nullText };
const BUILDER = {
  'amp_html_body?': nullText,
  'attachments?': [
    {
      'base64?': 'flag',
      'content_id?': nullText,
      content_type: 'text',
      data: 'text',
      'file_name?': nullText,
    },
  ] as const,
  'from?': orNull(MAILBOX),
  'headers?': { '*': 'text' },
  'html_body?': nullText,
  'reply_to?': orNull(MAILBOX),
  'subject?': nullText,
  'text_body?': nullText,
};
const RECIPIENT = {
  email: 'text',
  'metadata?': 'object',
  'name?': nullText,
  'substitutions?': 'object',
};

const INJECT: Endpoint = {
  body: {
    content: { anyOf: ['text', BUILDER] },
    'deferred_generation?': 'flag',
    'deferred_spool?': 'flag',
    envelope_sender: 'text',
    recipients: [RECIPIENT],
    'substitutions?': 'object',
    'template_dialect?': { enum: ['Jinja', 'Static', 'Handlebars'] },
    'trace_headers?': {
      'header_name?': 'text',
      'include_meta_names?': ['text'],
      'received_header?': 'flag',
      'supplemental_header?': 'flag',
    },
  },
  answer: {
    errors: ['text'],
    fail_count: 'count',
    failed_recipients: ['text'],
    success_count: 'count',
  },
  refuses: [422],
};

const byId: Endpoint = { body: id, refuses: [404] };
const ADMIN = '/api/admin';

const ORDERS: Readonly<Record<string, Endpoint>> = {
  [`POST ${ADMIN}/bounce/v1`]: {
    body: { ...PARTS, ...ROUTING, ...NAMES, ...SPAN, 'suppress_logging?': 'flag' },
    answer: { ...id, bounced: { '*': 'count' }, total_bounced: 'count' },
  },
  [`GET ${ADMIN}/bounce/v1`]: {
    answer: [
      {
        ...id,
        ...PARTS,
        ...ROUTING,
        reason: 'text',
        duration: 'text',
        bounced: { '*': 'count' },
        total_bounced: 'count',
      },
    ],
  },
  [`DELETE ${ADMIN}/bounce/v1`]: byId,
  [`POST ${ADMIN}/suspend/v1`]: { body: { ...PARTS, ...NAMES, ...SPAN }, answer: id },
  [`GET ${ADMIN}/suspend/v1`]: { answer: { ...id, ...PARTS, reason: 'text', duration: 'text' } },
  [`DELETE ${ADMIN}/suspend/v1`]: byId,
  [`POST ${ADMIN}/suspend-ready-q/v1`]: { body: { name: 'text', ...SPAN }, answer: id },
  [`GET ${ADMIN}/suspend-ready-q/v1`]: { answer: READY_SUSPENSION },
  [`DELETE ${ADMIN}/suspend-ready-q/v1`]: byId,
  [`POST ${ADMIN}/rebind/v1`]: {
    body: {
      ...PARTS,
      ...ROUTING,
      data: { '*': 'text' },
      reason: 'text',
      'always_flush?': 'flag',
      'suppress_logging?': 'flag',
      'trigger_rebind_event?': 'flag',
    },
    answer: 'object',
  },
  [`POST ${ADMIN}/abort-ready-q-conn/v1`]: {
    body: { queue_name: 'text', session_id: 'uuid' },
    refuses: [404],
  },
  [`POST ${ADMIN}/bump-config-epoch`]: {},
  [`POST ${ADMIN}/set_diagnostic_log_filter/v1`]: { body: { filter: 'text' } },
  [`POST ${ADMIN}/spool-compact/v1`]: { body: { name: 'text' } },
  [`POST ${ADMIN}/xfer/v1`]: {
    body: { ...PARTS, ...ROUTING, ...NAMES, reason: 'text', target: 'text' },
    answer: 'object',
  },
  [`POST ${ADMIN}/xfer/cancel/v1`]: {
    body: { queue_name: 'text', reason: 'text' },
    answer: 'object',
  },
};

const LOOKS: Readonly<Record<string, Endpoint>> = {
  [`GET ${ADMIN}/inspect-message/v1`]: {
    query: { id: 'text', 'want_body?': 'flag' },
    answer: INSPECTED,
  },
  [`GET ${ADMIN}/inspect-sched-q/v1`]: {
    query: { queue_name: 'text', 'want_body?': 'flag', 'limit?': 'count' },
    answer: {
      delayed_metric: 'count',
      last_changed: 'time',
      messages: [INSPECTED],
      now: 'time',
      num_scheduled: 'count',
      queue_config: 'object',
      queue_name: 'text',
    },
  },
  [`GET ${ADMIN}/inspect-ready-q/v1`]: {
    query: { queue_name: 'text', 'include_scheduled_queues?': 'flag' },
    answer: {
      constraints: CONSTRAINTS,
      dispatchers: [DISPATCHER],
      egress_pool: 'text',
      egress_source: 'text',
      'mx?': orNull(MX),
      now: 'time',
      path_config: 'object',
      protocol: 'text',
      queue_name: 'text',
      'scheduled_queue_names?': orNull(['text']),
      state: {
        connection_count: 'count',
        'connection_limited?': orNull(STATE),
        'connection_rate_throttled?': orNull(STATE),
        ready_count: 'count',
        'suspended?': orNull(READY_SUSPENSION),
        watchdog_threshold: 'text',
      },
    },
    refuses: [404],
  },
  [`GET ${ADMIN}/ready-q-states/v1`]: {
    query: { 'queues?': ['text'] },
    answer: { states_by_ready_queue: { '*': { '*': STATE } } },
  },
  [`GET ${ADMIN}/resolve-egress-path/v1`]: {
    query: { domain: 'text', 'source?': 'text' },
    answer: {
      constraints: CONSTRAINTS,
      domain: 'text',
      'mx?': orNull(MX),
      path_config: 'object',
      queue_config: 'object',
      queue_name: 'text',
      source: 'text',
    },
  },
  [`GET ${ADMIN}/memory/stats`]: {},
  [`GET ${ADMIN}/task-dump`]: {},
  [`GET ${ADMIN}/trace-smtp-client/v1`]: {},
  [`GET ${ADMIN}/trace-smtp-server/v1`]: {},
  'GET /api/check-liveness/v1': { refuses: [503] },
  'GET /metrics': {},
  'GET /metrics.json': {},
  'GET /api/machine-info': {
    answer: {
      'container_runtime?': nullText,
      cpu_brand: 'text',
      distribution: 'text',
      fingerprint: 'text',
      hostname: 'text',
      'kernel_version?': nullText,
      mac_address: 'text',
      node_id: 'text',
      num_cores: 'count',
      online_since: 'time',
      os_version: 'text',
      platform: 'text',
      process_kind: 'text',
      total_memory_bytes: 'count',
      version: 'text',
    },
  },
};

/** Everything that is published, by method and path. */
export const REFERENCE: Readonly<Record<string, Endpoint>> = {
  'POST /api/inject/v1': INJECT,
  ...ORDERS,
  ...LOOKS,
  'POST /api/xfer/inject/v1': { answer: { id: 'text' } },
};
