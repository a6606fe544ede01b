/**
 * MTA-STS as stories: what an enforced policy leaves of a site, and how long a policy is known:
 * fetched once, outliving records and files that vanish, exchanged when its id changes. The world
 * is a table and answers when told.
 * Deliberately unknown here: DNS and HTTPS on the wire, queues, connections.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { postureUnder, strictestPosture } from '../../src/domain/mta-sts.ts';
import type { KeptPolicy, StsAnswer } from '../../src/domain/mta-sts-policies.ts';
import { StsPolicies } from '../../src/domain/mta-sts-policies.ts';
import type { SiteAnswer } from '../../src/domain/mx-site.ts';
import { resolveSite } from '../../src/domain/mx-site.ts';
import { parsePathConfig } from '../../src/domain/options-path.ts';
import type { Fault } from '../../src/ports/ports.ts';
import { createTableResolver } from './mx-zone.ts';

const DAY = 86_400_000;
const file = (mode: string, mx: readonly string[], maxAge = 604_800): string =>
  ['version: STSv1', `mode: ${mode}`, ...mx.map((one) => `mx: ${one}`), `max_age: ${maxAge}`].join(
    '\n',
  );
const GONE: Fault = {
  code: 'FAULT_HTTP_ANSWER',
  where: 'd.test',
  cause: 'status 404',
  retryable: true,
};

/** A domain's record and file, to be changed while the test runs. */
class Receiver {
  now = 1_000_000;
  texts: Record<string, string[]> = { '_mta-sts.d.test': ['v=STSv1; id=1;'] };
  file: string | Fault = file('enforce', ['*.d.test']);
  fetches = 0;
  isSlow = false;
  waiting: (() => void)[] = [];
  readonly mx = { 'd.test': ['10 a.d.test', '10 b.e.test', '20 c.d.test'] };
  policies = this.make();

  make(shelf?: { load(): Iterable<KeptPolicy>; changed(): void }): StsPolicies {
    return new StsPolicies({
      resolver: {
        ...this.resolver(),
        findTxt: (name, answered) => {
          const texts = this.texts[name];
          const expiresAt = this.now + DAY;
          if (texts === undefined) answered({ kind: 'absent', expiresAt });
          else answered({ kind: 'found', texts, expiresAt });
        },
      },
      fetch: {
        fetchPolicy: (_domain, answered) => {
          this.fetches += 1;
          const answer = (): void => answered(this.file);
          if (this.isSlow) this.waiting.push(answer);
          else answer();
        },
      },
      now: () => this.now,
      shelf,
    });
  }

  resolver() {
    return createTableResolver({ mx: this.mx });
  }

  find(): StsAnswer {
    let found: StsAnswer | undefined;
    this.policies.find('d.test', (answer) => {
      found = answer;
    });
    assert.ok(found !== undefined, 'answered at once');
    return found;
  }

  site(domain = 'd.test', mxList: { name: string }[] = []): SiteAnswer {
    let found: SiteAnswer | undefined;
    const route = { routingDomain: domain, mxList };
    const answered = (answer: SiteAnswer): void => {
      found = answer;
    };
    resolveSite(this.resolver(), route, answered, this.policies);
    return found as SiteAnswer;
  }
}

describe('what a policy leaves of a site', () => {
  test('enforced: other hosts are left out before the site is named', () => {
    const site = new Receiver().site();
    assert.ok(site.kind === 'site');
    assert.equal(site.site, '(a|c).d.test');
    assert.equal(site.mtaSts, 'enforce');
    assert.deepEqual(
      site.hosts.map(({ name }) => name),
      ['a.d.test', 'c.d.test'],
    );
  });

  test('enforced, and no host is allowed: the route fails and says what is', () => {
    const receiver = new Receiver();
    receiver.file = file('enforce', ['mail.other.test', '*.x.test']);
    const site = receiver.site();
    assert.ok(site.kind === 'failed');
    assert.equal(site.fault.code, 'FAULT_STS_NO_HOST');
    assert.match(site.why, /mail\.other\.test, \*\.x\.test/);
    assert.match(site.why, /a\.d\.test, b\.e\.test, c\.d\.test/);
  });

  for (const [mode, mtaSts] of [
    ['testing', 'testing'],
    ['none', undefined],
  ] as const) {
    test(`${mode}: every host stays`, () => {
      const receiver = new Receiver();
      receiver.file = file(mode, ['x.test']);
      const site = receiver.site();
      assert.ok(site.kind === 'site');
      assert.equal(site.hosts.length, 3);
      assert.equal(site.mtaSts, mtaSts);
    });
  }

  test('a literal, a list and a domain without MX have no policy', () => {
    const receiver = new Receiver();
    for (const site of [
      receiver.site('[192.0.2.1]'),
      receiver.site('d.test', [{ name: 'x.test' }]),
      receiver.site('bare.test'),
    ]) {
      assert.ok(site.kind === 'site' && site.mtaSts === undefined);
    }
    assert.equal(receiver.fetches, 0);
  });

  test('a site holds no longer than the policy', () => {
    const receiver = new Receiver();
    receiver.file = file('enforce', ['*.d.test'], 60);
    receiver.now = 0;
    const site = receiver.site();
    assert.equal(site.expiresAt, 60_000);
  });

  test('switched off, nothing is asked', () => {
    const receiver = new Receiver();
    receiver.policies.isEnabled = false;
    const site = receiver.site();
    assert.ok(site.kind === 'site' && site.hosts.length === 3);
    assert.equal(receiver.fetches, 0);
  });
});

describe('what a mode makes of enable_tls', () => {
  const TABLE = [
    // enable_tls, none, testing, enforce
    ['Disabled', 'Disabled', 'OpportunisticInsecure', 'Required'],
    ['OpportunisticInsecure', 'OpportunisticInsecure', 'OpportunisticInsecure', 'Required'],
    ['Opportunistic', 'Opportunistic', 'OpportunisticInsecure', 'Required'],
    ['RequiredInsecure', 'RequiredInsecure', 'RequiredInsecure', 'Required'],
    ['Required', 'Required', 'Required', 'Required'],
  ] as const;
  for (const [enable_tls, none, testing, enforce] of TABLE) {
    test(enable_tls, () => {
      const path = parsePathConfig({ enable_tls }, 'path');
      assert.equal(postureUnder(path, 'none'), none);
      assert.equal(postureUnder(path, 'testing'), testing);
      assert.equal(postureUnder(path, 'enforce'), enforce);
      const deaf = parsePathConfig({ enable_tls, enable_mta_sts: false }, 'path');
      for (const mode of ['none', 'testing', 'enforce'] as const) {
        assert.equal(postureUnder(deaf, mode), enable_tls);
      }
      assert.equal(strictestPosture(path, ['testing', 'enforce', 'none']), 'Required');
      assert.equal(strictestPosture(path, []), enable_tls);
    });
  }

  test('those who share a ready queue share the strictest', () => {
    const path = parsePathConfig({}, 'path');
    assert.equal(strictestPosture(path, ['testing', 'none']), 'Opportunistic');
  });
});

describe('how long a policy is known', () => {
  test('it is fetched once and used until its end', () => {
    const receiver = new Receiver();
    assert.equal(receiver.find().mode, 'enforce');
    receiver.now += 3_600_000;
    assert.equal(receiver.find().mode, 'enforce');
    assert.equal(receiver.fetches, 1);
    receiver.file = GONE;
    receiver.now += 7 * DAY;
    assert.equal(receiver.find().mode, 'none', 'past max_age');
  });

  test('it outlives its record, and a file that cannot be had', () => {
    const receiver = new Receiver();
    receiver.find();
    receiver.texts = {};
    receiver.file = GONE;
    assert.equal(receiver.find().mode, 'enforce');
    receiver.texts = { '_mta-sts.d.test': ['v=STSv1; id=2;'] };
    assert.equal(receiver.find().mode, 'enforce');
    receiver.texts = { '_mta-sts.d.test': ['v=STSv1; id=2;', 'v=STSv1; id=3;'] };
    assert.equal(receiver.find().mode, 'enforce');
    assert.equal(receiver.fetches, 2, 'asked for once under the new id');
    assert.equal(receiver.policies.counts.outlived, 3);
  });

  test('another id: the old one is used while the new one is fetched', () => {
    const receiver = new Receiver();
    receiver.find();
    receiver.isSlow = true;
    receiver.texts = { '_mta-sts.d.test': ['v=STSv1; id=2;'] };
    receiver.file = file('none', []);
    const stale = receiver.find();
    assert.equal(stale.mode, 'enforce');
    assert.ok(stale.expiresAt <= receiver.now + 30_000, 'and looked at again soon');
    for (const answer of receiver.waiting) answer();
    assert.equal(receiver.find().mode, 'none');
  });

  test('it is fetched again before it ends, also under the same id', () => {
    const receiver = new Receiver();
    receiver.find();
    receiver.now += DAY;
    receiver.find();
    receiver.find();
    assert.equal(receiver.fetches, 2);
    receiver.now += 6 * DAY + 1;
    assert.equal(receiver.find().mode, 'enforce', 'its life began anew');
  });

  test('who asks meanwhile waits for the same fetch', () => {
    const receiver = new Receiver();
    receiver.isSlow = true;
    const modes: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      receiver.policies.find('d.test', ({ mode }) => modes.push(mode));
    }
    assert.deepEqual(modes, []);
    for (const answer of receiver.waiting) answer();
    assert.deepEqual(modes, ['enforce', 'enforce', 'enforce']);
    assert.equal(receiver.fetches, 1);
  });

  test('that there is none is believed for five minutes', () => {
    const receiver = new Receiver();
    receiver.file = 'hello';
    assert.equal(receiver.find().mode, 'none');
    assert.equal(receiver.find().expiresAt, receiver.now + 300_000);
    assert.equal(receiver.fetches, 1);
    receiver.texts = {};
    assert.equal(receiver.find().expiresAt, receiver.now + 300_000);
    receiver.texts = { '_mta-sts.d.test': ['v=STSv1; id=2'] };
    receiver.file = file('testing', ['x.test']);
    assert.equal(receiver.find().mode, 'testing', 'another id is asked for at once');
    assert.equal(receiver.fetches, 2);
  });

  test('it outlives the process; one from a time to come does not', () => {
    const receiver = new Receiver();
    const base = { maxAgeMs: 60_000, mode: 'enforce' as const, patterns: ['*.d.test'] };
    const shelf = (fetchedAt: number) => ({
      load: () => [{ ...base, domain: 'd.test', id: '1', fetchedAt }],
      changed: () => {},
    });
    receiver.texts = {};
    receiver.policies = receiver.make(shelf(receiver.now - 1_000));
    assert.equal(receiver.find().mode, 'enforce');
    receiver.policies = receiver.make(shelf(receiver.now + 1));
    assert.equal(receiver.find().mode, 'none');
    receiver.policies = receiver.make(shelf(receiver.now - 60_000));
    assert.equal(receiver.find().mode, 'none');
  });

  test('no more than so many are kept; the one unused for longest goes', () => {
    const receiver = new Receiver();
    const policies = new StsPolicies({
      resolver: {
        ...receiver.resolver(),
        findTxt: (_name, answered) =>
          answered({ kind: 'found', texts: ['v=STSv1; id=1'], expiresAt: DAY }),
      },
      fetch: { fetchPolicy: (_domain, answered) => answered(receiver.file) },
      now: () => receiver.now,
      entriesMax: 2,
    });
    for (const domain of ['a', 'b', 'a', 'c']) policies.find(domain, () => {});
    assert.equal(policies.counts.fetched, 3);
    policies.find('a', () => {});
    assert.equal(policies.counts.fetched, 3);
    policies.find('b', () => {});
    assert.equal(policies.counts.fetched, 4);
    assert.equal(policies.size, 2);
  });
});
