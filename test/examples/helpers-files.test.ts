/**
 * Data files, by example: TOML, JSON, and texts that are neither or hold what no option can be.
 * Deliberately unknown here: what the tables mean.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseDataText, readDataFiles } from '../../src/policy/helpers/files.ts';
import type { PolicyError } from '../../src/policy/policy-error.ts';
import { refusalOf, withFiles } from './helpers-kit.ts';

const refusal = (text: string, name: string) => refusalOf({}, () => parseDataText(text, name));

describe('data files', () => {
  it('are TOML or JSON, by their name or by their first character', () => {
    const wanted = { a: { b: [1, 'x', true] } };
    const toml = 'a.b = [1, "x", true]';
    const json = JSON.stringify(wanted);
    for (const [text, name] of [
      [toml, 'x.toml'],
      [json, 'x.json'],
      [toml, 'x.conf'],
      [` ${json}`, 'x.data'],
    ] as const) {
      assert.deepEqual(parseDataText(text, name).table, wanted, name);
    }
    const schema = { $schema: './sources.schema.json', ...wanted };
    assert.deepEqual(parseDataText(JSON.stringify(schema), 'x.json').table, wanted);
  });

  it('are refused with their line', () => {
    assert.match(refusal('a = 1\nb = = 2\n', 'x.toml'), /^x\.toml:2:5: .*; correct the file and/);
    assert.match(refusal('a = 1\na = 2\n', 'x.toml'), /^x\.toml:2:\d: /);
    assert.match(
      refusal('{\n "a": 1,\n}', 'x.json'),
      /^x\.json:3:1: .*; correct the file and load/,
    );
    assert.match(refusal('[1]', 'x.json'), /^x\.json: it holds a list of 1, not a table;/);
    assert.match(refusal('', 'x.json'), /^x\.json/);
  });

  it('hold only what an option can be', () => {
    assert.match(refusal('a.b = 2026-01-01', 'x.toml'), /^x\.toml: a\.b: a date is no value of an/);
    assert.match(refusal('{"a": [1, null]}', 'x.json'), /^x\.json: a\.entry 2: null is no value/);
    assert.match(refusal('a = nan', 'x.toml'), /^x\.toml: a: NaN is no value/);
    assert.match(
      refusal('{"a": {"__proto__": {"x": 1}}}', 'x.json'),
      /^x\.json: a\.__proto__: is no/,
    );
    assert.match(refusal('__proto__.x = 1', 'x.toml'), /x\.toml.*__proto__/);
    assert.equal(({} as Record<string, unknown>)['x'], undefined);
    const deep = `a = ${'{ a = '.repeat(50)}1${' }'.repeat(50)}`;
    assert.match(refusal(deep, 'x.toml'), /is nested too deeply/);
  });

  it('may be missing where the reader says so', () => {
    assert.match(
      refusalOf({}, () => readDataFiles(['none.toml'])),
      /^none\.toml: this data file/,
    );
    const lost: PolicyError[] = [];
    const found = withFiles({ 'b.toml': 'b = 1' }, () =>
      readDataFiles(['a.toml', 'b.toml'], (refused) => lost.push(refused)),
    );
    assert.deepEqual(found, [{ name: 'b.toml', table: { b: 1 } }]);
    assert.deepEqual(
      lost.map(({ place }) => place),
      ['a.toml'],
    );
  });
});
