/**
 * Metrics of the daemon itself: its policy, its turns and log, memory, processor and disk. Values
 * are read when somebody asks. Counts nothing itself.
 */
import type { EngineNumbers } from '../../actors/figures.ts';
import type { DiskFigures, ProcessFigures } from '../../ports/node/process-figures.ts';
import type { Family } from './families.ts';
import { countsOf, distribution, listed, single } from './families.ts';
import type { Meters, Scrape } from './meters.ts';

type Given = Family<Scrape>;

const gauge = (name: string, help: string, value: (meters: Meters) => number | undefined): Given =>
  single('gauge', name, help, ({ meters }) => value(meters));
const counter = (name: string, help: string, value: (meters: Meters) => number | undefined) =>
  single<Scrape>('counter', name, help, ({ meters }) => value(meters));

const POLICY: readonly Given[] = [
  gauge('config_epoch', 'The configuration epoch in force.', ({ epoch }) => epoch),
  gauge('policy_version', 'The version of the policy in force.', ({ version }) => version),
  counter(
    'policy_activations_total',
    'Versions put in force.',
    ({ counters }) => counters.activations,
  ),
  counter('policy_refusals_total', 'Candidates refused.', ({ counters }) => counters.refusals),
  counter(
    'worker_restarts_total',
    'Workers started again.',
    ({ counters }) => counters.workerRestarts,
  ),
  listed(
    'counter',
    'policy_handler_faults_total',
    'Handlers of the policy that failed or were slow.',
    ['handler'],
    ({ meters }) => countsOf(meters.faults),
  ),
];

type NumberOf = keyof EngineNumbers;
const ENGINE_GAUGES: readonly (readonly [name: string, help: string, key: NumberOf])[] = [
  ['message_count', 'Messages that live: in queues or in the hands of connections.', 'messages'],
  ['message_meta_resident_count', 'Messages whose envelope is in memory.', 'hotRows'],
  ['message_data_resident_count', 'Messages whose body is in memory.', 'hotBodies'],
  ['waybill_message_data_resident_bytes', 'Size of the bodies in memory.', 'hotBodyBytes'],
  [
    'waybill_deferred_spool_bodies',
    'Bodies that are in memory only (deferred_spool).',
    'deferredBodies',
  ],
  ['waybill_deferred_spool_bytes', 'What they take, bytes.', 'deferredBytes'],
  ['waybill_log_position', 'Position of the last record of the log.', 'position'],
  ['waybill_log_turn', 'Number of the last turn that wrote records.', 'turn'],
  ['waybill_turns_in_flight', 'Turns on their way to the disk.', 'inFlight'],
  ['waybill_inbox_inputs', 'Inputs that wait for a turn.', 'inbox'],
];
const ENGINE_COUNTERS: readonly (readonly [name: string, help: string, key: NumberOf])[] = [
  ['waybill_turns_total', 'Turns since the start.', 'turns'],
  ['waybill_records_total', 'Records written since the start.', 'records'],
  ['waybill_inputs_total', 'Inputs decided since the start.', 'inputs'],
  [
    'waybill_unknown_attempts_total',
    'Attempts of unknown outcome since the data directory began: each may be a second copy.',
    'unknownAttempts',
  ],
  [
    'waybill_deferred_spool_total',
    'Messages accepted with their bodies in memory only.',
    'deferred',
  ],
  [
    'waybill_deferred_spool_stored_total',
    'Of these, those whose bodies were written after all.',
    'deferredStored',
  ],
  [
    'waybill_deferred_spool_lost_total',
    'Recipients lost with a process that had their message in memory only, since the data ' +
      'directory began.',
    'lost',
  ],
];

const ENGINE: readonly Given[] = [
  ...ENGINE_GAUGES.map(([name, help, key]) =>
    gauge(name, help, ({ figures }) => figures?.numbers()[key]),
  ),
  ...ENGINE_COUNTERS.map(([name, help, key]) =>
    counter(name, help, ({ figures }) => figures?.numbers()[key]),
  ),
  distribution(
    'waybill_commit_seconds',
    'From a turn handed to the log until it is durable.',
    ({ meters }) => meters.figures?.commitSeconds,
  ),
  distribution(
    'waybill_turn_records',
    'Records a turn that wrote any.',
    ({ meters }) => meters.figures?.turnRecords,
  ),
  distribution(
    'timeq_pop_tardiness',
    'How late due messages were taken up, seconds.',
    ({ meters }) => meters.figures?.measures.tardinessSeconds,
  ),
];

const ofProcess = (name: string, help: string, value: (now: ProcessFigures) => number): Given =>
  gauge(name, help, ({ process }) => (process === undefined ? undefined : value(process())));

const ofDisks = (name: string, help: string, value: (disk: DiskFigures) => number): Given =>
  listed('gauge', name, help, ['name'], ({ meters }) =>
    (meters.process?.().disks ?? []).map((disk) => ({ labels: [disk.name], value: value(disk) })),
  );

const PROCESS: readonly Given[] = [
  ofProcess('memory_usage', 'Resident memory of the worker, bytes.', (now) => now.rssBytes),
  ofProcess('waybill_heap_used_bytes', "V8's heap in use.", (now) => now.heapUsedBytes),
  ofProcess('waybill_heap_limit_bytes', 'Where V8 ends the process.', (now) => now.heapLimitBytes),
  ofProcess(
    'waybill_external_bytes',
    'Memory outside of the heap that JavaScript holds.',
    (now) => now.externalBytes,
  ),
  ofProcess(
    'process_cpu_usage_sum',
    'Processor time of the worker in the last seconds, percent of one core.',
    (now) => now.cpuPercent,
  ),
  ofProcess(
    'process_cpu_usage_normalized',
    'The same, percent of all cores.',
    (now) => now.cpuPercent / now.cores,
  ),
  ofProcess(
    'system_cpu_usage_sum',
    'Processor time of the machine in the last seconds, percent of one core.',
    (now) => now.systemCpuPercent * now.cores,
  ),
  ofProcess(
    'system_cpu_usage_normalized',
    'The same, percent of all cores.',
    (now) => now.systemCpuPercent,
  ),
  listed(
    'gauge',
    'waybill_event_loop_delay_seconds',
    'How late the main thread was in the last seconds, by share of its looks; 1 is the worst.',
    ['quantile'],
    ({ meters }) =>
      (meters.process?.().loopDelays ?? []).map(({ quantile, seconds }) => ({
        labels: [String(quantile)],
        value: seconds,
      })),
  ),
  ofDisks('disk_free_bytes', 'Free space for the daemon.', (disk) => disk.freeBytes),
  ofDisks('disk_free_percent', 'The same, percent.', (disk) => disk.freePercent),
  ofDisks('disk_free_inodes', 'Free inodes.', (disk) => disk.freeInodes),
  ofDisks('disk_free_inodes_percent', 'The same, percent.', (disk) => disk.freeInodesPercent),
];

/** Everything about the daemon. */
export const DAEMON: readonly Given[] = [...POLICY, ...ENGINE, ...PROCESS];
