import { spawnSync } from 'node:child_process';
import { globSync, mkdtempDisposableSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { packageVersion, projectRoot } from './manifests.ts';

interface Step {
  readonly name?: string;
  readonly id?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly if?: string;
}

interface Job {
  readonly needs?: string | readonly string[];
  readonly permissions?: Readonly<Record<string, string>>;
  readonly 'timeout-minutes'?: number;
  readonly steps: readonly Step[];
}

interface Workflow {
  readonly permissions?: object;
  readonly defaults?: { readonly run: { readonly shell?: string } };
  readonly jobs: Readonly<Record<string, Job>>;
}

const read = (file: string): string => readFileSync(path.join(projectRoot, file), 'utf8');
const workflows = globSync('.github/workflows/*.yaml', { cwd: projectRoot })
  .toSorted()
  .map((file) => ({ file, text: read(file), workflow: parse(read(file)) as Workflow }));
const release = parse(read('.github/workflows/release.yaml')) as Workflow;

test('every action is pinned to a commit, with a comment that names its version, and to the same one everywhere', () => {
  const pins = new Map<string, Set<string>>();
  for (const { file, text } of workflows) {
    for (const [line, action = '', rest = ''] of text.matchAll(/^.*\buses: ([^@\s]+)(.*)$/gm)) {
      expect(rest, `${file}: ${line}`).toMatch(/^@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
      const repository = action.split('/').slice(0, 2).join('/');
      pins.set(repository, (pins.get(repository) ?? new Set()).add(rest));
    }
  }
  expect(pins.size).toBeGreaterThan(10);
  expect([...pins].filter(([, versions]) => versions.size > 1)).toEqual([]);
});

describe.each(workflows)('$file', ({ workflow }) => {
  test('each job names its permissions and its time limit', () => {
    expect(workflow.permissions).toEqual({});
    for (const [name, { permissions, 'timeout-minutes': minutes }] of Object.entries(workflow.jobs)) {
      expect(permissions, name).toBeDefined();
      expect(minutes, name).toBeLessThanOrEqual(90);
    }
  });

  // Except the build of the image, in separate containers.
  test('no job that can publish runs code of packages', () => {
    for (const [name, { permissions = {}, steps }] of Object.entries(workflow.jobs)) {
      const mayPublish = ['contents', 'packages', 'attestations'].some((scope) => permissions[scope] === 'write');
      const runs = steps.filter(({ run = '' }) => /\b(?:npm|npx|node|go)\b|\.ci\/run/.test(run)).map(({ run }) => run);
      expect(mayPublish ? runs : [], name).toEqual([]);
    }
  });
});

/** The jobs that have to end well before one begins. */
function before(name: string): string[] {
  const needs = [release.jobs[name]?.needs ?? []].flat();
  return [...needs, ...needs.flatMap(before)];
}

/** Runs a step's own script as a runner does. */
function runStep(name: string, env: Readonly<Record<string, string>>, cwd = projectRoot): number | null {
  const steps = Object.values(release.jobs).flatMap((job) => job.steps);
  const script = steps.find((step) => step.name === name)?.run;
  expect(script, name).toBeDefined();
  // Without an explicit shell, a step continues if a program in the middle of a pipe fails.
  const flags = release.defaults?.run.shell === 'bash' ? ['--noprofile', '--norc', '-eo', 'pipefail'] : ['-e'];
  const args = [...flags, '-c', script ?? ''];
  return spawnSync('bash', args, { cwd, env: { PATH: process.env['PATH'] ?? '', ...env } }).status;
}

describe('a release', () => {
  test('is published only after all tests, verification and audit', () => {
    const publishing = Object.entries(release.jobs).filter(([, { permissions = {} }]) =>
      Object.values(permissions).includes('write'),
    );
    expect(publishing.map(([name]) => name)).toEqual(['publish', 'release']);
    for (const [name] of publishing) {
      const steps = before(name).flatMap((job) => release.jobs[job]?.steps ?? []);
      const run = steps.filter((step) => step.if === undefined).map((step) => step.run);
      expect(run).toEqual(
        expect.arrayContaining(['.ci/run', 'npm run verify', 'npm audit --omit=dev --audit-level=low']),
      );
    }
  });

  test.each([
    ['the version of package and chart', `v${packageVersion()}`, 0],
    ['another version', 'v99.0.0', 1],
    ['a version that only looks like it', `v${packageVersion().replaceAll('.', 'x')}`, 1],
  ])('needs a tag that equals the version of package and chart: %s', (_what, tag, code) => {
    expect(runStep('Compare the tag with the version of package and chart', { GITHUB_REF_NAME: tag })).toBe(code);
  });

  const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
  test.each([
    ['both', digest, digest, 0],
    ['none of the image', '', digest, 1],
    ['none of the chart', digest, '', 1],
    ['one that is too long', digest, `${digest}0`, 1],
  ])('signs nothing without a digest: %s', (_what, image, chart, code) => {
    expect(runStep('Require digests of image and chart', { IMAGE: image, CHART: chart })).toBe(code);
  });

  test.each([
    ['the digest that helm prints', `echo "Pushed: x" >&2; echo "Digest: ${digest}" >&2`, 0, `digest=${digest}\n`],
    ['nothing when helm prints none', 'echo "Pushed: x"', 0, 'digest=\n'],
    ['nothing when helm fails', '[ "$1" = registry ]', 1, ''],
  ])('passes on, of the chart, %s', (_what, helm, code, output) => {
    using folder = mkdtempDisposableSync(path.join(os.tmpdir(), 'vps247-workflow-'));
    const outputFile = path.join(folder.path, 'output');
    writeFileSync(outputFile, '');
    writeFileSync(path.join(folder.path, 'helm'), `#!/bin/sh\n${helm}\n`, { mode: 0o755 });
    const env = {
      PATH: `${folder.path}:${process.env['PATH']}`,
      GITHUB_OUTPUT: outputFile,
      CHARTS: 'x',
      VERSION: '1',
      GH_TOKEN: '',
    };
    expect(runStep('Push the chart', { GITHUB_ACTOR: 'x', ...env }, folder.path)).toBe(code);
    expect(readFileSync(outputFile, 'utf8')).toBe(output);
  });

  test('checks both digests before it signs or attests anything', () => {
    const names = release.jobs['publish']?.steps.map(({ name = '' }) => name) ?? [];
    const checked = names.indexOf('Require digests of image and chart');
    const using = names.findIndex((name) => name === 'Sign' || name.startsWith('Attest'));
    expect(checked).toBeGreaterThan(0);
    expect(using).toBeGreaterThan(checked);
  });
});
