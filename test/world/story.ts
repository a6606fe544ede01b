/**
 * Stories: given these events, when this happens, then these events follow. The one idea: a story
 * says only what it is about; the world around it is calm and the same each time, and what is given
 * is folded by recovery like any log, so that the way into the engine is the real one. Deliberately
 * unknown here: how the engine is built inside.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Limits } from '../../src/domain/limits.ts';
import type { Event } from '../../src/events/catalogue.ts';
import { encode } from '../../src/events/codec.ts';
import type { PolicyPart } from '../../src/policy/hooks.ts';
import type { StoredRecord } from '../../src/ports/ports.ts';
import type { Manner } from '../../src/testing/world/exchanger.ts';
import { accepting } from '../../src/testing/world/manners.ts';
import type { PolicyPlan } from '../../src/testing/world/policy.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import { START_AT, World } from '../../src/testing/world/world.ts';

/** An event that must follow: its type, and what its body must hold at least. */
export type Following = readonly [type: string, body?: Readonly<Record<string, unknown>>];

/** One story. */
export interface Story {
  readonly plan?: PolicyPlan;
  readonly handlers?: PolicyPart;
  readonly limits?: Partial<Limits>;
  readonly manners?: Readonly<Record<string, Manner>>;
  /** What the log holds already, as of the start of the world. */
  readonly given?: readonly Event[];
  readonly when: (world: World) => void | Promise<void>;
  /** Which events the story is about, as starts of their types; all others are left out. */
  readonly about: readonly string[];
  readonly follows: readonly Following[];
  /** What else must be so in the end. */
  readonly and?: (world: World) => void;
}

/** A queue that is open, as an event. */
export const opened = (queue: string): Event => ({
  type: 'queue.opened',
  stream: queue,
  body: { answer: 'given', pool: '' },
});

/** Tells a story. */
export function story(name: string, parts: Story): void {
  test(name, async () => {
    const world = await begin(parts);
    const from = world.witness.records.length;
    await parts.when(world);
    const told = world.witness.records
      .slice(from)
      .filter(({ type }) => parts.about.some((start) => type.startsWith(start)));
    compare(told, parts.follows);
    parts.and?.(world);
  });
}

async function begin({ plan, handlers, limits, manners, given = [] }: Story): Promise<World> {
  const world = await World.start({
    seed: 1,
    plan: plan ?? makePlan(),
    manners: manners ?? { 'a.test': accepting, 'b.test': accepting },
    ...(handlers === undefined ? {} : { handlers }),
    ...(limits === undefined ? {} : { limits }),
    past: given.map((event, at) => ({
      ...encode(event),
      position: at + 1,
      turn: 1,
      at: START_AT,
    })),
  });
  await world.runFor(100);
  return world;
}

function compare(told: readonly StoredRecord[], then: readonly Following[]): void {
  const types = told.map(({ type }) => type);
  const wanted = then.map(([type]) => type);
  const lines = told.map(({ at, type, body }) => `${at - START_AT} ${type} ${body}`);
  assert.deepEqual(types, wanted, lines.join('\n'));
  for (const [at, [type, body = {}]] of then.entries()) {
    const said = JSON.parse((told[at] as StoredRecord).body) as Record<string, unknown>;
    for (const [field, value] of Object.entries(body)) {
      if (value instanceof RegExp) assert.match(String(said[field]), value, `${type} ${field}`);
      else assert.deepEqual(said[field], value, `${type} ${field}: ${lines[at]}`);
    }
  }
}
