/**
 * The page of a simulated day, opened in headless Chromium: charts and tables are there without any
 * program, kinds differ by pattern, it asks no network, and names cannot break out of it. Skipped
 * with a sentence where there is no Chromium, unless WAYBILL_BROWSER=required.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { drawDayPage } from '../../src/cli/simulate-page.ts';
import type { DayReport } from '../../src/testing/testing.ts';
import { makeScratch } from '../faults/scratch.ts';
import type { Browser } from './browser.ts';
import { findBrowser, openBrowser } from './browser.ts';
import { playDay } from './day-kit.ts';

const EVIL = '</title><script>document.title = "broken"</script>';

const LOOK = `({
  title: document.title,
  figures: document.querySelectorAll('figure svg[role=img]').length,
  columns: document.querySelectorAll('figure rect > title').length,
  fills: [...document.querySelectorAll('figure svg[role=img] rect')]
    .map((one) => one.getAttribute('fill') ?? one.getAttribute('class'))
    .filter((one, at, all) => all.indexOf(one) === at).sort(),
  painted: [...document.querySelectorAll('figure rect')]
    .every((one) => getComputedStyle(one).fill !== 'none'),
  captions: [...document.querySelectorAll('caption')].map((one) => one.textContent),
  hours: [...document.querySelectorAll('table')][0].querySelectorAll('tbody tr').length,
  total: [...document.querySelectorAll('table')][0].querySelector('tbody tr:last-child').innerText,
  asked: performance.getEntriesByType('resource').length,
  scripts: document.scripts.length,
  inside: document.documentElement.scrollWidth <= document.documentElement.clientWidth,
  back: getComputedStyle(document.body).backgroundColor,
})`;

interface Looked {
  readonly title: string;
  readonly figures: number;
  readonly columns: number;
  readonly fills: readonly string[];
  readonly painted: boolean;
  readonly captions: readonly string[];
  readonly hours: number;
  readonly total: string;
  readonly asked: number;
  readonly scripts: number;
  readonly inside: boolean;
  readonly back: string;
}

/** Hours with all kinds of ends, and a source out of rotation. */
async function makeReport(): Promise<DayReport> {
  const lines = [{ flow: 'f', for: '2h', messages: 50, domains: { 'a.test': 3, 'b.test': 1 } }];
  const report = await playDay(lines, { forMs: 3 * 3_600_000 });
  const [source, ...others] = report.sources;
  assert.ok(source !== undefined && others.length === 1);
  return {
    ...report,
    policy: EVIL,
    hours: report.hours.map((one) => ({ ...one, bounced: 4, expired: 3, deferred: 9, queued: 2 })),
    sources: [{ ...source, name: EVIL, suspensions: 1, suspendedMs: 600_000 }, ...others],
  };
}

test('the page of a simulated day', { timeout: 120_000 }, async (t) => {
  const chromium = findBrowser();
  if (chromium === undefined) {
    assert.notEqual(process.env['WAYBILL_BROWSER'], 'required', 'chromium is required here');
    return t.skip('there is no chromium (apt-get install chromium)');
  }
  const scratch = makeScratch('simulate-page');
  const file = join(scratch.path, 'day.html');
  const report = await makeReport();
  writeFileSync(file, drawDayPage(report));
  const browser = await openBrowser(chromium, scratch.path);
  t.after(async () => {
    await browser.close();
    scratch.remove();
  });
  await browser.go(pathToFileURL(file).href);
  const seen = await browser.read<Looked>(LOOK);
  assert.equal(seen.title, `${EVIL}: a simulated day`);
  assert.deepEqual([seen.figures, seen.asked, seen.scripts], [6, 0, 0]);
  const received = report.hours.filter((one) => one.received > 0).length;
  const delivered = report.hours.filter((one) => one.delivered > 0).length;
  // Bounced, expired, deferred and queued are in all three hours.
  assert.equal(seen.columns, received + delivered + 4 * 3);
  const patterns = ['cross', 'dots', 'falling', 'rising'].map((name) => `url(#${name})`);
  assert.deepEqual(seen.fills, ['plain frame', ...patterns]);
  assert.ok(seen.painted && seen.inside);
  const captions = ['By hour', 'By source', 'By domain', 'By site'];
  assert.deepEqual(seen.captions, captions);
  assert.equal(seen.hours, 4);
  assert.match(seen.total, /^in all\s+50\s+50\s/);
  await checkReaders(browser, seen.back);
});

/** For those who read in the dark, and those who do not see it. */
async function checkReaders(browser: Browser, back: string): Promise<void> {
  await browser.send('Emulation.setEmulatedMedia', {
    features: [{ name: 'prefers-color-scheme', value: 'dark' }],
  });
  const { back: dark } = await browser.read<Looked>(LOOK);
  assert.notEqual(dark, back, 'dark is another colour');
  const { nodes } = await browser.send<{
    nodes: { role?: { value: string }; name?: { value: string } }[];
  }>('Accessibility.getFullAXTree');
  const roles = nodes.map(({ role }) => role?.value);
  assert.equal(roles.filter((role) => role === 'table').length, 4);
  const images = nodes.filter(({ role }) => role?.value === 'image' || role?.value === 'img');
  const named = images.filter(({ name }) =>
    /; the table By \w+ has the numbers/.test(name?.value ?? ''),
  );
  assert.equal(named.length, 6, 'each chart says where its numbers are');
}
