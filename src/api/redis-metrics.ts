/**
 * What a worker shows to Prometheus about quotas shared through Redis. Values are read when
 * somebody asks. Counts nothing itself.
 */
import type { Registry } from 'prom-client';
import { Counter, Gauge } from 'prom-client';

/** What is shown. */
export interface RedisNumbers {
  readonly isAvailable: boolean;
  readonly fallbacks: number;
  readonly errors: number;
  readonly leases: number;
}

/** Adds the metrics to a registry. */
export function addRedisMetrics(registry: Registry, read: () => RedisNumbers): void {
  const registers = [registry];
  const gauge = (name: string, help: string, value: () => number): void => {
    const made: Gauge = new Gauge({ name, help, registers, collect: () => made.set(value()) });
  };
  const counter = (name: string, help: string, value: () => number): void => {
    const collect = (): void => {
      made.reset();
      made.inc(value());
    };
    const made: Counter = new Counter({ name, help, registers, collect });
  };
  const now = 'Whether Redis counts shared rates and limits (1), or is away (0).';
  gauge('redis_quotas_available', now, () => Number(read().isAvailable));
  const alone = 'How often this daemon went on with its share, without Redis.';
  counter('redis_quotas_fallbacks_total', alone, () => read().fallbacks);
  const failed = 'Calls to Redis that failed, and failed attempts to reach it.';
  counter('redis_quotas_errors_total', failed, () => read().errors);
  const held = 'Places this daemon holds under shared limits.';
  gauge('redis_quotas_leases', held, () => read().leases);
}
