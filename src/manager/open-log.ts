/**
 * The log of a worker, opened at once: while its thread looks at the disk, this one still reads the
 * rest of the program. What it has to tell before there is an engine is told again, is found in the
 * books, or is kept until there is one. Knows no engine.
 */
import type { Logger } from 'pino';
import type { OpenedLog } from '../events/sqlite-log.ts';
import { openSqliteLog } from '../events/sqlite-log.ts';
import type { Fault, LogListener } from '../ports/ports.ts';

/** A log that is being opened. */
export interface OpeningLog {
  readonly opening: Promise<OpenedLog>;
  /** Log and bodies tell this. */
  readonly listener: Required<LogListener>;
  /** From here on `engine` is told everything. */
  connect(engine: Required<LogListener>): void;
}

/** Begins to open the log of `dir`, whose lock is held. */
export function openLog(dir: string, keepMs: number, logger: Logger): OpeningLog {
  let engine: Required<LogListener> | undefined;
  let early: Fault | undefined;
  const listener = {
    durable: (turn: number, commitMs: number) => engine?.durable(turn, commitMs),
    failed: (fault: Fault) => {
      if (engine !== undefined) engine.failed(fault);
      else if (!fault.retryable) early ??= fault;
    },
    room: (hasRoom: boolean) => engine?.room(hasRoom),
  };
  const opening = openSqliteLog({
    dir,
    keepMs,
    listener,
    reported: (report) => logger.error({ damage: report }, report.sentence),
  });
  // Whoever opens the engine hears of it; until then it is nobody's.
  opening.catch(() => {});
  return {
    opening,
    listener,
    connect: (to) => {
      engine = to;
      if (early !== undefined) to.failed(early);
    },
  };
}
