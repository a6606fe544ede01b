/**
 * What a worker says of itself over HTTP: version, policy, whether it takes mail, and a few sums
 * that cost it nothing. Knows no manager.
 */
import type { DaemonClient } from './client.ts';
import { readMetrics } from './metrics-reader.ts';
import { formatPairs } from './table.ts';
import { count, DaemonRefusal } from './terminal.ts';

/** A worker as seen from afar. */
export interface FarStatus {
  readonly endpoint: string;
  readonly version: string;
  readonly node_id: string;
  readonly hostname: string;
  readonly online_since: string;
  readonly policy: { readonly version: number; readonly epoch: number };
  /** `OK`, or why no mail is taken. */
  readonly health: string;
  readonly messages: number;
  readonly scheduled: number;
  readonly queues: number;
  readonly ready_queues: number;
}

const SUMS = {
  messages: 'message_count',
  scheduled: 'scheduled_count_total',
  queues: 'scheduled_queue_count',
  ready_queues: 'waybill_ready_queue_count',
} as const;

type Machine = Pick<FarStatus, 'version' | 'node_id' | 'hostname' | 'online_since'>;

/** Asks. */
export async function lookFar(client: DaemonClient): Promise<FarStatus> {
  const { version, node_id, hostname, online_since } =
    await client.get<Machine>('/api/machine-info');
  const policy = await client.get<FarStatus['policy']>('/api/admin/policy/current/v1');
  const health = await client.get<string>('/readyz').catch((error: Error) => {
    if (error instanceof DaemonRefusal) return error.message;
    throw error;
  });
  const sums = new Map<string, number>();
  await readMetrics(client, { name: Object.values(SUMS), top: 0 }, (name, _label, value) => {
    sums.set(name, value);
  });
  const of = (key: keyof typeof SUMS): number => sums.get(SUMS[key]) ?? 0;
  return {
    ...{ endpoint: client.name, version, node_id, hostname, online_since, policy },
    health: health.trim(),
    messages: of('messages'),
    scheduled: of('scheduled'),
    queues: of('queues'),
    ready_queues: of('ready_queues'),
  };
}

/** The answer for people. */
export const describeFar = (far: FarStatus): string =>
  formatPairs([
    ['endpoint', `${far.endpoint}, node ${far.node_id} on ${far.hostname}`],
    ['waybilld', `${far.version}, since ${far.online_since}`],
    ['policy', `version ${far.policy.version}, epoch ${far.policy.epoch}`],
    ['mail', far.health === 'OK' ? 'is taken' : `is not taken: ${far.health}`],
    ['messages', `${count(far.messages)}, ${count(far.scheduled)} of them scheduled`],
    ['queues', `${count(far.queues)}, and ${count(far.ready_queues)} ready queues`],
  ]);
