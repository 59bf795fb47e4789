/**
 * `npm run demo`: a real kube-apiserver and etcd, the emulated provider, the operator with the permissions of its
 * role, VMs from creation to deletion, and one that is adopted and kept. Ends with a summary from the emulator's
 * ledger; exits 1 if a figure isn't as expected.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createEmulator } from '../../emulator/emulator.ts';
import { serve } from '../../emulator/server.ts';
import { ensureArchivedComponents } from '../control-plane/components.ts';
import { type ControlPlaneOptions, startControlPlane } from '../control-plane/start.ts';
import { Cluster } from '../../test/support/control-plane.ts';
import { collectGarbage } from '../../test/support/garbage-collector.ts';
import { type OperatorProcess, startOperator } from '../../test/support/operator-process.ts';
import { demoNamespace, runScenario } from './scenario.ts';

const usage = `Usage: npm run demo [-- --kubeconfig FILE] [--no-stay]

Runs a real control plane, the emulated provider and the operator, and creates, restarts and deletes VMs.

  --kubeconfig FILE   use an existing cluster, for example of kind, instead of starting a control plane
  --no-stay           exit after the summary, also on a terminal
  --help              print this text

Environment variables:

  KUBEBUILDER_ASSETS  folder with etcd, kube-apiserver and kubectl, used instead of downloading them
  ENVTEST_MIRROR      where to download them from, instead of
                      https://github.com/kubernetes-sigs/controller-tools/releases/download
  HTTPS_PROXY         proxy for the download; NO_PROXY lists exceptions`;

interface Options {
  readonly kubeconfig: string | undefined;
  readonly mayStay: boolean;
}

const operatorNamespace = 'vps247-system';
const apiKey = 'demo-key';

/** Cleanups, run in reverse order, however the demo ends. */
type Cleanups = (() => Promise<unknown>)[];

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (typeof options === 'number') return options;
  // Before Ctrl-C is caught: Ctrl-C in the terminal also ends a download or build.
  const programs =
    options.kubeconfig === undefined ? await ensureArchivedComponents(['etcd', 'kube-apiserver']) : undefined;
  const interrupted = new Promise<void>((resolve) => {
    // Caught permanently: npm forwards a Ctrl-C that the terminal has delivered already.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve());
  });
  const directory = mkdtempSync(path.join(tmpdir(), 'vps247-demo-'));
  const cleanups: Cleanups = [];
  let exitCode = 1;
  try {
    const isGood = await Promise.race([run(options, programs, directory, cleanups), interrupted]);
    exitCode = isGood === undefined ? 130 : isGood ? 0 : 1;
    if (isGood !== undefined && options.mayStay) await interrupted;
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
    if (exitCode === 1 && readdirSync(directory).length > 0) console.log(`Logs: ${directory}`);
    else rmSync(directory, { recursive: true, force: true });
  }
  return exitCode;
}

/** Sets everything up and runs the scenario; returns whether all figures are as expected. */
async function run(
  options: Options,
  programs: ControlPlaneOptions['programs'],
  directory: string,
  cleanups: Cleanups,
): Promise<boolean> {
  const isOwnCluster = options.kubeconfig === undefined;
  const kubeconfig = options.kubeconfig ?? (await startCluster(programs, directory, cleanups));
  const cluster = new Cluster(kubeconfig);
  cleanups.push(() => cluster.close());
  if (isOwnCluster) cleanups.push(collectGarbage(cluster));
  else await refuseOtherOperator(cluster);

  const emulator = createEmulator({ seed: 1, accounts: [{ ownerId: 1, keys: [apiKey] }] });
  const provider = await serve(emulator, { port: 0 });
  cleanups.push(() => provider.close());
  console.log(`Provider   ${provider.url}/ (emulated; open it in a browser to see its VMs and calls)`);

  const operator = await install(cluster, provider.url, directory, cleanups, isOwnCluster);
  const { health, metrics } = await operator.addresses;
  console.log(`Operator   process ${operator.pid}, as service account ${operatorNamespace}/vps247-operator`);
  console.log(`           ${metrics}/metrics, ${health}/readyz\n`);

  if (!isOwnCluster) cleanups.push(() => clearAway(cluster));
  const isGood = await runScenario({ cluster, emulator, apiKey, out: process.stdout });
  if (options.mayStay) {
    console.log(
      '\nThe demo keeps running. To see and change the VMs at the provider, open its console in a browser:\n',
    );
    console.log(`  ${provider.url}/\n`);
    console.log('To look around in the cluster, run in another terminal:\n');
    console.log(`  export KUBECONFIG=${kubeconfig}`);
    const folder = programs && path.dirname(programs['kube-apiserver']);
    if (folder && existsSync(path.join(folder, 'kubectl')))
      console.log(`  export PATH=${folder}${path.delimiter}$PATH`);
    console.log(`  kubectl apply -f deploy/samples -n ${demoNamespace} && kubectl get vps -n ${demoNamespace} -w\n`);
    console.log('Press Ctrl-C to stop it.');
  }
  return isGood;
}

async function startCluster(
  programs: ControlPlaneOptions['programs'],
  directory: string,
  cleanups: Cleanups,
): Promise<string> {
  const startedAt = performance.now();
  const plane = await startControlPlane({ programs, logDir: path.join(directory, 'control-plane') });
  cleanups.push(() => plane.stop());
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`Cluster    ${plane.server} (kube-apiserver and etcd, ready after ${seconds} s)`);
  return plane.kubeconfigPath;
}

/** An operator that runs in the cluster already would manage the demo's objects, with the real provider. */
async function refuseOtherOperator(cluster: Cluster): Promise<void> {
  const metadata = { name: 'vps247-operator', namespace: operatorNamespace };
  if ((await cluster.read({ apiVersion: 'apps/v1', kind: 'Deployment', metadata })) === undefined) return;
  throw new Error(
    `An operator is installed in this cluster already (${operatorNamespace}/vps247-operator): use another cluster.`,
  );
}

/** Deletes the objects, because nothing would remove their finalizers later. */
async function clearAway(cluster: Cluster): Promise<void> {
  console.log('Deleting the objects of the demo from the cluster.');
  for (const { metadata } of await cluster.list(demoNamespace)) await cluster.delete(demoNamespace, metadata.name);
  await cluster.until('the objects are gone', async () => (await cluster.list(demoNamespace)).length === 0);
  await cluster.deleteNamespace(demoNamespace);
  console.log(
    "The operator's namespace, CRDs and role stay; to remove them: kubectl delete -f deploy/manifests/install.yaml -f deploy/manifests/crds.yaml --ignore-not-found",
  );
}

/** The installation without its Deployment: the cluster has no node, so the operator runs as a process, with the same permissions. */
async function install(
  cluster: Cluster,
  apiUrl: string,
  directory: string,
  cleanups: Cleanups,
  isOwnCluster: boolean,
): Promise<OperatorProcess> {
  await cluster.applyRights();
  await cluster.applyFiles(['crds/accounts.vps247.com.yaml']);
  await cluster.applyCrd();
  const kubeconfig = await cluster.kubeconfigOfServiceAccount(operatorNamespace, 'vps247-operator', directory);
  const flags = ['--accounts', ...(isOwnCluster ? [] : ['--namespaces', demoNamespace])];
  const operator = startOperator({ kubeconfig, apiUrl, flags, logFile: path.join(directory, 'operator.log') });
  cleanups.push(() => operator.stop());
  return operator;
}

function readOptions(argv: readonly string[]): Options | number {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { kubeconfig: { type: 'string' }, 'no-stay': { type: 'boolean' }, help: { type: 'boolean' } },
    });
    if (values.help === true) {
      console.log(usage);
      return 0;
    }
    const isTerminal = process.stdin.isTTY && process.stdout.isTTY;
    return { kubeconfig: values.kubeconfig, mayStay: isTerminal && values['no-stay'] !== true };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
}

try {
  process.exit(await main());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
