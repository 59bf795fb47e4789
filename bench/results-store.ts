import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Results } from './results.ts';

const file = join(import.meta.dirname, '../docs/performance.json');

/** The runs that docs/performance.md shows, the smallest first; one of each size. */
export function readResults(): readonly Results[] {
  // Written by `keep`, as it is.
  return JSON.parse(readFileSync(file, 'utf8')) as readonly Results[];
}

/** Replaces the stored run of the same size. */
export function storeResults(results: Results): void {
  writeFileSync(file, `${JSON.stringify(withRun(readResults(), results), null, 1)}\n`);
}

/** Pure. */
export function withRun(kept: readonly Results[], results: Results): readonly Results[] {
  return [...kept.filter(({ size }) => size !== results.size), results].toSorted((a, b) => a.size - b.size);
}
