/** The seeds of everything that tests with chance: no other file of the tests draws any. */
import fc from 'fast-check';
import { onTestFailed } from 'vitest';

/** What it shows is the same in every run. */
const fixedSeed = 247;

interface Runs {
  /** Half of them with a fixed seed, half with a random one. */
  readonly runs?: number;
  /** Seeds that found a fault once: each runs again, with all `runs`. */
  readonly failedOnce?: readonly number[];
}

/** A random seed for the current test, which prints it when it fails or runs out of time. */
export function drawSeed(): number {
  const seed = randomSeed();
  printIfFailed(() => seed);
  return seed;
}

/** Holds a property against values with a fixed seed, with a random one, and with those that failed once. A failure prints its seed. */
export async function assertProperty<Values>(
  property: fc.IRawProperty<Values>,
  { runs = 100, failedOnce = [] }: Runs = {},
): Promise<void> {
  let running = fixedSeed;
  // fast-check prints the seed too, but not when time runs out.
  printIfFailed(() => running);
  const half = Math.ceil(runs / 2);
  for (const [seed, numRuns] of [
    ...failedOnce.map((failed) => [failed, runs] as const),
    [fixedSeed, half] as const,
    [randomSeed(), half] as const,
  ]) {
    running = seed;
    await fc.assert(property, { seed, numRuns });
  }
}

function randomSeed(): number {
  return (Date.now() ^ (Math.random() * 2 ** 32)) | 0;
}

function printIfFailed(seed: () => number): void {
  onTestFailed(() => void process.stderr.write(`The seed was ${seed()}.\n`));
}
