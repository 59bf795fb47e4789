import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** What needs a real control plane. */
const integration = [
  'test/integration/**/*.test.ts',
  'test/control-plane/**/*.test.ts',
  'test/crash/**/*.test.ts',
  'test/soak/**/*.test.ts',
  'test/security/**/*.test.ts',
];

/** What needs helm. */
const chart = ['test/chart/**/*.test.ts'];

export default defineConfig({
  test: {
    // The control plane of the integration tests wants a core as well, but two files at a time are bearable everywhere.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...integration, ...chart],
          sequence: { groupOrder: 0 },
          // A limit for what hangs, not a measure of speed: a busy machine takes ten times as long as an idle one.
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'chart',
          include: chart,
          globalSetup: 'test/support/helm.ts',
          sequence: { groupOrder: 0 },
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: integration,
          // Called only when one of these files is to run.
          globalSetup: 'test/support/shared-control-plane.ts',
          // After the others: a unit test that fails is seen at once, and is not kept from its core.
          sequence: { groupOrder: 1 },
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
