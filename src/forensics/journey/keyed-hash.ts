/**
 * A short hash under a secret: HalfSipHash-2-4 (Aumasson and Bernstein) with a key of 64 bits and
 * 32 bits out, over the 16-bit units of a text. The one idea: who does not have the key can neither
 * test a guess against what was hashed nor choose texts that meet in one value.
 * Deliberately unknown here: what is hashed, and where the key is kept.
 */

/** The secret, two words of 32 bits. */
export type HashKey = readonly [number, number];

const rotate = (word: number, by: number): number => (word << by) | (word >>> (32 - by));

let v0 = 0;
let v1 = 0;
let v2 = 0;
let v3 = 0;

const round = (): void => {
  v0 = (v0 + v1) | 0;
  v1 = rotate(v1, 5) ^ v0;
  v0 = rotate(v0, 16);
  v2 = (v2 + v3) | 0;
  v3 = rotate(v3, 8) ^ v2;
  v0 = (v0 + v3) | 0;
  v3 = rotate(v3, 7) ^ v0;
  v2 = (v2 + v1) | 0;
  v1 = rotate(v1, 13) ^ v2;
  v2 = rotate(v2, 16);
};

const take = (word: number): void => {
  v3 ^= word;
  round();
  round();
  v0 ^= word;
};

/** Hashes a text; `kind` keeps texts of different meaning apart. */
export function keyedHash([k0, k1]: HashKey, kind: number, text: string): number {
  const { length } = text;
  v0 = k0;
  v1 = k1;
  v2 = 0x6c796765 ^ k0;
  v3 = 0x74656462 ^ k1;
  take(kind);
  for (let at = 0; at + 1 < length; at += 2) {
    take(text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16));
  }
  const odd = length % 2 === 1 ? text.charCodeAt(length - 1) : 0;
  take(odd | ((length & 0xffff) << 16));
  v2 ^= 0xff;
  for (let times = 0; times < 4; times += 1) round();
  return (v1 ^ v3) >>> 0;
}
