/**
 * Law: whatever stands in labels, numbers and help texts, a strict parser reads back from the text
 * formats, and JSON.parse from the JSON form, what was given. The idea: families of arbitrary
 * series are written by the real writers and read by a parser that knows only the formats.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Family, Series } from '../../src/api/metrics/families.ts';
import { jsonWriter } from '../../src/api/metrics/json.ts';
import type { Scrape } from '../../src/api/metrics/meters.ts';
import { openMetricsWriter, prometheusWriter } from '../../src/api/metrics/text.ts';
import type { Metrics } from '../../src/api/metrics.ts';
import { createMetrics } from '../../src/api/metrics.ts';
import { Histogram } from '../../src/domain/histogram.ts';
import { WorkerMeters } from '../../src/manager/worker-meters.ts';
import type { ParsedFamily } from '../examples/metrics-kit.ts';
import { parseMetrics, readPage } from '../examples/metrics-kit.ts';
import { assertLaw } from '../world/law.ts';

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('\\', '"', '\n', '\r', '\0', 'n', '{', '}', ',', '=', ' ') }),
  fc.constantFrom('__proto__', 'constructor', '1', '', '\u2028', 'a@b:c!d'),
);
const anyNumber = fc.oneof(fc.nat(), fc.double({ noNaN: true }));
const NAMES = ['alpha', 'beta_total', 'gamma_count', 'delta:sum'];

const arbitraryFamily = fc
  .record({
    labels: fc.constantFrom([], ['one'], ['one', 'two'], ['a', 'b', 'c']),
    type: fc.constantFrom('counter' as const, 'gauge' as const),
    help: anyText.map((text) => text.replaceAll('\r', '')),
    values: fc.array(fc.tuple(fc.array(anyText, { minLength: 3, maxLength: 3 }), anyNumber)),
  })
  .map(({ labels, type, help, values }) => {
    const series = new Map<string, Series>();
    for (const [texts, value] of values) {
      const own = texts.slice(0, labels.length);
      series.set(JSON.stringify(own), { labels: own, value });
    }
    return { labels, type, help, series: [...series.values()] };
  });

const arbitraryFamilies = fc.array(arbitraryFamily, { maxLength: NAMES.length });

const metricsOf = (families: readonly Family<Scrape>[]): Metrics =>
  createMetrics(new WorkerMeters(), undefined, { families });

const byLabels = (family: ParsedFamily | undefined): Map<string, number> =>
  new Map(family?.samples.map(({ labels, value }) => [JSON.stringify({ ...labels }), value]));

/** The series as JSON shows them. */
function inJson(labels: readonly string[], series: readonly Series[]): unknown {
  const shown = (value: number): number | null => (Number.isFinite(value) ? value : null);
  const [only] = labels;
  if (series.length === 0) return null;
  if (only === undefined) return shown(series[0]?.value as number);
  if (labels.length === 1) {
    const pairs = series.map(({ labels: own, value }) => [own[0] as string, shown(value)]);
    return { [only]: Object.fromEntries(pairs) };
  }
  return series.map(({ labels: own, value }) => ({
    ...Object.fromEntries(labels.map((label, at) => [label, own[at]])),
    '@': shown(value),
  }));
}

test('labels round-trip through text and JSON', async () => {
  await assertLaw(
    fc.asyncProperty(arbitraryFamilies, fc.constantFrom('', 'x_'), async (given, prefix) => {
      const families = given.map(({ labels, type, help, series }, at) => ({
        ...{ name: NAMES[at] as string, labels, type, help },
        read: () => series,
      }));
      const metrics = metricsOf(families);
      const text = parseMetrics(await readPage(metrics, {}, prometheusWriter(prefix)), 'text');
      const open = parseMetrics(await readPage(metrics, {}, openMetricsWriter(prefix)), 'open');
      const json = JSON.parse(await readPage(metrics, {}, jsonWriter())) as Record<string, object>;
      for (const { name, labels, type, help, read } of families) {
        const want = new Map(
          read().map(({ labels: own, value }) => [
            JSON.stringify(Object.fromEntries(labels.map((label, at) => [label, own[at]]))),
            value === 0 ? 0 : value,
          ]),
        );
        const isTotal = type === 'counter' && name.endsWith('_total');
        const plain = text.get(prefix + name);
        const openName = prefix + (isTotal ? name.slice(0, -'_total'.length) : name);
        assert.deepEqual(byLabels(plain), want);
        assert.deepEqual(byLabels(open.get(openName)), want);
        if (want.size > 0) {
          assert.deepEqual([plain?.type, plain?.help], [type, help]);
          assert.equal(open.get(openName)?.help, help);
        }
        const value = JSON.parse(JSON.stringify(inJson(labels, read())));
        assert.deepEqual(json[name], { help, type, value });
      }
    }),
    0.7,
  );
});

test('histograms add up in every form', async () => {
  await assertLaw(
    fc.asyncProperty(fc.array(fc.double({ min: -1, max: 20, noNaN: true })), async (values) => {
      const histogram = new Histogram();
      for (const value of values) histogram.observe(value);
      const family: Family<Scrape> = {
        ...{ name: 'h', type: 'histogram', labels: ['service'], help: 'H.' },
        read: () => [{ labels: ['a"b'], histogram }],
      };
      const metrics = metricsOf([family]);
      for (const writer of [prometheusWriter(''), openMetricsWriter('')]) {
        const kind = writer.end() === '' ? 'text' : 'open';
        const { samples } = parseMetrics(await readPage(metrics, {}, writer), kind).get('h') ?? {};
        for (const { name, labels, value } of samples ?? []) {
          assert.equal(labels['service'], 'a"b');
          const bound = labels['le'] === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels['le']);
          if (name === 'h_bucket') assert.equal(value, values.filter((v) => v <= bound).length);
          if (name === 'h_count') assert.equal(value, values.length);
        }
        assert.equal(samples?.length, 14);
      }
      const json = JSON.parse(await readPage(metrics, {}, jsonWriter()));
      const { count, bucket, avg, sum } = json.h.value.service['a"b'];
      assert.equal(count, values.length);
      assert.equal(bucket.length, 11);
      assert.equal(avg, count === 0 ? 0 : sum / count);
    }),
    0.3,
  );
});
