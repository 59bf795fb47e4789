import { readFileSync } from 'node:fs';
import path from 'node:path';

interface PackageInfo {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly repository: { readonly url: string };
}

/** package.json: the source of the project's name, version and URLs. */
export function packageInfo(): PackageInfo {
  return JSON.parse(readFileSync(path.join(import.meta.dirname, '../../package.json'), 'utf8'));
}

/** The URL of the repository: `https://host/owner/name`. */
export function repositoryUrl(): string {
  return packageInfo()
    .repository.url.replace(/^git\+/, '')
    .replace(/\.git$/, '');
}

/** The image that a release of the repository pushes, without a tag. Registry names are lowercase. */
export function imageName(): string {
  return `ghcr.io${new URL(repositoryUrl()).pathname.toLowerCase()}`;
}
