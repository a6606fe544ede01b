/**
 * Keeps the house in order: sizes, words, imports, headers, laws and generated documents.
 * The one idea: each rule lists everything it found at once, so one run is one round of mending.
 * Deliberately unknown here: how a rule looks; `tidy-rules.test.ts` tries each on a small text.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findStaleParts } from '../scripts/docs/pages.ts';
import { importsAreAllowed } from '../scripts/tidy/import-rules.ts';
import { findLawBreaches } from '../scripts/tidy/law-rules.ts';
import {
  exportsAreDescribed,
  filesFit,
  functionsFit,
  headersStand,
  linesFit,
  tasksAreNumbered,
} from '../scripts/tidy/size-rules.ts';
import type { Rule, Source, Violation } from '../scripts/tidy/sources.ts';
import { readSources } from '../scripts/tidy/sources.ts';
import { findTraces } from '../scripts/tidy/text-rules.ts';
import { formsAreAllowed, wordsAreAllowed } from '../scripts/tidy/word-rules.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCES = readSources(ROOT, ['src', 'test', 'bench', 'scripts']);
const OURS = SOURCES.filter(({ path }) => path.startsWith('src/'));

function assertNone(violations: readonly Violation[]): void {
  const list = violations.map(({ path, line, what }) => `${path}:${line} ${what}`);
  assert.equal(list.length, 0, `\n${list.join('\n')}`);
}

function assertObeyed(rule: Rule, sources: readonly Source[] = SOURCES): void {
  assertNone(sources.flatMap((source) => rule(source)));
}

describe('tidy', () => {
  test('there are sources to look at', () => assert.ok(OURS.length > 0));
  test('lines fit', () => assertObeyed(linesFit));
  test('files fit', () => assertObeyed(filesFit));
  test('functions fit', () => assertObeyed(functionsFit));
  test('each file has its header', () => assertObeyed(headersStand));
  test('each export of src has its sentence', () => assertObeyed(exportsAreDescribed, OURS));
  test('open tasks name their issue', () => assertObeyed(tasksAreNumbered));
  test('clocks, timers and chance come through ports', () => assertObeyed(wordsAreAllowed));
  test('no default exports, any, enum or namespace', () => assertObeyed(formsAreAllowed));
  test('imports obey the map', () => assertObeyed(importsAreAllowed));
  test('each law is named in ARCHITECTURE.md', () => assertNone(findLawBreaches(ROOT)));
  test('no text names this machine or a registry', () => assertNone(findTraces(ROOT)));
  test('the generated documents are fresh', async () => {
    assert.deepEqual(await findStaleParts(ROOT), [], 'run `npm run docs`');
  });
});
