/**
 * A step of `npm run verify`: kubectl builds the base and every overlay; the overlays equal the rendered chart, object
 * by object; and a user's overlay moves everything into another namespace.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { ensureComponents } from '../control-plane/components.ts';
import { imageName } from '../generate/package.ts';
import { demand } from './chart-values.ts';

const root = path.join(import.meta.dirname, '../..');
const { kubectl } = await ensureComponents(['kubectl']);

interface KubernetesObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly subjects?: readonly { readonly namespace: string }[];
}

/** By kind, namespace and name. */
type Objects = ReadonlyMap<string, KubernetesObject>;

function read(text: string): Objects {
  // `as`: helm rendered these texts, and found kind and metadata in them.
  const objects = parseAllDocuments(text).map((document) => document.toJS() as KubernetesObject);
  return new Map(
    objects.map((object) => [[object.kind, object.metadata.namespace, object.metadata.name].join('/'), object]),
  );
}

function readFile(file: string): Objects {
  return read(readFileSync(path.join(root, file), 'utf8'));
}

function build(folder: string): Objects {
  const { status, stdout, stderr } = spawnSync(kubectl, ['kustomize', folder], { cwd: root, encoding: 'utf8' });
  // It warns about deprecated fields.
  demand(status === 0 && stderr === '', `${folder}: ${stderr}`);
  return read(stdout);
}

function compare(what: string, built: Objects, expected: Objects): void {
  const keys = new Set([...built.keys(), ...expected.keys()]);
  const different = [...keys].filter((key) => !isDeepStrictEqual(built.get(key), expected.get(key)));
  demand(different.length === 0, `${what} differs in ${different.join(', ')}`);
  console.log(`✓ ${what}: ${built.size} objects, the same as helm's`);
}

const install = readFile('deploy/manifests/install.yaml');
compare('crds', build('deploy/kustomize/crds'), readFile('deploy/manifests/crds.yaml'));
compare('base', build('deploy/kustomize/base'), readFile('deploy/kustomize/base/operator.yaml'));
compare('overlays/cluster', build('deploy/kustomize/overlays/cluster'), install);
compare(
  'overlays/namespaced',
  build('deploy/kustomize/overlays/namespaced'),
  readFile('deploy/manifests/install-namespaced.yaml'),
);
const monitoring = readFile('deploy/kustomize/overlays/monitored/monitoring.yaml');
compare('overlays/monitored', build('deploy/kustomize/overlays/monitored'), new Map([...install, ...monitoring]));

const own = path.join(root, '.out/verify/kustomize');
rmSync(own, { recursive: true, force: true });
mkdirSync(own, { recursive: true });
const kustomization = `resources: [../../../deploy/kustomize/overlays/cluster]
namespace: elsewhere
images:
  - name: ${imageName()}
    newName: registry.example.org/operator
`;
writeFileSync(path.join(own, 'kustomization.yaml'), kustomization);
const moved = [...build(own).values()];
const places = moved.flatMap(({ kind, metadata, subjects = [] }) => [
  ...subjects.map((subject) => subject.namespace),
  ...(kind === 'Namespace' ? [metadata.name] : metadata.namespace === undefined ? [] : [metadata.namespace]),
]);
demand(
  places.every((place) => place === 'elsewhere'),
  `an overlay does not move everything: ${places.join(', ')}`,
);
const image = JSON.stringify(moved.find(({ kind }) => kind === 'Deployment')).includes(
  '"registry.example.org/operator:',
);
demand(image, 'an overlay does not replace the image');
console.log(`✓ a user's overlay: namespace and image replaced in ${moved.length} objects, subjects included`);
