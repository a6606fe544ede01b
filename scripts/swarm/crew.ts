/**
 * Children of the swarm, one a core: each plays the seeds that it is handed, one by one. The one
 * idea: who hands them out knows which seed is in whose hands, so a child that dies or stands still
 * has told which seed did it. Deliberately unknown here: what a play is.
 */
import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { argv, stdout } from 'node:process';
import type { SwarmKnobs } from '../../test/swarm/plays.ts';
import type { Failure, Outcome } from '../../test/swarm/swarm.ts';
import { playSeed } from '../../test/swarm/swarm.ts';

/** Failures of which more would tell nothing new. */
const FAILURES_MAX = 10;
/** A play takes a second or so, and shrinking its own time. */
const STILL_MS = 180_000;
const PROGRESS_MS = 1_000;
/** Where no terminal rewrites the line. */
const LINE_MS = 15_000;

interface Order {
  readonly seed: number;
  readonly turns: number;
}

/** What the crew is to do. */
export interface CrewOrder {
  readonly from: number;
  readonly turns: number;
  readonly jobs: number;
  readonly endAt: number;
}

/** Plays what it is told, until nobody tells any more. */
export async function playAsChild(shrinkMs: number): Promise<void> {
  process.on('message', ({ seed, turns }: Order) => {
    void playSeed(seed, { turns, shrinkMs }).then((outcome) => process.send?.(outcome));
  });
  await new Promise((over) => process.on('disconnect', over));
}

const lostOf = (seed: number, turns: number, says: string): Failure => {
  const play = { knobs: {} as SwarmKnobs, acts: [] };
  return { seed, turns, law: 'the-engine-goes-on', says, play, actsBefore: 0 };
};

/** Plays seed after seed on all children until the time is over; answers what failed. */
export async function runCrew(
  order: CrewOrder,
  say: (line: string) => void,
): Promise<readonly Failure[]> {
  const crew = new Crew(order);
  const beganAt = Date.now();
  let saidAt = beganAt;
  const tell = (): void => {
    const line = `swarm from seed ${order.from}: ${crew.line(Date.now() - beganAt)}`;
    if (stdout.isTTY) stdout.write(`\r${line}\u001b[K`);
    else if (Date.now() - saidAt >= LINE_MS) {
      saidAt = Date.now();
      say(line);
    }
  };
  const progress = setInterval(tell, PROGRESS_MS);
  await Promise.all(Array.from({ length: order.jobs }, () => crew.work()));
  clearInterval(progress);
  say(`${stdout.isTTY ? '\r\u001b[K' : ''}${crew.line(Date.now() - beganAt)}`);
  return crew.failures;
}

class Crew {
  readonly failures: Failure[] = [];
  readonly #order: CrewOrder;
  #next: number;
  #plays = 0;
  #turns = 0;

  constructor(order: CrewOrder) {
    this.#order = order;
    this.#next = order.from;
  }

  line(ms: number): string {
    const { failures } = this;
    const left = Math.max(0, this.#order.endAt - Date.now());
    const rest = left > 0 ? `, ${Math.ceil(left / 1_000)} s left` : '';
    const s = Math.round(ms / 1_000);
    const made = `${this.#plays} worlds, ${this.#turns} turns in ${s} s`;
    return `${made}, ${failures.length} failed${rest}`;
  }

  get #isOver(): boolean {
    return Date.now() >= this.#order.endAt || this.failures.length >= FAILURES_MAX;
  }

  /** One child after the other: who is lost is replaced. */
  async work(): Promise<void> {
    while (!this.#isOver) {
      const child = fork(argv[1] as string, { execArgv: ['--import', 'tsx'] });
      for (let isAlive = true; isAlive && !this.#isOver; ) isAlive = await this.#hand(child);
      if (child.connected) child.disconnect();
      child.kill();
    }
  }

  /** Hands out a seed; false where it was the child's end. */
  async #hand(child: ChildProcess): Promise<boolean> {
    const { turns } = this.#order;
    const seed = this.#next;
    this.#next += 1;
    const outcome = await ask(child, { seed, turns });
    this.#plays += 1;
    if (typeof outcome === 'string') {
      this.failures.push(lostOf(seed, turns, outcome));
      return false;
    }
    this.#turns += outcome.turns;
    if (outcome.failure !== undefined) this.failures.push(outcome.failure);
    return true;
  }
}

function ask(child: ChildProcess, order: Order): Promise<Outcome | string> {
  return new Promise((done) => {
    const end = (outcome: Outcome | string): void => {
      clearTimeout(still);
      child.off('message', heard).off('exit', gone);
      done(outcome);
    };
    const heard = (outcome: unknown): void => end(outcome as Outcome);
    const gone = (code: number | null, signal: string | null): void =>
      end(`the process of the play ended (${signal ?? code})`);
    const still = setTimeout(() => {
      child.kill('SIGKILL');
      end(`the play stands still for ${STILL_MS / 1_000} s`);
    }, STILL_MS);
    child.on('message', heard).on('exit', gone);
    child.send(order);
  });
}
