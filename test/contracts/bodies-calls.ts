/**
 * The body port's calls as promises, and small errands the tests of body stores share.
 * Deliberately unknown here: which store is tested.
 */

import assert from 'node:assert/strict';
import type { BodiesScan, OpenedBodies } from '../../src/ports/body-store.ts';
import type { BodyRef, Fault } from '../../src/ports/ports.ts';

/** Awaits a callback. */
export const call = <T>(start: (done: (value: T) => void) => void): Promise<T> =>
  new Promise((resolve) => {
    start(resolve);
  });

/** Writes and answers whatever came. */
export const writeBody = (
  store: OpenedBodies,
  header: string,
  chunks: readonly Buffer[],
): Promise<BodyRef | Fault> => call((done) => store.write(header, chunks, done));

/** Reads and answers whatever came. */
export const readBack = (store: OpenedBodies, ref: BodyRef): Promise<Buffer | Fault> =>
  call((done) => store.read(ref, done));

/** Writes what must be kept. */
export async function mustWrite(
  store: OpenedBodies,
  header: string,
  chunks: readonly Buffer[],
): Promise<BodyRef> {
  const outcome = await writeBody(store, header, chunks);
  assert.ok('segment' in outcome, `not kept: ${JSON.stringify(outcome)}`);
  return outcome;
}

/** Reads what must be there. */
export async function mustRead(store: OpenedBodies, ref: BodyRef): Promise<Buffer> {
  const outcome = await readBack(store, ref);
  assert.ok(Buffer.isBuffer(outcome), `${JSON.stringify(ref)}: ${JSON.stringify(outcome)}`);
  return outcome;
}

/** Writes bodies one by one until a second segment has been begun and a third body lies in it. */
export async function fill(
  store: OpenedBodies,
  headerOf: (index: number) => string = () => '{}',
): Promise<BodyRef[]> {
  const refs: BodyRef[] = [];
  for (let index = 0; new Set(refs.map(({ segment }) => segment)).size < 2; index += 1) {
    refs.push(await mustWrite(store, headerOf(index), [Buffer.alloc(9000, index)]));
    assert.ok(index < 1000, 'a segment is sealed some time');
  }
  return refs;
}

/** Walks the whole store. */
export async function scanAll(
  store: OpenedBodies,
): Promise<{ found: [string, BodyRef][]; scan: BodiesScan }> {
  const found: [string, BodyRef][] = [];
  const scan = await call<BodiesScan>((done) =>
    store.scan((header, ref) => found.push([header, ref]), done),
  );
  return { found, scan };
}
