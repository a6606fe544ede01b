/**
 * A process that appends turns without end and says on stdout which are durable; tests kill it.
 * The one idea: what the parent has read from the pipe was acknowledged before the kill.
 * Deliberately unknown here: when and how it ends.
 */
import { lockDataDir } from '../../src/events/data-lock.ts';
import { openSqliteLog } from '../../src/events/sqlite-log.ts';
import { draft } from '../contracts/log-contract.ts';

const [dir = '', mode = 'append', bodyChars = '300'] = process.argv.slice(2);

const append = async (): Promise<void> => {
  let next: () => void = () => {};
  const { log, recovery } = await openSqliteLog({
    dir,
    retryMs: 50,
    // Small enough that rolls and checkpoints happen under the kills.
    segmentBytesMax: 50_000,
    checkpointPages: 50,
    listener: {
      durable: (turn) => {
        process.stdout.write(`durable ${turn}\n`);
        next();
      },
      failed: ({ code, cause }) => process.stdout.write(`failed ${code} ${cause}\n`),
    },
  });
  const body = 'x'.repeat(Number(bodyChars));
  let { lastPosition: position, lastTurn: turn } = recovery;
  process.stdout.write(`opened ${turn} ${recovery.reports.map(({ kind }) => kind).join()}\n`);
  for (;;) {
    const drafts = [draft(`{"turn":${++turn},"body":"${body}"}`), draft('{}')];
    log.append({ turn, at: 1_700_000_000_000 + turn, position: position + 1, drafts });
    position += drafts.length;
    await new Promise<void>((done) => {
      next = done;
    });
  }
};

const lock = async (): Promise<void> => {
  await lockDataDir(dir);
  process.stdout.write('locked\n');
  setInterval(() => {}, 1_000);
};

await (mode === 'lock' ? lock() : append());
