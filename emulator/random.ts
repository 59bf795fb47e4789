/** Chance that repeats itself: the same seed gives the same numbers. */
export interface Random {
  /** A whole number from `min` to `max`, both included. */
  between(min: number, max: number): number;
  /** That many characters of the alphabet. */
  text(length: number, alphabet: string): string;
}

/** The generator known as mulberry32: 32 bits of state, plenty for latencies and passwords of machines that do not exist. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  return {
    between,
    text: (length, alphabet) => Array.from({ length }, () => alphabet.charAt(between(0, alphabet.length - 1))).join(''),
  };
}
