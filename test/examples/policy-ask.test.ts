/**
 * Asking a policy, by example: which answer wins, what stands in for a missing or a bad one, and
 * what the operator is told. Deliberately unknown here: files, queues.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PolicyAsker } from '../../src/domain/policy-asker.ts';
import { answerKey, answerText } from '../../src/policy/answer-text.ts';
import type { PolicyFault } from '../../src/policy/ask.ts';
import { createPolicyAsker } from '../../src/policy/ask.ts';
import { defaultPolicy } from '../../src/policy/default-policy.ts';
import { definePolicy, isPolicy } from '../../src/policy/define.ts';
import type { PolicyPart } from '../../src/policy/hooks.ts';
import { runSetup } from '../../src/policy/setup.ts';

const over = (...parts: PolicyPart[]): { asker: PolicyAsker; faults: PolicyFault[] } => {
  const faults: PolicyFault[] = [];
  return {
    asker: createPolicyAsker(definePolicy(...parts), (fault) => faults.push(fault)),
    faults,
  };
};

/** A handler with an answer that its type would not allow: operators write JavaScript, too. */
const wrong = (answer: unknown) => (() => answer) as () => undefined;

const QUEUE = { domain: 'a.test' };

describe('an answer', () => {
  it('is the first that is not undefined, part by part', () => {
    const asked: unknown[][] = [];
    const { asker, faults } = over(
      {
        get_queue_config: (...args) => {
          asked.push(args);
          return args[0] === 'b.test' ? { max_age: '1h' } : undefined;
        },
      },
      { get_queue_config: () => ({ max_age: '2h', retry_interval: 30 }) },
    );
    assert.equal(asker.queueConfig({ domain: 'b.test' }).value.max_age, 3_600_000);
    const full = { campaign: 'c', tenant: 't', domain: 'a.test', routing_domain: 'r.test' };
    const { value } = asker.queueConfig(full);
    assert.equal(value.max_age, 7_200_000);
    assert.equal(value.retry_interval, 30_000);
    assert.deepEqual(asked, [
      ['b.test', undefined, undefined, undefined],
      ['a.test', 't', 'c', 'r.test'],
    ]);
    assert.deepEqual(faults, []);
  });

  it('calls a handler as a method of its part', () => {
    const part = {
      pool: 'p',
      get_queue_config() {
        return { egress_pool: this.pool };
      },
    };
    // An own property that is no handler would be refused, so it sits on the prototype.
    const { asker } = over(
      Object.setPrototypeOf({ get_queue_config: part.get_queue_config }, part),
    );
    assert.equal(asker.queueConfig(QUEUE).value.egress_pool, 'p');
  });

  it('is the default where no handler has one', () => {
    const { asker, faults } = over({});
    assert.equal(asker.queueConfig(QUEUE).value.retry_interval, 1_200_000);
    assert.equal(asker.pathConfig('a.test', 'unspecified', 'mx.test').value.smtp_port, 25);
    assert.deepEqual(asker.pool('unspecified')?.value.entries, [
      { name: 'unspecified', weight: 1 },
    ]);
    assert.equal(asker.source('unspecified')?.value.name, 'unspecified');
    assert.deepEqual(faults, []);
  });

  it('for a pool or a source gets its name', () => {
    const { asker } = over({
      get_egress_pool: () => ({ entries: [{ name: 'ip-1', weight: 3 }] }),
      get_egress_source: () => ({ source_address: '10.0.0.1' }),
    });
    assert.equal(asker.pool('p')?.value.name, 'p');
    assert.deepEqual(asker.pool('p')?.value.entries, [{ name: 'ip-1', weight: 3 }]);
    assert.equal(asker.source('ip-1')?.value.source_address, '10.0.0.1');
    assert.equal(asker.source('ip-2')?.value.name, 'ip-2');
  });

  it('is frozen, and has a text that reads back as itself and a key that names it', () => {
    const { asker } = over({
      get_egress_path_config: (_domain, source) => ({
        ...(source === 'x' ? { smtp_port: 26, connection_limit: 5 } : {}),
        ...(source === 'y' ? { connection_limit: 5, smtp_port: 26 } : {}),
      }),
    });
    const one = asker.pathConfig('a.test', 'x', 's');
    const two = asker.pathConfig('b.test', 'y', 's');
    const other = asker.pathConfig('b.test', 'z', 's');
    assert.equal(one.text, two.text);
    assert.equal(one.key, two.key);
    assert.notEqual(one.key, other.key);
    assert.match(one.key, /^[0-9a-f]{16}$/);
    assert.deepEqual(JSON.parse(one.text), one.value);
    assert.ok(Object.isFrozen(one.value) && Object.isFrozen(one.value.prohibited_hosts[0]));
    // The same answer is one value, however many queues it was given to.
    assert.equal(asker.pathConfig('c.test', 'x', 't').value, one.value);
  });

  it('has a key for each text', () => {
    assert.equal(answerText({ b: [{ d: 1, c: 2 }], a: 'x' }), '{"a":"x","b":[{"c":2,"d":1}]}');
    const keys = new Set<string>();
    for (let n = 0; n < 20_000; n += 1) keys.add(answerKey(`{"max_age":${n}}`));
    assert.equal(keys.size, 20_000);
  });
});

describe('a fault', () => {
  it('says which pool or source nobody knows, and where to answer', () => {
    const { asker, faults } = over({});
    assert.equal(asker.pool('p'), undefined);
    assert.equal(asker.source('ip-1'), undefined);
    assert.deepEqual(faults, [
      {
        handler: 'get_egress_pool',
        sentence: "no part of the policy knows the pool 'p'; answer it in get_egress_pool",
      },
      {
        handler: 'get_egress_source',
        sentence: "no part of the policy knows the source 'ip-1'; answer it in get_egress_source",
      },
    ]);
  });

  it('is told once, however often it comes', () => {
    const { asker, faults } = over({
      get_queue_config: (domain) => {
        throw new Error(domain.startsWith('x') ? 'other' : 'no\nluck');
      },
    });
    for (const domain of ['a', 'b', 'a', 'x']) asker.queueConfig({ domain });
    assert.deepEqual(
      faults.map(({ sentence }) => sentence),
      ['get_queue_config failed for a: no luck', 'get_queue_config failed for x: other'],
    );
  });

  it('leaves the last good answer to the same question in force, else the default', () => {
    let isBroken = true;
    const { asker, faults } = over({
      get_queue_config: () => {
        if (isBroken) throw new Error('broken');
        return { max_age: '1h' };
      },
      get_egress_pool: () => (isBroken ? wrong(7)() : { entries: [] }),
    });
    assert.equal(asker.queueConfig(QUEUE).value.max_age, 604_800_000);
    assert.equal(asker.pool('p'), undefined);
    isBroken = false;
    asker.queueConfig(QUEUE);
    asker.pool('p');
    isBroken = true;
    assert.equal(asker.queueConfig(QUEUE).value.max_age, 3_600_000);
    assert.equal(asker.queueConfig({ domain: 'b.test' }).value.max_age, 604_800_000);
    assert.deepEqual(asker.pool('p')?.value.entries, []);
    assert.equal(faults.length, 2);
  });

  it('is a promise, also one that fails, and never reaches the process', async () => {
    const { asker, faults } = over({ get_queue_config: wrong(Promise.reject(new Error('later'))) });
    asker.queueConfig(QUEUE);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(
      faults[0]?.sentence,
      'get_queue_config failed for a.test: it returned a promise, but handlers answer at once',
    );
  });

  it('names handler and key for a wrong type or an unknown option', () => {
    const sentences = (answer: unknown): string => {
      const { asker, faults } = over({ get_queue_config: wrong(answer) });
      asker.queueConfig(QUEUE);
      return faults.map(({ sentence }) => sentence).join('|');
    };
    const where = 'get_queue_config for a.test';
    assert.match(sentences(7), new RegExp(`^${where}: 7 is not a table; `));
    assert.match(sentences(null), new RegExp(`^${where}: null is not a table; `));
    assert.match(sentences([1]), new RegExp(`^${where}: a list of 1 is not a table; `));
    assert.match(
      sentences({ retry_intervall: '5m' }),
      new RegExp(`^${where}: retry_intervall: is not .*did you mean 'retry_interval'\\?$`),
    );
    assert.match(sentences({ max_age: 'soon' }), new RegExp(`^${where}: max_age: `));
    assert.match(sentences({ max_age: () => 1 }), new RegExp(`^${where}: max_age: `));
    assert.match(sentences({ max_age: Number.NaN }), new RegExp(`^${where}: max_age: `));
  });

  it('is not hidden by an equal answer that was in order', () => {
    const answers: unknown[] = [{ max_age: '1h' }, { max_age: '1h', egress_pool: () => 'p' }];
    const { asker, faults } = over({ get_queue_config: () => wrong(answers.shift())() });
    asker.queueConfig(QUEUE);
    asker.queueConfig(QUEUE);
    assert.match(faults[0]?.sentence ?? '', /egress_pool/);
  });

  it('may be anything that is thrown, and an answer that cannot be read at all', () => {
    const circle: Record<string, unknown> = {};
    circle['protocol'] = circle;
    for (const thrown of ['text', null, Object.create(null), undefined]) {
      const { asker, faults } = over({
        get_queue_config: () => {
          throw thrown;
        },
      });
      assert.equal(asker.queueConfig(QUEUE).value.max_age, 604_800_000);
      assert.equal(faults.length, 1);
    }
    const { asker, faults } = over({ get_queue_config: wrong(circle) });
    asker.queueConfig(QUEUE);
    assert.equal(faults.length, 1);
  });

  it('is a pool that calls itself otherwise', () => {
    const { asker, faults } = over({ get_egress_pool: () => ({ name: 'q', entries: [] }) });
    assert.equal(asker.pool('p'), undefined);
    assert.equal(
      faults[0]?.sentence,
      "get_egress_pool for 'p': name: is another than 'p'; leave the name out",
    );
  });
});

describe('a call', () => {
  const slow = (steps: readonly number[]) => {
    const faults: PolicyFault[] = [];
    const noted: string[] = [];
    let now = 0;
    let at = 0;
    const part: PolicyPart = {
      get_queue_config: () => {
        now += steps[at] ?? 0;
        at += 1;
        return {};
      },
    };
    const watch = { steadyMs: () => now, noteHandler: (name: string) => noted.push(name) };
    const asker = createPolicyAsker(
      definePolicy(part),
      (fault) => faults.push(fault),
      undefined,
      watch,
    );
    return { asker, faults, noted };
  };

  it('that takes long is told with its time, once, and its answer counts', () => {
    const { asker, faults, noted } = slow([100, 250, 300]);
    asker.queueConfig(QUEUE);
    assert.equal(faults.length, 0);
    assert.equal(asker.queueConfig(QUEUE).isStandIn, undefined);
    asker.queueConfig(QUEUE);
    assert.equal(faults.length, 1);
    assert.equal(faults[0]?.isSlow, true);
    assert.match(faults[0]?.sentence ?? '', /^get_queue_config took 250 ms for a\.test; /);
    assert.deepEqual(noted.slice(0, 2), ['get_queue_config', '']);
  });

  it('that fails gives what was answered before, and says that it stands in', () => {
    let isBroken = false;
    const { asker } = over({
      get_queue_config: () => {
        if (isBroken) throw new Error('no');
        return { max_age: '1h' };
      },
    });
    const good = asker.queueConfig(QUEUE);
    isBroken = true;
    const { value, key, isStandIn } = asker.queueConfig(QUEUE);
    assert.deepEqual([value, key, isStandIn], [good.value, good.key, true]);
    assert.equal(asker.queueConfig({ domain: 'b.test' }).isStandIn, true);
  });
});

describe('the default policy', () => {
  const policy = defaultPolicy({ smtpListen: '127.0.0.1:2025', sinkPort: 2526 });
  it('listens on loopback and sends everything to the sink', () => {
    assert.ok(isPolicy(policy));
    const { smtpListeners } = runSetup(policy);
    assert.deepEqual(smtpListeners[0]?.listen, { address: '127.0.0.1', port: 2025 });
    const faults: PolicyFault[] = [];
    const asker = createPolicyAsker(policy, (fault) => faults.push(fault));
    const { protocol, egress_pool } = asker.queueConfig(QUEUE).value;
    assert.deepEqual(protocol.smtp.mx_list, [
      { name: 'sink.localhost', address: '127.0.0.1', port: 2526 },
    ]);
    assert.equal(egress_pool, undefined);
    const path = asker.pathConfig('a.test', 'unspecified', 'mx_list:127.0.0.1:2526').value;
    assert.deepEqual(path.prohibited_hosts, []);
    assert.deepEqual(faults, []);
  });
});
