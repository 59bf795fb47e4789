/**
 * The chart of a golden set: what helm packages of it except its README, as separate files so that a diff is readable.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { goldenFolder } from './versions.ts';

const root = join(import.meta.dirname, '../..');
const present = 'deploy/chart';

/** The folder of a version's chart, below the root of the checkout. */
export function goldenChart(version: string): string {
  return `${goldenFolder}/${version}/chart`;
}

/**
 * Excluded from the copy, relative to the chart: .helmignore names folders only, and a README's links would be broken
 * elsewhere.
 */
export function keptFiles(): readonly string[] {
  const ignored = readFileSync(join(root, present, '.helmignore'), 'utf8')
    .split('\n')
    .filter((line) => line.endsWith('/'));
  const isLeftOut = (file: string): boolean =>
    file === 'README.md' || ignored.some((folder) => file.startsWith(folder));
  return filesBelow(present).filter((file) => !isLeftOut(file));
}

/** The present chart as the set of the version in development contains it. */
export function goldenChartFiles(version: string): readonly { readonly path: string; readonly render: () => string }[] {
  return keptFiles().map((file) => ({
    path: `${goldenChart(version)}/${file}`,
    render: () => readFileSync(join(root, present, file), 'utf8'),
  }));
}

/** Files of that set which the present chart no longer has. */
export function leftInGoldenChart(version: string): readonly string[] {
  const kept = new Set(keptFiles());
  const folder = goldenChart(version);
  return filesBelow(folder).flatMap((file) => (kept.has(file) ? [] : [`${folder}/${file}`]));
}

function filesBelow(folder: string): readonly string[] {
  const top = join(root, folder);
  if (!existsSync(top)) return [];
  return readdirSync(top, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(top, join(entry.parentPath, entry.name)))
    .toSorted();
}
