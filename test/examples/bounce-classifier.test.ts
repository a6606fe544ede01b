/**
 * The bounce classifier, by example: rules in their order, the shipped file, what is refused and
 * how, and which records have a label. Deliberately unknown here: hooks that ship them.
 */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { BounceRules, RuledResponse } from '../../src/domain/bounce-rules.ts';
import { readReply } from '../../src/domain/reply.ts';
import { checkClassifier } from '../../src/manager/classifier-check.ts';
import { readBounceRules } from '../../src/policy/bounce-rules.ts';
import { IANA_NAME } from '../../src/policy/iana-rules.ts';
import { Classifier } from '../../src/projections/classifier.ts';
import { responseOf } from '../../src/projections/log-record/fields.ts';
import { sayingAt } from '../../src/testing/world/manners.ts';
import { World } from '../../src/testing/world/world.ts';
import { projectAll, rememberAll } from '../world/records.ts';
import { FILES, POLICY, VersionFolder } from './policy-version-files.ts';

const folders: VersionFolder[] = [];
afterEach(() => {
  for (const made of folders.splice(0)) made.remove();
});

const rulesOf = (files: readonly unknown[], more: object = {}): BounceRules =>
  readBounceRules({ files, ...more }, undefined);
const classifierOf = (...files: readonly unknown[]): Classifier => new Classifier(rulesOf(files));

/** A reply as a record has it: `550 5.1.1 text`. */
function said(line: string): RuledResponse {
  const { code, enhanced, text } = readReply(Number(line.slice(0, 3)), line.slice(4));
  return responseOf(code, enhanced, text, null);
}

describe('rules', () => {
  it('are tried in the order of files, labels and lists', () => {
    const first = { rules: { Late: ['never'], Zebra: ['full', 'box'], Ant: ['full'] } };
    const classifier = classifierOf(first, { rules: { Late: ['full'], Other: ['over'] } });
    assert.equal(classifier.classify(said('552 mailbox full')), 'Zebra');
    assert.equal(classifier.classify(said('552 all is over')), 'Other');
    assert.equal(classifier.classify(said('552 FULL')), 'Uncategorized');
  });

  it('see code, status and text on one line', () => {
    const classifier = classifierOf({
      rules: {
        NoText: ['^550 5\\.1\\.1 $'],
        NoStatus: ['^550 [^5]'],
        Deep: ['(?i)^451 4\\.7\\.1 GREY'],
      },
    });
    assert.equal(classifier.classify(said('550 5.1.1')), 'NoText');
    assert.equal(classifier.classify(said('550 unknown')), 'NoStatus');
    assert.equal(classifier.classify(said('451 4.7.1 greylisted')), 'Deep');
  });

  it('know what they were asked before, named and unnamed apart', () => {
    const rules = rulesOf([{ rules: { Full: ['full'] } }], {
      cache_size: 2,
      uncategorized_cache_size: 1000,
    });
    const classifier = new Classifier(rules);
    classifier.classify(said('552 full'));
    for (let count = 0; count < 400; count += 1) classifier.classify(said(`550 ${count}`));
    assert.equal(classifier.classify(said('552 full')), 'Full');
    assert.deepEqual(classifier.counts, { read: 401, remembered: 1 });
  });

  it('cannot be made to hang', () => {
    const classifier = classifierOf({ rules: { Bad: ['^550 (a+)+$', '(x|xx)+(y|z){500}q'] } });
    const began = performance.now();
    const label = classifier.classify(said(`550 ${'a'.repeat(1000)}!`));
    assert.equal(label, 'Uncategorized');
    assert.ok(performance.now() - began < 20_000);
  });
});

describe('the shipped rules', () => {
  const CASES: readonly (readonly [string, string])[] = [
    ['550 5.1.1 user unknown', 'InvalidRecipient'],
    ['451 4.1.4 ambiguous', 'InvalidRecipient'],
    ['552 5.1.1 not the code for it', 'Uncategorized'],
    ['450 4.2.4 list', 'InvalidRecipient'],
    ['550 5.7.17 other owner', 'InvalidRecipient'],
    ['550 5.1.10 null MX', 'BadDomain'],
    ['556 5.1.10 null MX', 'Uncategorized'],
    ['550 5.7.18 domain changed', 'BadDomain'],
    ['550 5.1.6 moved', 'InactiveMailbox'],
    ['450 4.2.1 disabled', 'InactiveMailbox'],
    ['525 5.7.13 disabled', 'InactiveMailbox'],
    ['550 5.1.8 sender', 'InvalidSender'],
    ['550 5.7.27 null MX of the sender', 'InvalidSender'],
    ['552 5.2.2 full', 'QuotaIssues'],
    ['554 5.3.4 too big', 'QuotaIssues'],
    ['451 4.4.1 no answer', 'NoAnswerFromHost'],
    ['421 4.4.2 dropped', 'BadConnection'],
    ['550 5.4.3 directory', 'DNSFailure'],
    ['554 5.4.6 loop', 'RoutingErrors'],
    ['451 4.4.5 congestion', 'TransientFailure'],
    ['551 5.4.7 too old', 'MessageExpired'],
    ['452 4.5.3 too many', 'TooManyRecipients'],
    ['500 5.5.2 syntax', 'ProtocolErrors'],
    ['550 5.6.7 conversion', 'ProtocolErrors'],
    ['550 5.7.1', 'AuthenticationFailed'],
    ['550 5.7.26 dmarc', 'AuthenticationFailed'],
    ['550 5.7.13 other code', 'Uncategorized'],
    ['450 4.7.1 greylisted', 'Uncategorized'],
    ['554 5.7.38 policy', 'PolicyRelated'],
    ['550 user unknown', 'Uncategorized'],
  ];
  const classifier = classifierOf(IANA_NAME);
  for (const [line, label] of CASES) {
    it(`${line}: ${label}`, () => assert.equal(classifier.classify(said(line)), label));
  }
});

describe('what is refused', () => {
  const refusal = (raw: unknown): string => {
    try {
      readBounceRules(raw, undefined);
    } catch (error) {
      return (error as Error).message;
    }
    return assert.fail('it was taken');
  };

  it('names file, key and what to do', () => {
    assert.match(refusal({}), /files/);
    assert.match(refusal({ files: ['rules.yaml'] }), /'rules\.yaml' is neither a \.toml nor/);
    assert.match(refusal({ files: [{ rule: {} }] }), /inline table 1: rule.*rules/);
    assert.match(refusal({ files: [{ rules: { A: 'x' } }] }), /inline table 1: rules\.'A'/);
    assert.match(refusal({ files: [{ rules: { A: [''] } }] }), /entry 1: '' is not a text/);
    assert.match(refusal({ files: [{ rules: { 550: ['x'] } }] }), /rules\.'550': .*rename it/);
    assert.match(refusal({ files: [IANA_NAME], cache_sise: 3 }), /did you mean 'cache_size'/);
    const twice = rulesOf([IANA_NAME]);
    assert.throws(() => readBounceRules({ files: [] }, twice), /called twice/);
  });

  it('names file, label and expression that cannot be used', async () => {
    const refused: string[] = [];
    const bounceRules = rulesOf([{ rules: { Ok: ['a'], Bad: ['b', 'a(?=b)', '(a)\\1'] } }]);
    await checkClassifier(
      { setup: { bounceRules } as never },
      { refuse: (...said) => refused.push(said.join(' | ')) },
    );
    assert.equal(refused.length, 2);
    assert.match(
      refused[0] ?? '',
      /^inline table 1: rules\.'Bad': entry 2 \| .*\(\?=.* no look-ahead/,
    );
    assert.match(refused[1] ?? '', /^inline table 1: rules\.'Bad': entry 3 \| .*\\1/);
  });
});

describe('a version of the policy', () => {
  const load = async (rules: string) => {
    const call = "setup.bounceClassifier({ files: ['waybill:iana', 'bounce.toml'] });";
    const text = POLICY.replace('definePolicy(', `definePolicy({ init(setup) { ${call} } }, `);
    const made = new VersionFolder({ ...FILES, 'policy.ts': text, 'bounce.toml': rules });
    folders.push(made);
    return await made.load();
  };

  it('has the rules in it', async () => {
    const verdict = await load("[rules]\nFull = ['full']\n");
    assert.equal(verdict.kind, 'loaded', JSON.stringify(verdict));
  });

  it('is refused for a rule that cannot be used, and for a file that cannot be read', async () => {
    const looking = await load("[rules]\nFull = ['full', 'a(?!b)']\n");
    assert.match(JSON.stringify(looking), /bounce\.toml: rules\.'Full': entry 2: .*look-ahead/);
    const broken = await load('[rules\n');
    assert.match(JSON.stringify(broken), /"kind":"refused".*bounce\.toml:1/);
  });
});

describe('records', () => {
  it('of failures have a label, others have none', async () => {
    const classifier = classifierOf({ rules: { Everything: ['.'] } });
    const facts = { ...rememberAll(), classify: (r: RuledResponse) => classifier.classify(r) };
    const told: string[] = [];
    for (const manner of [
      sayingAt('rcpt', '550 5.1.1 nobody'),
      sayingAt('mail', '451 4.3.2 not now'),
    ]) {
      const world = await World.start({ seed: 1, manners: { 'a.test': manner } });
      await world.runFor(100);
      world.submit(['u@a.test']);
      await world.runFor(60_000);
      for (const { record } of projectAll(world.witness.records, facts)) {
        told.push(`${record.type} ${record.bounce_classification}`);
      }
    }
    assert.deepEqual([...new Set(told)].sort(), [
      'Bounce Everything',
      'Reception Uncategorized',
      'TransientFailure Everything',
    ]);
  });
});
