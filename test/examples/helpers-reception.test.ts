/**
 * What queue data says of a message being received, by example.
 * Deliberately unknown here: SMTP, and how a header is found.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { queues } from '../../src/policy/helpers/queues.ts';
import { withFiles } from './helpers-kit.ts';
import { bodyAt, offer, openReception } from './reception-kit.ts';

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

describe('queue data at a listener', () => {
  it('name the queue, put the first attempt off, take headers off, and refuse', async (t) => {
    const world = await openReception(part);
    t.after(() => world.end());
    const client = await world.greet();
    const at = '2031-01-02T03:04:05Z';
    const schedule = `X-Schedule: {"first_attempt":"${at}"}\r\n`;
    const headers = `X-Tenant: inside\r\nX-Campaign: c\r\n${schedule}`;
    assert.match(await offer(client, ['u@a.com'], `${headers}Subject: s\r\n\r\nb\r\n`), /^250 /);
    const [message] = world.host.submissions[0]?.messages ?? [];
    assert.equal(message?.queue, 'c:inside@a.com!inside.a.com');
    assert.equal(message?.dueAt, Date.parse(at));
    assert.equal(bodyAt(world), 'X-Campaign: c\r\nSubject: s\r\n\r\nb\r\n');
    const refused = await offer(client, ['u@a.com'], 'X-Tenant: nobody\r\n\r\nb\r\n');
    assert.match(refused, /^500 tenant 'nobody' .* is not defined/);
    assert.match(await offer(client, ['u@other.net']), /^500 tenant 't1'/);
    assert.equal(world.host.submissions.length, 1);
  });
});
