/**
 * The golden sets: for each released version of the operator its CRD, its chart, objects with the status that it wrote,
 * and their VMs (test/golden). The version in package.json has one too, which is a draft until CHANGELOG.md has its
 * release.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

/** The folder of the sets, below the root of the checkout. */
export const goldenFolder = 'test/golden';

/** The version in development, or the latest release. */
export function currentVersion(): string {
  // `as`: npm requires this of the file.
  return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string }).version;
}

/** Whether CHANGELOG.md has a section for the version. */
export function isReleased(version: string): boolean {
  return readFileSync(join(root, 'CHANGELOG.md'), 'utf8').includes(`\n## [${version}]`);
}

/** All versions with a set. */
export function goldenVersions(): readonly string[] {
  return readdirSync(join(root, goldenFolder)).toSorted();
}
