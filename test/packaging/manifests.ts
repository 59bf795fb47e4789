import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';

export const projectRoot = path.join(import.meta.dirname, '../..');
export const manifestsFolder = path.join(projectRoot, 'deploy/manifests');
export const samplesFolder = path.join(projectRoot, 'deploy/samples');

/** A Kubernetes object as its YAML says. */
export interface Manifest {
  readonly file: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> };
  // oxlint-disable-next-line typescript/no-explicit-any -- what is in it depends on the kind, and a test that expects something else fails
  readonly [field: string]: any;
}

/** All objects in a folder's files (not in folders below it), in the order in which `kubectl apply -f` takes them. */
export function readManifests(folder: string): Manifest[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'));
  return files.toSorted().flatMap((file) =>
    parseAllDocuments(readFileSync(path.join(folder, file), 'utf8'), { uniqueKeys: true }).map((document) => {
      const [error] = document.errors;
      if (error !== undefined) throw new Error(`${file}: ${error.message}`);
      return Object.assign(document.toJS(), { file });
    }),
  );
}

/** The one object of a kind; throws when there is none or more than one. */
export function onlyOne(manifests: readonly Manifest[], kind: string): Manifest {
  const [found, ...more] = manifests.filter((manifest) => manifest.kind === kind);
  if (found === undefined || more.length > 0)
    throw new Error(`expected one ${kind}, found ${found ? 1 + more.length : 0}`);
  return found;
}

/** package.json's version, which image, label and bundle have to agree with. */
export function packageVersion(): string {
  return JSON.parse(readFileSync(path.join(projectRoot, 'package.json'), 'utf8')).version;
}
