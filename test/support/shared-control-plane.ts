/** One control plane for all integration tests of a run: vitest calls this before the first of them, and what it returns at the end. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { ensureComponents } from '../../hack/control-plane/components.ts';
import { Refusal } from '../../hack/control-plane/refusal.ts';
import { startControlPlane } from '../../hack/control-plane/start.ts';
import { recordObjects } from './record-objects.ts';
import { publishRecorded } from '../secrets/recording.ts';
import { needs } from './programs.ts';

/** What the test files receive of it. */
export interface SharedCluster {
  /** `https://127.0.0.1:<port>` */
  readonly server: string;
  /** Path of a kubeconfig file with all permissions. */
  readonly kubeconfig: string;
  /** Path of the program. */
  readonly kubectl: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    /** Or why there is none, as a sentence. */
    cluster: SharedCluster | string;
  }
}

/** Its logs and objects stay until the next run. */
const out = join(import.meta.dirname, '../../.out/test');
const logDir = join(out, 'control-plane');

export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  try {
    // Before the control plane starts: building takes all cores.
    const { kubectl } = await ensureComponents(needs.integration.programs);
    rmSync(logDir, { recursive: true, force: true });
    const plane = await startControlPlane({ controllerManager: true, logDir, isAudited: true });
    project.provide('cluster', { server: plane.server, kubeconfig: plane.kubeconfigPath, kubectl });
    const recorder = recordObjects(plane.kubeconfigPath, join(out, 'objects'));
    return async () => {
      publishRecorded(await recorder.stop().catch(String));
      await plane.stop();
    };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    // Passed to the tests, which then fail one by one: thrown here, it would end the whole run, tests that need no cluster
    // included.
    project.provide('cluster', error.message);
    return () => Promise.resolve();
  }
}
