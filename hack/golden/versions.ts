/**
 * The golden sets: for each released version of the operator its CustomResourceDefinition, its chart, objects with the status that it
 * wrote, and their machines (test/golden). The version in package.json has one too, which is a draft until CHANGELOG.md says that it is out.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

/** Where the sets are, below the root of the checkout. */
export const goldenFolder = 'test/golden';

/** The version that is being worked on, or was released last. */
export function currentVersion(): string {
  // What npm demands of this file.
  return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string }).version;
}

/** Whether CHANGELOG.md has a section of its own for the version. */
export function isReleased(version: string): boolean {
  return readFileSync(join(root, 'CHANGELOG.md'), 'utf8').includes(`\n## [${version}]`);
}

/** All versions with a set. */
export function goldenVersions(): readonly string[] {
  return readdirSync(join(root, goldenFolder)).toSorted();
}
