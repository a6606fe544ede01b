/**
 * What queue data says of a message being received, by example.
 * Deliberately unknown here: SMTP, and how a header is found.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { queues } from '../../src/policy/helpers/queues.ts';
import { withFiles } from './helpers-kit.ts';

const FILE = `
scheduling_header = "X-Schedule"
tenant_header = "X-Tenant"
remove_tenant_header = true
campaign_header = "X-Campaign"
default_tenant = "common"
[tenant.common]
[tenant.closed]
require_authz = ["alice", "bob"]
[queue."a.com"]
routing_domain = "relay.a.com"
[queue."a.com".inside]
routing_domain = "inside.a.com"
`;
const part = withFiles({ 'q.toml': FILE }, () => queues({ files: ['q.toml'] }));
const receive = (headers: Readonly<Record<string, string>>, authz?: string, domain = 'other.net') =>
  part.receive({ domain, authz, header: (name) => headers[name] });
const textOf = (...asked: Parameters<typeof receive>): string => {
  const answer = receive(...asked);
  return answer.kind === 'refused' ? `${answer.code} ${answer.text}` : answer.kind;
};

describe('reception by queue data', () => {
  it('reads tenant and campaign from headers, and takes off what the files say', () => {
    assert.deepEqual(
      receive(
        { 'X-Tenant': ' inside ', 'X-Campaign': 'c', 'X-Schedule': '{}' },
        undefined,
        'a.com',
      ),
      {
        kind: 'accepted',
        tenant: 'inside',
        campaign: 'c',
        routing_domain: 'inside.a.com',
        scheduling: '{}',
        headersRemoved: ['X-Schedule', 'X-Tenant'],
      },
    );
  });

  it('falls back on the default tenant, also for an empty header', () => {
    for (const headers of [{}, { 'X-Tenant': '  ' }]) {
      const answer = receive(headers, undefined, 'a.com');
      assert.ok(answer.kind === 'accepted');
      assert.equal(answer.tenant, 'common');
      assert.equal(answer.campaign, undefined);
      assert.equal(answer.routing_domain, 'relay.a.com');
    }
  });

  it('refuses an unknown tenant and one that is not for this peer', () => {
    assert.equal(
      textOf({ 'X-Tenant': 'nobody' }),
      "500 tenant 'nobody' specified by the header X-Tenant is not defined in your queue config",
    );
    assert.equal(textOf({ 'X-Tenant': 'closed' }), "500 tenant 'closed' requires authentication");
    assert.equal(
      textOf({ 'X-Tenant': 'closed' }, 'eve'),
      "500 tenant 'closed' is not open to 'eve'",
    );
    assert.equal(textOf({ 'X-Tenant': 'closed' }, 'bob'), 'accepted');
  });

  it('asks nothing when the files say nothing', () => {
    const silent = withFiles({ 'q.toml': '' }, () => queues({ files: ['q.toml'] }));
    const mail = { domain: 'a.com', authz: undefined, header: () => assert.fail('asked') };
    assert.deepEqual(silent.receive(mail), {
      kind: 'accepted',
      tenant: undefined,
      campaign: undefined,
      routing_domain: undefined,
      scheduling: undefined,
      headersRemoved: [],
    });
  });
});
