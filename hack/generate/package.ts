import { readFileSync } from 'node:fs';
import path from 'node:path';

interface PackageInfo {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly repository: { readonly url: string };
}

/** package.json: the one place that says what this is called, how new it is, and where it lives. */
export function packageInfo(): PackageInfo {
  return JSON.parse(readFileSync(path.join(import.meta.dirname, '../../package.json'), 'utf8'));
}

/** Where people read the sources: `https://host/owner/name`. */
export function repositoryUrl(): string {
  return packageInfo()
    .repository.url.replace(/^git\+/, '')
    .replace(/\.git$/, '');
}

/** The image that a release of that repository pushes, without a tag. Names in a registry are in lower case. */
export function imageName(): string {
  return `ghcr.io${new URL(repositoryUrl()).pathname.toLowerCase()}`;
}
