/**
 * What tests run that is built from Go modules: before the first of them, because their own time limits do not cover a build.
 */
import type { TestProject } from 'vitest/node';
import type { ProgramName } from '../../hack/control-plane/catalog.ts';
import { ensureComponents } from '../../hack/control-plane/components.ts';
import { Refusal } from '../../hack/control-plane/refusal.ts';

interface Need {
  /** Patterns of the test files. */
  readonly files: readonly string[];
  readonly programs: readonly ProgramName[];
}

/** By the name of the vitest project that these files are. All other tests need none. */
export const needs = {
  chart: { files: ['test/chart/**/*.test.ts', 'test/monitoring/scrape-targets.test.ts'], programs: ['helm'] },
  gitops: { files: ['test/gitops/**/*.test.ts'], programs: ['gitops'] },
  integration: {
    files: [
      'test/integration/**/*.test.ts',
      'test/control-plane/**/*.test.ts',
      'test/crash/**/*.test.ts',
      'test/soak/**/*.test.ts',
      'test/security/**/*.test.ts',
    ],
    programs: ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl', 'helm', 'gitops', 'jq'],
  },
} as const satisfies Readonly<Record<string, Need>>;

/** The globalSetup of a project that needs no more than its programs: vitest calls it only when one of its files is to run. */
export default async function setUp({ name }: TestProject): Promise<void> {
  try {
    // `as`: the projects come from this table.
    await ensureComponents(needs[name as keyof typeof needs].programs);
  } catch (error) {
    // Each test reports it itself: thrown here, it would end the whole run.
    if (!(error instanceof Refusal)) throw error;
  }
}
