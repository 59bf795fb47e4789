import type { Cluster } from './control-plane.ts';

const every = 1_000;

/**
 * Plays the part of Kubernetes' garbage collector that users of a control plane without kube-controller-manager miss: Secrets of
 * VirtualMachines that are gone are deleted. Returns what ends it.
 */
export function collectGarbage(cluster: Cluster): () => Promise<void> {
  const ending = new AbortController();
  const { signal } = ending;
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      // Without an API server, or before the CRD is installed, there is nothing to collect.
      await cluster.deleteOrphanedSecrets().catch(() => {});
      await pause(every, signal);
    }
  };
  const ended = run();
  return () => {
    ending.abort();
    return ended;
  };
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
