/**
 * The contract of body stores over both that there are: on files, and in memory.
 * Deliberately unknown here: what the contract says.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OpenedBodies } from '../../src/ports/body-store.ts';
import { openBodies } from '../../src/ports/node/bodies.ts';
import { createMemoryBodies } from '../../src/testing/memory-bodies.ts';
import { call } from './bodies-calls.ts';
import { testBodies } from './bodies-contract.ts';

const LIMITS = { segmentBytes: 64 * 1024, sparesMax: 2, pendingBytesMax: 200_000 };

testBodies('files', async () => {
  const root = await mkdtemp(join(tmpdir(), 'waybill-bodies-'));
  const opened: OpenedBodies[] = [];
  const open = async (): Promise<OpenedBodies> => {
    const store = await openBodies({ dir: join(root, 'bodies'), ...LIMITS });
    opened.push(store);
    return store;
  };
  return {
    store: await open(),
    async reopen() {
      await Promise.all(opened.splice(0).map((store) => call<void>((done) => store.close(done))));
      return open();
    },
    async dispose() {
      await Promise.all(opened.map((store) => call<void>((done) => store.close(done))));
      await rm(root, { recursive: true });
    },
  };
});

testBodies('memory', async () => {
  const store = createMemoryBodies(setImmediate, { pendingBytesMax: LIMITS.pendingBytesMax });
  return {
    store,
    async reopen() {
      store.losePower();
      return store;
    },
    async dispose() {},
  };
});
