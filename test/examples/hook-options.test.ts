/**
 * Stories about `setup.logHook`: what is read, what is refused and with which sentence, and that no
 * refusal shows what a sink was given. Deliberately unknown here: sinks, the log.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hookDomain, isHookDomain } from '../../src/domain/hook-name.ts';
import { OptionError } from '../../src/domain/option-error.ts';
import { parseHookConfig } from '../../src/domain/options-hook.ts';
import { RECORD_TYPES } from '../../src/domain/record-type.ts';
import { definePolicy } from '../../src/policy/define.ts';
import type { PolicySetup } from '../../src/policy/setup.ts';
import { captureListsOf, runSetup } from '../../src/policy/setup.ts';
import type { LogHookOptions, Setup } from '../../src/policy/setup-calls.ts';

const URL = 'http://127.0.0.1:4242/log';
const read = (more: object = {}) =>
  parseHookConfig({ name: 'webhook', url: URL, ...more }, 'setup.logHook');

const refusal = (raw: unknown): string => {
  try {
    parseHookConfig(raw, 'setup.logHook');
  } catch (error) {
    if (error instanceof OptionError) return error.message;
    throw error;
  }
  return assert.fail('it was accepted');
};
const refused = (more: object): string => refusal({ name: 'webhook', url: URL, ...more });

const setUp = (...hooks: readonly LogHookOptions[]): PolicySetup =>
  runSetup(
    definePolicy({
      init(setup: Setup) {
        setup.smtpListener({ listen: '127.0.0.1:2025' });
        for (const hook of hooks) setup.logHook(hook);
      },
    }),
  );

describe('a log hook', () => {
  it('needs a name and a sink, and has the documented defaults', () => {
    const hook = read();
    assert.equal(hook.name, 'webhook');
    assert.deepEqual(hook.batching, { batchSize: 1, minBatchSize: 1, maxBatchLatencyMs: 0 });
    assert.deepEqual(hook.filter, { types: new Set(RECORD_TYPES) });
    assert.deepEqual(hook.capture, { meta: [], headers: [] });
    assert.equal(hook.templates.size, 0);
    assert.deepEqual(hook.retention, { maxAgeMs: 604_800_000, maxBytes: 10_000_000_000 });
    assert.equal(hook.start, 'now');
    assert.equal(hook.disableAfterMs, undefined);
    assert.equal(hook.sink.kind, 'http');
    assert.ok(Object.isFrozen(hook));
  });

  it('takes everything there is to say of it', () => {
    const hook = read({
      meta: ['tenant', 'x-*', 'tenant'],
      headers: ['Subject'],
      batch_size: 100,
      min_batch_size: 50,
      max_batch_latency: '2s',
      types: ['Delivery', 'Bounce'],
      tenants: ['acme'],
      campaigns: ['spring'],
      domains: ['Example.COM.'],
      start: '2026-11-22T16:00:00+01:00',
      retention: { max_age: '1 day', max_bytes: 2_000_000 },
      disable_after: '1h',
      ordering: 'hook',
    });
    assert.deepEqual(hook.capture, { meta: ['tenant', 'x-*'], headers: ['Subject'] });
    assert.deepEqual(hook.batching, { batchSize: 100, minBatchSize: 50, maxBatchLatencyMs: 2_000 });
    assert.deepEqual(hook.filter, {
      types: new Set(['Delivery', 'Bounce']),
      tenants: new Set(['acme']),
      campaigns: new Set(['spring']),
      domains: new Set(['example.com']),
    });
    assert.deepEqual(hook.start, { at: Date.UTC(2026, 10, 22, 15) });
    assert.deepEqual(hook.retention, { maxAgeMs: 86_400_000, maxBytes: 2_000_000 });
    assert.equal(hook.disableAfterMs, 3_600_000);
  });

  it('takes what only the queue of the reference needed, and does nothing with it', () => {
    assert.deepEqual(read({ back_pressure: 128_000, deferred_spool: false }), read());
  });

  it('is switched by type of record; a type of its own does not inherit from Any', () => {
    const per_record = {
      Any: { enable: false, template: 'any' },
      Delivery: { template: '{{ id }}' },
      Bounce: {},
    };
    const hook = read({ per_record });
    assert.deepEqual([...hook.filter.types], ['Delivery', 'Bounce']);
    assert.equal(hook.templates.get('Delivery'), '{{ id }}');
    assert.equal(hook.templates.get('Bounce'), undefined);
    assert.equal(hook.templates.get('Reception'), 'any');
    assert.deepEqual([...read({ per_record, types: ['Bounce'] }).filter.types], ['Bounce']);
  });

  it('takes its sink from url, http, amqp, kafka or the policy itself', () => {
    const kindOf = (more: object) => parseHookConfig({ name: 'x', ...more }, 'here').sink.kind;
    assert.equal(kindOf({ http: { url: URL } }), 'http');
    const send = () => 'ok';
    const { sink } = parseHookConfig({ name: 'x', custom: { send } }, 'here');
    assert.ok(sink.kind === 'custom' && typeof sink.source === 'object');
    assert.equal(sink.source.send, send);
    assert.equal(kindOf({ custom: () => ({ send }) }), 'custom');
    assert.equal(kindOf({ custom: { sendBatch: send } }), 'custom');
  });
});

describe('a log hook is refused', () => {
  const where = "setup.logHook 'webhook': ";
  const sinks = "give exactly one of url, amqp, kafka and custom, as in url: 'https://…'";

  it('without a name, or with one that no file could have', () => {
    assert.equal(refusal({ url: URL }), 'setup.logHook: name: is missing; give a name of a hook');
    for (const name of ['', '../x', 'a b', '.hidden', 'x'.repeat(64), 7]) {
      assert.match(refusal({ name, url: URL }), /^setup\.logHook: name: .* is no name for a hook/);
    }
  });

  it('without a sink, and with two', () => {
    assert.equal(refusal({ name: 'webhook' }), `${where}url: no sink is given; ${sinks}`);
    assert.equal(refused({ amqp: {} }), `${where}amqp: is a second sink beside url; ${sinks}`);
    assert.equal(
      refused({ url: undefined, kafka: {}, custom: { send: () => 1 } }),
      `${where}custom: is a second sink beside kafka; ${sinks}`,
    );
    assert.match(refused({ http: { url: URL } }), /http\.url: is given beside url; give one of/);
  });

  it('without showing what may be a secret', () => {
    const secret = 'hunter2';
    const wrong = [
      { url: `ftp://me:${secret}@host` },
      { url: [secret] },
      { url: undefined, http: secret },
      { url: undefined, amqp: `amqp://me:${secret}@host` },
      { url: undefined, kafka: [secret] },
      { url: undefined, custom: { secret } },
    ];
    for (const more of wrong) assert.ok(!refused(more).includes(secret), refused(more));
  });

  it('with a key that is none, or a value that cannot be', () => {
    const because = (more: object, sentence: RegExp) => assert.match(refused(more), sentence);
    because({ batchsize: 2 }, /: batchsize: is not an option here; did you mean 'batch_size'\?$/);
    because({ batch_size: 0 }, /batch_size: 0 is not a whole number from 1 to 10000; change it$/);
    because({ batch_size: 2, min_batch_size: 3 }, /min_batch_size: 3 is more than the batch_size/);
    because({ types: ['Delivry'] }, /types.entry 1: 'Delivry' is .*did you mean 'Delivery'\?$/);
    because({ types: [] }, /types: is empty, so nothing would be sent; fill or remove it$/);
    because({ domains: ['*.example.com'] }, /domains.entry 1: '\*\.example\.com' is not a domain/);
    because({ per_record: { Delivry: {} } }, /per_record\.Delivry: is no type of record; did you/);
    because({ per_record: { Any: { enabled: false } } }, /per_record\.Any\.enabled: is not an opt/);
    because({ per_record: { Any: { enable: false } } }, /per_record: switches every type of recor/);
    because({ per_record: { Any: { template: '' } } }, /per_record\.Any\.template: '' is no templ/);
    because({ start: 'yesterday' }, /start: 'yesterday' is nowhere to start; use 'beginning', 'no/);
    because({ start: '2026-11-22T15:00:00' }, /start: .* is nowhere to start/);
    because({ retention: { max_bytes: 5 } }, /retention\.max_bytes: 5 is not a whole number from/);
    because(
      { ordering: 'none' },
      /ordering: 'none' is not supported: records go in order; remove it, or/,
    );
    because({ custom: { send: 'x' }, url: undefined }, /custom: has neither send nor sendBatch; w/);
    const batched = { url: undefined, batch_size: 5, custom: { send: () => 1 } };
    because(batched, /custom: has no sendBatch, but batch_size is 5; write sendBatch\(messages/);
    const many = Array.from({ length: 1_001 }, (_, at) => `t${at}`);
    because({ tenants: many }, /tenants: it has 1001 entries; give at most 1000$/);
  });
});

describe('the hooks of a policy', () => {
  it('are kept in their order, with all that any of them captures', () => {
    const setup = setUp(
      { name: 'one', url: URL, meta: ['a', 'b'], headers: ['Subject'] },
      { name: 'two', custom: { send: () => undefined }, meta: ['b', 'c'] },
    );
    assert.deepEqual(
      setup.logHooks.map(({ name }) => name),
      ['one', 'two'],
    );
    assert.deepEqual(captureListsOf(setup), { meta: ['a', 'b', 'c'], headers: ['Subject'] });
    assert.deepEqual(setUp().logHooks, []);
  });

  it('are 64 at most', () => {
    const hooks = Array.from({ length: 65 }, (_, at) => ({ name: `h${at}`, url: URL }));
    assert.equal(setUp(...hooks.slice(0, 64)).logHooks.length, 64);
    assert.throws(() => setUp(...hooks), /setup\.logHook: name: is one hook too many; rename or/);
  });

  it('have domains of their own', () => {
    assert.equal(hookDomain('WebHook'), 'webhook.log_hook');
    assert.ok(isHookDomain('WEBHOOK.LOG_HOOK'));
    assert.ok(!isHookDomain('log_hook') && !isHookDomain('webhook.log_hook.com'));
  });
});
