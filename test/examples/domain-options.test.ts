/**
 * Stories about configurations: defaults, what is refused and with which one line, and the tables
 * that documents are made of.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OptionError } from '../../src/domain/option-error.ts';
import type { OptionTable } from '../../src/domain/options.ts';
import { nearest } from '../../src/domain/options.ts';
import {
  POOL_OPTIONS,
  parsePoolConfig,
  parseSourceConfig,
  SOURCE_OPTIONS,
} from '../../src/domain/options-egress.ts';
import {
  brokenTlsMs,
  PATH_OPTIONS,
  parsePathConfig,
  shutdownGraceMs,
  watchdogMs,
} from '../../src/domain/options-path.ts';
import { parseQueueConfig, QUEUE_OPTIONS } from '../../src/domain/options-queue.ts';

const refusal = (read: () => unknown): string => {
  try {
    read();
  } catch (error) {
    if (error instanceof OptionError) return error.message;
    throw error;
  }
  return assert.fail('it was accepted');
};

test('a queue without options has the documented defaults', () => {
  const config = parseQueueConfig(undefined, 'queue');
  assert.deepEqual(config, {
    retry_interval: 1_200_000,
    max_age: 604_800_000,
    protocol: { smtp: { mx_list: [], treat_mx_list_as_secure: false } },
    reap_interval: 600_000,
    refresh_interval: 60_000,
    refresh_strategy: 'Ttl',
  });
  assert.ok(Object.isFrozen(config) && Object.isFrozen(config.protocol.smtp));
  assert.deepEqual(parseQueueConfig({ egress_pool: undefined }, 'queue'), config);
});

test('queue options are read into engine units', () => {
  const raw = { retry_interval: '5m', max_retry_interval: 3_600, max_message_rate: '10/s' };
  const config = parseQueueConfig({ ...raw, egress_pool: 'p', strategy: 'SkipList' }, 'queue');
  assert.equal(config.retry_interval, 300_000);
  assert.equal(config.max_retry_interval, 3_600_000);
  assert.equal(config.max_message_rate?.limit, 10);
  assert.equal(config.strategy, 'SkipList');
});

test('a path without options has the documented defaults', () => {
  const path = parsePathConfig({}, 'path');
  assert.deepEqual(path.connection_limit, { limit: 32, local: false });
  assert.equal(path.idle_timeout, 60_000);
  assert.equal(path.data_timeout, 300_000);
  assert.equal(path.data_dot_timeout, 300_000);
  assert.equal(path.enable_tls, 'Opportunistic');
  assert.equal(path.prohibited_hosts.length, 4);
  assert.equal(shutdownGraceMs(path), 1_200_000);
  assert.equal(watchdogMs(path), 600_000);
  assert.equal(brokenTlsMs(path), 0);
  assert.equal('max_message_rate' in path, false);
  const told = { opportunistic_tls_reconnect_on_failed_handshake: true, data_timeout: '30s' };
  assert.equal(brokenTlsMs(parsePathConfig(told, 'path')), 900_000);
  const short = { system_shutdown_timeout: 1, dispatcher_progress_watchdog_timeout: 2 };
  assert.equal(shutdownGraceMs(parsePathConfig(short, 'path')), 1_000);
  assert.equal(watchdogMs(parsePathConfig(short, 'path')), 2_000);
});

test('a refusal names where, key, problem and fix in one line', () => {
  const path = (raw: unknown) => refusal(() => parsePathConfig(raw, "path 'a'"));
  assert.equal(
    path({ conection_limit: 5 }),
    "path 'a': conection_limit: is not an option here; did you mean 'connection_limit'?",
  );
  assert.equal(path({ colour: 5 }), "path 'a': colour: is not an option here; remove it");
  assert.equal(
    path({ enable_tls: 'opportunistic' }).split('; ')[1],
    "did you mean 'Opportunistic'?",
  );
  assert.match(path({ use_lmtp: 'yes' }), /^path 'a': use_lmtp: 'yes' is not a truth value; use/);
  assert.match(path({ max_ready: '1024' }), /max_ready: '1024' is not a whole number from 1 to/);
  assert.match(path({ max_ready: 0 }), /is not a whole number/);
  assert.match(path({ smtp_port: 70_000 }), /from 1 to 65535/);
  assert.match(path({ idle_timeout: '60' }), /idle_timeout: duration '60' has no unit; write sec/);
  assert.match(
    path({ skip_hosts: ['::1', '10.1.1.1/8'] }),
    /skip_hosts.entry 2: '10.1.1.1\/8' has/,
  );
  assert.match(path({ skip_hosts: '::1' }), /'::1' is not a list/);
  assert.match(path({ additional_connection_limits: { x: 0 } }), /_limits.'x': 0 is not a limit/);
  assert.match(path({ enable_dane: true }), /DANE is not supported yet/);
  assert.match(path({ provider_name: 'a\nb' }), /control characters/);
  assert.match(path({ ehlo_domain: null }), /null is not a text/);
  assert.equal(path([]), "path 'a': a list of 0 is not a table; give named options");
  assert.equal(path({ 'a\nb': 1 }).includes('\n'), false);
  for (const key of ['constructor', 'toString', '__proto__']) {
    assert.match(path(JSON.parse(`{"${key}": 1}`)), /is not an option here/);
  }
});

test('MX lists are taken apart', () => {
  const list = (...mx_list: unknown[]) =>
    parseQueueConfig({ protocol: { smtp: { mx_list } } }, 'queue').protocol.smtp.mx_list;
  const known: readonly (readonly [unknown, object])[] = [
    ['MX.Example.com.', { name: 'mx.example.com' }],
    ['mx.example.com:587', { name: 'mx.example.com', port: 587 }],
    ['localhost', { name: 'localhost' }],
    ['[192.0.2.1]', { name: '192.0.2.1', address: '192.0.2.1' }],
    ['[::1]:2525', { name: '::1', address: '::1', port: 2525 }],
    ['[IPv6:::1]', { name: 'IPv6:::1', address: '::1' }],
    ['127.0.0.1:2525', { name: '127.0.0.1', address: '127.0.0.1', port: 2525 }],
    ['/run/lmtp.sock', { name: '/run/lmtp.sock', path: '/run/lmtp.sock' }],
    [
      { name: 'mx', addr: '192.0.2.1' },
      { name: 'mx', address: '192.0.2.1' },
    ],
    [
      { name: 'mx', addr: '192.0.2.1:26' },
      { name: 'mx', address: '192.0.2.1', port: 26 },
    ],
    [
      { name: 'mx', addr: '[::1]:26' },
      { name: 'mx', address: '::1', port: 26 },
    ],
    [
      { name: 'mx', addr: '::1' },
      { name: 'mx', address: '::1' },
    ],
  ];
  for (const [value, entry] of known) assert.deepEqual(list(value), [entry]);
  const wrong = ['', 'a:0', 'a:99999', '::1', '[host]', 'a b', 'a:b', '-a', 'a..b', 5, null, {}];
  for (const value of [...wrong, { name: 'mx' }, { name: 'mx', addr: 'mx' }, { mx: 1 }]) {
    assert.match(
      refusal(() => list(value)),
      /queue: protocol.*mx_list.entry 1/,
    );
  }
});

test('other protocols are refused with a sentence', () => {
  const queue = (protocol: unknown) => refusal(() => parseQueueConfig({ protocol }, 'queue'));
  for (const key of ['maildir_path', 'custom_lua', 'xfer']) {
    assert.match(queue({ [key]: 'x' }), new RegExp(`the protocol ${key} is not supported yet`));
  }
  for (const value of [{}, 'smtp', { smtp: {}, other: 1 }, { smpt: {} }]) {
    assert.match(queue(value), /is not a protocol/);
  }
  assert.match(queue({ smtp: { mx_lst: [] } }), /queue: protocol.*mx_lst.*did you mean 'mx_list'/);
});

test('pools and sources', () => {
  const pool = parsePoolConfig(
    { name: 'p', entries: [{ name: 'a' }, { name: 'b', weight: 0 }] },
    'p',
  );
  assert.deepEqual(pool.entries, [
    { name: 'a', weight: 1 },
    { name: 'b', weight: 0 },
  ]);
  const poolRefusal = refusal(() =>
    parsePoolConfig({ name: 'p', entries: [{ weight: 1 }] }, 'pool'),
  );
  assert.equal(poolRefusal, 'pool: entries.entry 1.name: is missing; give a text');
  const source = parseSourceConfig(
    {
      name: 's',
      source_address: '192.0.2.1',
      socks5_proxy_server: '[::1]:1080',
      suspend_when_unplumbed: { duration: '5m' },
      suspend_when_proxy_unhealthy: { trigger: { Threshold: '3/5m' }, duration: 60 },
    },
    's',
  );
  assert.deepEqual(source.socks5_proxy_server, { host: '::1', port: 1080 });
  assert.deepEqual(source.suspend_when_unplumbed, { trigger: 'Immediate', duration: 300_000 });
  const trigger = source.suspend_when_proxy_unhealthy?.trigger;
  assert.ok(typeof trigger === 'object' && trigger.Threshold.periodMs === 300_000);
  const refused = (raw: object) => refusal(() => parseSourceConfig({ name: 's', ...raw }, 's'));
  assert.match(refused({ source_address: '192.0.2.1:25' }), /is not an IP address/);
  assert.match(refused({ ha_proxy_server: '::1:25' }), /is not a proxy/);
  assert.match(refused({ ha_proxy_server: 'host' }), /is not a proxy/);
  assert.match(refused({ suspend_when_unplumbed: {} }), /unplumbed.duration: is missing/);
  assert.match(refused({ socks5_proxy_username: 'u' }), /without socks5_proxy_password/);
  assert.match(refused({ socks5_proxy_password: { vault_path: 'x' } }), /vault are not supported/);
  const long = 'x'.repeat(256);
  const password = { key_data: `hunter2${long}` };
  const tooLong = refused({ socks5_proxy_username: 'u', socks5_proxy_password: password });
  assert.match(tooLong, /^s: socks5_proxy_password: is longer than 255 bytes/);
  assert.equal(tooLong.includes('hunter2'), false);
  const name = { socks5_proxy_username: 'ü'.repeat(128), socks5_proxy_password: 'file' };
  assert.match(refused(name), /^s: socks5_proxy_username: is longer than 255 bytes/);
  assert.match(refused({ ha_proxy_protocol: 'v3' }), /ha_proxy_protocol/);
  assert.equal(source.ha_proxy_protocol, 'v2');
  const secret = refused({ socks5_proxy_password: { key_data: 'hunter2', more: 1 } });
  assert.equal(secret.includes('hunter2'), false);
  assert.match(
    refusal(() => parseSourceConfig({}, 's')),
    /name: is missing/,
  );
});

test('every row says something, and no default is given to an optional row', () => {
  for (const table of [
    QUEUE_OPTIONS,
    PATH_OPTIONS,
    POOL_OPTIONS,
    SOURCE_OPTIONS,
  ] as OptionTable[]) {
    for (const [key, row] of Object.entries(table)) {
      assert.ok(row.says.length > 3 && row.kind.name.length > 1, key);
      assert.equal(row.presence === 'kept', row.standard !== undefined, key);
    }
  }
});

test('only near words are suggested', () => {
  assert.equal(nearest('max_reday', ['max_ready', 'max_age']), 'max_ready');
  assert.equal(nearest('zzz', ['max_ready']), undefined);
  assert.equal(nearest('x'.repeat(1_000), ['x']), undefined);
});
