import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { packageInfo, repositoryUrl } from '../../hack/generate/package.ts';
import { anchorsIn } from '../../hack/verify/links.ts';
import { steps } from '../../hack/verify/steps.ts';
import { projectRoot } from '../support/pages.ts';
import { securityInsights } from './security-insights-schema.ts';

const read = (file: string): string => readFileSync(path.join(projectRoot, file), 'utf8');
const text = read('security-insights.yml');
const insights = parse(text);

const ajv = new Ajv({ allErrors: true });
formats.default(ajv);
const isValid = ajv.compile(securityInsights);

/** What a file has wrong, as `where: what`. */
function faultsOf(file: unknown): string[] {
  return isValid(file) ? [] : (isValid.errors ?? []).map(({ instancePath, message }) => `${instancePath}: ${message}`);
}

test('it is as version 2.2.0 of the specification asks', () => {
  expect(faultsOf(insights)).toEqual([]);
});

test.each([
  ['an unknown field', { project: { ...insights.project, owner: 'x' } }, '/project: must NOT have additional'],
  ['a field too few', { repository: { ...insights.repository, status: undefined } }, 'must have required property'],
  ['another version', { header: { ...insights.header, 'schema-version': '2.0.0' } }, '/header/schema-version: must be'],
  [
    'a date that is none',
    { header: { ...insights.header, 'last-updated': 'today' } },
    '/header/last-updated: must match',
  ],
  ['no administrator', { project: { ...insights.project, administrators: [] } }, '/project/administrators: must NOT'],
])('%s would be noticed', (_what, change, fault) => {
  const changed = JSON.parse(JSON.stringify({ ...insights, ...change }));
  expect(faultsOf(changed)).toEqual([expect.stringContaining(fault)]);
});

test('what it links to in the repository is there', () => {
  const links = Array.from(text.matchAll(/blob\/main\/([^#\s]+)(?:#(\S+))?/g));
  expect(links.length).toBeGreaterThan(10);
  const broken = links
    .filter(([, file = '', anchor]) => {
      if (!existsSync(path.join(projectRoot, file))) return true;
      return anchor !== undefined && !anchorsIn(read(file)).has(anchor);
    })
    .map(([link]) => link);
  expect(broken).toEqual([]);
});

test('it says of license, address and version what package.json says', () => {
  const { license, version } = packageInfo();
  const { repository } = insights;
  expect([repository.license.expression, repository.url]).toEqual([license, repositoryUrl()]);
  const isReleased = read('CHANGELOG.md').includes(`## [${version}]`);
  expect(repository.status, 'a project without a release is work in progress').toBe(isReleased ? 'active' : 'WIP');
});

test('every tool is really run', () => {
  const workflows = globSync('.github/**/*.y*ml', { cwd: projectRoot });
  const run = [...workflows, ...workflows.map(read), ...steps.map(({ name }) => name)].join('\n').toLowerCase();
  const tools: readonly { readonly name: string }[] = insights.repository.security.tools;
  expect(tools.filter(({ name }) => !run.includes(name.toLowerCase()))).toEqual([]);
});
