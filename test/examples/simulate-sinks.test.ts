/**
 * Log hooks in a simulated world: sinks that fail as a scenario says, what each was given, laws of
 * one's own about it, and that the shipped laws see mistakes of the machinery between log and sink.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definePolicy } from '../../src/policy/define.ts';
import { asTestPolicy } from '../../src/testing/load-policy.ts';
import { Receiver } from '../../src/testing/sinks/receiver.ts';
import type { Law, Observed, Result, Scenario, SinkSeen, Step } from '../../src/testing/testing.ts';
import {
  checkPolicy,
  findBroken,
  lawNamed,
  laws,
  simulate,
  timeline,
} from '../../src/testing/testing.ts';

type Hook = Readonly<Record<string, unknown>>;

const URL_HERE = 'http://127.0.0.1:4242/log';

const policyWith = (hooks: readonly Hook[], more: object = {}) =>
  definePolicy({
    init: (setup) => {
      setup.smtpListener({ listen: '127.0.0.1:2025' });
      for (const hook of hooks) setup.logHook(hook as never);
    },
    get_queue_config: (domain) =>
      domain.endsWith('.log_hook')
        ? { retry_interval: '10s', max_retry_interval: '1m' }
        : { retry_interval: '4m', max_age: '1h' },
    ...more,
  });

const webhook = { name: 'webhook', url: URL_HERE };
const send = (to: string, count = 1): Step => ({ do: 'send', to: [to], count, tenant: 'acme' });
const wait = (ms: number): Step => ({ do: 'wait', ms });
const sink = (is: Extract<Step, { do: 'sink' }>['is'], ms?: number): Step =>
  ms === undefined ? { do: 'sink', sink: 'webhook', is } : { do: 'sink', sink: 'webhook', is, ms };

const run = (steps: readonly Step[], hook: Hook = webhook, seed = 1): Promise<Result> =>
  simulate(policyWith([hook]), { steps }, { seed });

const fatesOf = (result: Result): string[] => result.sink('webhook').map(({ fate }) => fate);
const typesTaken = (result: Result): string[] =>
  result
    .sink('webhook')
    .filter(({ fate, isRepeat }) => fate.startsWith('taken') && !isRepeat)
    .map(({ record: { type, recipient } }) => `${type} ${String(recipient)}`);

const assertLaws = (result: Result): void => {
  const broken = findBroken(result);
  assert.equal(broken?.breach.says, undefined, `${broken?.law.name}\n${timeline(result)}`);
};

test('a hook is given what happened, in the order of the log, with what it captures', async () => {
  const hook = { ...webhook, meta: ['tenant'], headers: ['Subject'] };
  const result = await run([send('u@a.test')], hook);
  assert.deepEqual(typesTaken(result).slice(0, 2), ['Reception u@a.test', 'Delivery u@a.test']);
  const [first] = result.sink('webhook');
  assert.deepEqual(first?.record.meta, { tenant: 'acme' });
  assert.deepEqual(first?.record.headers, { Subject: 'm0' });
  assert.deepEqual(JSON.parse(first?.text ?? ''), JSON.parse(JSON.stringify(first?.record)));
  assertLaws(result);
});

for (const [is, fate, ms] of [
  ['down', 'failed', undefined],
  ['dropping after taking', 'taken, not confirmed', undefined],
  ['refusing', 'refused', undefined],
  ['silent', 'failed', undefined],
  ['slow', 'taken', 30_000],
  ['flaky', 'failed', 5_000],
] as const) {
  test(`a sink that is ${is}, over a kill and a restart: nothing is missing`, async () => {
    const around: Step[] = [send('v@b.test'), wait(20_000), { do: 'kill' }, send('w@b.test')];
    const steps = [sink(is, ms), send('u@a.test', 5), wait(400_000), ...around, wait(5_000)];
    const result = await run([...steps, { do: 'restart' }, wait(5_000)]);
    const during = result.sink('webhook').filter(({ at }) => at < (result.observed.calmAt ?? 0));
    assert.ok(
      during.some((one) => one.fate === fate),
      [...new Set(fatesOf(result))].join(),
    );
    assert.equal(result.outcomes().waiting, 0);
    assertLaws(result);
    const [seen] = result.observed.sinks;
    assert.equal((seen?.letters.length ?? 0) > 0, is === 'refusing', 'dead letters');
  });
}

test('a batch that a kill cut off comes again with its ids, and perhaps twice', async () => {
  let repeated = 0;
  for (let seed = 1; seed <= 8; seed += 1) {
    const steps: Step[] = [sink('slow', 60_000), send('u@a.test', 3), wait(2_000), { do: 'kill' }];
    const result = await run(steps, webhook, seed);
    assertLaws(result);
    repeated += result.sink('webhook').filter(({ isRepeat }) => isRepeat).length;
  }
  assert.ok(repeated > 0, 'no sink had a batch whose sender died');
});

test('a hook that disabled itself is resumed when the faults end, and gets the rest', async () => {
  const hook = { ...webhook, disable_after: '30s' };
  const result = await run([sink('down'), send('u@a.test', 3), wait(600_000)], hook);
  const [seen] = result.observed.sinks;
  assert.ok(seen?.said.some(({ text }) => text.includes('disabled until resumed')));
  assertLaws(result);
  assert.equal(typesTaken(result).filter((text) => text.startsWith('Reception')).length, 4);
});

test('what the policy declines, or gives to another hook, is missing from none', async () => {
  const hooks = [webhook, { name: 'bounces', url: URL_HERE, types: ['Bounce', 'Delivery'] }];
  const policy = policyWith(hooks, {
    should_enqueue_log_record: ({ type }: { type: string }) =>
      type === 'Delivery' ? 'bounces' : type !== 'TransientFailure',
  });
  const steps: Step[] = [
    { do: 'receiver', domain: 'a.test', is: 'judging' },
    ...['u@a.test', 'bad@a.test', 'later@a.test'].map((to) => send(to)),
    wait(60_000),
  ];
  const result = await simulate(policy, { steps }, { seed: 1 });
  const typesOf = (name: string) => new Set(result.sink(name).map(({ record }) => record.type));
  assert.deepEqual([...typesOf('bounces')].sort(), ['Bounce', 'Delivery']);
  assert.deepEqual([...typesOf('webhook')].sort(), ['Bounce', 'Reception']);
  assertLaws(result);
});

test('a hook of a later version begins with it, one that is taken out ends', async () => {
  const other = policyWith([{ name: 'later', url: URL_HERE }]);
  const steps: Step[] = [send('u@a.test'), wait(5_000), { do: 'edit', to: 0 }, send('v@b.test')];
  const scenario: Scenario = { steps: [...steps, wait(5_000)] };
  const result = await simulate(policyWith([webhook]), scenario, { seed: 1, versions: [other] });
  assertLaws(result);
  const to = (name: string) => new Set(result.sink(name).map(({ record }) => record.recipient));
  assert.ok(to('webhook').has('u@a.test') && !to('webhook').has('v@b.test'));
  assert.ok(to('later').has('v@b.test'));
});

test('what retention gives up is not missing; what is younger is', async () => {
  const hook = { ...webhook, retention: { max_age: '1h' } };
  const steps = [sink('down'), send('u@a.test'), wait(2 * 3_600_000), send('v@b.test')];
  const result = await run([...steps, wait(60_000)], hook);
  assertLaws(result);
  const [seen] = result.observed.sinks;
  assert.ok((seen?.fallen.length ?? 0) > 0, 'nothing fell off');
  assert.ok(typesTaken(result).some((text) => text === 'Reception v@b.test'));
});

test('mail goes the same way, byte for byte, whatever becomes of the sinks', async () => {
  const steps: Step[] = [
    send('u@a.test', 20),
    { do: 'receiver', domain: 'a.test', is: 'greylisting', ms: 60_000 },
    wait(30_000),
    { do: 'kill' },
    send('v@a.test', 20),
    wait(300_000),
  ];
  const faults = { reset: 0.02, dns: 0.1 };
  const play = async (moods: readonly Step[], policy = policyWith([webhook])) => {
    const scenario: Scenario = { faults, settles: false, steps: [...moods, ...steps] };
    return (await simulate(policy, scenario, { seed: 3 })).log();
  };
  const kind = await play([]);
  for (const is of ['down', 'dropping after taking', 'silent', 'refusing'] as const) {
    assert.equal(await play([sink(is)]), kind, is);
  }
});

test('a step about a sink that nobody set up is an error that names those there are', async () => {
  const steps: Step[] = [{ do: 'sink', sink: 'webhok', is: 'down' }];
  const hint = /there is no log hook 'webhok'; there are: webhook/;
  await assert.rejects(run(steps), hint);
  const none = simulate(policyWith([]), { steps });
  await assert.rejects(none, /the policy has none/);
});

test("the code of a policy's own sink is not run, its sink is simulated", async () => {
  let runs = 0;
  const custom = {
    send: () => {
      runs += 1;
    },
  };
  const result = await run([send('u@a.test')], { name: 'webhook', custom });
  assert.ok(typesTaken(result).includes('Delivery u@a.test'));
  assert.equal(runs, 0);
});

test('a law of one’s own: no bounce leaves without its tenant', async () => {
  const mine: Law = {
    name: 'bounces-name-their-tenant',
    says: 'No bounce leaves without a tenant.',
    find: ({ sinks }: Observed) => {
      for (const { name, given } of sinks) {
        for (const { record, at } of given) {
          if (record.type !== 'Bounce' || record.meta['tenant'] !== undefined) continue;
          const says = `a bounce of ${String(record.recipient)} left to ${name} without a tenant`;
          return { says, at, about: [name, record.id] };
        }
      }
      return undefined;
    },
  };
  const steps: Step[] = [
    { do: 'receiver', domain: 'a.test', is: 'judging' },
    send('bad@a.test'),
    wait(5_000),
  ];
  const forgetful = await run(steps, { ...webhook, types: ['Bounce'] });
  const breach = mine.find(forgetful.observed);
  assert.equal(breach?.says, 'a bounce of bad@a.test left to webhook without a tenant');
  const told = timeline(forgetful, { about: breach?.about ?? [] });
  assert.match(told, /sink webhook {2}Bounce of message \d+: taken/);
  const careful = await run(steps, { ...webhook, types: ['Bounce'], meta: ['tenant'] });
  assert.ok(careful.sink('webhook').length > 0);
  assert.equal(mine.find(careful.observed), undefined);
});

test('the same seed is the same run, sinks and all', async () => {
  const steps = [sink('slow', 9_000), send('u@a.test', 9), wait(20_000), { do: 'kill' } as const];
  const [one, two] = [await run(steps, webhook, 5), await run(steps, webhook, 5)];
  assert.equal(JSON.stringify(one.sink('webhook')), JSON.stringify(two.sink('webhook')));
  assert.equal(one.log(), two.log());
});

/** What a law says of a run whose sinks were seen otherwise. */
const judged = (law: string, { observed }: Result, change: (sink: SinkSeen) => Partial<SinkSeen>) =>
  lawNamed(law).find({
    ...observed,
    sinks: observed.sinks.map((one) => ({ ...one, ...change(one) })),
  })?.says;

test('each law about sinks is broken by what it is about', async () => {
  const result = await run([send('u@a.test', 3), wait(5_000)]);
  const says = judged.bind(undefined);
  const [, second] = result.sink('webhook');
  const without = ({ given }: SinkSeen) => ({ given: given.filter((one) => one !== second) });
  assert.match(says('sinks-miss-nothing', result, without) ?? '', /and never the Reception/);
  const cut = ({ given }: SinkSeen) => ({ given: given.slice(0, -1) });
  assert.match(says('sinks-miss-nothing', result, cut) ?? '', /did not reach the sink webhook/);
  const lone = ({ given }: SinkSeen) => ({ given: [given[1], given[0]] as typeof given });
  assert.match(says('sinks-miss-nothing', result, lone) ?? '', /before it/);
  const made = ({ given }: SinkSeen) => ({
    given: given.map((one) => ({ ...one, record: { ...one.record, type: 'Bounce' as const } })),
  });
  const only = 'sinks-hear-only-what-happened';
  assert.match(says(only, result, made) ?? '', /the log knows nothing/);
  const early = ({ backlogs }: SinkSeen) => ({
    backlogs: backlogs.map((one) => ({ ...one, upto: 0 })),
  });
  assert.match(says(only, result, early) ?? '', /before it was durable/);
  const types = new Set(['Bounce' as const]);
  const other = ({ configs }: SinkSeen) => ({
    configs: configs.map((config) => ({ ...config, filter: { types } })),
  });
  assert.match(says(only, result, other) ?? '', /does not take/);
  const full = ({ backlogs }: SinkSeen) => ({
    backlogs: backlogs.map((one) => ({ ...one, ready: one.readyMax + 1 })),
  });
  const bounded = 'sinks-hold-a-bounded-backlog';
  assert.match(says(bounded, result, full) ?? '', /max_ready is/);
});

test('a failed batch that is taken for settled is found, in a few steps', async (t) => {
  // Between shipper and receiver: a batch that failed is taken for settled.
  const connect = Receiver.prototype.connect;
  t.mock.method(Receiver.prototype, 'connect', function (this: Receiver, clock: never) {
    const inner = connect.call(this, clock);
    const send: typeof inner.send = async (batch, signal) => {
      await inner.send(batch, signal);
      return { kind: 'settled', refused: [] };
    };
    return { send, close: () => inner.close() };
  });
  const found = await checkPolicy(asTestPolicy(policyWith([webhook])), { seconds: 60 });
  assert.equal(found.counterexample?.law.name, 'sinks-miss-nothing');
  assert.ok((found.counterexample?.scenario.steps.length ?? 99) <= 10);
});

test('a policy without hooks gives these laws no occasion', async () => {
  const result = await simulate(policyWith([]), { steps: [send('u@a.test')] });
  assert.deepEqual(result.observed.sinks, []);
  assert.throws(() => result.sink('webhook'), /there is no log hook 'webhook'; there are: none/);
  for (const { name, find } of laws) {
    if (name.startsWith('sinks-')) assert.equal(find(result.observed), undefined);
  }
});
