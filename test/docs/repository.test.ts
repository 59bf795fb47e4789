import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { imageName, repositoryUrl } from '../../hack/generate/package.ts';
import { projectRoot } from '../support/pages.ts';

/** Every file that is committed, or would be. */
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: projectRoot,
  encoding: 'utf8',
})
  .trim()
  .split('\n')
  .filter((file) => existsSync(path.join(projectRoot, file)) && statSync(path.join(projectRoot, file)).isFile());

const { pathname } = new URL(repositoryUrl());

/** Owners and names by which a text means a repository of this name or its image, on whichever host: `/owner/vps247-operator`. */
function addressesIn(text: string): string[] {
  const hosted = /(?:https?:\/\/|\b)(?:[\w-]+\.)+(?:com|io|org|dev)(\/[\w.-]+\/vps247-operator)\b/g;
  return Array.from(text.matchAll(hosted), ([, address = '']) => address);
}

const read = (file: string): string => readFileSync(path.join(projectRoot, file), 'utf8');

test('no file names another address of the repository than package.json', () => {
  expect(repositoryUrl()).toMatch(/^https:\/\/github\.com\/[\w-]+\/vps247-operator$/);
  const others = files.flatMap((file) =>
    addressesIn(read(file))
      .filter((address) => address !== pathname)
      .map((address) => `${file}: ${address}`),
  );
  expect(others).toEqual([]);
});

test('programs and workflows take it from there', () => {
  const programs = files.filter(
    (file) => /\.(?:ts|mjs|lua|go)$|^Dockerfile$|^\.github\/workflows\//.test(file) && !file.endsWith('.test.ts'),
  );
  expect(programs.length).toBeGreaterThan(100);
  expect(programs.filter((file) => read(file).includes(pathname))).toEqual([]);
});

test("the chart's image is that repository's", () => {
  const { registry, repository } = parse(read('deploy/chart/values.yaml')).image;
  expect(`${registry}/${repository}`).toBe(imageName());
});

test('another address would be noticed', () => {
  const name = 'vps247-operator';
  const text = `see https://github.com/me/${name}, ghcr.io/you/${name}:1 and vps247.com/operator`;
  expect(addressesIn(text)).toEqual([`/me/${name}`, `/you/${name}`]);
});
