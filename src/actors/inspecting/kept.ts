/**
 * Sources and rates as operators look at them: all that the books know of them. The one idea:
 * nothing here is memory, so the running engine and books rebuilt from the log give the same.
 * Changes nothing.
 */
import type { RateLook, SourceLook } from '../../domain/inspection.ts';
import type { SourceConfig } from '../../domain/options-egress.ts';
import type { Kept } from '../recorded.ts';

/** All egress sources in use, by name. */
export function lookAtSources({ books }: Pick<Kept, 'books'>): SourceLook[] {
  const looks = [...books.sources.values()].map(({ name, state, reason, cause, until, answer }) => {
    const text = books.answers.get(answer);
    const config = text === undefined ? undefined : (JSON.parse(text) as SourceConfig);
    return { name, state, reason, cause, until, config };
  });
  return looks.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The rates counted in this process that are used up to some time after `at`, by key. */
export function lookAtRates({ books }: Pick<Kept, 'books'>, at: number): RateLook[] {
  const looks = [...books.rates].filter(([, until]) => until > at);
  return looks.map(([key, until]) => ({ key, until })).sort((a, b) => (a.key < b.key ? -1 : 1));
}
