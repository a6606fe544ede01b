/**
 * What the person at `waybill top` looks at, and what each key does to it. Pure: a view and a key
 * make the next view. Knows no terminal.
 */
import type { Ranking } from './top-feed.ts';
import { RANKINGS } from './top-feed.ts';

/** The tabs, from left to right. */
export const TABS = ['Overview', 'Providers', 'Queues', 'Help'] as const;
/** One of them. */
export type Tab = (typeof TABS)[number];

/** Values that one column of a sparkline stands for. */
export const ZOOMS = [1, 2, 5, 10, 30] as const;

/** A view. */
export interface View {
  readonly tab: Tab;
  /** Rows above the first that is shown. */
  readonly scroll: number;
  readonly zoom: number;
  readonly sort: Ranking;
  readonly filter: string;
  readonly isFiltering: boolean;
  readonly isOver: boolean;
}

/** The first view. */
export const FIRST_VIEW: View = {
  tab: 'Overview',
  scroll: 0,
  zoom: 0,
  sort: 'depth',
  filter: '',
  isFiltering: false,
  isOver: false,
};

/** Rows that a page key moves. */
const PAGE = 10;

const around = <T>(list: readonly T[], one: T, step: number): T =>
  list[(list.indexOf(one) + step + list.length) % list.length] as T;

const toTab = (view: View, tab: Tab): View => ({ ...view, tab, scroll: 0 });
const scrolled = (view: View, rows: number): View => ({
  ...view,
  scroll: Math.max(0, view.scroll + rows),
});
const zoomed = (view: View, step: number): View => ({
  ...view,
  zoom: Math.min(ZOOMS.length - 1, Math.max(0, view.zoom + step)),
});

type Act = (view: View) => View;

const ACTS: Readonly<Record<string, Act>> = {
  tab: (view) => toTab(view, around(TABS, view.tab, 1)),
  backtab: (view) => toTab(view, around(TABS, view.tab, -1)),
  right: (view) => toTab(view, around(TABS, view.tab, 1)),
  left: (view) => toTab(view, around(TABS, view.tab, -1)),
  up: (view) => scrolled(view, -1),
  down: (view) => scrolled(view, 1),
  pageup: (view) => scrolled(view, -PAGE),
  pagedown: (view) => scrolled(view, PAGE),
  home: (view) => ({ ...view, scroll: 0 }),
  end: (view) => ({ ...view, scroll: Number.MAX_SAFE_INTEGER }),
  '+': (view) => zoomed(view, -1),
  '-': (view) => zoomed(view, 1),
  f: (view) => ({ ...view, isFiltering: true, filter: '' }),
  '/': (view) => ({ ...view, isFiltering: true, filter: '' }),
  s: (view) => ({ ...view, sort: around(RANKINGS, view.sort, 1), scroll: 0 }),
  '?': (view) => toTab(view, 'Help'),
  q: (view) => ({ ...view, isOver: true }),
  escape: (view) => (view.filter === '' ? { ...view, isOver: true } : { ...view, filter: '' }),
  'ctrl-c': (view) => ({ ...view, isOver: true }),
};

/** Characters of a filter. */
const FILTER_CHARS_MAX = 80;

const typed = (view: View, key: string): View => {
  if (key === 'ctrl-c') return { ...view, isOver: true };
  if (key === 'enter') return { ...view, isFiltering: false };
  if (key === 'escape') return { ...view, isFiltering: false, filter: '' };
  const { filter } = view;
  if (key === 'backspace') return { ...view, filter: filter.slice(0, -1), scroll: 0 };
  if (key.length !== 1) return view;
  return { ...view, filter: (filter + key).slice(0, FILTER_CHARS_MAX), scroll: 0 };
};

/** The view after a key. */
export const pressed = (view: View, key: string): View =>
  view.isFiltering ? typed(view, key) : (ACTS[key]?.(view) ?? view);

/** True where the letters of the filter stand in the text in their order, whatever is between. */
export const fits = (text: string, filter: string): boolean => {
  const letters = text.toLowerCase();
  let at = 0;
  for (const letter of filter.toLowerCase()) {
    at = letters.indexOf(letter, at) + 1;
    if (at === 0) return false;
  }
  return true;
};
