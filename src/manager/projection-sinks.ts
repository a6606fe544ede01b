/**
 * From the sink that a hook was set up with to one that sends: the file of its kind is loaded here,
 * and only the files of kinds that are in use. Knows no shipper and no cursor.
 */
import type { HookConfig } from '../domain/options-hook.ts';
import type { LocalLogsConfig } from '../domain/options-local-logs.ts';
import type { SecretSource } from '../domain/secret-source.ts';
import type { OutgoingRecord, Sink, SinkAnswer } from '../ports/sink.ts';
import type { Timers } from '../ports/timers.ts';
import type { HookShape } from '../projections/hook.ts';

/** What sinks need of the world. */
export interface SinkParts {
  readonly timers: Timers;
  readonly readSecret: (source: SecretSource) => string | undefined;
}

/** Loads what a hook's sink needs; the answer makes one, each time it is called. */
export async function loadSink(config: HookConfig, parts: SinkParts): Promise<() => Sink> {
  const { sink, name, batching } = config;
  const isBatched = batching.batchSize > 1;
  const { timers } = parts;
  switch (sink.kind) {
    case 'http': {
      const { createHttpSink } = await import('../projections/sinks/http.ts');
      return () => createHttpSink(sink.config, isBatched, parts);
    }
    case 'amqp': {
      const { createAmqpSink } = await import('../projections/sinks/amqp.ts');
      return () => createAmqpSink(sink.config, parts);
    }
    case 'kafka': {
      const { createKafkaSink } = await import('../projections/sinks/kafka.ts');
      return () => createKafkaSink(sink.config, parts);
    }
    case 'custom': {
      const { createCustomSink } = await import('../projections/sinks/custom.ts');
      return () => createCustomSink(sink.source, { name, isBatched, timers });
    }
    case 'files': {
      const { completeAbandoned } = await import('../projections/log-files/files-sink.ts');
      // Now, for a record may be long in coming; what fails is tried again with the first batch.
      completeAbandoned(sink.config).catch(() => {});
      return () => new FilesLater(sink.config, timers);
    }
  }
}

/** What the policy says of a reader; files are complete by size and age, not for want of mail. */
export const shapeFor = ({ sink }: HookConfig, shape: HookShape): HookShape =>
  sink.kind === 'files'
    ? { ...shape, idleTimeoutMs: Number.POSITIVE_INFINITY, maxDeliveriesPerConnection: 0 }
    : shape;

/** Files are opened with the first batch: a disk that is not there yet is tried again by then. */
class FilesLater implements Sink {
  readonly #config: LocalLogsConfig;
  readonly #timers: Timers;
  #opening: Promise<Sink> | undefined;

  constructor(config: LocalLogsConfig, timers: Timers) {
    this.#config = config;
    this.#timers = timers;
  }

  async send(batch: readonly OutgoingRecord[], signal: AbortSignal): Promise<SinkAnswer> {
    try {
      this.#opening ??= this.#open();
      return await (await this.#opening).send(batch, signal);
    } catch (error) {
      this.#opening = undefined;
      return { kind: 'failed', reason: error instanceof Error ? error.message : String(error) };
    }
  }

  async #open(): Promise<Sink> {
    const { openFilesSink } = await import('../projections/log-files/files-sink.ts');
    return await openFilesSink({ config: this.#config, timers: this.#timers });
  }

  async close(): Promise<void> {
    await (await this.#opening)?.close();
  }
}
