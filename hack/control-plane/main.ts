/** `npm run control-plane`: a control plane to try things on, until Ctrl-C. */
import { delimiter, dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { Cluster } from '../../test/support/control-plane.ts';
import { collectGarbage } from '../../test/support/garbage-collector.ts';
import { showProgress } from '../setup/progress.mjs';
import { ensureArchivedComponents, ensureComponents } from './components.ts';
import { publish } from './directories.ts';
import { Refusal } from './refusal.ts';
import { startControlPlane } from './start.ts';

const usage = `Usage: npm run control-plane [-- --with-controller-manager]

Starts etcd and kube-apiserver on this machine, prints how to reach them, and stops them on Ctrl-C. All data is deleted then.

  --with-controller-manager   run the controllers too: garbage collection, namespaces, service accounts, deployments. Without it,
                              only the Secrets of deleted VirtualMachines are deleted
  --help                      this text

Environment variables: KUBEBUILDER_ASSETS, ENVTEST_MIRROR and HTTPS_PROXY, as for npm run demo.`;

/** Throws a Refusal when the flags make no sense. */
function readOptions(args: string[]): { wantsHelp: boolean; controllerManager: boolean } {
  try {
    const { values } = parseArgs({
      args,
      options: { 'with-controller-manager': { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    });
    return { wantsHelp: values.help === true, controllerManager: values['with-controller-manager'] === true };
  } catch (error) {
    throw new Refusal(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
}

/** The first signal. Later ones are ignored: npm forwards a Ctrl-C that the terminal has already delivered. */
function endWished(): Promise<'wished'> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve('wished'));
  });
}

/** No archive has a kube-controller-manager, and one that is newer than its API server isn't supported: then all are built. */
function ensurePrograms(controllerManager: boolean) {
  const names = ['etcd', 'kube-apiserver', 'kubectl'] as const;
  return controllerManager ? ensureComponents([...names, 'kube-controller-manager']) : ensureArchivedComponents(names);
}

async function main(): Promise<void> {
  const { wantsHelp, controllerManager } = readOptions(process.argv.slice(2));
  if (wantsHelp) {
    console.log(usage);
    return;
  }
  // Fetched before anything is started, and not by the start: so that the user sees which of the two takes long.
  const programs = await ensurePrograms(controllerManager);
  const ending = endWished();
  const finish = showProgress(() => 'Starting the control plane');
  const starting = startControlPlane({ controllerManager, programs });
  let lastWords: string | undefined;
  try {
    await starting;
    lastWords = 'Control plane ready';
  } finally {
    finish(lastWords);
  }
  await using plane = await starting;
  using published = publish({ kubeconfig: plane.kubeconfigPath, kubectl: programs.kubectl });
  const cluster = new Cluster(plane.kubeconfigPath);
  await using collecting = new AsyncDisposableStack();
  collecting.defer(() => cluster.close());
  if (!controllerManager) collecting.defer(collectGarbage(cluster));
  console.log(`To use it, in another terminal:

  export KUBECONFIG=${published.kubeconfig}
  export PATH=${dirname(published.kubectl)}${delimiter}$PATH

Logs: ${plane.logDir}
Press Ctrl-C to stop it.`);
  const end = await Promise.race([ending, plane.failure]);
  if (end !== 'wished') throw end;
  console.log('Stopping.');
}

try {
  await main();
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
