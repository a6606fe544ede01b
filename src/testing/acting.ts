/**
 * Carrying out the steps of a scenario in a world. The one idea: a step does one thing and takes no
 * time but 'wait' (and a restart), so steps may be left out of a scenario one by one, and what is
 * left still makes sense. Judges nothing.
 */
import { createPolicyAsker } from '../policy/ask.ts';
import type { Policy } from '../policy/define.ts';
import { behave, behaveWell } from './behaviours.ts';
import type { TestPolicy } from './load-policy.ts';
import type { OrderStep, Step, WorldStep } from './scenario.ts';
import { moodOf } from './sinks/moods.ts';
import type { World } from './world/world.ts';

/** What acting needs to know besides the world. */
export interface Stage {
  readonly world: World;
  /** The policy as it is watched, and further versions of it. */
  readonly policies: readonly Policy[];
  /** What they set up, in the same order. */
  readonly setups: readonly Pick<TestPolicy, 'setup' | 'findPlace'>[];
  /** Sends, for the step's number. */
  readonly send: (step: Extract<Step, { readonly do: 'send' }>) => Promise<void>;
  /** By source: takes back that it flaps. */
  readonly flapping: Map<string, () => void>;
  /** Gives a domain its MX back. */
  readonly mendName: (domain: string) => void;
}

const SPAN_MS = 60_000;
const STOP_MS = 10_000;

/** The local address of a source, '' where the system chooses it. */
function addressOf({ policies }: Stage, source: string): string {
  const policy = policies[0];
  if (policy === undefined) return '';
  const answer = createPolicyAsker(policy, () => {}).source(source, true);
  return answer === undefined || answer === 'unknown' ? '' : (answer.value.source_address ?? '');
}

/** Carries a step out. */
export async function act(stage: Stage, step: Step): Promise<void> {
  const { world } = stage;
  if (step.do === 'send') return stage.send(step);
  if (step.do === 'wait') return world.runFor(step.ms);
  if (step.do === 'kill') return world.crash();
  if (step.do === 'restart') return restart(world);
  switch (step.do) {
    case 'receiver':
    case 'source':
    case 'dns':
    case 'disk':
    case 'sink':
      return befall(stage, step);
    default:
      return order(stage, step);
  }
}

function befall(stage: Stage, step: WorldStep): void {
  const { world } = stage;
  if (step.do === 'receiver') {
    const host = world.hostOf(step.domain);
    if (host !== undefined) behave(host, step);
  } else if (step.do === 'source') changeSource(stage, step);
  else if (step.do === 'dns') {
    if (step.is === 'in order') stage.mendName(step.domain);
    else world.zone.mx.set(step.domain, step.is);
  } else if (step.do === 'disk') {
    if (step.is === 'full') world.disk.fill(world.life.log, world.now);
    else world.disk.free(world.life.log, world.now);
  } else if (step.do === 'sink') changeSink(stage, step);
}

function changeSink({ world, setups }: Stage, step: Extract<WorldStep, { do: 'sink' }>): void {
  const { sink, is, ms } = step;
  const names = new Set(setups.flatMap(({ setup }) => setup.logHooks.map(({ name }) => name)));
  if (!names.has(sink)) {
    const known = names.size === 0 ? 'the policy has none' : `there are: ${[...names].join(', ')}`;
    throw new Error(`step ${JSON.stringify(step)}: there is no log hook '${sink}'; ${known}`);
  }
  world.hooks?.behave(sink, moodOf(is, ms));
}

function changeSource(
  stage: Stage,
  { source, is, ms = SPAN_MS }: Extract<WorldStep, { readonly do: 'source' }>,
): void {
  const { world, flapping } = stage;
  const address = addressOf(stage, source);
  const { broken } = world.net;
  flapping.get(source)?.();
  flapping.delete(source);
  if (is === 'in order') broken.mend(address);
  else if (is === 'unplumbed') broken.unplumb(address);
  else if (is === 'proxy down') broken.breakProxy(address);
  else if (is === 'proxy rude') broken.breakProxy(address, 'FAULT_PROXY_HANDSHAKE');
  else flap(stage, source, address, ms);
}

function flap({ world, flapping }: Stage, source: string, address: string, ms: number): void {
  const { broken } = world.net;
  const turn = (): void => {
    if (broken.from.has(address)) broken.mend(address);
    else broken.unplumb(address);
    flapping.set(source, world.time.after(ms, turn));
  };
  turn();
}

function order({ world, policies, setups }: Stage, step: OrderStep): void {
  const why = 'the scenario';
  switch (step.do) {
    case 'suspend source': {
      const until = world.now + step.ms;
      world.command({ kind: 'source.suspend', source: step.source, until, why });
      return;
    }
    case 'resume source':
      world.command({ kind: 'source.resume', source: step.source });
      return;
    case 'suspend queue': {
      const until = world.now + step.ms;
      world.command({ kind: 'queue.suspend', queue: step.queue, until, why });
      return;
    }
    case 'resume queue':
      world.command({ kind: 'queue.resume', queue: step.queue });
      return;
    default: {
      const at = step.do === 'edit' ? step.to + 1 : 0;
      const [policy, of] = [policies[at], setups[at]];
      if (policy === undefined || of === undefined)
        throw new Error(`there is no version ${JSON.stringify(step)}`);
      const version = world.policies.versions.length;
      world.policies.useLoaded(policy, version, world.engine, () => {});
      world.hooks?.use({ ...of, policy });
    }
  }
}

/** In good order: what is in hand is finished first. */
async function restart(world: World): Promise<void> {
  let isStopped = false;
  world.engine.stop(STOP_MS / 2, () => {
    isStopped = true;
  });
  const { hooks } = world;
  hooks?.stop();
  const endAt = world.now + STOP_MS;
  const isOver = (): boolean => isStopped && hooks?.isStopped !== false;
  while (!isOver() && world.time.nextDueAt() <= endAt) {
    world.step();
    const rest = world.rest();
    if (rest !== undefined) await rest;
  }
  await world.crash();
}

/** From now on the world is kind. */
export function calm(stage: Stage, domains: readonly string[]): void {
  const { world, flapping } = stage;
  for (const stop of flapping.values()) stop();
  flapping.clear();
  world.calm();
  for (const host of world.net.hosts.values()) behaveWell(host);
  for (const domain of domains) stage.mendName(domain);
}
