/**
 * One small run against one data directory: start, hand mail over, wait until it is quiet, stop,
 * judge. The fault runs repeat it by the hundred.
 * The one idea: each case has a target and a folder of its own, so cases can run side by side and
 * none can lean on what another left.
 * Deliberately unknown here: the fault.
 */
import { join } from 'node:path';
import type { Verdict } from './conservation.ts';
import { judgeRun } from './conservation.ts';
import { Daemon, writePolicy } from './daemon.ts';
import { readLedger } from './ledger.ts';
import type { Probe, ProbeShape } from './probe-mail.ts';
import { makeProbe } from './probe-mail.ts';
import { until } from './scratch.ts';
import type { Answer } from './sender.ts';
import type { Copy, Fate } from './target.ts';
import { Target } from './target.ts';

/** How soon the daemon under test tries again. */
export const RETRY_INTERVAL = '1s';
/** Longer than a retry takes to come. */
const QUIET_MS = 1_400;
const DRAIN_MS_MAX = 60_000;
/** What follows a copy inside the daemon: its record. */
const SETTLE_MS = 50;

/** The mail of a small run. */
export const SHAPE: ProbeShape = { domains: 5, bodyBytes: 2500, pairEvery: 10 };

/** The messages 1 to `count`. */
export const makeProbes = (count: number): Probe[] =>
  Array.from({ length: count }, (_, at) => makeProbe(at + 1, SHAPE));

/** Defers every tenth message at its first try and refuses every twentieth for good. */
export const mixedFate = (number: number, tries: number): Fate => {
  if (number % 20 === 7) return 'refuse';
  return number % 10 === 3 && tries === 1 ? 'defer' : 'take';
};

/** A folder with a policy, a data directory and a target of its own. */
export class Scenario {
  readonly data: string;
  readonly policy: string;
  readonly target: Target;
  readonly folder: string;

  constructor(folder: string, fateOf?: (number: number, tries: number) => Fate) {
    this.folder = folder;
    this.data = join(folder, 'data');
    this.policy = join(folder, 'policy.ts');
    this.target = new Target(fateOf);
  }

  /** Opens the target and writes the policy that points to it. */
  async open(): Promise<void> {
    writePolicy(this.policy, await this.target.open(), RETRY_INTERVAL);
  }

  /** Waits until every number of `expected` was tried and nothing more comes. */
  async drain(expected: readonly number[], isEarly = false): Promise<void> {
    const { target } = this;
    const isTried = (): boolean => expected.every((number) => target.tries.has(number));
    const quietMs = isEarly ? SETTLE_MS : QUIET_MS;
    await until(() => isTried() && target.quietMs > quietMs, DRAIN_MS_MAX);
  }

  /** Starts on what is there, drains, stops: the recovery every fault must allow. */
  async recover(expected: readonly number[], isEarly = false): Promise<Daemon> {
    const daemon = new Daemon(this.policy, this.data, { shape: 'single' });
    try {
      await daemon.demandPort();
      this.target.watch();
      await this.drain(expected, isEarly);
      const { code } = await daemon.stop();
      if (code !== 0) throw new Error(`the daemon ended with ${code}\n${daemon.tail}`);
      return daemon;
    } finally {
      await daemon.kill();
    }
  }

  /** Compares submitter, log and target; `earlier` are copies that other targets took before. */
  judge(answers: readonly Answer[], earlier: readonly Copy[] = []): Verdict {
    const copies = [...earlier, ...this.target.copies];
    return judgeRun({ answers, copies, ledger: readLedger(this.data), shape: SHAPE });
  }
}

/** Numbers of the messages that were promised. */
export const promisedOf = (answers: readonly Answer[]): number[] =>
  answers.filter(({ kind }) => kind === 'taken').map(({ number }) => number);
