import { Cluster } from './control-plane.ts';
import { kubectl, sharedCluster } from './shared-cluster.ts';

/** Adds the optional CRD to the cluster of the tests, and waits until its API server serves it. */
export async function applyAccountsCrd(): Promise<void> {
  const cluster = new Cluster(sharedCluster().kubeconfig);
  await cluster.applyFiles(['crds/accounts.vps247.com.yaml']);
  await cluster.until('the API server serves Accounts', async () => (await kubectl(['get', 'vpsaccount'])).code === 0);
}
