/**
 * The settings of shared quotas as an operator meets them: what is read, what is refused and how,
 * and that no refusal shows a password.
 * Deliberately unknown here: any server.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatShare, parseRedisConfig } from '../../src/domain/options-redis.ts';
import { shareOf } from '../../src/domain/quota-share.ts';
import { definePolicy } from '../../src/policy/define.ts';
import { runSetup } from '../../src/policy/setup.ts';
import type { RedisThrottlesOptions, Setup } from '../../src/policy/setup-calls.ts';

const read = (raw: object) => parseRedisConfig({ fallback_share: '1/2', ...raw }, 'here');

const setUp = (...calls: readonly RedisThrottlesOptions[]) =>
  runSetup(
    definePolicy({
      init(setup: Setup) {
        setup.smtpListener({ listen: '127.0.0.1:2025' });
        for (const options of calls) setup.redisThrottles(options);
      },
    }),
  );

test('addresses are read in all their forms', () => {
  const places = (node: unknown) =>
    read({ node }).node.map(({ host, port, path, isTls, database }) =>
      [path ?? host, port, isTls, database].join(' '),
    );
  assert.deepEqual(places('redis://127.0.0.1'), ['127.0.0.1 6379 false 0']);
  assert.deepEqual(places('rediss://Cache.Example:6380/3'), ['cache.example 6380 true 3']);
  assert.deepEqual(places('redis://[2001:db8::1]:7000'), ['2001:db8::1 7000 false 0']);
  assert.deepEqual(places('/run/redis.sock'), ['/run/redis.sock 0 false 0']);
  assert.deepEqual(places('unix:///run/redis.sock'), ['/run/redis.sock 0 false 0']);
  assert.deepEqual(places(['redis://a:1', 'redis://b:2']), ['a 1 false 0', 'b 2 false 0']);
  const [node] = read({ node: 'redis://me:p%40ss:w@h' }).node;
  assert.deepEqual([node?.username, node?.password, node?.host], ['me', 'p@ss:w', 'h']);
});

test('several servers are a cluster, one is when told so', () => {
  assert.equal(read({ node: 'redis://a' }).cluster, false);
  assert.equal(read({ node: 'redis://a', cluster: true }).cluster, true);
  assert.equal(read({ node: ['redis://a', 'redis://b'] }).cluster, true);
});

test('defaults are those of the documents; options of a pool change nothing', () => {
  const config = read({ node: 'redis://a', pool_size: 10, read_from_replicas: true });
  assert.equal(config.connect_timeout, 1_000);
  assert.equal(config.response_timeout, 1_000);
  assert.equal(config.fallback_after, 120_000);
  assert.equal(config.key_prefix, 'waybill');
});

test('shares are exact, and rounded down', () => {
  const share = (text: string) => read({ node: 'redis://a', fallback_share: text }).fallback_share;
  assert.equal(formatShare(share('1/3')), '1/3');
  assert.deepEqual([shareOf(3, share('1/3')), shareOf(10, share('1/3'))], [1, 3]);
  assert.deepEqual([shareOf(1, share('1/2')), shareOf(7, share('50%'))], [0, 3]);
  assert.deepEqual([shareOf(9, share('0')), shareOf(9, share('1/1'))], [0, 9]);
});

test('what is wrong is refused with the way out, and without a password', () => {
  const cases: readonly (readonly [object, RegExp])[] = [
    [{}, /here: node: is missing/],
    [{ node: 'redis://a', fallback_share: undefined }, /fallback_share: is missing; give a share/],
    [{ node: 'redis://a', fallback_share: '2' }, /'2' is not a share; write '1\/2' for two/],
    [{ node: 'redis://a', fallback_share: 0.5 }, /0\.5 is not a share/],
    [{ node: 'redis://a', fallback_share: '3/2' }, /more than the whole/],
    [{ node: 'redis://a', fallback_share: '1/0' }, /is not a share/],
    [{ node: 'http://a' }, /node: this is not the address of a Redis server; write 'redis:/],
    [{ node: 'redis://:se%cret@a' }, /this is not the address/],
    [{ node: 'redis://:secret@a:99999' }, /this is not the address/],
    [{ node: [] }, /the list is empty/],
    [{ node: ['redis://a', 'redis://b'], cluster: false }, /has 2 servers, but cluster is false/],
    [{ node: 'redis://a/4', cluster: true }, /names a database or a socket/],
    [{ node: 'redis://a', username: 'me' }, /password: is missing; username needs one/],
    [{ node: 'redis://a', key_prefix: 'a b' }, /'a b' is not a prefix of keys/],
    [{ node: 'redis://a', connect_timeout: '2m' }, /connect_timeout: .* not within 50ms and 1m/],
    [{ node: 'redis://a', conect_timeout: '2s' }, /did you mean 'connect_timeout'/],
  ];
  for (const [raw, expected] of cases) {
    assert.throws(
      () => read(raw),
      (error: Error) => {
        assert.match(error.message, expected);
        assert.doesNotMatch(error.message, /secret|se%cret/);
        return true;
      },
    );
  }
});

test('a policy sets it up once', () => {
  const options = { node: 'redis://127.0.0.1:6379', fallback_share: '1/2' };
  assert.equal(setUp().redisThrottles, undefined);
  assert.equal(setUp(options).redisThrottles?.node[0]?.port, 6379);
  assert.throws(() => setUp(options, options), /setup\.redisThrottles: was called twice; keep one/);
  assert.throws(
    () => setUp({ node: 'redis://a' }),
    /setup\.redisThrottles: fallback_share: is mis/,
  );
});
