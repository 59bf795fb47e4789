/** The chart of a golden set: what helm packages of it but its README, in files of their own so that a change can be read. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { goldenFolder } from './versions.ts';

const root = join(import.meta.dirname, '../..');
const present = 'deploy/chart';

/** Where the chart of a version is, below the root of the checkout. */
export function goldenChart(version: string): string {
  return `${goldenFolder}/${version}/chart`;
}

/** What is kept of the present chart, relative to its folder: .helmignore names folders only, and a README's links lead astray elsewhere. */
export function keptFiles(): readonly string[] {
  const ignored = readFileSync(join(root, present, '.helmignore'), 'utf8')
    .split('\n')
    .filter((line) => line.endsWith('/'));
  const isLeftOut = (file: string): boolean =>
    file === 'README.md' || ignored.some((folder) => file.startsWith(folder));
  return filesBelow(present).filter((file) => !isLeftOut(file));
}

/** What the set of the version that is worked on has to hold of the present chart. */
export function goldenChartFiles(version: string): readonly { readonly path: string; readonly render: () => string }[] {
  return keptFiles().map((file) => ({
    path: `${goldenChart(version)}/${file}`,
    render: () => readFileSync(join(root, present, file), 'utf8'),
  }));
}

/** Files of that set which the present chart has no more. */
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
