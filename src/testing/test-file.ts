/**
 * A counterexample as a permanent test: a file of `node:test` that simulates the same scenario with
 * the same seed and holds the same law against it. It writes no file; its caller does.
 */
import type { Found, Tenants } from './verdict.ts';

/** The names of what a file can import, by law. */
const TENANTS = 'tenants-keep-to-their-pools';

/** The text of the test; `policy` is the policy's path as seen from the test. */
export function testFileOf(
  { law, breach, scenario, seed }: Found,
  policy: string,
  tenants: Tenants = {},
): string {
  const isDeclared = law.name === TENANTS;
  const chosen = isDeclared
    ? `tenantsKeepToTheirPools(${JSON.stringify(tenants)})`
    : `lawNamed(${JSON.stringify(law.name)})`;
  const imported = isDeclared ? 'tenantsKeepToTheirPools' : 'lawNamed';
  const names = ['assertHolds', imported, 'loadPolicy', 'simulate'].sort().join(', ');
  const body = JSON.stringify(scenario, null, 2).replaceAll('\n', '\n  ');
  return `// ${law.says}
// It was broken so: ${breach.says.replaceAll('\n', ' ')}
import { test } from 'node:test';
import { ${names} } from 'waybill/testing';

test(${JSON.stringify(law.name)}, async () => {
  const policy = await loadPolicy(new URL(${JSON.stringify(policy)}, import.meta.url));
  const scenario = ${body};
  const result = await simulate(policy, scenario, { seed: ${seed} });
  assertHolds(${chosen}, result);
});
`;
}
