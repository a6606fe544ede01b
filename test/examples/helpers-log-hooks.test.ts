/**
 * Helper `logHooks`, by example: hooks of files and of code become calls of `setup.logHook`, with
 * queues of their own; what is wrong names file and key. Deliberately unknown here: the log.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { definePolicy } from '../../src/policy/define.ts';
import { logHooks } from '../../src/policy/helpers/log-hooks.ts';
import type { PolicyPart } from '../../src/policy/hooks.ts';
import { runSetup } from '../../src/policy/setup.ts';
import { refusalOf, withFiles } from './helpers-kit.ts';
import { record } from './hook-record.ts';

type Files = Readonly<Record<string, string>>;

const make = (files: Files): PolicyPart =>
  withFiles(files, () => logHooks({ files: Object.keys(files) }));
const refused = (files: Files): string =>
  refusalOf(files, () => logHooks({ files: Object.keys(files) }));
const hooksOf = (part: PolicyPart) => {
  const listener: PolicyPart = {
    init: (setup) => setup.smtpListener({ listen: '127.0.0.1:2025' }),
  };
  return runSetup(definePolicy(listener, part)).logHooks;
};
const queueOf = (part: PolicyPart, domain: string) =>
  part.get_queue_config?.(domain, undefined, undefined, undefined);

const TOML = `
[log_hook."webhook"]
url = "http://10.0.0.1:4242/log"
log_parameters = { meta = ["From", "Subject"], per_record = { Delayed = { enable = false } } }
[log_hook."bounces"]
url = "http://10.0.0.1:4242/bounces"
types = ["Bounce"]
batch_size = 10
[log_hook."bounces".queue_config]
retry_interval = "5s"
`;

describe('logHooks', () => {
  it('sets up the hooks of its files, in TOML and in JSON alike', () => {
    const hooks = hooksOf(make({ 'log-hooks.toml': TOML }));
    assert.deepEqual(
      hooks.map(({ name, sink }) => [name, sink.kind]),
      [
        ['webhook', 'http'],
        ['bounces', 'http'],
      ],
    );
    assert.deepEqual(hooks[0]?.capture.meta, ['From', 'Subject']);
    assert.ok(!hooks[0]?.filter.types.has('Delayed'));
    assert.deepEqual([...(hooks[1]?.filter.types ?? [])], ['Bounce']);
    assert.equal(hooks[1]?.batching.batchSize, 10);
    const json = JSON.stringify({
      log_hook: {
        webhook: {
          url: 'http://10.0.0.1:4242/log',
          log_parameters: { meta: ['From', 'Subject'], per_record: { Delayed: { enable: false } } },
        },
      },
    });
    assert.deepEqual(hooksOf(make({ 'log-hooks.json': json })), hooks.slice(0, 1));
  });

  it('answers for the queues of its hooks, and for no other', () => {
    const part = make({ 'log-hooks.toml': TOML });
    assert.deepEqual(queueOf(part, 'webhook.log_hook'), {
      refresh_strategy: 'Epoch',
      retry_interval: '1m',
      max_retry_interval: '20m',
    });
    assert.equal(queueOf(part, 'Bounces.log_hook.')?.retry_interval, '5s');
    assert.equal(queueOf(part, 'example.com'), undefined);
    assert.equal(
      part.should_enqueue_log_record,
      undefined,
      'nobody asks where nothing is left out',
    );
  });

  it('lays later files over earlier ones, tables key by key', () => {
    const part = make({
      'a.toml': TOML,
      'b.toml':
        '[log_hook.bounces]\nbatch_size = 20\nqueue_config = { max_retry_interval = "1m" }\n' +
        '[log_hook.more]\nurl = "http://127.0.0.1/"',
    });
    const hooks = hooksOf(part);
    assert.deepEqual(
      hooks.map(({ name, batching }) => [name, batching.batchSize]),
      [
        ['webhook', 1],
        ['bounces', 20],
        ['more', 1],
      ],
    );
    const queue = queueOf(part, 'bounces.log_hook');
    assert.deepEqual([queue?.retry_interval, queue?.max_retry_interval], ['5s', '1m']);
  });

  it('refuses with file and key', () => {
    const hook = (rest: string) => ({ 'h.toml': `[log_hook.x]\n${rest}` });
    assert.match(
      refused(hook('batchsize = 3')),
      /^h\.toml: log_hook\.'x'\.batchsize: is not an option here; did you mean 'batch_size'\?/,
    );
    assert.match(refused(hook('batch_size = 3')), /^h\.toml: log_hook\.'x': url: no sink is given/);
    assert.match(
      refused(hook('url = "http://a/"\nmin_batch_size = 2')),
      /^h\.toml: log_hook\.'x': min_batch_size: 2 is more than the batch_size of 1; raise/,
    );
    assert.match(
      refused(hook('url = "http://a/"\nmeta = ["a"]\nlog_parameters = { meta = ["b"] }')),
      /^h\.toml: log_hook\.'x': log_parameters\.meta: stands in the hook as well; keep one/,
    );
    assert.match(
      refused(hook('url = "http://a/"\nqueue_config = { retry = "1m" }')),
      /^h\.toml: log_hook\.'x'\.queue_config\.retry: is not an option here/,
    );
    assert.match(refused({ 'h.toml': '[log_hook.x]' }), /^log_hook\.'x': url: no sink is given/);
    assert.match(refused({ 'h.toml': '[log_hook."a b"]\nurl = "http://a/"' }), /'a b' is no name/);
  });
});

describe('logHooks.json', () => {
  it('is what the reference writes as new_json', () => {
    const part = logHooks.json({
      name: 'webhook',
      url: 'http://10.0.0.1:4242/log',
      log_parameters: { meta: ['From', 'Subject', 'x-virtual-mta', 'x-dkim-options'] },
    });
    const [hook] = hooksOf(part);
    assert.deepEqual(hook?.capture.meta, ['From', 'Subject', 'x-virtual-mta', 'x-dkim-options']);
    assert.equal(hook?.sink.kind, 'http');
    assert.equal(queueOf(part, 'webhook.log_hook')?.retry_interval, '1m');
  });

  it('leaves out what its filter says, as there, and asks no other part then', () => {
    const part = logHooks.json({
      name: 'webhook',
      url: 'http://10.0.0.1:4242/log',
      filter: ({ type }) => type === 'Delayed',
    });
    const ask = part.should_enqueue_log_record;
    assert.equal(ask?.(record({ type: 'Delayed' }), 'webhook'), false);
    assert.equal(ask?.(record(), 'webhook'), true);
    assert.equal(ask?.(record(), 'other'), undefined);
  });

  it('is refused by its own name', () => {
    const refusedAs = (settings: object, sentence: RegExp) =>
      assert.match(
        refusalOf({}, () => logHooks.json(settings as never)),
        sentence,
      );
    refusedAs({ name: 'x' }, /^logHooks\.json\(\): url: no sink is given/);
    refusedAs({ url: 'http://a/' }, /^logHooks\.json\(\): name: is missing/);
    refusedAs(
      { name: 'x', url: 'http://a/', filter: 'no' },
      /^logHooks\.json\(\): filter: 'no' is /,
    );
  });
});

describe('logHooks.new', () => {
  it('takes a sink of the policy itself', () => {
    const send = () => 'ok';
    const [hook] = hooksOf(logHooks.new({ name: 'own', custom: { send } }));
    assert.ok(hook?.sink.kind === 'custom' && typeof hook.sink.source === 'object');
    assert.equal(hook.sink.source.send, send);
  });
});
