/**
 * The thread of the projections: with less right to the processor than mail has, it reads the log
 * behind the commit and ships what hooks and log files want. Whatever happens here, mail does not
 * notice. Only messages and timers; the work is in projections.ts.
 */
import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { basename } from 'node:path';
import type { MessagePort } from 'node:worker_threads';
import { parentPort, workerData } from 'node:worker_threads';
import { describeThrown } from '../policy/policy-error.ts';
import type { FromProjections, ProjectionStart, ToProjections } from './projection-messages.ts';
import { Projections, TEND_MS } from './projections.ts';

/** As nice as a job in the background. */
const NICENESS = 10;
/** How often it is told what readers need of the log. */
const NEEDS_MS = 5_000;
/** What a version of the policy wants is tried again after this where it failed. */
const USE_AGAIN_MS = 30_000;

/** On Linux a thread has a priority of its own, and its id is that of a process. */
function lowerPriority(): void {
  try {
    setPriority(Number(basename(readlinkSync('/proc/thread-self'))), NICENESS);
  } catch {
    // Elsewhere all threads of a process share theirs.
  }
}

function run(port: MessagePort, start: ProjectionStart): void {
  const say = (word: FromProjections): void => port.postMessage(word);
  const projections = new Projections(start, {
    log: (level, text) => say({ kind: 'log', level, text }),
    faulted: (fault) => say({ kind: 'fault', fault }),
  });
  let latest: Pick<ProjectionStart, 'version' | 'now'> = start;
  let again: NodeJS.Timeout | undefined;
  const use = (version: number, now: number): void => {
    clearTimeout(again);
    projections.use(version, now).catch((error: unknown) => {
      const text = `log hooks are not as version ${version} has them: ${describeThrown(error)}`;
      say({ kind: 'log', level: 'error', text });
      // Those that are missing ship nothing until then.
      clearTimeout(again);
      again = setTimeout(() => use(latest.version, latest.now), USE_AGAIN_MS);
    });
  };
  const tending = setInterval(() => projections.tend(), TEND_MS);
  const telling = setInterval(() => {
    try {
      say({ kind: 'needs', needs: projections.needs() });
    } catch (error) {
      say({ kind: 'log', level: 'warn', text: `the log cannot be read: ${describeThrown(error)}` });
    }
  }, NEEDS_MS);
  const stop = async (): Promise<void> => {
    clearInterval(tending);
    clearInterval(telling);
    await projections.stop();
    // What a sink left open must not keep the thread.
    process.exit(0);
  };
  const answer = async (message: Extract<ToProjections, { kind: 'ask' }>): Promise<void> => {
    const { id, order } = message;
    const failed = (error: unknown) => ({ kind: 'refused', said: describeThrown(error) }) as const;
    say({ kind: 'answered', id, answer: await projections.fulfil(order).catch(failed) });
  };
  port.on('message', (message: ToProjections) => {
    if (message.kind === 'use') {
      latest = message;
      use(latest.version, latest.now);
    } else if (message.kind === 'bump') projections.bump();
    else if (message.kind === 'ask') void answer(message);
    else void stop();
  });
  use(start.version, start.now);
}

lowerPriority();
if (parentPort !== null) run(parentPort, workerData as ProjectionStart);
