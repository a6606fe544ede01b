/**
 * The program of a process that erases and is killed at it: says each step on stdout before it is
 * taken. Deliberately unknown here: when the kill comes.
 */
import { writeSync } from 'node:fs';
import process from 'node:process';
import { eraseRecipients } from '../../src/erasing/erase.ts';
import type { ErasureOrder } from '../../src/erasing/pending.ts';

const [dir = '', order = ''] = process.argv.slice(2);
await eraseRecipients(dir, JSON.parse(order) as ErasureOrder, {
  now: () => Date.now(),
  shown: (step) => writeSync(1, `${step}\n`),
});
