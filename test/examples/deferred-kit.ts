/**
 * A world whose mail may stay in memory (`deferred_spool`), and what stories of it ask.
 * Deliberately unknown here: what is right.
 */
import assert from 'node:assert/strict';
import type { Limits } from '../../src/domain/limits.ts';
import { accepting } from '../../src/testing/world/manners.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import type { Mail } from '../../src/testing/world/world.ts';
import { World } from '../../src/testing/world/world.ts';

/** A world whose mail may stay in memory. */
export interface Place {
  readonly world: World;
  /** Bodies written to the disk so far. */
  readonly writes: () => number;
}

/** Opens one; with `ndr` its senders are told of failures. */
export const start = async (
  knobs: { limits?: Partial<Limits>; ndr?: boolean } = {},
): Promise<Place> => {
  const plan = makePlan();
  if (knobs.ndr === true) plan.ndr = { bounces: true, expirations: true };
  const world = await World.start({
    seed: 3,
    deferring: 1,
    plan,
    manners: { 'a.test': accepting, 'b.test': accepting },
    ...(knobs.limits === undefined ? {} : { limits: knobs.limits }),
  });
  await world.runFor(100);
  let writes = 0;
  const write = world.bodies.write.bind(world.bodies);
  world.bodies.write = (...asked) => {
    writes += 1;
    write(...asked);
  };
  return { world, writes: () => writes };
};

/** Events of messages and of reports, in order. */
export const typesOf = ({ witness }: World): string[] =>
  witness.records.map(({ type }) => type).filter((type) => /^(message|ndr)\./.test(type));

/** What events of a type say. */
export const bodiesOf = ({ witness }: World, type: string): Record<string, unknown>[] =>
  witness.records.filter((one) => one.type === type).map(({ body }) => JSON.parse(body));

/** How the recipients of a mail ended. */
export const endsOf = (world: World, mail: Mail): string[] =>
  mail.messages.flatMap(({ id }) =>
    [...(world.witness.messages.get(id)?.ends.values() ?? [])].map(({ kind }) => kind),
  );

/** Submits what must be let in. */
export const submit = (world: World, ...to: string[]): Mail => {
  const mail = world.submit(to);
  assert.ok(mail?.refusal === undefined && mail !== undefined);
  return mail;
};

/** Nobody answers at the exchanger: mail for it waits for its first attempt. */
export const hold = (world: World): void => {
  world.hostOf('a.test').answers = 'never';
};
