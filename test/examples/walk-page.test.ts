/**
 * The page of a walk, opened in headless Chromium: it draws, zooms by button, key and wheel, stays
 * readable without its program, asks no network, and follows the colours of its reader. Skipped
 * with a sentence where there is no Chromium, unless WAYBILL_BROWSER=required.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Walk } from '../../src/forensics/history.ts';
import { drawPage } from '../../src/forensics/walk-page.ts';
import { makeScratch } from '../faults/scratch.ts';
import type { Browser } from './browser.ts';
import { findBrowser, openBrowser } from './browser.ts';

const HOUR_MS = 3_600_000;
const BEGUN = Date.parse('2026-11-23T12:00:00Z');
const STEPS = 6;

/** Rests at every half hour; a cause is meant to break out of the page. */
function makeWalk(): Walk {
  const steps = Array.from({ length: STEPS }, (_, at) => {
    const isRest = at % 2 === 1;
    return {
      position: 10 + at,
      turn: at,
      at: BEGUN + (at * HOUR_MS) / 2,
      event: isRest ? 'queue.rested' : at === 0 ? 'queue.opened' : 'queue.woke',
      from: at === 0 ? 'none' : isRest ? 'ready' : 'resting',
      to: isRest ? 'resting' : 'ready',
      cause: '</script><script>document.title = "broken"</script>',
      until: isRest ? BEGUN + ((at + 1) * HOUR_MS) / 2 : 0,
      isLegal: true,
    };
  });
  const spells = steps.map(({ to, at, cause }, index) => ({
    state: to,
    from: at,
    upto: steps[index + 1]?.at ?? BEGUN + 3 * HOUR_MS,
    cause,
  }));
  return {
    kind: 'queue',
    name: 'a&b.example',
    from: BEGUN,
    upto: BEGUN + 3 * HOUR_MS,
    steps,
    spells,
    marks: [{ at: BEGUN, event: 'engine.started', text: 'the engine started (1.0)' }],
    isCut: false,
  };
}

const COUNTS = `({
  spells: document.querySelectorAll('#timeline g.spell').length,
  dots: document.querySelectorAll('#timeline circle').length,
  marks: document.querySelectorAll('#timeline path.mark').length,
  rows: document.querySelectorAll('tbody tr').length,
  shown: document.getElementById('shown').textContent,
  title: document.title,
  asked: performance.getEntriesByType('resource').length,
  back: getComputedStyle(document.body).backgroundColor,
})`;

interface Counts {
  readonly spells: number;
  readonly dots: number;
  readonly marks: number;
  readonly rows: number;
  readonly shown: string;
  readonly title: string;
  readonly asked: number;
  readonly back: string;
}

test('the page of a walk draws and zooms', { timeout: 120_000 }, async (t) => {
  const chromium = findBrowser();
  if (chromium === undefined) {
    assert.notEqual(process.env['WAYBILL_BROWSER'], 'required', 'chromium is required here');
    return t.skip('there is no chromium (apt-get install chromium)');
  }
  const scratch = makeScratch('walk-page');
  const file = join(scratch.path, 'walk.html');
  writeFileSync(
    file,
    drawPage(makeWalk(), (ms) => `${ms} ms`),
  );
  const browser = await openBrowser(chromium, scratch.path);
  t.after(async () => {
    await browser.close();
    scratch.remove();
  });
  await browser.go(pathToFileURL(file).href);
  const look = (): Promise<Counts> => browser.read<Counts>(COUNTS);
  const whole = await look();
  assert.deepEqual(
    [whole.spells, whole.dots, whole.marks, whole.rows, whole.asked],
    [STEPS, STEPS, 1, STEPS, 0],
  );
  assert.equal(whole.title, 'queue a&b.example');
  assert.match(whole.shown, /6 of 6 events$/);

  await browser.read(`document.querySelector('[data-act=in]').click()`);
  const near = await look();
  assert.ok(near.dots < STEPS && near.spells < STEPS, JSON.stringify(near));
  assert.match(near.shown, /^2026-11-23T12:45:00.000Z to 2026-11-23T14:15:00.000Z/);
  const tell = (event: string): string =>
    `document.getElementById('timeline').dispatchEvent(new ${event})`;
  const press = (key: string): string => tell(`KeyboardEvent('keydown', {key: '${key}'})`);
  await browser.read(press('ArrowRight'));
  assert.match((await look()).shown, /^2026-11-23T13:07:30.000Z/);
  await browser.read(press('0'));
  assert.equal((await look()).shown, whole.shown);
  await browser.read(tell(`WheelEvent('wheel', {deltaY: -1})`));
  assert.notEqual((await look()).shown, whole.shown);
  await browser.read(`document.querySelectorAll('tbody tr')[5].click()`);
  assert.equal(await browser.read(`document.querySelectorAll('circle.chosen').length`), 1);

  await checkReaders(browser, whole.back);

  await browser.send('Emulation.setScriptExecutionDisabled', { value: true });
  await browser.go(pathToFileURL(file).href);
  const rows = (await rolesOf(browser)).filter((role) => role === 'row');
  assert.equal(rows.length, STEPS + 1, 'the table needs no program');
});

/** For those who read in the dark, and those who do not see it. */
async function checkReaders(browser: Browser, back: string): Promise<void> {
  await browser.send('Emulation.setEmulatedMedia', {
    features: [{ name: 'prefers-color-scheme', value: 'dark' }],
  });
  const { back: dark } = await browser.read<Counts>(COUNTS);
  assert.notEqual(dark, back, 'dark is another colour');
  const roles = await rolesOf(browser);
  assert.equal(roles.filter((role) => role === 'button').length, 5);
  assert.ok(roles.includes('table') && roles.includes('status'));
}

/** The roles of everything on the page, as a screen reader is told them. */
async function rolesOf(browser: Browser): Promise<(string | undefined)[]> {
  const tree = await browser.send<{ nodes: { role?: { value: string } }[] }>(
    'Accessibility.getFullAXTree',
  );
  return tree.nodes.map(({ role }) => role?.value);
}
