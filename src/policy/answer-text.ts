/**
 * Answers as canonical text: equal answers have equal texts, and a short key names each text, so
 * that an answer is recorded once and named ever after. It does not know what an answer says.
 */

const canonical = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, entry]) => [key, canonical(entry)]));
};

/** JSON with the keys of every table in order; reading it back gives an equal value. */
export const answerText = (value: unknown): string => JSON.stringify(canonical(value)) ?? 'null';

const mix = (hash: number): number => {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
};

/** Sixteen hex digits that name a text. Made to tell answers apart, not to resist an attacker. */
export const answerKey = (text: string): string => {
  let one = 0xdeadbeef;
  let two = 0x41c6ce57;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    one = Math.imul(one ^ unit, 0x9e3779b1);
    two = Math.imul(two ^ unit, 0x5f356495);
    two ^= one >>> 15;
  }
  one = mix(one ^ text.length);
  two = mix(two ^ one);
  return one.toString(16).padStart(8, '0') + two.toString(16).padStart(8, '0');
};
