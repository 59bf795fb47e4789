import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
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

/** Files that take more than a minute, which start first: the last one would run alone at the end. */
const long = [
  'security/tenant',
  'crash/crash',
  'integration/operator/recovery',
  'integration/operator/election',
  'integration/runtime/faults',
  'security/memory',
  'security/policies',
  'security/provider',
].map((file) => resolve(import.meta.dirname, 'test', `${file}.test.ts`));
const missing = long.filter((file) => !existsSync(file));
if (missing.length > 0) throw new Error(`no such test file: ${missing.join(', ')}`);

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- it is not that of an array
    const usual = await super.sort(files);
    return [...usual.filter(isLong), ...usual.filter((file) => !isLong(file))];
  }
}

function isLong({ moduleId }: TestSpecification): boolean {
  return long.includes(moduleId);
}

export default defineConfig({
  test: {
    maxWorkers: Math.max(2, availableParallelism() - 1),
    sequence: { sequencer: LongestFirst },
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
