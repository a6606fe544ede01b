/**
 * The same sources and pools as an operator may write them: in the policy's code, in TOML, in JSON;
 * one source in order, one that is suspended by its first failed bind, one by the third within a
 * minute. Deliberately unknown here: who runs the policy.
 */

/** How an operator may write sources and pools. */
export type Form = 'TypeScript' | 'TOML' | 'JSON';

/** The sources and pools, as each form writes them. */
export function sourcesIn(form: Form, address: (number: number) => string): Record<string, string> {
  const rule = { duration: '4s' };
  const threshold = { trigger: { Threshold: '3/1m' }, duration: '4s' };
  const source = {
    good: { source_address: address(1) },
    bad: { source_address: address(2), suspend_when_unplumbed: rule },
    blinking: { source_address: address(3), suspend_when_unplumbed: threshold },
  };
  const pool = { pair: ['bad', 'good'], alone: ['bad'], blinking: ['blinking'] };
  if (form === 'TypeScript') {
    const pools = Object.entries(pool).map(([name, members]) => [
      name,
      { entries: members.map((member) => ({ name: member })) },
    ]);
    const text = `export const sourceTable = ${JSON.stringify(source)};
export const poolTable = ${JSON.stringify(Object.fromEntries(pools))};
`;
    return { 'tables.ts': text };
  }
  const members = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, {}]));
  const pools = Object.entries(pool).map(([name, names]) => [name, members(names)]);
  if (form === 'JSON') {
    return { 'sources.json': JSON.stringify({ source, pool: Object.fromEntries(pools) }) };
  }
  const text = `[source.good]
source_address = "${address(1)}"

[source.bad]
source_address = "${address(2)}"
suspend_when_unplumbed = { duration = "4s" }

[source.blinking]
source_address = "${address(3)}"
suspend_when_unplumbed = { trigger = { Threshold = "3/1m" }, duration = "4s" }

[pool.pair.bad]
[pool.pair.good]
[pool.alone.bad]
[pool.blinking.blinking]
`;
  return { 'sources.toml': text };
}

/** The policy around them: everything goes to one port, the pool follows from the domain. */
export function policyIn(form: Form, targetPort: number): string {
  const isCode = form === 'TypeScript';
  const file = form === 'TOML' ? 'sources.toml' : 'sources.json';
  const imports = isCode
    ? "import { poolTable, sourceTable } from './tables.ts';"
    : "import { sources } from 'waybill/helpers';";
  const handlers = `  get_egress_source: (name) =>
    sourceTable[name as keyof typeof sourceTable] as never,
  get_egress_pool: (name) => poolTable[name as keyof typeof poolTable],
`;
  return `import { definePolicy } from 'waybill/policy';
${imports}

const POOLS: Record<string, string> = {
  'd0.example': 'pair', 'd1.example': 'alone', 'd2.example': 'blinking',
};

export default definePolicy(${isCode ? '' : `sources({ files: ['${file}'] }), `}{
  init(setup) {
    setup.smtpListener({ listen: '127.0.0.1:0' });
    setup.httpListener({ listen: '127.0.0.1:0' });
  },
  get_queue_config: (domain) => ({
    egress_pool: POOLS[domain] ?? 'pair',
    retry_interval: '2s',
    max_retry_interval: '2s',
    protocol: { smtp: { mx_list: ['127.0.0.1:${targetPort}'] } },
  }),
  get_egress_path_config: () => ({
    prohibited_hosts: [],
    enable_tls: 'Disabled',
    max_deliveries_per_connection: 1,
  }),
${isCode ? handlers : ''}});
`;
}
