/**
 * A small seeded generator: xoshiro128** (Blackman and Vigna), its state filled by splitmix32.
 * One idea: the same seed gives the same numbers on every machine, so a simulated world can be
 * run again. It does not know where seeds come from, and it is no source of secrets.
 */

/** What the generator gives: numbers uniform in [0, 1). */
export interface Prng {
  uniform(): number;
}

const rotl = (x: number, k: number): number => (x << k) | (x >>> (32 - k));

// Spreads a seed over the state: neighbouring seeds must not give neighbouring streams.
function* splitmix32(seed: number): Generator<number, never> {
  let state = seed | 0;
  for (;;) {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    yield z ^ (z >>> 16);
  }
}

/** A generator whose whole future follows from `seed`, of which the low 53 bits count. */
export const createRandom = (seed: number): Prng => {
  const low = splitmix32(seed >>> 0);
  const high = splitmix32(Math.floor(seed / 2 ** 32) ^ 0x6a09e667);
  const next = (): number => low.next().value ^ high.next().value;
  let a = next();
  let b = next();
  let c = next();
  // The all-zero state would stay zero for ever.
  let d = next() | 1;
  const draw = (): number => {
    const result = Math.imul(rotl(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotl(d, 11);
    return result;
  };
  return {
    // 27 + 26 bits fill the mantissa, so every value is a multiple of 2^-53 and below 1.
    uniform: () => ((draw() >>> 5) * 2 ** 26 + (draw() >>> 6)) / 2 ** 53,
  };
};
