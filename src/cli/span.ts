/**
 * Spans of time for people: the two largest units, however long.
 * Deliberately unknown here: clocks, and the texts of options (domain/duration).
 */

const UNITS: readonly (readonly [unit: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
];

/** The two largest units of a span. */
export const formatSpan = (spanMs: number): string => {
  let rest = spanMs;
  const parts = UNITS.map(([unit, ms]) => {
    const whole = Math.floor(rest / ms);
    rest -= whole * ms;
    return { whole, text: `${whole} ${unit}` };
  });
  const first = parts.findIndex(({ whole }) => whole > 0);
  if (first < 0) return `${Math.round(spanMs)} ms`;
  return parts
    .slice(first, first + 2)
    .filter(({ whole }) => whole > 0)
    .map(({ text }) => text)
    .join(' ');
};
