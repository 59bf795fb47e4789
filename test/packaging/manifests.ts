import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';

export const projectRoot = path.join(import.meta.dirname, '../..');
export const installation = path.join(projectRoot, 'deploy/manifests/install.yaml');
/** What all VirtualMachines would go with: in no file that an uninstall deletes. */
export const definitions = path.join(projectRoot, 'deploy/manifests/crds.yaml');
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

/** All objects in a file, or in a folder's files (not in folders below it), in the order in which `kubectl apply -f` takes them. */
export function readManifests(where: string): Manifest[] {
  if (where.endsWith('.yaml')) return parseManifests(readFileSync(where, 'utf8'), path.basename(where));
  const files = readdirSync(where).filter((file) => file.endsWith('.yaml'));
  return files.toSorted().flatMap((file) => readManifests(path.join(where, file)));
}

/** All objects in a text; `file` is for complaints. */
export function parseManifests(text: string, file: string): Manifest[] {
  return parseAllDocuments(text, { uniqueKeys: true }).flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw new Error(`${file}: ${error.message}`);
    const object = document.toJS();
    return object === null ? [] : [Object.assign(object, { file })];
  });
}

/** The CRD that all VMs depend on. */
export const virtualMachines = 'virtualmachines.vps247.com';

/** The one object of a kind, and of this name; throws when there is none or more than one. */
export function onlyOne(manifests: readonly Manifest[], kind: string, name?: string): Manifest {
  const [found, ...more] = manifests.filter(
    (manifest) => manifest.kind === kind && (name === undefined || manifest.metadata.name === name),
  );
  if (found === undefined || more.length > 0)
    throw new Error(`expected one ${kind}, found ${found ? 1 + more.length : 0}`);
  return found;
}

/** package.json's version, which image, label and bundle have to agree with. */
export function packageVersion(): string {
  return JSON.parse(readFileSync(path.join(projectRoot, 'package.json'), 'utf8')).version;
}
