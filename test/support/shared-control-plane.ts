/** One control plane for all integration tests of a run: vitest calls this before the first of them, and what it returns at the end. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { ensureComponents } from '../../hack/control-plane/components.ts';
import { startControlPlane } from '../../hack/control-plane/start.ts';

/** What the test files are told of it. */
export interface SharedCluster {
  /** `https://127.0.0.1:<port>` */
  readonly server: string;
  /** Path of a kubeconfig file with all rights. */
  readonly kubeconfig: string;
  /** Path of the program. */
  readonly kubectl: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    cluster: SharedCluster;
  }
}

/** Its logs stay until the next run. */
const logDir = join(import.meta.dirname, '../../.out/test/control-plane');

export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  // Before the control plane starts: building takes all cores.
  await ensureComponents(['etcd', 'kube-apiserver', 'kube-controller-manager']);
  const { kubectl } = await ensureComponents(['kubectl']);
  rmSync(logDir, { recursive: true, force: true });
  const plane = await startControlPlane({ controllerManager: true, logDir });
  project.provide('cluster', { server: plane.server, kubeconfig: plane.kubeconfigPath, kubectl });
  return () => plane.stop();
}
