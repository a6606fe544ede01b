/**
 * Law: an event makes at most one public record; the records of a message that are its ends name
 * exactly its recipients, each once; a record names the recipients that its event speaks of, and
 * satisfies its schema. The idea: plays with faults and crashes write the log, and a reader that
 * comes late makes the records of all of it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CALM } from '../../src/testing/world/chance.ts';
import type { MessageStory } from '../../src/testing/world/witness.ts';
import type { World } from '../../src/testing/world/world.ts';
import { runPlays } from '../world/law.ts';
import { assertSchema } from '../world/record-schema.ts';
import type { Projected } from '../world/records.ts';
import { projectAll, recipientsIn } from '../world/records.ts';

/** Longer than any queue of a play lets a message wait. */
const OLD_MS = 2 * 3_600_000;

const ENDS = ['Delivery', 'Bounce', 'Expiration', 'AdminBounce'];
const END_OF: Readonly<Record<string, string>> = {
  delivered: 'Delivery',
  bounced: 'Bounce',
  expired: 'Expiration',
  cancelled: 'AdminBounce',
  purged: 'AdminBounce',
  lost: 'Expiration',
};

function checkEnds(story: MessageStory, told: readonly Projected[]): void {
  const named = told.flatMap(({ record }) =>
    ENDS.includes(record.type)
      ? recipientsIn(record).map((recipient) => `${record.type} ${recipient}`)
      : [],
  );
  const ended = [...story.ends].map(([index, { kind }]) => `${END_OF[kind]} ${story.to[index]}`);
  assert.deepEqual(named.sort(), ended.sort(), story.id);
}

/** What each event is to say of its message: in order, with whom it is about. */
function checkMiddle(story: MessageStory, told: readonly Projected[], world: World): void {
  const receptions = told.filter(({ record }) => record.type === 'Reception');
  assert.equal(receptions.length, 1, `${story.id} came in once`);
  assert.deepEqual(recipientsIn((receptions[0] as Projected).record), story.to);
  const failures = told.filter(({ record }) => record.type === 'TransientFailure');
  assert.equal(failures.length, story.deferrals + story.unsettled.length, story.id);
  const isQuiet = world.witness.records.some(
    ({ stream, type, body }) =>
      stream === story.id && type === 'message.purged' && body.includes('"quiet"'),
  );
  if (!isQuiet) checkEnds(story, told);
  for (const { record, stored } of told) {
    assert.equal(record.sender, 'sender@here.test');
    const { index } = JSON.parse(stored.body) as { readonly index?: readonly number[] };
    const meant = index?.map((at) => story.to[at]) ?? story.to;
    assert.deepEqual(recipientsIn(record), meant, `${record.type} of ${story.id}`);
  }
}

function checkRecords(world: World): void {
  const all = projectAll(world.witness.records);
  for (const { record } of all) assertSchema(record);
  const positions = all.map(({ stored }) => stored.position);
  assert.equal(new Set(all.map(({ record }) => record.event_id)).size, positions.length);
  const byMessage = new Map<string, Projected[]>();
  for (const one of all) {
    const known = byMessage.get(one.record.id);
    if (known === undefined) byMessage.set(one.record.id, [one]);
    else known.push(one);
  }
  for (const story of world.witness.messages.values()) {
    checkMiddle(story, byMessage.get(story.id) ?? [], world);
    byMessage.delete(story.id);
  }
  assert.deepEqual([...byMessage.keys()], []);
}

test('records name every recipient', async () => {
  await runPlays(
    {
      each: () => {},
      end: async (world) => {
        await world.runFor(30_000);
        // Nobody is there any more: what is left grows old, most of it with its envelope cold.
        for (const host of world.net.hosts.values()) host.answers = 'refused';
        world.net.faults = CALM;
        await world.runFor(OLD_MS);
        checkRecords(world);
      },
    },
    { hasFaults: true, hasCrashes: true },
  );
});
