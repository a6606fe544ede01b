/**
 * Single steps of a world, as a play counts them: of mail's alone, so that a world with log hooks
 * goes the same way as one without. Knows no act.
 */
import type { World } from '../../src/testing/world/world.ts';

/** Takes so many steps of mail; `each` runs after every step, whoever's it was. */
export async function takeSteps(world: World, count: number, each: () => void): Promise<void> {
  const { hooks } = world;
  for (let left = count; left > 0; ) {
    const before = hooks?.tasks;
    world.step();
    await world.rest();
    if (hooks?.tasks === before) left -= 1;
    each();
    if (world.life.isFatal) await world.crash();
  }
}
