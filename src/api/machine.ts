/**
 * What the machine and the process are and do, for those who look: name and size of the machine,
 * memory, what the event loop waits for and how late it is. Reads the platform only. Knows no mail.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as os from 'node:os';
import type { EventLoopUtilization } from 'node:perf_hooks';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';

/** What does not change while the process runs. */
export interface MachineFacts {
  /** Who the log says that we are. */
  readonly nodeId: string;
  readonly hostname: string;
  readonly version: string;
  readonly onlineSince: number;
}

/** The machine as the reference describes one. */
export function describeMachine({ nodeId, hostname, version, onlineSince }: MachineFacts) {
  const [cpu] = os.cpus();
  const mac = macAddress();
  const release = readRelease();
  const container = findContainer();
  const distribution = release.get('NAME') ?? os.type();
  const made = [nodeId, hostname, mac, cpu?.model ?? ''].join('\n');
  return {
    node_id: nodeId,
    hostname,
    mac_address: mac,
    num_cores: os.availableParallelism(),
    kernel_version: os.release(),
    platform: `${os.platform()}/${os.arch()}`,
    distribution,
    os_version: release.get('VERSION_ID') ?? os.version(),
    total_memory_bytes: os.totalmem(),
    ...(container === undefined ? {} : { container_runtime: container }),
    cpu_brand: cpu?.model ?? 'unknown',
    fingerprint: createHash('sha256').update(made).digest('hex'),
    online_since: new Date(onlineSince).toISOString(),
    process_kind: 'waybilld',
    version,
  };
}

function macAddress(): string {
  const all = Object.values(os.networkInterfaces()).flatMap((one) => one ?? []);
  const [first] = all.filter(({ internal, mac }) => !internal && !/^(00:)+00$/.test(mac));
  return first?.mac ?? '00:00:00:00:00:00';
}

function readRelease(): ReadonlyMap<string, string> {
  const text = readOr('/etc/os-release');
  const pairs = [...text.matchAll(/^([A-Z_]+)="?([^"\n]*)"?$/gm)];
  return new Map(pairs.map(([, key = '', value = '']) => [key, value]));
}

function findContainer(): string | undefined {
  if (readOr('/.dockerenv', 'none') !== 'none') return 'docker';
  if (readOr('/run/.containerenv', 'none') !== 'none') return 'podman';
  return process.env['KUBERNETES_SERVICE_HOST'] === undefined ? undefined : 'kubernetes';
}

function readOr(path: string, standard = ''): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return standard;
  }
}

const MIB = 1024 * 1024;
const line = (name: string, value: string | number): string => `${name.padEnd(28)} ${value}`;
const mib = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`;

/** Memory in lines for people; `more` are lines of the engine. */
export function describeMemory(more: Readonly<Record<string, number>>): string {
  const { rss, heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage();
  const { heap_size_limit, malloced_memory, number_of_native_contexts } = getHeapStatistics();
  return `${[
    line('resident', mib(rss)),
    line('heap used', mib(heapUsed)),
    line('heap reserved', mib(heapTotal)),
    line('heap limit', mib(heap_size_limit)),
    line('outside the heap', mib(external)),
    line('of that buffers', mib(arrayBuffers)),
    line('allocator', mib(malloced_memory)),
    line('contexts', number_of_native_contexts),
    line('machine, free', mib(os.freemem())),
    line('machine, all', mib(os.totalmem())),
    ...Object.entries(more).map(([name, value]) => line(name, value)),
  ].join('\n')}\n`;
}

/** How the event loop is watched for a while. */
export interface LoopWatch {
  /** What was seen, in lines for people. */
  end(): readonly string[];
}

/** Begins to watch the event loop. */
export function watchLoop(): LoopWatch {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  const before: EventLoopUtilization = performance.eventLoopUtilization();
  delay.enable();
  return {
    end() {
      delay.disable();
      const { utilization } = performance.eventLoopUtilization(before);
      const ms = (nanos: number): string =>
        `${Number.isFinite(nanos) ? (nanos / 1e6).toFixed(1) : '0'} ms`;
      return [
        line('event loop busy', `${(utilization * 100).toFixed(1)} %`),
        line('late, median', ms(delay.percentile(50))),
        line('late, 99 of 100', ms(delay.percentile(99))),
        line('late, at most', ms(delay.max)),
      ];
    },
  };
}

/** What the process waits for, kind by kind, in lines for people. */
export function describeResources(): string[] {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) {
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a).map(([kind, count]) => line(kind, count));
}

/** Names and numbers in lines for people. */
export const describeNumbers = (numbers: Readonly<Record<string, number>>): string[] =>
  Object.entries(numbers).map(([name, value]) => line(name, value));
