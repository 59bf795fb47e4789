import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { nodeEnvironment, nodeFlags } from '../support/node-options.ts';
import { settingsTable } from '../../src/config/settings.ts';
import { packageVersion, projectRoot } from './manifests.ts';

interface Instruction {
  readonly word: string;
  readonly rest: string;
}

function read(file: string): string[] {
  const lines = readFileSync(path.join(projectRoot, file), 'utf8').split('\n');
  return lines.filter((line) => line.trim() !== '' && !line.startsWith('#'));
}

const instructions: Instruction[] = read('Dockerfile')
  .join('\n')
  .replaceAll(/\\\n\s*/g, '')
  .split('\n')
  .map((line) => ({ word: line.split(/\s/, 1)[0] ?? '', rest: line.replace(/^\S+\s+/, '') }));
const lastFrom = instructions.findLastIndex(({ word }) => word === 'FROM');
const restOfLastFrom = instructions[lastFrom]?.rest;
const lastStage = instructions.slice(lastFrom + 1);
const defaults = new Map(
  instructions
    .filter(({ word }) => word === 'ARG')
    .map(({ rest }): [string, string] => {
      const [name = '', value = ''] = rest.split('=');
      return [name, value];
    }),
);

function restOf(word: string): string | undefined {
  return lastStage.findLast((instruction) => instruction.word === word)?.rest;
}

test('the default base images are those of their publishers', () => {
  expect(defaults.get('BUILD_IMAGE')).toMatch(/^docker\.io\/library\/node:\d+-[a-z]+-slim$/);
  expect(defaults.get('RUN_IMAGE')).toMatch(/^gcr\.io\/distroless\//);
});

test('every base image is an argument with a full name and a tag', () => {
  for (const { rest } of instructions.filter(({ word }) => word === 'FROM')) {
    const name = /\$\{(\w+)\}/.exec(rest)?.[1] ?? '';
    expect(defaults.get(name), rest).toMatch(/^[a-z0-9-]+(\.[a-z0-9-]+)+\/[a-z0-9/-]+:[a-z0-9.-]+$/);
  }
});

test('both base images have the same Node, a version that the bundle is built for', () => {
  const majors = [
    /node:(\d+)/.exec(defaults.get('BUILD_IMAGE') ?? ''),
    /nodejs(\d+)/.exec(defaults.get('RUN_IMAGE') ?? ''),
  ];
  expect(majors.map((match) => match?.[1])).toEqual(['24', '24']);
});

test('the final base image is distroless, without a shell', () => {
  expect(restOfLastFrom).toBe('${RUN_IMAGE}');
  expect(defaults.get('RUN_IMAGE')).toMatch(/^gcr\.io\/distroless\/nodejs\d+-debian\d+:nonroot$/);
});

test('every instruction is checked by a test here', () => {
  const words = instructions.map(({ word }) => word);
  expect(words.slice(0, lastFrom).join(' ')).toBe('ARG ARG FROM WORKDIR COPY RUN COPY COPY COPY RUN');
  expect(words.slice(lastFrom + 1).join(' ')).toBe('ARG ARG LABEL ENV COPY COPY WORKDIR USER EXPOSE ENTRYPOINT');
});

test('the last stage runs nothing during the build: its base has no shell', () => {
  expect(lastStage.map(({ word }) => word)).not.toContain('RUN');
});

test('the last stage copies the bundle, the kubectl plugin and the licenses, and nothing else', () => {
  expect(lastStage.filter(({ word }) => word === 'COPY' || word === 'ADD').map(({ rest }) => rest)).toEqual([
    '--from=build --chmod=444 /src/dist/vps247-operator.mjs /src/dist/kubectl-vps.mjs /src/dist/THIRD-PARTY-LICENSES /app/',
    '--chmod=444 LICENSE /app/',
  ]);
});

test('any user can read the program, and no user can change it', () => {
  for (const { rest } of lastStage.filter(({ word }) => word === 'COPY'))
    expect(/--chmod=(\d+)/.exec(rest)?.[1], rest).toBe('444');
});

describe('the stage that builds the bundle', () => {
  const stage = instructions.slice(0, lastFrom);
  const from = stage.find(({ word }) => word === 'FROM')?.rest ?? '';
  const install = stage.find(({ word, rest }) => word === 'RUN' && rest.includes('npm'))?.rest ?? '';

  test("runs on the builder's platform, since the bundle is the same for each", () => {
    expect(from).toBe('--platform=$BUILDPLATFORM ${BUILD_IMAGE} AS build');
    expect(restOfLastFrom).not.toContain('--platform');
  });

  test('installs packages from the lock file, without their scripts', () => {
    expect(stage.filter(({ word }) => word === 'RUN').map(({ rest }) => rest.replace(/^(--\S+\s+)+/, ''))).toEqual([
      // With the development packages, which the build needs.
      'npm ci --ignore-scripts --no-audit --no-fund',
      'node hack/build.ts',
    ]);
    const copied = stage.findIndex(({ rest }) => rest.startsWith('package.json package-lock.json'));
    expect(copied).toBeLessThan(stage.findIndex(({ rest }) => rest === install));
  });

  test("uses npm's settings, which may contain a token, as a build secret and in no layer", () => {
    expect(install).toContain('--mount=type=secret,id=npmrc,target=/root/.npmrc');
    expect(
      JSON.stringify(instructions.filter(({ word }) => word === 'COPY' || word === 'ARG' || word === 'ENV')),
    ).not.toMatch(/npmrc|token|password/i);
  });
});

test('the user is nonroot of the base image, as a number, which runAsNonRoot needs', () => {
  expect(restOf('USER')).toBe('65532:65532');
});

test('the entry point is in exec form and names a program, not a shell', () => {
  const [program, ...args] = JSON.parse(restOf('ENTRYPOINT') ?? '');
  expect([program, args.at(-1)]).toEqual(['/nodejs/bin/node', '/app/vps247-operator.mjs']);
  expect(restOf('CMD')).toBeUndefined();
});

test('Node has the same options in the image as in tests and bench', () => {
  expect(JSON.parse(restOf('ENTRYPOINT') ?? '').slice(1, -1)).toEqual(nodeFlags);
  const variables = Object.fromEntries((restOf('ENV') ?? '').split(/\s+/).map((pair) => pair.split('=')));
  expect(variables).toEqual({ NODE_ENV: 'production', ...nodeEnvironment });
});

test('the labels match package.json and the given revision', () => {
  const { name, license } = JSON.parse(readFileSync(path.join(projectRoot, 'package.json'), 'utf8'));
  const labels = [...(restOf('LABEL') ?? '').matchAll(/org\.opencontainers\.image\.(\w+)="([^"]*)"/g)];
  expect(Object.fromEntries(labels.map(([, key, value]) => [key, value]))).toEqual({
    title: name,
    description: expect.stringContaining('Kubernetes operator'),
    licenses: license,
    version: '${VERSION}',
    revision: '${REVISION}',
  });
  expect(lastStage.filter(({ word }) => word === 'ARG').map(({ rest }) => rest)).toEqual([
    `VERSION=${packageVersion()}`,
    'REVISION=unknown',
  ]);
});

test('the ports are those that the operator listens on', () => {
  const ports = [settingsTable.metricsAddress, settingsTable.healthAddress].map(
    ({ defaultValue }) => /\d+$/.exec(defaultValue)?.[0],
  );
  expect(restOf('EXPOSE')?.split(' ')).toEqual(ports);
});

test('the folders match COPY and the entry point', () => {
  const folders = instructions.filter(({ word }) => word === 'WORKDIR').map(({ rest }) => rest);
  expect(folders).toEqual(['/src', '/app']);
  expect(lastStage.find(({ word }) => word === 'COPY')?.rest).toContain(`${folders[0]}/dist/`);
  expect(JSON.parse(restOf('ENTRYPOINT') ?? '').at(-1)).toContain(`${folders[1]}/`);
});

test('the build context contains exactly what the Dockerfile copies', () => {
  const copied = instructions
    .filter(({ word, rest }) => word === 'COPY' && !rest.startsWith('--from'))
    .flatMap(({ rest }) => rest.split(' ').slice(0, -1))
    .filter((word) => !word.startsWith('--'));
  const [everything, ...exceptions] = read('.dockerignore');
  expect(everything).toBe('*');
  expect(exceptions.map((line) => line.replace(/^!/, '')).toSorted()).toEqual(copied.toSorted());
});
