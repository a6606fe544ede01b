/**
 * Random UUIDs (RFC 9562 section 5.4) drawn from a generator that is given, so that a run told
 * again draws the same ones. Knows nothing of what they name.
 */

const hexOf = (word: number): string => (0x1_0000 + word).toString(16).slice(1);

/** A version 4 UUID; `uniform` answers in [0, 1). Not for secrets. */
export function drawUuid(uniform: () => number): string {
  const word = (): number => Math.floor(uniform() * 0x1_0000);
  const words = Array.from({ length: 8 }, word);
  // Version 4, variant 10.
  words[3] = ((words[3] as number) & 0x0fff) | 0x4000;
  words[4] = ((words[4] as number) & 0x3fff) | 0x8000;
  const [a, b, c, d, e, f, g, h] = words.map(hexOf);
  return `${a}${b}-${c}-${d}-${e}-${f}${g}${h}`;
}
