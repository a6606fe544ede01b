/**
 * Laws about liveness, judged once all faults have ended: each queue has a way out, and what waited
 * goes. The one idea: a probe for each queue, sent into a kind world, must get there. Deliberately
 * unknown here: safety, and who goes first.
 */
import type { Observed } from '../result.ts';
import type { MessageStory } from '../world/witness.ts';
import { isEnded } from '../world/witness.ts';
import type { Law } from './law.ts';

const queueOf = ({ events }: Observed, id: string): string => {
  const event = events.findLast(
    ({ stream, body }) => stream === id && typeof body['queue'] === 'string',
  );
  return String(event?.body['queue'] ?? '');
};

/** Why it did not go, as the engine explains it, or by its end. */
function reasonOf(observed: Observed, story: MessageStory): string {
  const queue = queueOf(observed, story.id);
  const [end] = story.ends.values();
  const why = observed.waiting.get(queue);
  if (end !== undefined) return `${end.kind}: ${end.text}`;
  return why === undefined ? 'it waits' : `it waits: ${why}`;
}

const isStuck = (story: MessageStory): boolean =>
  !isEnded(story) || [...story.ends.values()].some(({ kind }) => kind === 'expired');

/** Mail into a kind world gets there. */
export const everyQueueHasAnExit: Law = {
  name: 'every-queue-has-an-exit',
  says: 'Mail sent while nothing is wrong with the world is attempted, and does not end by age.',
  find: (observed) => {
    for (const { isProbe, ids, at } of observed.sent) {
      if (!isProbe) continue;
      for (const id of ids) {
        const story = observed.messages.get(id);
        if (story === undefined || !isStuck(story)) continue;
        const queue = queueOf(observed, id);
        const times = story.offers.length === 1 ? 'once' : `${story.offers.length} times`;
        const tried = story.offers.length === 0 ? 'never attempted' : `attempted ${times}`;
        const says = `mail of the queue ${queue} was ${tried} in a world without faults`;
        return { says: `${says}; ${reasonOf(observed, story)}`, at, about: [id, queue] };
      }
    }
    return undefined;
  },
};

/** What waited through the faults goes when they are over. */
export const calmBringsProgress: Law = {
  name: 'calm-brings-progress',
  says: 'Mail that outlived the faults is attempted after they have ended, before it expires.',
  find: (observed) => {
    const { calmAt, messages, sent } = observed;
    if (calmAt === undefined) return undefined;
    const probes = new Set(sent.flatMap(({ isProbe, ids }) => (isProbe ? ids : [])));
    for (const story of messages.values()) {
      const endedAt = Math.max(...[...story.ends.values()].map(({ at }) => at));
      if (probes.has(story.id) || story.acceptedAt > calmAt) continue;
      if (isEnded(story) && endedAt <= calmAt) continue;
      if (!isStuck(story) || story.offers.some(({ at }) => at > calmAt)) continue;
      const queue = queueOf(observed, story.id);
      const says = `mail of ${queue} was not attempted after the faults had ended`;
      const about = [story.id, queue];
      return { says: `${says}; ${reasonOf(observed, story)}`, at: calmAt, about };
    }
    return undefined;
  },
};
