/**
 * The log hooks for Prometheus. All of it is asked for once a scrape, from whoever ships; a hook
 * that was taken out of the policy is not shown any more. Counts nothing itself.
 */
import type { Registry } from 'prom-client';
import { Counter, Gauge } from 'prom-client';
import type { HookAnswer, HookStatus } from '../projections/hook-status.ts';

/** Asks how the hooks are. */
export type ReadHooks = () => Promise<HookAnswer>;

type Value = (hook: HookStatus) => number;

const GAUGES: readonly (readonly [name: string, help: string, value: Value])[] = [
  ['log_hook_lag_records', 'Records of the log behind the hook.', (hook) => hook.lagRecords],
  ['log_hook_lag_seconds', 'Age of the oldest of them.', (hook) => hook.lagSeconds],
  ['log_hook_ready_records', 'Records read ahead of the sink.', (hook) => hook.ready],
  ['log_hook_failures', 'Failed batches in a row; 0 when all is well.', (hook) => hook.failures],
];

const COUNTERS: readonly (readonly [name: string, help: string, value: Value])[] = [
  ['log_hook_records_shipped_total', 'Records confirmed by the sink.', (hook) => hook.shipped],
  ['log_hook_batches_failed_total', 'Batches that are sent again.', (hook) => hook.failedBatches],
  [
    'log_hook_records_dead_lettered_total',
    'Records refused for good, skipped, or without a text.',
    (hook) => hook.deadLettered,
  ],
  ['log_hook_positions_fallen_off_total', 'Given up by retention.', (hook) => hook.fellOff],
];

/** Every metric of a page asks at the same time: one question serves them all. */
const shareAnswers = (ask: ReadHooks): (() => Promise<readonly HookStatus[]>) => {
  let asking: Promise<readonly HookStatus[]> | undefined;
  return () => {
    asking ??= ask().then((answer) => {
      asking = undefined;
      return answer.kind === 'hooks' ? answer.hooks : [];
    });
    return asking;
  };
};

/** Adds the metrics to a registry. */
export function addHookMetrics(registry: Registry, ask: ReadHooks): void {
  const read = shareAnswers(ask);
  const registers = [registry];
  const gauge = (name: string, help: string, value: Value, labelNames = ['hook']): void => {
    const made: Gauge = new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect: async () => {
        const hooks = await read();
        made.reset();
        for (const hook of hooks) made.set({ [labelNames[0] ?? 'hook']: hook.name }, value(hook));
      },
    });
  };
  for (const [name, help, value] of GAUGES) gauge(name, help, value);
  // The reference's own name and label; here it counts what waits in the log.
  const backlog = 'Records that wait for the hook.';
  gauge('log_hook_backlog_count', backlog, (hook) => hook.lagRecords, ['logger']);
  for (const [name, help, value] of COUNTERS) {
    const made: Counter<'hook'> = new Counter({
      name,
      help,
      labelNames: ['hook'],
      registers,
      collect: async () => {
        const hooks = await read();
        made.reset();
        for (const hook of hooks) made.inc({ hook: hook.name }, value(hook));
      },
    });
  }
  addStates(registry, read);
}

function addStates(registry: Registry, read: () => Promise<readonly HookStatus[]>): void {
  const states: Gauge<'hook' | 'state'> = new Gauge({
    name: 'log_hook_state',
    help: 'What the hook does: 1 for the state it is in.',
    labelNames: ['hook', 'state'],
    registers: [registry],
    collect: async () => {
      const hooks = await read();
      states.reset();
      for (const { name, state } of hooks) states.set({ hook: name, state }, 1);
    },
  });
}
