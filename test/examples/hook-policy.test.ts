/**
 * Stories about what a policy says of log hooks: how their queues and paths are shaped, what the
 * shaping files for mail do not do to them, and who takes a record.
 * Deliberately unknown here: shipping itself.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createHookAsker } from '../../src/policy/ask-hook.ts';
import type { PolicyFault } from '../../src/policy/calling.ts';
import { definePolicy } from '../../src/policy/define.ts';
import { logHooks } from '../../src/policy/helpers/log-hooks.ts';
import { queues } from '../../src/policy/helpers/queues.ts';
import { shaping } from '../../src/policy/helpers/shaping.ts';
import type { PolicyPart } from '../../src/policy/hooks.ts';
import type { HookShape } from '../../src/projections/hook.ts';
import { createHookChoice } from '../../src/projections/hook-choice.ts';
import { prepareWith, withFiles } from './helpers-kit.ts';
import { record } from './hook-record.ts';

const over = (...parts: PolicyPart[]) => {
  const faults: PolicyFault[] = [];
  const onFault = (fault: PolicyFault) => faults.push(fault);
  const asker = createHookAsker(definePolicy(...parts), ['webhook', 'audit'], { onFault });
  return { asker, faults, shape: (name = 'webhook') => asker.shapeOf(name) };
};

const UNTHROTTLED: HookShape = {
  retryIntervalMs: 60_000,
  maxRetryIntervalMs: 1_200_000,
  maxReady: 10_000,
  connectionLimit: 1,
  maxDeliveriesPerConnection: 0,
  idleTimeoutMs: 60_000,
  systemShutdownTimeoutMs: 5_000,
};

// As in the reference's chapter about the performance of log hooks, line by line.
const SEED = `
['webhook.log_hook']
# This is not a regular email domain, so do not try to resolve it as an MX record
mx_rollup = false
max_deliveries_per_connection = 8192
# No need to coordinate with other MTAs on a shared limit
connection_limit = "local:10"
max_connection_rate = "1000/s"
# Allow a healthy amount in the ready queue in case things get busy
max_ready = 10000
# Limit how long we wait for connections to close at shutdown so we don't delay unneccessarily
system_shutdown_timeout = "30s"
`;

const SEED_SHAPE: HookShape = {
  ...UNTHROTTLED,
  connectionLimit: 10,
  maxDeliveriesPerConnection: 8_192,
  maxConnectionRate: { limit: 1_000, periodMs: 1_000, maxBurst: 1_000, local: false },
  maxReady: 10_000,
  systemShutdownTimeoutMs: 30_000,
};

describe('the shape of a hook', () => {
  it('is unthrottled where nobody says anything', () => {
    const { shape, faults } = over({});
    assert.deepEqual(shape(), UNTHROTTLED);
    assert.deepEqual(faults, []);
  });

  it('is that of the section with its name, as the reference writes it', () => {
    const files = { 'shaping.toml': SEED };
    const { shape } = over(withFiles(files, () => shaping({ files: ['shaping.toml'] })));
    assert.deepEqual(shape(), SEED_SHAPE);
  });

  it('needs no mx_rollup = false, and asks DNS for no exchangers', async () => {
    const files = { 'shaping.toml': SEED.replace('mx_rollup = false', '') };
    const part = withFiles(files, () => shaping({ files: ['shaping.toml'] }));
    const { lines } = await prepareWith(part, {});
    assert.deepEqual(lines, []);
    assert.deepEqual(over(part).shape(), SEED_SHAPE);
  });

  it('is not made of what protects receivers of mail', () => {
    const careful = `
[default]
max_connection_rate = "1/min"
max_message_rate = "1/min"
max_ready = 1
system_shutdown_timeout = "1s"
[provider."all"]
match = [{ MXSuffix = ".example.com" }]
max_message_rate = "2/min"
["example.com"]
mx_rollup = false
`;
    const queueData = `
[queue.default]
retry_interval = "20m"
max_message_rate = "1/min"
[queue."*"]
retry_interval = "21m"
[queue."audit.log_hook"]
retry_interval = "2m"
`;
    const { shape, asker } = withFiles({ 'shaping.toml': careful, 'queues.toml': queueData }, () =>
      over(shaping({ files: ['shaping.toml'] }), queues({ files: ['queues.toml'] })),
    );
    assert.deepEqual(shape(), UNTHROTTLED);
    assert.deepEqual(asker.shapeOf('audit'), { ...UNTHROTTLED, retryIntervalMs: 120_000 });
  });

  it('takes waits from get_queue_config, and of two rates the slower', () => {
    const asked: unknown[][] = [];
    const { shape } = over({
      get_queue_config(...args) {
        asked.push(args);
        return { retry_interval: '30m', max_message_rate: '10/s', max_age: '1s', egress_pool: 'p' };
      },
      get_egress_path_config(...args) {
        asked.push(args);
        return { max_message_rate: '100/s', idle_timeout: '5s', connect_timeout: '1s' };
      },
    });
    assert.deepEqual(shape(), {
      ...UNTHROTTLED,
      retryIntervalMs: 1_800_000,
      maxRetryIntervalMs: 1_800_000,
      maxMessageRate: { limit: 10, periodMs: 1_000, maxBurst: 10, local: false },
      idleTimeoutMs: 5_000,
    });
    assert.deepEqual(asked, [
      ['webhook.log_hook', undefined, undefined, undefined],
      ['webhook.log_hook', 'unspecified', 'webhook.log_hook', []],
    ]);
  });

  it('stays what it was when a handler fails, and is told', () => {
    let isBroken = false;
    const { shape, faults } = over({
      get_queue_config() {
        if (isBroken) throw new Error('broken');
        return { retry_interval: '2s', max_retry_interval: '1s' };
      },
    });
    const before = shape();
    assert.deepEqual([before.retryIntervalMs, before.maxRetryIntervalMs], [1_000, 1_000]);
    isBroken = true;
    assert.deepEqual(shape(), before);
    assert.match(
      faults[0]?.sentence ?? '',
      /get_queue_config failed for webhook\.log_hook: broken/,
    );
    assert.equal(faults.length, 1);
  });
});

describe('should_enqueue_log_record', () => {
  const choose = (...parts: PolicyPart[]) => {
    const { asker, faults } = over(...parts);
    const passes = () => true;
    const hooks = [
      { name: 'webhook', passes },
      { name: 'audit', passes },
    ];
    const takes = createHookChoice(hooks, (one, name) => asker.shouldEnqueue(one, name));
    return { takes, faults, asker };
  };
  const one = record({ type: 'Bounce', event_id: '7.0' });

  it('lets everything pass where no part has it', () => {
    const { takes, asker } = choose({});
    assert.equal(asker.hasFilter, false);
    assert.ok(takes(one, 'webhook') && takes(one, 'audit'));
  });

  it('is asked part by part until one answers', () => {
    const { takes, asker } = choose(
      { should_enqueue_log_record: (_record, hook) => (hook === 'audit' ? true : undefined) },
      { should_enqueue_log_record: ({ type }) => type === 'Delivery' },
    );
    assert.equal(asker.hasFilter, true);
    assert.equal(takes(one, 'webhook'), false);
    assert.equal(takes(one, 'audit'), true);
    const delivery = record({ type: 'Delivery', event_id: '8.0' });
    assert.equal(takes(delivery, 'webhook'), true);
  });

  it('may name the one hook that takes the record', () => {
    let asked = 0;
    const { takes } = choose({
      should_enqueue_log_record(_record, hook) {
        asked += 1;
        return hook === 'webhook' ? 'audit' : false;
      },
    });
    assert.equal(takes(one, 'webhook'), false);
    assert.equal(takes(one, 'audit'), true);
    assert.equal(takes(one, 'audit'), true);
    assert.equal(asked, 1, 'the answer for all hooks is remembered');
  });

  it('sees a frozen record', () => {
    const { takes, faults } = choose({
      should_enqueue_log_record(seen) {
        (seen.meta as { tenant: string }).tenant = 'other';
        return false;
      },
    });
    assert.ok(takes(record({ event_id: '9.0', meta: { tenant: 'acme' } }), 'webhook'));
    assert.match(faults[0]?.sentence ?? '', /read only|not extensible/);
  });

  it('that fails, or names nobody, lets the record through and is told', () => {
    const failing = choose({
      should_enqueue_log_record() {
        throw new Error('oh');
      },
    });
    assert.ok(failing.takes(one, 'webhook') && failing.takes(one, 'audit'));
    assert.match(failing.faults[0]?.sentence ?? '', /should_enqueue_log_record failed for the log/);
    const wrong = choose({ should_enqueue_log_record: () => 'nobody' });
    assert.ok(wrong.takes(one, 'webhook'));
    assert.equal(
      wrong.faults[0]?.sentence,
      "should_enqueue_log_record for the log hook webhook: 'nobody' is neither true, false nor " +
        'the name of a log hook; the hooks: webhook, audit',
    );
  });

  it('is not asked for a hook whose own lists leave the record out', () => {
    const asked: string[] = [];
    const { asker } = over({
      should_enqueue_log_record(_record, hook) {
        asked.push(hook);
        return hook === 'webhook' ? 'audit' : true;
      },
    });
    const hooks = [
      { name: 'webhook', passes: () => false },
      { name: 'audit', passes: () => true },
    ];
    const takes = createHookChoice(hooks, (seen, name) => asker.shouldEnqueue(seen, name));
    assert.equal(takes(one, 'audit'), true);
    assert.deepEqual(asked, ['audit']);
  });

  it('is asked once for a lone hook, whose name may be the answer', () => {
    const { asker } = over({ should_enqueue_log_record: () => 'webhook' });
    const hooks = [{ name: 'webhook', passes: () => true }];
    const takes = createHookChoice(hooks, (seen, name) => asker.shouldEnqueue(seen, name));
    assert.equal(takes(one, 'webhook'), true);
  });
});

describe('a hook of the helper', () => {
  it('has waits of its own, and is shaped where all shaping is', () => {
    const files = { 'shaping.toml': SEED, 'queues.toml': '[queue.default]\nretry_interval = "9m"' };
    const part = withFiles(files, () =>
      over(
        logHooks.json({
          name: 'webhook',
          url: 'http://10.0.0.1:4242/log',
          queue_config: { retry_interval: '5s' },
        }),
        shaping({ files: ['shaping.toml'] }),
        queues({ files: ['queues.toml'] }),
      ),
    );
    assert.deepEqual(part.shape(), { ...SEED_SHAPE, retryIntervalMs: 5_000 });
  });
});
