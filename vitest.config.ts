import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { needs } from './test/support/programs.ts';

/** Limits for what hangs, not a measure of speed: a busy machine takes ten times as long as an idle one. */
function limits(timeout: number) {
  return {
    testTimeout: timeout,
    hookTimeout: Math.max(timeout, 120_000),
    expect: {
      // A test that asserts nothing passes whatever happens.
      requireAssertions: true,
      // Less than the test, which would end without a word about what was polled.
      poll: { timeout: (timeout * 2) / 3, interval: 10 },
    },
  };
}

const { chart, gitops, integration } = needs;

export default defineConfig({
  test: {
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...chart.files, ...gitops.files, ...integration.files],
          sequence: { groupOrder: 0 },
          ...limits(60_000),
        },
      },
      ...(['chart', 'gitops'] as const).map((name) => ({
        test: {
          name,
          include: [...needs[name].files],
          globalSetup: 'test/support/programs.ts',
          sequence: { groupOrder: 0 },
          ...limits(60_000),
        },
      })),
      {
        test: {
          name: 'integration',
          include: [...integration.files],
          // Called only when one of these files is to run.
          globalSetup: 'test/support/shared-control-plane.ts',
          // After the others: a unit test that fails is seen at once, and is not kept from its core.
          sequence: { groupOrder: 1 },
          // These tests mostly wait: for Leases, polls and backoff.
          maxWorkers: 2 * Math.max(2, availableParallelism()),
          // Several processes share the cores with an API server.
          ...limits(180_000),
        },
      },
    ],
  },
});
