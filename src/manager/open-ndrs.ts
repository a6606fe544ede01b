/**
 * Who writes the reports of failure of a worker. It is there in any case, since something may be
 * owed from earlier days, but what writes is loaded only when something is. Decides nothing.
 */
import type { Logger } from 'pino';
import type { NdrWriter } from '../intake/ndr/writer.ts';
import type { NdrParams } from '../reports/ndr.ts';
import type { OpenedEngine } from './open.ts';

/** What it stands on. */
export interface OpenNdrsParts {
  readonly opened: Pick<OpenedEngine, 'engine' | 'bodies' | 'clock' | 'nodeid'>;
  readonly params: () => NdrParams | undefined;
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
}

/** The writer of reports, once there is something to write. */
export class OpenNdrs {
  readonly #parts: OpenNdrsParts;
  #opening: Promise<NdrWriter> | undefined;
  #isStopped = false;

  constructor(parts: OpenNdrsParts) {
    this.#parts = parts;
    const { ndrs } = parts.opened.engine;
    ndrs.whenOwed(() => this.#begin());
    if (ndrs.owed > 0) this.#begin();
  }

  /** Nothing further; settles when nothing is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await (await this.#opening)?.stop();
  }

  #begin(): void {
    if (this.#isStopped || this.#opening !== undefined) return;
    this.#opening = this.#open();
    this.#opening.catch((error: unknown) => {
      this.#parts.logger.error(`no report of failure can be written: ${String(error)}`);
    });
  }

  async #open(): Promise<NdrWriter> {
    const { opened, params, logger } = this.#parts;
    const { engine, bodies, clock, nodeid } = opened;
    const { NdrWriter: Writer } = await import('../intake/ndr/writer.ts');
    const writer = new Writer({
      host: engine,
      desk: engine.ndrs,
      bodies,
      params,
      nodeid,
      now: () => clock.now(),
      log: (level, text) => logger[level](text),
    });
    // From here on it hears itself of what is owed.
    if (!this.#isStopped) writer.start();
    return writer;
  }
}
