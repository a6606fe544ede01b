/**
 * Law: an event makes at most one public record; the records of a message that are its ends name
 * exactly its recipients, each once; a record names the recipients that its event speaks of, and
 * satisfies its schema. The idea: plays with faults and crashes write the log, and a reader that
 * comes late makes the records of all of it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runPlays } from '../world/law.ts';
import { assertSchema } from '../world/record-schema.ts';
import type { Projected } from '../world/records.ts';
import { projectAll, recipientsIn } from '../world/records.ts';
import type { MessageStory } from '../world/witness.ts';
import type { World } from '../world/world.ts';

const ENDS = ['Delivery', 'Bounce', 'Expiration', 'AdminBounce'];
const END_OF: Readonly<Record<string, string>> = {
  delivered: 'Delivery',
  bounced: 'Bounce',
  expired: 'Expiration',
  cancelled: 'AdminBounce',
  purged: 'AdminBounce',
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
  for (const { record } of told) {
    assert.equal(record.sender, 'sender@here.test');
    for (const recipient of recipientsIn(record)) assert.ok(story.to.includes(recipient));
    assert.ok(recipientsIn(record).length > 0, `${record.type} of ${story.id} names somebody`);
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
        checkRecords(world);
      },
    },
    { hasFaults: true, hasCrashes: true },
  );
});
