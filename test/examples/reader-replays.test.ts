/**
 * What concerns a hook concerns its replays, which have the same receiver: pausing, resuming, and
 * that the log is not kept for ever for one that does not get on. Over a real log, in real time.
 */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { parseHookConfig } from '../../src/domain/options-hook.ts';
import { createMemoryCursors } from '../../src/events/cursor-store.ts';
import { openLogTail } from '../../src/events/log-tail.ts';
import type { ProjectionReader } from '../../src/manager/projection-reader.ts';
import { openReader } from '../../src/manager/projection-reader.ts';
import { loadSink } from '../../src/manager/projection-sinks.ts';
import { openDeadLetters } from '../../src/ports/node/dead-letters.ts';
import { createNodeRandom } from '../../src/ports/node/random.ts';
import { createTimers } from '../../src/ports/node/timers.ts';
import { Feed } from '../../src/projections/feed.ts';
import { withDir } from '../contracts/log-place.ts';
import { openStore, sampleTurns } from '../contracts/log-store-place.ts';
import { pause, until } from '../faults/scratch.ts';
import { makeRecord } from '../world/hook-log.ts';
import { FREE_SHAPE } from '../world/hook-world.ts';

/** Long ago: older than any retention. */
const BEGAN = 1_700_000_000_000;
const COUNT = 20;
const SHAPE = { ...FREE_SHAPE, retryIntervalMs: 100, maxRetryIntervalMs: 100 };
const WHOLE = { do: 'replay', name: 'own', from: BEGAN, to: BEGAN + 3_600_000 } as const;
const PATIENCE_MS = 10_000;

interface Receiver {
  isAway: boolean;
  asked: number;
  readonly taken: string[];
}

interface Story {
  readonly reader: ProjectionReader;
  readonly receiver: Receiver;
  /** How it stands with the one replay. */
  readonly standing: () => string | undefined;
}

/** A hook that is up to date with an old log, and a receiver that is away. */
const withReader = (t: TestContext, options: object, story: (of: Story) => Promise<void>) =>
  withDir(async (dir) => {
    const opened = openStore(dir);
    for (const [at, drafts] of sampleTurns(COUNT, 100).entries()) {
      opened.append([drafts.slice(0, 1)], BEGAN + at * 1_000);
    }
    opened.store.close();
    const tail = openLogTail({ dir });
    const timers = createTimers();
    const project = ({ position }: { readonly position: number }) =>
      makeRecord({ event_id: `e${position}` });
    const feed = new Feed({ log: tail, timers, project, unfit: () => {} });
    const receiver: Receiver = { isAway: true, asked: 0, taken: [] };
    const custom = {
      async send({ event_id: id }: { readonly event_id: string }) {
        receiver.asked += 1;
        if (receiver.isAway) throw new Error('away');
        receiver.taken.push(id);
      },
    };
    const cursors = createMemoryCursors();
    const config = parseHookConfig({ name: 'own', custom, ...options }, 'test');
    const reader = await openReader(config, SHAPE, tail.upto(), {
      ...{ feed, tail, cursors, timers, random: createNodeRandom() },
      ...{ ask: () => undefined, tell: () => {} },
      openLetters: (name) => openDeadLetters(dir, name, () => {}),
      loadSink: (of) => loadSink(of, { timers, readSecret: () => undefined }),
    });
    const standing = () => cursors.list().find(({ name }) => name.includes('/'))?.state;
    try {
      await story({ reader, receiver, standing });
    } finally {
      await reader.stop();
      tail.close();
    }
    t.diagnostic(`${receiver.asked} times asked`);
  });

test('a replay that disabled itself goes on when its hook is resumed', (t) =>
  withReader(t, { disable_after: '150ms' }, async ({ reader, receiver, standing }) => {
    assert.equal((await reader.fulfil(WHOLE)).kind, 'done');
    assert.ok(await until(() => standing() === 'disabled', PATIENCE_MS));
    receiver.isAway = false;
    assert.equal((await reader.fulfil({ do: 'resume', name: 'own' })).kind, 'done');
    assert.ok(await until(() => receiver.taken.length === COUNT, PATIENCE_MS));
    assert.ok(await until(() => standing() === undefined, PATIENCE_MS), 'it is through');
  }));

test('who pauses a hook has quiet from its replays, too', (t) =>
  withReader(t, {}, async ({ reader, receiver, standing }) => {
    await reader.fulfil(WHOLE);
    assert.ok(await until(() => receiver.asked > 1, PATIENCE_MS));
    assert.equal((await reader.fulfil({ do: 'pause', name: 'own' })).kind, 'done');
    assert.equal(standing(), 'paused');
    const { asked } = receiver;
    await pause(500);
    assert.equal(receiver.asked, asked);
  }));

test('the log is not kept for ever for a replay that does not get on', (t) =>
  withReader(t, { retention: { max_age: '1h' } }, async ({ reader, receiver }) => {
    await reader.fulfil(WHOLE);
    assert.ok(await until(() => receiver.asked > 1, PATIENCE_MS));
    const [live, replay] = reader.needs();
    assert.deepEqual(live, { position: COUNT, floor: 0 });
    assert.deepEqual(replay, { position: 0, floor: COUNT + 1 });
    // What is not gone yet is sent all the same.
    receiver.isAway = false;
    assert.ok(await until(() => receiver.taken.length === COUNT, PATIENCE_MS));
  }));
