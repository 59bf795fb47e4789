/**
 * A step of `npm run verify`: runs the commands of the pages about installing, upgrading and uninstalling in a checkout, as a reader
 * might. The provider of the checkout is emulated, and the node has one image: the operator's, under the name in the manifests.
 */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { fences } from '../../test/support/documented.ts';
import { fastEnvironment } from '../../test/support/fast-settings.ts';
import { InstalledSite } from '../../test/support/installed-site.ts';
import { demand } from './chart-values.ts';

const root = path.join(import.meta.dirname, '../..');
const apiKey = 'key-of-an-emulated-account';
const spec = { region: { name: 'Amsterdam 1' }, package: { name: 'Budget' }, osTemplate: { name: 'Debian 13 x64' } };
const pages = ['docs/installation.md', 'docs/restricted-networks.md', 'docs/upgrade.md', 'docs/uninstall.md'] as const;

/** Blocks that don't run here, by their beginning, and the reason. */
const elsewhere: Readonly<Record<string, string>> = {
  'docker build': 'the machine has no container engine',
  'docker load': 'the machine has no container engine',
  'helm upgrade vps247-operator deploy/chart --namespace vps247-system --reuse-values \\\n  --set image.digest':
    'the node has no image of that digest',
  'cosign verify': 'nothing is signed',
};
/** Lines within a block that don't run here: the node has no Pod network for `helm test`, and serves no logs. */
const leftOut = [/^helm --namespace vps247-system test .*\n/m, /^kubectl --namespace vps247-system logs .*$/m];

const blocks = pages.flatMap((page) =>
  fences(page)
    .filter(({ language }) => language === 'sh')
    .map(({ text, line }) => ({ where: `${page}:${line}`, text })),
);
const due = new Set(blocks.filter(({ text }) => !Object.keys(elsewhere).some((begin) => text.startsWith(begin))));

await using site = await InstalledSite.open({ logs: path.join(root, '.out/verify/pages'), apiKey });
const { cluster, emulator } = site;
const checkout = path.join(site.logs, 'checkout');

const environment = fastEnvironment(site.apiUrl);

function change(file: string, from: RegExp, to: string): void {
  const text = readFileSync(path.join(checkout, file), 'utf8');
  demand(from.test(text), `${file} has no ${from}`);
  writeFileSync(path.join(checkout, file), text.replace(from, to));
}

/** The files that pages name, with short intervals and the emulated provider. */
function checkOut(): void {
  for (const folder of ['deploy', 'examples'])
    cpSync(path.join(root, folder), path.join(checkout, folder), { recursive: true });
  change('deploy/chart/values.yaml', /^extraEnv: \[\]$/m, `extraEnv: ${JSON.stringify(environment)}`);
  const entries = environment.map((entry) => `            - ${JSON.stringify(entry)}\n`).join('');
  for (const file of ['manifests/install', 'manifests/install-namespaced', 'kustomize/base/operator'])
    change(`deploy/${file}.yaml`, /^ {10}env:\n/m, `$&${entries}`);
}

/** Runs the only block with this beginning; with `$`, the block contains nothing else. Returns its output. */
async function run(begin: string, { namespace = 'default', name = 'web', page = 'docs/' } = {}): Promise<string> {
  const isIt = (text: string): boolean => (begin.endsWith('$') ? `${text}$` === begin : text.startsWith(begin));
  const found = blocks.filter(({ text, where }) => isIt(text) && where.startsWith(page));
  const [block] = found;
  if (block === undefined || found.length > 1) throw new Error(`${found.length} blocks begin with ${begin}`);
  due.delete(block);
  const script = leftOut
    .reduce((text, line) => text.replace(line, ''), block.text)
    .replaceAll(/\bREGISTRY\b/g, 'ghcr.io/vps247')
    .replaceAll(/YOUR-KEY|\$API_KEY/g, apiKey)
    .replaceAll(/\bRELEASE\b/g, namespace)
    .replaceAll(/\bNAMESPACE\b(?!:)/g, namespace)
    .replaceAll(/\bvps NAME\b/g, `vps ${name}`);
  try {
    const printed = await site.shell(script, checkout);
    console.log(`✓ ${block.where}: ${block.text.split('\n')[0]}`);
    return printed;
  } catch (error) {
    throw new Error(`${block.where} fails: ${String(error)}`, { cause: error });
  }
}

async function machine(namespace: string, name: string): Promise<void> {
  await cluster.create({ name, namespace, spec });
  await site.until(`${namespace}/${name}`, 'True/Available');
}

const home = InstalledSite.namespace;
const asUser = (script: string): Promise<string> => site.shell(script, checkout);
const rolledOut = `kubectl --namespace ${home} rollout status deployment/vps247-operator --timeout 90s`;
checkOut();

// With Helm, and a VM that an upgrade, a rollback and an uninstall must not change.
await asUser(`kubectl delete namespace ${home} team-a`);
await run('helm install vps247-operator deploy/chart --namespace vps247-system --create-namespace \\\n');
await run('kubectl --namespace vps247-system get pods');
writeFileSync(path.join(checkout, 'ca.crt'), 'certificates');
await run('kubectl --namespace vps247-system create configmap private-ca');
await run('kubectl create secret generic vps247-credentials');
await machine('default', 'web');
await run('kubectl get vps -A -o yaml > machines.yaml');
demand(readFileSync(path.join(checkout, 'machines.yaml'), 'utf8').includes('name: web'), 'the backup has no machine');
await run('kubectl apply --server-side -f deploy/manifests/crds.yaml');
await run('helm upgrade vps247-operator deploy/chart --namespace vps247-system --reset');
await run('helm rollback vps247-operator');
await asUser(rolledOut);
await run('kubectl --namespace vps247-system scale deployment');
await run('helm package deploy/chart');
writeFileSync(path.join(checkout, 'values.yaml'), '');
await run('helm install vps247-operator vps247-operator-0.1.0.tgz');
await asUser(rolledOut);
await run('helm uninstall vps247-operator --namespace vps247-system\n$');

// Without Helm, over an installation by Helm, and back.
const plain = 'kubectl apply -f deploy/manifests/crds.yaml\nsed';
await run(plain, { page: 'docs/installation.md' });
await run(plain, { page: 'docs/upgrade.md' });
for (const file of ['crds', 'install'])
  demand((await asUser(`kubectl diff -f deploy/manifests/${file}.yaml`)) === '', 'the two ways differ');
await asUser(rolledOut);
await run('kubectl --namespace vps247-system delete deployment');
await run('helm install vps247-operator deploy/chart --namespace vps247-system --take-ownership');
await asUser(rolledOut);
demand(
  isDeepStrictEqual(site.writes, ['CreateMachine']),
  `so far the provider was asked for ${site.writes.join(', ')}`,
);

// A user's own chart with the key and a VM, installed by one command.
await asUser('kubectl create namespace shop');
const shop = path.join(checkout, 'shop');
mkdirSync(path.join(shop, 'templates'), { recursive: true });
const manifests = {
  'Chart.yaml': { apiVersion: 'v2', name: 'shop', version: '1.0.0' },
  'templates/key.yaml': {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'vps247-credentials' },
    stringData: { 'api-key': apiKey },
  },
  'templates/vm.yaml': { apiVersion: 'vps247.com/v1alpha1', kind: 'VirtualMachine', metadata: { name: 'store' }, spec },
};
for (const [file, manifest] of Object.entries(manifests))
  writeFileSync(path.join(shop, file), JSON.stringify(manifest));
await asUser('helm install shop ./shop --namespace shop');
await site.until('shop/store', 'True/Available');
await run('helm uninstall RELEASE', { namespace: 'shop' });
await run('kubectl --namespace NAMESPACE get vps', { namespace: 'shop' });
await cluster.until('shop/store is gone', async () => (await cluster.get('shop', 'store')) === undefined);
await run('kubectl --namespace NAMESPACE create secret generic', { namespace: 'shop' });
demand(emulator.ledger.liveMachines().length === 1, 'the VM of the chart is left');

// Uninstall with the VMs, and with everything.
await run('kubectl delete vps --all --all-namespaces\nkubectl get');
demand(emulator.ledger.liveMachines().length === 0, 'a machine is left');
await run('helm uninstall vps247-operator --namespace vps247-system\nkubectl annotate crd');

// In one namespace, then in others; the VMs are orphaned, by the operator and without one.
await run('kubectl apply -f deploy/manifests/crds.yaml\nkubectl create namespace');
await asUser(rolledOut);
await asUser('kubectl create namespace team-a');
await cluster.putSecret('team-a', apiKey);
await run('helm template vps247-operator deploy/chart --namespace vps247-system --set crds.enabled=false');
await asUser(rolledOut);
demand(!(await asUser('kubectl get pods -A -o name')).includes('test'), 'what helm test runs was applied too');
await machine('team-a', 'web');
await machine('team-b', 'batch');
await run('kubectl --namespace NAMESPACE patch vps NAME --type merge -p \'{"spec"', { namespace: 'team-a' });
await run('kubectl get vps -A -o jsonpath');
// Another name: the first VM still exists, and would be an orphan candidate.
await machine('team-a', 'shop');
await asUser(`kubectl --namespace ${home} delete deployment vps247-operator`);
await asUser('kubectl --namespace team-a delete vps shop --wait=false');
await run('kubectl get vps --all-namespaces -o custom-columns', { namespace: 'team-a', name: 'shop' });
demand((await asUser('kubectl get vps -A')) === '', 'an object is left');
demand(emulator.ledger.liveMachines().length === 3, 'an orphaned VM is gone');

// With kustomize, and finally with Helm and Roles only.
const customized = 'kubectl apply -k deploy/kustomize/crds\nkubectl apply -k .';
const kustomization = fences('docs/installation.md').find(({ text }) => text.includes('kind: Kustomization'));
demand(kustomization !== undefined, 'docs/installation.md has no kustomization');
writeFileSync(
  path.join(checkout, 'kustomization.yaml'),
  (kustomization?.text ?? '').replace('REGISTRY', 'ghcr.io/vps247'),
);
await run(customized, { page: 'docs/installation.md' });
await run(customized, { page: 'docs/upgrade.md' });
await asUser(rolledOut);
await asUser(`kubectl delete -k .
kubectl annotate crd virtualmachines.vps247.com vps247.com/allow-deletion=true
kubectl delete -k deploy/kustomize/crds
kubectl delete role,rolebinding --all --namespace team-b
kubectl delete namespace team-a`);
await run('kubectl create namespace team-a\nhelm install');
await asUser(rolledOut);

const left = [...due].map(({ where }) => where);
demand(left.length === 0, `not run, and no reason given: ${left.join(', ')}`);
const { ledger } = emulator;
demand(ledger.duplicates().length === 0, 'names held twice');
demand(ledger.forbiddenTransitions().length === 0, 'calls in a wrong state');
console.log(
  `✓ ${blocks.length} blocks of commands, ${Object.keys(elsewhere).length} of them left out: ${Object.values(elsewhere).join('; ')}`,
);
