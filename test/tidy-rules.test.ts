/**
 * Tries each tidy rule on a small text that breaks it and on one that does not.
 * The one idea: a rule that cannot fail guards nothing, so each is shown failing here.
 * Deliberately unknown here: the real sources; those are `tidy.test.ts`.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createMachine } from 'xstate';
import type { ChartNode } from '../scripts/docs/charts.ts';
import { drawChart } from '../scripts/docs/charts.ts';
import { openingOf } from '../scripts/docs/code-map.ts';
import { drawEvents } from '../scripts/docs/events.ts';
import { drawOptions } from '../scripts/docs/options.ts';
import { fillPlaces } from '../scripts/docs/pages.ts';
import { importsAreAllowed } from '../scripts/tidy/import-rules.ts';
import { findUnnamedLaws } from '../scripts/tidy/law-rules.ts';
import {
  exportsAreDescribed,
  filesFit,
  functionsFit,
  headersStand,
  linesFit,
  tasksAreNumbered,
} from '../scripts/tidy/size-rules.ts';
import type { Rule } from '../scripts/tidy/sources.ts';
import { parseSource } from '../scripts/tidy/sources.ts';
import { findMachineTraces } from '../scripts/tidy/text-rules.ts';
import { formsAreAllowed, wordsAreAllowed } from '../scripts/tidy/word-rules.ts';

const HEADER = '/**\n * What it is for.\n * What it does not know.\n */\n';

const countOf = (rule: Rule, path: string, text: string): number =>
  rule(parseSource(path, text)).length;

describe('size rules', () => {
  const longBody = 'x();\n'.repeat(60);
  const cases: readonly (readonly [string, Rule, string, number])[] = [
    ['a line of 100', linesFit, 'x'.repeat(100), 0],
    ['a line of 101', linesFit, 'x'.repeat(101), 1],
    ['a file of 300', filesFit, 'x();\n'.repeat(300), 0],
    ['a file of 301', filesFit, 'x();\n'.repeat(301), 1],
    ['a function of 60', functionsFit, `function f() {\n${'x();\n'.repeat(58)}}`, 0],
    ['a function of 62', functionsFit, `function f() {\n${longBody}}`, 1],
    ['an arrow of 62', functionsFit, `const f = () => {\n${longBody}};`, 1],
    ['a suite of 62', functionsFit, `describe('x', () => {\n${longBody}});`, 0],
    ['a header', headersStand, HEADER, 0],
    ['a header below #!', headersStand, `#!/usr/bin/env node\n${HEADER}`, 0],
    ['no header', headersStand, 'const x = 1;', 1],
    ['a header of one line', headersStand, '/** Short. */', 1],
    ['a header of seven lines', headersStand, `/**\n${' * x\n'.repeat(7)} */`, 1],
    ['a described export', exportsAreDescribed, `${HEADER}/** A sentence. */\nexport let x;`, 0],
    ['only the header', exportsAreDescribed, `${HEADER}export let x;`, 1],
    ['a bare second export', exportsAreDescribed, `${HEADER}let y;\nexport let x;`, 1],
    ['a numbered task', tasksAreNumbered, `// TO${'DO'} #12: more`, 0],
    ['a loose task', tasksAreNumbered, `// TO${'DO'}: more`, 1],
  ];
  for (const [name, rule, text, count] of cases) {
    test(name, () => assert.equal(countOf(rule, 'src/domain/x.ts', text), count));
  }
});

describe('word rules', () => {
  const banned = [
    'Date.now();',
    'new Date();',
    'Math.random();',
    'setTimeout(f, 1);',
    'globalThis.performance.now();',
    'process.hrtime.bigint();',
    'randomUUID();',
  ];
  for (const text of banned) {
    test(text, () => {
      assert.equal(countOf(wordsAreAllowed, 'src/actors/x.ts', text), 1);
      assert.equal(countOf(wordsAreAllowed, 'src/ports/node/x.ts', text), 0);
      assert.equal(countOf(wordsAreAllowed, 'src/actors/x.ts', `// ${text}\n'${text}';`), 0);
    });
  }
  test('a given time is no clock', () =>
    assert.equal(countOf(wordsAreAllowed, 'src/domain/x.ts', 'new Date(at);'), 0));

  const forms = ['export default 1;', 'export default function f() {}', 'let x: any;'];
  for (const text of [...forms, 'enum E { A }', 'namespace N {}']) {
    test(text, () => assert.equal(countOf(formsAreAllowed, 'src/x.ts', text), 1));
  }
  test('a policy is a default export', () =>
    assert.equal(countOf(formsAreAllowed, 'examples/p.ts', 'export default 1;'), 0));
  test('a default clause is none', () =>
    assert.equal(countOf(formsAreAllowed, 'src/x.ts', 'switch (x) { default: y(); }'), 0));
});

describe('import rules', () => {
  const cases: readonly (readonly [string, string, number])[] = [
    ['src/domain/x.ts', './y.ts', 0],
    ['src/domain/x.ts', '../events/y.ts', 1],
    ['src/domain/x.ts', '../ports/body-store.ts', 1],
    ['src/domain/x.ts', 'node:fs', 1],
    ['src/ports/node/x.ts', 'node:fs', 0],
    ['src/actors/queue/x.ts', '../../events/y.ts', 0],
    ['src/actors/queue/x.ts', '../source/chart.ts', 1],
    ['src/actors/queue/x.ts', '../../ports/ports.ts', 0],
    ['src/actors/queue/x.ts', '../../ports/node/clock.ts', 1],
    ['src/turn.ts', './actors/queue/decide.ts', 0],
    ['src/turn.ts', '../test/world.ts', 1],
    ['src/engine.ts', 'better-sqlite3', 1],
    ['src/events/sqlite-log.ts', 'better-sqlite3', 0],
    ['src/domain/x.ts', 'xstate', 1],
    ['test/world/x.ts', '../../src/engine.ts', 0],
  ];
  for (const [path, name, count] of cases) {
    test(`${path} from ${name}`, () => {
      assert.equal(countOf(importsAreAllowed, path, `import { x } from '${name}';`), count);
      assert.equal(countOf(importsAreAllowed, path, `await import('${name}');`), count);
    });
  }
  test('a contract may be known by name, not called', () => {
    const named = "import type { At } from '../ports/ports.ts';";
    assert.equal(countOf(importsAreAllowed, 'src/domain/x.ts', named), 0);
    const called = named.replace('import type', 'import');
    assert.equal(countOf(importsAreAllowed, 'src/domain/x.ts', called), 1);
  });
});

describe('text rules', () => {
  const folder = 'tmp';
  const cases: readonly (readonly [string, number])[] = [
    [`cd /${folder}/waybill`, 1],
    [`"\${TMPDIR:-/${folder}}/x"`, 0],
    [`src/${folder}/x`, 0],
    [`https://${'registry'}.example.com/x`, 1],
  ];
  for (const [text, count] of cases) {
    test(text.replaceAll('/', '|'), () =>
      assert.equal(findMachineTraces('x.md', text).length, count),
    );
  }
  test('a law must be named', () => {
    assert.equal(findUnnamedLaws(['test/property/a-b.test.ts'], 'Law `a-b`.').length, 0);
    assert.equal(findUnnamedLaws(['test/property/a-b.test.ts'], 'Nothing.').length, 1);
  });
});

describe('documents', () => {
  const machine = createMachine({
    id: 'lamp',
    initial: 'dark',
    on: { 'lamp.broken': '.dark' },
    states: {
      dark: { description: 'No light | at all.', on: { 'lamp.lit': 'light' } },
      light: { entry: 'burn', on: { 'lamp.dimmed': { guard: 'isLate', target: 'dark' } } },
    },
  });

  test('a chart is drawn and its silent state told', () => {
    const page = drawChart(machine.root as unknown as ChartNode);
    assert.match(page.mermaid, /\[\*\] --> dark/);
    assert.match(page.mermaid, /light --> dark: lamp\.dimmed \[isLate\]/);
    assert.match(page.table, /\| `dark` \| No light \\\| at all\. \| `lamp\.lit` → light \|/);
    assert.match(page.table, /enter: `burn`/);
    assert.match(page.table, /\(anywhere\)/);
    assert.deepEqual(page.undescribed, ['light']);
  });

  test('an event is a row', () => {
    const shape = { id: 'id', rows: { to: 'text' } };
    const table = drawEvents([{ type: 'a.done', version: 2, says: 'It was done.', shape }]);
    assert.match(table, /\| `a\.done` \| 2 \| It was done\. \| `id` id, `rows` \{to: text\} \|/);
  });

  test('an option is a row, with its default as an operator writes it', () => {
    const kind = { name: 'a | b' };
    const page = drawOptions({
      wait: { kind, presence: 'kept', standard: '20m', says: 'how long' },
      name: { kind, presence: 'required', says: 'who' },
      old: { kind, presence: 'optional', says: 'was needed once', inert: 'was needed once' },
    });
    const said = page.split('\n').slice(2);
    assert.deepEqual(said, [
      '| `wait` | a \\| b | `"20m"` | how long |',
      '| `name` | a \\| b | *must be given* | who |',
      '| `old` | a \\| b | – | accepted, changes nothing: was needed once |',
    ]);
  });

  test('a part finds its place, is told when old, and a lost one is homeless', () => {
    const parts = [{ name: 'a', text: 'new', faults: [] }];
    const old = '# x\n<!-- generated: a -->\n\nold\n\n<!-- end -->\ny';
    const filled = fillPlaces(old, parts);
    assert.deepEqual(filled.stale, ['the part "a" is old']);
    assert.equal(filled.text, old.replace('old', 'new'));
    assert.deepEqual(fillPlaces(filled.text, parts).stale, []);
    assert.deepEqual(fillPlaces('# x', parts).homeless, ['a']);
  });

  test('the opening of a header', () => {
    const long = `It ${'goes on and '.repeat(6)}ends.`;
    assert.equal(openingOf(`/**\n * ${long}\n * More.\n */`), long);
    assert.equal(openingOf('/**\n * One\n * line. Then `x`.\n */'), 'One line. Then `x`.');
  });
});
