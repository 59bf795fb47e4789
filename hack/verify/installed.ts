/**
 * A step of `npm run verify`: installs the operator from the image of the Dockerfile, and kills, upgrades (from the
 * chart of every release), rolls back, removes and reinstalls it during power operations; runs the life cycle of a VM
 * for each way to install it; and checks the error for missing or duplicate parts.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { goldenChart } from '../golden/chart.ts';
import { goldenVersions } from '../golden/versions.ts';
import { fastEnvironment } from '../../test/support/fast-settings.ts';
import { InstalledSite } from '../../test/support/installed-site.ts';
import type { PodOnNode } from '../../test/support/kubelet/pod.ts';
import { builtImage } from '../../test/support/operator-image.ts';
import { demand } from './chart-values.ts';
import { flawsIn } from './installed-view.ts';

const root = path.join(import.meta.dirname, '../..');
const { namespace: home, release } = InstalledSite;
const spec = { region: { name: 'Amsterdam 1' }, package: { name: 'Budget' }, osTemplate: { name: 'Debian 13 x64' } };
const web = 'team-a/web';
const definition = 'virtualmachines.vps247.com';
const definitionFile = path.join(root, 'deploy/manifests/crds.yaml');

await using site = await InstalledSite.open({
  logs: path.join(root, '.out/verify/installed'),
  apiKey: 'key-of-an-emulated-account',
  unpack: builtImage,
  // Long enough for an upgrade to start in between.
  latencies: { start: 5_000, halt: 5_000 },
});
const { cluster, kubelet, emulator } = site;

const startedAt = performance.now();
function show(fact: string): void {
  console.log(`✓ ${fact} (after ${Math.round((performance.now() - startedAt) / 1_000)} s)`);
}

/** The provider calls with an effect since the last check: exactly these. */
let seen = 0;
function demandWrites(when: string, ...expected: readonly string[]): void {
  const writes = site.writes.slice(seen);
  seen = site.writes.length;
  demand(isDeepStrictEqual(writes, expected), `${when}: asked for ${writes.join(', ')}, not ${expected.join(', ')}`);
}

async function power(powerState: 'Running' | 'Halted'): Promise<void> {
  const calls = site.writes.length;
  await cluster.patch('team-a', 'web', { spec: { powerState } });
  await cluster.until(`${powerState} is asked for`, async () => site.writes.length > calls);
}

async function leaders(): Promise<readonly PodOnNode[]> {
  const pods = await Promise.all(kubelet.pods.map(async (pod) => ({ pod, page: await pod.metrics() })));
  return pods.filter(({ page }) => /^leader_election_master_status\{[^}]*\} 1$/m.test(page)).map(({ pod }) => pod);
}

/** In a Pod of this release. */
async function untilSaid(sentence: string, by = release): Promise<void> {
  const says = (pod: PodOnNode): boolean => pod.name.startsWith(by) && pod.output().includes(sentence);
  await cluster.until(`${by} says: ${sentence}`, async () => kubelet.pods.some(says));
}

/** Two replicas, one of which is killed. */
async function killLeader(): Promise<void> {
  await site.rollOut({});
  await cluster.create({ name: 'web', namespace: 'team-a', spec });
  await site.until(web, 'True/Available');
  demandWrites('a new object', 'CreateMachine');
  const [leader, ...more] = await leaders();
  demand(leader !== undefined && more.length === 0, 'not exactly one of two replicas acts');
  await leader?.crash();
  await power('Halted');
  await site.untilState(web, 'Halted');
  await site.until(web, 'True/Available');
  demandWrites('after the leader was killed', 'StopMachine');
  await cluster.until('two are ready', async () => kubelet.pods.filter(({ isReady }) => isReady).length === 2);
  demand(leader?.restarts === 1, 'the killed container was not started again');
  show('two replicas: the leader was killed, the other one halted the machine, and the node started the first again');
}

/** The node has the image that the Dockerfile builds, and the containers contain nothing else. */
async function image(): Promise<void> {
  const [pod] = await leaders();
  const flaws = flawsIn(pod?.pid ?? 0, kubelet.image);
  demand(flaws.length === 0, flaws.join('\n'));
  const { entrypoint, account, digest = '' } = kubelet.image;
  show(
    `it runs from the image of the Dockerfile: ${entrypoint[0]} as ${account.user}:${account.group}, process 1 of its container, without a capability`,
  );
  show('its files are those of the image, which it cannot change: no file and no process of this machine is there');

  const other = `sha256:${'0'.repeat(64)}`;
  await site.install({ image: { digest: other } }, 'upgrade');
  await cluster.until('a Pod is refused its image', async () =>
    kubelet.pods.some(({ refusal }) => refusal?.includes(other)),
  );
  const waiting = '{.items[*].status.containerStatuses[*].state.waiting.reason}';
  await cluster.until(
    'and reports it',
    async () => (await site.kubectl('-n', home, 'get', 'pods', '-o', `jsonpath=${waiting}`)) === 'ErrImagePull',
  );
  await power('Running');
  await site.untilState(web, 'Running');
  await site.rollOut({ image: { digest } }, 'upgrade');
  await power('Halted');
  await site.untilState(web, 'Halted');
  await site.until(web, 'True/Available');
  demandWrites('another image', 'StartMachine', 'StopMachine');
  show(
    `image.digest: with another one than ${digest.slice(0, 19)}… no Pod starts and the old ones continue; with this one they are replaced`,
  );
}

/** As in docs/uninstall.md: scaled to zero first, so that it can release its Lease. */
async function retire(): Promise<void> {
  await site.kubectl('-n', home, 'scale', 'deployment', release, '--replicas', '0');
  const component = 'app.kubernetes.io/component=operator';
  await site.kubectl('-n', home, 'wait', 'pods', '--selector', component, '--for', 'delete');
  const leaseHolder = await site.kubectl('-n', home, 'get', 'leases', '-o', 'jsonpath={.items[*].spec.holderIdentity}');
  demand(leaseHolder === '', `scaled to none it kept its Lease: ${leaseHolder}`);
  await site.uninstall();
}

/**
 * From the chart of a release to the present one, and back. The program is the present one in both, because no image of
 * an earlier one exists here.
 */
async function upgradeFrom(version: string): Promise<void> {
  await retire();
  const before = await cluster.get('team-a', 'web');
  await site.rollOut({ image: { tag: kubelet.image.tag } }, 'install', path.join(root, goldenChart(version)));
  const old = new Set(kubelet.pods.map(({ name }) => name));
  await power('Running');
  await site.rollOut({ config: { workers: 16 } }, 'upgrade');
  await site.untilState(web, 'Running');
  await site.until(web, 'True/Available');
  demandWrites('upgrade amid a start', 'StartMachine');
  await cluster.until('old Pods are gone', async () => kubelet.pods.every(({ name }) => !old.has(name)));
  show(`helm upgrade from the chart of ${version} amid a power operation: asked for once, and seen to its end`);

  await power('Halted');
  await site.helm('rollback', release, '1', '--wait', '--timeout', '90s');
  await site.untilState(web, 'Halted');
  const after = await site.until(web, 'True/Available');
  demandWrites('rollback amid a halt', 'StopMachine');
  demand(
    after.metadata.uid === before?.metadata.uid && after.status?.id === before.status?.id,
    'another object or machine',
  );
  show(`helm rollback to it amid a power operation: the same, and the same object with the same machine`);
}

/** Uninstalled during a create call: nothing of its result can be stored any more. */
async function installAgain(): Promise<void> {
  // Longer than the old operator lives from now on; the other VM is older.
  emulator.setSwitches({ listLag: 30_000 });
  emulator.addFault({ operation: 'CreateMachine', when: 'after', action: { kind: 'hang' } });
  await cluster.create({ name: 'late', namespace: 'team-a', spec });
  await cluster.until('it is asked for', async () => emulator.ledger.liveMachines().length === 2);
  await site.uninstall();
  emulator.setSwitches({ listLag: 0 });
  const [before, late] = [await cluster.get('team-a', 'web'), await cluster.get('team-a', 'late')];
  demand(before?.metadata.finalizers?.length === 1, 'uninstalling took the finalizer or the object');
  demand(late?.metadata.finalizers?.length === 1 && late.status?.id === undefined, 'the create call was not open');
  await site.rollOut({});
  await power('Running');
  await site.untilState(web, 'Running');
  await site.until(web, 'True/Available');
  await site.until('team-a/late', 'True/Available');
  demandWrites('installed again', 'CreateMachine', 'StartMachine');
  show(
    'helm uninstall left definition, objects and machines; installed again it went on, with nothing made or deleted',
  );
  show('helm uninstall amid a create call: installed again it found the machine by its name, and made no second one');
  await cluster.delete('team-a', 'late');
  await site.untilGone('team-a/late');
  demandWrites('late', 'StopMachine', 'DeleteMachine');
}

/** A second release of another name in the same namespace, and one of the same name in another namespace. */
async function secondRelease(): Promise<void> {
  await site.install({ crds: { enabled: false } }, 'install', 'second');
  await untilSaid('Skipped object that another installation manages', 'second');
  await power('Halted');
  await site.untilState(web, 'Halted');
  await site.until(web, 'True/Available');
  const second = kubelet.pods.filter(({ name }) => name.startsWith('second'));
  demand(second.length === 2 && second.every(({ isReady }) => isReady), 'a second release is not ready');
  demandWrites('two releases', 'StopMachine');
  await site.helm('uninstall', 'second', '--wait');
  await cluster.until('its Pods are gone', async () => kubelet.pods.length === 2);
  show(
    'a second release with the same scope in the same namespace leaves the objects to the first, reports it, and is ready',
  );

  await cluster.createNamespace('elsewhere');
  const refusal = await site
    .install({ crds: { enabled: false } }, 'install', release, '--namespace', 'elsewhere')
    .then(() => '', String);
  const sentence = /ClusterRole\w* "[^"]+" in namespace "" exists and cannot be imported/.exec(refusal);
  demand(sentence !== null, `a second release elsewhere was not refused: ${refusal}`);
  demandWrites('a second release');
  show(`a release of the same name in another namespace is refused: ${sentence?.[0]}`);
  await cluster.delete('team-a', 'web');
  await site.untilGone(web);
  demandWrites('deleted', 'DeleteMachine');
  await site.uninstall();
}

interface KubernetesObject {
  readonly kind: string;
  readonly [field: string]: unknown;
}

const environment = fastEnvironment(site.apiUrl);

/** A user's overlay that points the operator to the emulated provider. */
async function build(source: string): Promise<readonly KubernetesObject[]> {
  const patch = environment.map((value) => ({ op: 'add', path: '/spec/template/spec/containers/0/env/-', value }));
  const folder = path.join(site.logs, 'overlay');
  const kustomization = {
    resources: [path.relative(folder, path.join(root, source))],
    patches: [{ target: { kind: 'Deployment' }, patch: JSON.stringify(patch) }],
  };
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'kustomization.yaml'), JSON.stringify(kustomization));
  const text = await site.kubectl('kustomize', '--load-restrictor', 'LoadRestrictionsNone', folder);
  // `as`: kustomize has found a kind in each.
  return parseAllDocuments(text).map((document) => document.toJS() as KubernetesObject);
}

/** The life cycle of a VM, from `kubectl apply` until everything except the CRD and the namespace is deleted. */
async function life(source: string, where: string): Promise<void> {
  const objects = await build(source);
  const file = path.join(site.logs, 'objects.yaml');
  const write = (chosen: readonly KubernetesObject[]): void =>
    writeFileSync(file, chosen.map((object) => JSON.stringify(object)).join('\n---\n'));
  write(objects);
  await site.kubectl('apply', '-f', file);
  await site.kubectl('-n', home, 'rollout', 'status', `deployment/${release}`, '--timeout', '90s');
  await cluster.create({ name: 'web', namespace: where, spec });
  await site.until(`${where}/web`, 'True/Available');
  await cluster.patch(where, 'web', { spec: { powerState: 'Halted' } });
  await site.untilState(`${where}/web`, 'Halted');
  await cluster.delete(where, 'web');
  await site.untilGone(`${where}/web`);
  demandWrites(source, 'CreateMachine', 'StopMachine', 'DeleteMachine');
  write(objects.filter(({ kind }) => kind !== 'Namespace'));
  await site.kubectl('delete', '-f', file);
  await site.untilEmpty();
  show(`${source}: the Pods started, and a VM was created, halted and deleted`);
}

/** The CRD as an earlier release might have had it. */
function olderDefinition(): KubernetesObject {
  const older = parseAllDocuments(readFileSync(definitionFile, 'utf8'))
    .map((document) => document.toJS())
    .find(({ metadata }) => metadata.name === definition);
  older.metadata.labels['app.kubernetes.io/version'] = '0.0.1';
  delete older.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.restartRequest;
  return older;
}

/** As in docs/uninstall.md. */
async function deleteDefinition(): Promise<void> {
  const refusal = await site.kubectl('delete', 'crd', definition).then(() => '', String);
  demand(refusal.includes('vps247.com/allow-deletion=true'), `the definition is not protected: ${refusal}`);
  await site.kubectl('annotate', 'crd', definition, 'vps247.com/allow-deletion=true');
  await site.kubectl('delete', '-f', definitionFile);
}

async function definitions(): Promise<void> {
  await deleteDefinition();
  await site.install({ crds: { enabled: false } });
  await untilSaid(`The CustomResourceDefinition ${definition} is not installed`);
  demand(!kubelet.pods.some(({ isReady }) => isReady), 'ready without the definition');
  const file = path.join(site.logs, 'older.yaml');
  writeFileSync(file, JSON.stringify(olderDefinition()));
  await site.kubectl('apply', '-f', file);
  await untilSaid('is older than this operator, it lacks spec.restartRequest');
  demand(!kubelet.pods.some(({ isReady }) => isReady), 'ready with an older definition');
  const refusal = await site.rollOut({}, 'upgrade').then(() => '', String);
  demand(refusal.includes('exists and cannot be imported'), `helm took over a definition of others: ${refusal}`);
  await site.install({}, 'upgrade', release, '--take-ownership', '--force-conflicts', '--wait', '--timeout', '90s');
  demandWrites('definitions');
  show(
    'without the CRD, or with an older one, it reports that in a sentence and is not ready; helm takes it over with --take-ownership --force-conflicts',
  );
}

await killLeader();
await image();
for (const version of goldenVersions()) await upgradeFrom(version);
await installAgain();
await secondRelease();
for (const [source, where] of [
  ['deploy/manifests/install.yaml', 'team-b'],
  ['deploy/manifests/install-namespaced.yaml', home],
  ['deploy/kustomize/overlays/cluster', 'team-b'],
  ['deploy/kustomize/overlays/namespaced', home],
] as const)
  await life(source, where);
await definitions();

const { ledger } = emulator;
demand(ledger.duplicates().length === 0, `duplicate names: ${ledger.duplicates().join(', ')}`);
demand(ledger.forbiddenTransitions().length === 0, 'calls in a wrong state');
demand(ledger.liveMachines().length === 0, `${ledger.liveMachines().length} machines are left`);
show(`receipt: ${ledger.machinesEverCreated().length} VMs created for as many objects, all deleted, no duplicate name`);
