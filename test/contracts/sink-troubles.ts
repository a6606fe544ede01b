/**
 * The part of the sinks' contract about troubles: each of them, on a link that is open and on one
 * that is yet to be, at the beginning of a batch and in its middle.
 * The one idea: in each case the answer is `failed`, in time, and afterwards the same sink goes on.
 * Deliberately unknown here: protocols, and how a line is put out of order.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Trouble } from './sink-line.ts';
import { TROUBLES } from './sink-line.ts';
import type { Says, SinkPlace } from './sink-place.ts';
import { idsOf, send, settle, untilNoLinks, withoutRepeats } from './sink-place.ts';
import { recordsFrom } from './sink-records.ts';

// A batch well beyond what a line lets pass before it is cut, compressed or not.
const BATCH = 400;
// Enough for the sink to see that its link is gone.
const IDLE_MS = 300;

/** Declares the tests about troubles. */
export function troublesContract(says: Says): void {
  for (const trouble of TROUBLES) {
    says(`trouble '${trouble}' on an open link`, (place) => survives(place, trouble, true));
    says(`trouble '${trouble}' before any link`, (place) => survives(place, trouble, false));
  }
  says('a link that broke while idle costs no failure', async (place) => {
    const sink = place.open();
    await settle(place, sink, recordsFrom(1, 2));
    await place.line.begin('away');
    await place.line.heal();
    await sleep(IDLE_MS);
    await settle(place, sink, recordsFrom(3, 2));
    assert.deepEqual(idsOf(await place.held()), idsOf(recordsFrom(1, 4)));
    await sink.close();
  });
  says('one trouble after the other with the same sink', async (place) => {
    const sink = place.open();
    let position = 1;
    for (const trouble of TROUBLES) {
      await place.line.begin(trouble);
      const batch = recordsFrom(position, BATCH);
      assert.equal((await send(place, sink, batch)).kind, 'failed', trouble);
      await place.line.heal();
      await settle(place, sink, batch);
      position += BATCH;
    }
    const ids = recordsFrom(1, position - 1).map(({ eventId }) => eventId);
    assert.deepEqual(withoutRepeats(await place.held()), ids);
    await sink.close();
    await untilNoLinks(place.line);
  });
}

async function survives(place: SinkPlace, trouble: Trouble, isOpen: boolean): Promise<void> {
  const sink = place.open();
  const first = recordsFrom(1, 2);
  if (isOpen) await settle(place, sink, first);
  await place.line.begin(trouble);
  const batch = recordsFrom(3, BATCH);
  for (let at = 0; at < 2; at += 1) {
    const answer = await send(place, sink, batch);
    assert.ok(answer.kind === 'failed', JSON.stringify(answer).slice(0, 300));
    assert.match(answer.reason, /^[^\x00-\x1f\x7f]{3,400}$/);
  }
  await place.line.heal();
  await settle(place, sink, batch);
  const expected = [...(isOpen ? first : []), ...batch].map(({ eventId }) => eventId);
  assert.deepEqual(withoutRepeats(await place.held()), expected);
  await sink.close();
  await untilNoLinks(place.line);
}
