/**
 * A process that puts one version after the other in force and says each number when it is done,
 * until it is killed. Knows nothing of the test.
 */
import { openPolicyStore } from '../../src/events/policy-store.ts';

const store = openPolicyStore(process.argv[2] ?? '', 'write');
for (let count = 0; ; count += 1) {
  const name = `${process.pid}-${count}`;
  const files = ['a', 'b', 'c'].map((path) => ({
    path,
    sha256: '',
    text: `${path} of ${name} ${'x'.repeat(5000)}`,
  }));
  const number = store.addCandidate({
    hash: name.padEnd(16, '0').slice(0, 16),
    source: 'policy.ts',
    reason: 'kill test',
    at: count,
    code: name,
    map: '{}',
    files,
    facts: {},
    settingsHash: '',
    warnings: [],
  });
  store.accept(number, count, 'kill test');
  process.stdout.write(`${number}\n`);
}
