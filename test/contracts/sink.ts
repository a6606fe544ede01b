/**
 * What every sink must do, whatever it speaks: order and ids, settled only when the receiver holds
 * it, the same bounded answer to every trouble, life after trouble, nothing left behind.
 * The one idea: a test knows the port, a line that can be out of order, and what is held behind it.
 * Deliberately unknown here: protocols; cursors, back-off and dead letters (the shipper's).
 */
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Says, SinkPlace } from './sink-place.ts';
import { idsOf, send, settle, until, untilNoLinks, within, withoutRepeats } from './sink-place.ts';
import { awkwardRecords, recordAt, recordsFrom } from './sink-records.ts';
import { troublesContract } from './sink-troubles.ts';

const ABORT_MS = 1_000;
const CLOSE_MS = 2_000;

/** Runs the suite over a sink. */
export function sinkContract(name: string, open: () => Promise<SinkPlace>): void {
  const says: Says = (what, run) => {
    test(`${name}: ${what}`, async () => {
      const place = await open();
      try {
        await run(place);
      } finally {
        await place.dispose();
      }
    });
  };
  sendingContract(says);
  refusingContract(says);
  stoppingContract(says);
  endingContract(says);
  troublesContract(says);
}

function sendingContract(says: Says): void {
  says('records arrive in order with their ids', async (place) => {
    const sink = place.open();
    const sizes = [1, 1, 3, 50, 1, 500];
    let position = 1;
    for (const size of sizes) {
      await settle(place, sink, recordsFrom(position, size));
      position += size;
    }
    const held = await place.held();
    assert.deepEqual(idsOf(held), idsOf(recordsFrom(1, position - 1)));
    assert.ok(held.every(({ isReplay }) => !isReplay));
    await sink.close();
  });
  says('a batch sent again carries the same ids', async (place) => {
    const sink = place.open();
    const batch = recordsFrom(1, 20);
    await settle(place, sink, batch);
    await settle(place, sink, batch);
    const held = await place.held();
    assert.deepEqual(idsOf(held), [...idsOf(batch), ...idsOf(batch)]);
    assert.deepEqual(withoutRepeats(held), idsOf(batch));
    await sink.close();
  });
  says('what an operator asked for again is marked', async (place) => {
    const sink = place.open();
    const again = recordsFrom(1, 3).map((record) => ({ ...record, isReplay: true }));
    await settle(place, sink, again);
    await settle(place, sink, recordsFrom(4, 1));
    const marks = (await place.held()).map(({ eventId, isReplay }) => `${eventId} ${isReplay}`);
    assert.deepEqual(marks, ['event-1 true', 'event-2 true', 'event-3 true', 'event-4 false']);
    await sink.close();
  });
  says('awkward content passes, one by one and together', async (place) => {
    const sink = place.open();
    const records = awkwardRecords(1, place.largeChars ?? 1_000_000);
    for (const record of records) await settle(place, sink, [record]);
    await settle(place, sink, records);
    const sent = records.map(({ text }) => JSON.parse(wellFormed(text)));
    const held = (await place.held()).map(({ text }) => JSON.parse(wellFormed(text)));
    assert.deepEqual(held, [...sent, ...sent]);
    await sink.close();
  });
}

/** Text as UTF-8 carries it: lone surrogates become U+FFFD. */
const wellFormed = (text: string): string => Buffer.from(text, 'utf8').toString('utf8');

function refusingContract(says: Says): void {
  says('what is refused for good is named, with a reason in one line', async (place) => {
    const { refusal } = place;
    if (refusal === undefined) return;
    const sink = place.open();
    const spoiltAt = new Set([1, 3]);
    const batch = recordsFrom(1, 5).map((record, at) =>
      spoiltAt.has(at) ? refusal.spoil(record) : record,
    );
    const answer = await send(place, sink, batch);
    assert.ok(answer.kind === 'settled', JSON.stringify(answer));
    const refusedAt = refusal.takes === 'each' ? [...spoiltAt] : [0, 1, 2, 3, 4];
    assert.deepEqual(
      answer.refused.map(({ index }) => index),
      refusedAt,
    );
    for (const { reason } of answer.refused) assert.match(reason, /^[^\x00-\x1f\x7f]{3,400}$/);
    await settle(place, sink, [recordAt(6)]);
    const taken = batch.filter((_, at) => !refusedAt.includes(at));
    assert.deepEqual(idsOf(await place.held()), [...idsOf(taken), 'event-6']);
    await sink.close();
  });
}

function stoppingContract(says: Says): void {
  says('an abort is answered soon, and the next send works', async (place) => {
    const sink = place.open();
    await settle(place, sink, recordsFrom(1, 2));
    await place.line.begin('silent');
    const stop = new AbortController();
    const answered = sink.send(recordsFrom(3, 2), stop.signal);
    await sleep(100);
    stop.abort();
    const answer = await within(ABORT_MS, 'an answer after the abort', answered);
    assert.equal(answer.kind, 'failed');
    await place.line.heal();
    await settle(place, sink, recordsFrom(3, 2));
    assert.deepEqual(withoutRepeats(await place.held()), idsOf(recordsFrom(1, 4)));
    await sink.close();
  });
  says('after an abort nothing is sent', async (place) => {
    const sink = place.open();
    const answer = await within(ABORT_MS, 'no', sink.send(recordsFrom(1, 1), AbortSignal.abort()));
    assert.equal(answer.kind, 'failed');
    assert.deepEqual(await place.held(), []);
    await sink.close();
  });
}

function endingContract(says: Says): void {
  says('close ends the link, the next send opens another, closing twice is well', async (place) => {
    const sink = place.open();
    await within(CLOSE_MS, 'closing what was never open', sink.close());
    await settle(place, sink, recordsFrom(1, 3));
    await within(CLOSE_MS, 'close', sink.close());
    await untilNoLinks(place.line);
    await settle(place, sink, recordsFrom(4, 3));
    await within(CLOSE_MS, 'both closes', Promise.all([sink.close(), sink.close()]));
    await untilNoLinks(place.line);
    assert.deepEqual(idsOf(await place.held()), idsOf(recordsFrom(1, 6)));
  });
  says('close does not wait for a receiver that is silent', async (place) => {
    const sink = place.open();
    await settle(place, sink, recordsFrom(1, 1));
    await place.line.begin('silent');
    const stop = new AbortController();
    const answered = sink.send(recordsFrom(2, 1), stop.signal);
    await sleep(50);
    stop.abort();
    await within(CLOSE_MS, 'close', Promise.all([answered, sink.close()]));
    await place.line.heal();
    await settle(place, sink, recordsFrom(2, 1));
    await sink.close();
  });
  says('nothing is left behind: links, timers, listeners', async (place) => {
    const before = resources();
    const sink = place.open();
    const { signal } = new AbortController();
    for (let at = 1; at <= 20; at += 1) {
      const answer = await send(place, sink, recordsFrom(at, 1), signal);
      assert.equal(answer.kind, 'settled');
    }
    assert.deepEqual(getEventListeners(signal, 'abort'), [], 'listeners stay on the signal');
    await place.line.begin('reset');
    assert.equal((await send(place, sink, recordsFrom(21, 1), signal)).kind, 'failed');
    await place.line.heal();
    await sink.close();
    await untilNoLinks(place.line);
    await until(
      () => excess(before).length === 0,
      () => `left behind: ${excess(before)}`,
    );
  });
}

/** What keeps the process alive, with how many of each. */
function resources(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) {
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** Which kinds are more than before; file reads of the module loader come and go. */
const excess = (before: ReadonlyMap<string, number>): string[] =>
  [...resources()]
    .filter(
      ([name, count]) => /^(TCP|TLS|Timeout|Pipe)/.test(name) && count > (before.get(name) ?? 0),
    )
    .map(([name]) => name);
