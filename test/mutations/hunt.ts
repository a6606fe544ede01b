/**
 * One hunt in a planted copy of the sources: the swarm plays seed after seed, or the charts are
 * walked, until a law is broken or the time is over; what came of it is one line of JSON. The one
 * idea: this file runs in the copy, so every import is of the copy. Knows no mutant.
 */
import process from 'node:process';
import { connectionWalks } from '../charts/connection-walks.ts';
import { findCharts } from '../charts/found.ts';
import type { Walks } from '../charts/guided.ts';
import { walkGuided } from '../charts/guided.ts';
import { Ledger } from '../charts/ledger.ts';
import { shipperWalks } from '../charts/shipper-walks.ts';
import { playSeed } from '../swarm/swarm.ts';
import { Failed } from '../world/shrinking.ts';

/** What came of a hunt. */
export interface Hunted {
  readonly law: string | undefined;
  readonly says: string;
  readonly steps: number;
  /** Worlds, or walks. */
  readonly plays: number;
  readonly cpuS: number;
}

/** By the clock on the wall, which a busy machine stretches. */
const SHRINK_MS = 200_000;
const WALKS_MAX = 60_000;
const WALKS: Readonly<Record<string, Walks<never>>> = {
  connection: connectionWalks as unknown as Walks<never>,
  shipper: shipperWalks as unknown as Walks<never>,
};

/** What other laws find is left alone: a mistake is to be found by a law that is about it. */
async function huntBySwarm(
  from: number,
  seconds: number,
  laws: readonly string[],
): Promise<Omit<Hunted, 'cpuS'>> {
  const began = process.cpuUsage();
  const isOver = (): boolean => {
    const { user, system } = process.cpuUsage(began);
    return (user + system) / 1e6 > seconds;
  };
  let plays = 0;
  for (let seed = from; !isOver(); seed += 1) {
    plays += 1;
    const found = (await playSeed(seed)).failure;
    if (found === undefined || !laws.includes(found.law)) continue;
    const { failure = found } = await playSeed(seed, { shrinkMs: SHRINK_MS });
    const { law, says, play } = failure;
    return { law, says, steps: play.acts.length, plays };
  }
  return { law: undefined, says: '', steps: 0, plays };
}

async function huntOnChart(name: string, seed: number): Promise<Omit<Hunted, 'cpuS'>> {
  const chart = (await findCharts()).find((one) => one.name === name);
  const walks = WALKS[name];
  if (chart === undefined || walks === undefined) throw new Error(`nobody walks along ${name}`);
  const ledger = new Ledger(chart);
  try {
    const plays = await walkGuided(ledger, walks, seed, WALKS_MAX);
    const missing = [...ledger.states.missing, ...ledger.arrows.missing];
    if (missing.length === 0) return { law: undefined, says: '', steps: 0, plays };
    return { law: name, says: `never reached: ${missing.join('; ')}`, steps: 0, plays };
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    return { law: name, says: error.message, steps: error.steps, plays: 0 };
  }
}

const [hunter = '', laws = '', seed = '1', seconds = '30'] = process.argv.slice(2);
const before = process.cpuUsage();
const hunted =
  hunter === 'swarm'
    ? await huntBySwarm(Number(seed), Number(seconds), laws.split(','))
    : await huntOnChart(laws, Number(seed));
const { user, system } = process.cpuUsage(before);
process.stdout.write(`${JSON.stringify({ ...hunted, cpuS: (user + system) / 1e6 })}\n`);
process.exit(0);
