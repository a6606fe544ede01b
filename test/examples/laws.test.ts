/**
 * Each shipped law can be broken: a run in which all hold is doctored in one place, and the law it
 * is about, and no other of those named, speaks up. The one idea: a law that no lie offends says
 * nothing. Engines that would do such things are not needed for it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definePolicy } from '../../src/policy/define.ts';
import { asTestPolicy } from '../../src/testing/load-policy.ts';
import type { Happening, Observed, Scenario, SinkSeen } from '../../src/testing/testing.ts';
import { laws, Result, simulate, tenantsKeepToTheirPools } from '../../src/testing/testing.ts';

const policy = asTestPolicy(
  definePolicy({
    init: (setup) => {
      setup.smtpListener({ listen: '127.0.0.1:2025' });
      setup.logHook({ name: 'webhook', url: 'http://127.0.0.1:4242/log' });
    },
    get_queue_config: (_domain, tenant) => ({
      egress_pool: tenant === 'acme' ? 'acme-pool' : 'main',
      retry_interval: '5m',
      max_age: '2h',
    }),
    get_egress_pool: (name) => ({
      entries: [{ name: name === 'main' ? 'ip-1' : 'ip-2', weight: 1 }],
    }),
    get_egress_source: (name) => ({
      source_address: name === 'ip-1' ? '192.0.2.1' : '192.0.2.2',
      suspend_when_unplumbed: { duration: '5m' },
    }),
    get_egress_path_config: () => ({ connection_limit: 2, max_message_rate: '1000/s' }),
  }),
);

const SCENARIO: Scenario = {
  steps: [
    { do: 'send', to: ['u@a.test'] },
    { do: 'send', to: ['u@b.test'], tenant: 'acme' },
    { do: 'wait', ms: 2_000 },
    { do: 'receiver', domain: 'a.test', is: 'busy' },
    { do: 'send', to: ['v@a.test'] },
    { do: 'wait', ms: 1_000 },
    { do: 'source', source: 'ip-2', is: 'unplumbed' },
    { do: 'wait', ms: 10_000 },
    { do: 'send', to: ['w@c.test'], tenant: 'acme' },
    { do: 'wait', ms: 10_000 },
  ],
};

const JUDGED = [...laws, tenantsKeepToTheirPools({ acme: ['acme-pool'] })];
const { observed } = await simulate(policy, SCENARIO, { seed: 5 });

type Change = (event: Happening) => Happening | readonly Happening[];

/** The run with some events changed. */
const withEvents = (type: string, change: Change): Observed => ({
  ...observed,
  events: observed.events.flatMap((event) => (event.type === type ? change(event) : event)),
});

const withBody = (type: string, body: (event: Happening) => object): Observed =>
  withEvents(type, (event) => ({ ...event, body: { ...event.body, ...body(event) } }));

const dialled = observed.dialled[0] as Observed['dialled'][number];

/** A story of which some parts are others. */
const withStories = (
  isMeant: (id: string) => boolean,
  parts: Partial<NonNullable<ReturnType<Observed['messages']['get']>>>,
): Observed => ({
  ...observed,
  messages: new Map(
    [...observed.messages].map(([id, story]) => [id, isMeant(id) ? { ...story, ...parts } : story]),
  ),
});

const probes = new Set(observed.sent.flatMap(({ isProbe, ids }) => (isProbe ? ids : [])));
const first = [...observed.messages.keys()][0] ?? '';
const calmAt = observed.calmAt ?? 0;
const expired = (at: number) => new Map([[0, { kind: 'expired' as const, at, text: 'too old' }]]);
const late = [...observed.messages.values()].find(({ deferrals }) => deferrals > 0)?.id ?? '';
const acmeQueue = (at: number, type: string, body: object): Happening => ({
  position: 0,
  turn: 0,
  at,
  type,
  stream: type.startsWith('source') ? 'ip-2' : 'acme@b.test',
  body: body as Happening['body'],
});

/** The sink of the run, of which some parts are others. */
const withSink = (change: (sink: SinkSeen) => Partial<SinkSeen>): Observed => ({
  ...observed,
  sinks: observed.sinks.map((sink) => ({ ...sink, ...change(sink) })),
});

/** So many younger of another queue go before one; a hundred are as many as a turn may have. */
const overtaken = (count: number): Observed => ({
  ...observed,
  events: [
    acmeQueue(0, 'policy.answered', {
      key: 'narrow',
      answer: JSON.stringify({ max_ready: 200, additional_source_selection_rates: {} }),
    }),
    acmeQueue(0, 'path.configured', { source: 's', site: 'x', hosts: [], answer: 'narrow' }),
    acmeQueue(1, 'message.accepted', { queue: 'old.test' }),
    ...Array.from({ length: count }, (_, at) => [
      { ...acmeQueue(2_000, 'message.accepted', { queue: 'young.test' }), stream: `y${at}` },
      { ...acmeQueue(3_000, 'message.offered', { source: 's', site: 'x' }), stream: `y${at}` },
    ]).flat(),
    acmeQueue(4_000, 'message.offered', { source: 's', site: 'x' }),
  ],
});

/** Two thousand messages at once. */
const flooded: Observed = {
  ...observed,
  mailed: Array.from({ length: 2_000 }, () => ({ at: dialled.at, link: 1 })),
};

/** By law: a lie that offends it. */
const LIES: Readonly<Record<string, Observed>> = {
  'the-loader-accepts-it': { ...observed, policy: { ...policy, refusals: ['no part knows it'] } },
  'handlers-answer': {
    ...observed,
    events: [...observed.events, acmeQueue(1, 'policy.faulted', { sentence: 'it threw' })],
  },
  conservation: { ...observed, messages: new Map([...observed.messages].slice(1)) },
  'sinks-miss-nothing': withSink(({ given }) => ({ given: given.slice(1) })),
  'sinks-hear-only-what-happened': withEvents('message.delivered', () => []),
  'sinks-hold-a-bounded-backlog': withSink(({ backlogs }) => ({
    backlogs: backlogs.map((one) => ({ ...one, records: one.records + 1 })),
  })),
  'every-reply-has-a-class': withBody('message.deferred', () => ({ code: 250 })),
  'cut-off-attempts-are-told': withEvents('message.delivered', (event) => [
    { ...event, turn: event.turn - 1, stream: 'engine', type: 'engine.started', body: {} },
    event,
  ]),
  'no-suspended-source-is-chosen': withEvents('message.offered', (event) => [
    acmeQueue(event.at - 200, 'source.suspended', { until: event.at + 60_000, reason: 'Operator' }),
    { ...event, body: { ...event.body, source: 'ip-2' } },
  ]),
  'only-members-are-chosen': withBody('message.offered', ({ body }) => ({
    source: body['source'] === 'ip-1' ? 'ip-2' : 'ip-1',
  })),
  'all-suspended-waits-for-the-earliest': withBody('queue.rested', ({ body }) => ({
    until: Number(body['until']) + 1,
  })),
  'suspensions-end-before-the-mail': withBody('source.suspended', ({ at }) => ({
    until: at + 7_200_000,
  })),
  'connection-limits-hold': {
    ...observed,
    dialled: [dialled, dialled, dialled, ...observed.dialled],
  },
  'rates-hold': flooded,
  'retries-follow-the-schedule': withEvents('message.deferred', (event) => [
    event,
    { ...event, type: 'message.offered', at: event.at + 240_000, body: { source: 'ip-1' } },
  ]),
  'deferred-mail-is-tried-again': {
    ...withStories((id) => id === late, {
      offers: observed.messages.get(late)?.offers.slice(0, 1) ?? [],
    }),
    events: observed.events.flatMap((event) =>
      event.type === 'message.deferred' && event.stream === late
        ? [event, { ...event, type: 'message.expired', body: { text: 'too late' } }]
        : [event],
    ),
  },
  'mail-expires-by-max-age': withStories((id) => id === first, {
    acceptedAt: calmAt - 7_200_000 - 400_000,
    ends: expired(calmAt + 200_000),
  }),
  'every-queue-has-an-exit': withStories((id) => probes.has(id), {
    ends: expired(calmAt + 1_000),
    offers: [],
  }),
  'calm-brings-progress': withStories((id) => id === late, {
    ends: expired(calmAt + 1_000),
    offers: [],
  }),
  'no-queue-is-starved': overtaken(105),
  'tenants-keep-to-their-pools': withEvents('queue.opened', (event) => ({
    ...event,
    stream: event.stream === 'acme@b.test' ? 'other@b.test' : event.stream,
  })),
};

/** The paths as if their answers were others: each changed once, or two between all addresses. */
const withPaths = (change: Change): Observed => ({
  ...observed,
  events: [SLOWER, ...withEvents('path.configured', change).events],
  mailed: Array.from({ length: 3_000 }, (_, nth) => ({ at: calmAt + (nth && 1_000), link: 1 })),
});

/** The answer of a rate that was slower. */
const acmeAnswer = 'slower';
const SLOWER: Happening = acmeQueue(1, 'policy.answered', {
  key: acmeAnswer,
  answer: JSON.stringify({ connection_limit: { limit: 2 }, max_message_rate: { limit: 1 } }),
});

/** Further lies: what a law that judges only one side of its sentence would not see. */
const FINER_LIES: readonly (readonly [law: string, what: string, lie: Observed])[] = [
  [
    'retries-follow-the-schedule',
    'a retry is due too late',
    withBody('message.deferred', ({ at }) => ({ due: at + 400_000 })),
  ],
  [
    'retries-follow-the-schedule',
    'a retry is due too early',
    withBody('message.deferred', ({ at }) => ({ due: at + 250_000 })),
  ],
  [
    'mail-expires-by-max-age',
    'a message expires after its first attempt',
    withEvents('message.deferred', (event) => [
      event,
      { ...event, type: 'message.expired', body: { index: [0], text: 'too old', to: [] } },
    ]),
  ],
  [
    'mail-expires-by-max-age',
    'a message lives on in a world where nothing else happens',
    { ...withStories((id) => id === first, { ends: new Map() }), endedAt: calmAt + 86_400_000 },
  ],
  [
    'rates-hold',
    'beyond a rate that was another before',
    withPaths((event) => [
      { ...event, at: event.at - 1, body: { ...event.body, answer: acmeAnswer } },
      event,
    ]),
  ],
  [
    'rates-hold',
    'beyond a rate while commits take seconds',
    { ...flooded, scenario: { ...observed.scenario, faults: { slowLog: 0.02 } } },
  ],
  [
    'rates-hold',
    'beyond the rates of two paths together',
    withPaths((event) => [
      event,
      { ...event, stream: 'twin', body: { ...event.body, site: 'twin' } },
    ]),
  ],
];

for (const [name, what, lie] of FINER_LIES) {
  test(`${name} is broken: ${what}`, () => {
    const law = JUDGED.find((one) => one.name === name);
    assert.notEqual(law?.find(lie)?.says, undefined, law?.says);
  });
}

test('all laws hold of the run as it was, and there is a lie for each', () => {
  for (const law of JUDGED) assert.equal(law.find(observed)?.says, undefined, law.name);
  assert.deepEqual(Object.keys(LIES).sort(), JUDGED.map(({ name }) => name).sort());
  assert.ok(new Result(observed).events('queue.rested').length > 0, 'there is something to doctor');
});

test('no-queue-is-starved allows a turn, and no more', () => {
  const law = JUDGED.find(({ name }) => name === 'no-queue-is-starved');
  assert.equal(law?.find(overtaken(100))?.says, undefined);
  assert.match(law?.find(overtaken(101))?.says ?? '', /101 younger of young.test passed it/);
});

for (const law of JUDGED) {
  test(`${law.name} is broken by a lie`, () => {
    const breach = law.find(LIES[law.name] as Observed);
    assert.ok(breach !== undefined, law.says);
    assert.notEqual(breach.says, '');
  });
}
