/**
 * The log read along: before each event, how queues, paths and sources stand, as the log alone says
 * it. The one idea: laws ask this table instead of the engine's memory, so an error in the engine
 * cannot hide itself. It judges nothing and knows no wire.
 */
import type { PoolConfig, SourceConfig } from '../domain/options-egress.ts';
import type { PathConfig } from '../domain/options-path.ts';
import type { QueueConfig } from '../domain/options-queue.ts';
import type { Happening } from './result.ts';

/** A queue, as configured just now. */
export interface QueueState {
  readonly config: QueueConfig;
  /** Undefined where the policy has no such pool. */
  readonly pool: PoolConfig | undefined;
}

/** A ready queue's path. */
export interface PathState {
  readonly source: string;
  readonly site: string;
  readonly hosts: readonly string[];
  readonly config: PathConfig;
}

/** A source; `until` while it is suspended. */
export interface SourceState {
  config: SourceConfig;
  until: number | undefined;
}

/** How things stand. */
export class Standing {
  readonly queues = new Map<string, QueueState>();
  readonly sources = new Map<string, SourceState>();
  /** By name of the ready queue; the last answer. */
  readonly paths = new Map<string, PathState>();
  /** By message: its queue. */
  readonly queueOf = new Map<string, string>();
  readonly #answers = new Map<string, unknown>();

  /** Takes an event in. */
  fold({ type, stream, body }: Happening): void {
    const answer = this.#answers.get(String(body['answer']));
    if (type === 'policy.answered') {
      this.#answers.set(String(body['key']), JSON.parse(String(body['answer'])));
    } else if (type === 'queue.opened' || type === 'queue.configured') {
      const pool = this.#answers.get(String(body['pool'])) as PoolConfig | undefined;
      this.queues.set(stream, { config: answer as QueueConfig, pool });
    } else if (type === 'source.opened' || type === 'source.configured') {
      const until = this.sources.get(stream)?.until;
      this.sources.set(stream, { config: answer as SourceConfig, until });
    } else if (type === 'path.configured') {
      const { source = '', site = '', hosts = [] } = body as Partial<PathState>;
      this.paths.set(stream, { source, site, hosts, config: answer as PathConfig });
    } else this.#change(type, stream, body);
  }

  #change(type: string, stream: string, body: Happening['body']): void {
    const source = this.sources.get(stream);
    if (type === 'source.suspended' && source !== undefined) source.until = Number(body['until']);
    if (type === 'source.resumed' && source !== undefined) source.until = undefined;
    if (type === 'source.retired') this.sources.delete(stream);
    if (type.startsWith('message.') && typeof body['queue'] === 'string') {
      this.queueOf.set(stream, body['queue']);
    }
  }

  /** The sources of a queue's pool that mail may choose. */
  membersOf(queue: string): readonly string[] {
    const entries = this.queues.get(queue)?.pool?.entries ?? [];
    return entries.filter(({ weight }) => weight > 0).map(({ name }) => name);
  }
}

/** Every event, after it was taken in, with how things stand then. */
export function* recount(
  events: readonly Happening[],
): Generator<readonly [Happening, Standing], void> {
  const standing = new Standing();
  for (const event of events) {
    standing.fold(event);
    yield [event, standing];
  }
}
