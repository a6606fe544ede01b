/**
 * Rules about who may do what over HTTP, and options as they are shown. Deliberately unknown here:
 * sockets and headers.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DEFAULT_ACL, mayAsk, readAcl, resourcesOf, withDefaults } from '../../src/domain/acl.ts';
import type { AuthInfo } from '../../src/domain/auth-info.ts';
import { nameAsker, readAuthAnswer, TRUSTED_GROUP } from '../../src/domain/auth-info.ts';
import { printOptions } from '../../src/domain/option-print.ts';
import { PATH_OPTIONS, parsePathConfig } from '../../src/domain/options-path.ts';
import { parseQueueConfig, QUEUE_OPTIONS } from '../../src/domain/options-queue.ts';

const stranger: AuthInfo = { peer_address: '198.51.100.7', identities: [], groups: [] };
const trusted: AuthInfo = { ...stranger, groups: [TRUSTED_GROUP] };
const ann: AuthInfo = {
  ...stranger,
  identities: [{ identity: 'ann', context: 'HttpBasicAuth' }],
  groups: ['ops'],
};
const may = (
  path: string,
  method: string,
  who: AuthInfo,
  find: Parameters<typeof withDefaults>[0] = () => undefined,
) => mayAsk(withDefaults(find), { listener: '127.0.0.1:8000', path, method }, who);

describe('rules', () => {
  test('the resources of a path, the closest first', () => {
    assert.deepEqual(resourcesOf('l', '/a/b/c'), [
      ...['http_listener/l/a/b/c', 'http_listener/l/a/b', 'http_listener/l/a', 'http_listener/l'],
      ...['http_listener/*/a/b/c', 'http_listener/*/a/b', 'http_listener/*/a', 'http_listener'],
    ]);
    assert.equal(resourcesOf('l', `/${'a/'.repeat(99)}`).length, 22, 'ten parts, twice, and two');
  });

  test('what is built in', () => {
    for (const who of [stranger, ann, trusted]) {
      assert.ok(may('/livez', 'GET', who) && may('/livez', 'HEAD', who));
      assert.equal(may('/livez', 'POST', who), false);
      assert.equal(may('/nothing', 'GET', who), false);
    }
    assert.deepEqual(
      [stranger, ann, trusted].map((who) => may('/api/inject/v1', 'POST', who)),
      [false, true, true],
    );
    for (const [path, method] of [
      ['/api/admin/bounce/v1', 'DELETE'],
      ['/metrics', 'GET'],
      ['/metrics.json', 'GET'],
      ['/api/machine-info', 'GET'],
      ['/api/xfer/inject/v1', 'POST'],
    ] as const) {
      const verdicts = [stranger, ann, trusted].map((who) => may(path, method, who));
      assert.deepEqual(verdicts, [false, false, true], path);
    }
    assert.equal(may('/api/administrator', 'GET', trusted), false, 'parts are whole');
    assert.ok(Object.keys(DEFAULT_ACL).every((resource) => resource.startsWith('http_listener')));
  });

  test("a policy's rules replace; the first that fits decides, the closest comes first", () => {
    const rules: Readonly<Record<string, unknown>> = {
      'http_listener/*/api/admin': [
        { allow: false, privileges: ['DELETE'], identity: 'Any' },
        { allow: true, privileges: ['GET', 'DELETE'], identity: { Group: 'ops' } },
      ],
      'http_listener/127.0.0.1:8000/api/admin/bounce': [
        {
          allow: true,
          privileges: ['POST'],
          criteria: {
            AllOf: [
              { Identity: { Individual: 'ann' } },
              { Not: { Identity: { Machine: '192.0.2.9' } } },
            ],
          },
        },
      ],
    };
    const find = (resource: string) =>
      rules[resource] === undefined ? undefined : readAcl(rules[resource], resource);
    assert.equal(may('/api/admin/queues', 'GET', ann, find), true);
    assert.equal(may('/api/admin/queues', 'GET', trusted, find), false, 'replaced, not joined');
    assert.equal(may('/api/admin/queues', 'DELETE', ann, find), false);
    assert.equal(may('/api/admin/bounce/v1', 'POST', ann, find), true);
    assert.equal(
      may('/api/admin/bounce/v1', 'POST', { ...ann, peer_address: '192.0.2.9' }, find),
      false,
    );
  });

  test('rules that make no sense are refused with a sentence', () => {
    const one = { allow: true, privileges: ['GET'] };
    for (const [raw, words] of [
      ['x', /not a list/],
      [[{ ...one }], /identity: and criteria: exactly one/],
      [[{ ...one, identity: 'Anybody' }], /Anybody is no kind of identity/],
      [[{ ...one, identity: { Group: 'a', Machine: 'b' } }], /is no identity/],
      [[{ ...one, criteria: { AllOf: 'x' } }], /AllOf is no criterion/],
      [[{ ...one, who: 'Any' }], /who: is not an option/],
    ] as const) {
      assert.throws(() => readAcl(raw, 'here'), words);
    }
    let deep: unknown = { Identity: 'Any' };
    for (let level = 0; level < 20; level += 1) deep = { Not: deep };
    assert.throws(() => readAcl([{ ...one, criteria: deep }], 'here'), /too deep/);
  });

  test('what a policy says of credentials', () => {
    assert.equal(readAuthAnswer(undefined, 'h'), false);
    assert.equal(readAuthAnswer(true, 'h'), true);
    const said = readAuthAnswer({ identities: [{ identity: 'x' }], peer_address: null }, 'h');
    assert.deepEqual(said, {
      peer_address: null,
      identities: [{ identity: 'x', context: 'GenericAuth' }],
      groups: [],
    });
    assert.throws(() => readAuthAnswer('yes', 'h'), /neither true, false nor a table/);
    assert.throws(() => readAuthAnswer({ groups: [TRUSTED_GROUP] }, 'h'), /may not name/);
    assert.equal(nameAsker(ann), 'ann at 198.51.100.7');
    assert.equal(nameAsker(stranger), '198.51.100.7');
  });
});

test('options are shown as they would be written, without secrets', () => {
  const queue = parseQueueConfig({ retry_interval: '90s', max_message_rate: '10/s' }, 'q');
  const shown = printOptions(QUEUE_OPTIONS, queue);
  assert.equal(shown['retry_interval'], '1m 30s');
  assert.equal(shown['max_message_rate'], '10/s');
  const path = parsePathConfig(
    {
      connection_limit: 'local:7',
      additional_message_rate_throttles: { shared: '5/m' },
      skip_hosts: ['192.0.2.0/24'],
      smtp_auth_plain_username: 'u',
      smtp_auth_plain_password: { key_data: 'secret' },
    },
    'p',
  );
  const told = printOptions(PATH_OPTIONS, path);
  assert.equal(told['connection_limit'], 'local:7');
  assert.deepEqual(told['additional_message_rate_throttles'], { shared: '5/m' });
  assert.deepEqual(told['skip_hosts'], ['192.0.2.0/24']);
  assert.doesNotMatch(JSON.stringify(told), /secret/);
  // Written so, it can be read again.
  const { smtp_auth_plain_password: _, ...rest } = told;
  const { smtp_auth_plain_password: __, ...before } = path;
  assert.deepEqual({ ...parsePathConfig(rest, 'again') }, before);
});
