import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import { renderCrd } from '../../hack/generate/crd.ts';
import { cases } from '../../hack/golden/cases.ts';
import { goldenChartFiles, leftInGoldenChart } from '../../hack/golden/chart.ts';
import { type Definition, breakingChanges } from '../../hack/golden/breaking-changes.ts';
import { readiness } from '../support/control-plane.ts';
import { currentVersion, goldenFolder, goldenVersions } from '../../hack/golden/versions.ts';

const root = join(import.meta.dirname, '../..');
// Our own files.
const definitionOf = (version: string) =>
  parse(readFileSync(join(root, goldenFolder, version, 'crd.yaml'), 'utf8')) as Definition;
const present = parse(renderCrd()) as Definition;

describe('the CRD only grows', () => {
  it.each(goldenVersions())('nothing of %s is removed', (version) => {
    expect(breakingChanges(definitionOf(version), present)).toEqual([]);
  });
});

describe('the version in package.json has its golden set', () => {
  const version = currentVersion();

  it('whose CRD is the present one: after a release, raise the version before you change the CRD', () => {
    expect(goldenVersions()).toContain(version);
    expect(definitionOf(version)).toEqual(present);
  });

  it('whose chart is the present one, likewise', () => {
    const differing = goldenChartFiles(version).filter(({ path, render }) => {
      const file = join(root, path);
      return !existsSync(file) || readFileSync(file, 'utf8') !== render();
    });
    expect(differing.map(({ path }) => path)).toEqual([]);
    expect(leftInGoldenChart(version)).toEqual([]);
  });

  it('with objects at rest and in transition, and their VMs: `npm run golden` writes them', () => {
    for (const folder of ['samples/at-rest', 'samples/under-way']) {
      expect(readdirSync(join(root, goldenFolder, version, folder)).length, folder).toBeGreaterThan(0);
    }
    expect(existsSync(join(root, goldenFolder, version, 'machines.yaml'))).toBe(true);
  });

  it.each(cases)('whose object $name shows what its case brings about, and nothing of another one', (one) => {
    const file = join(root, goldenFolder, version, 'samples', one.group, `${one.name}.yaml`);
    // Our own files.
    const object = parse(readFileSync(file, 'utf8')) as VirtualMachine;
    expect(readiness(object)).toBe(one.afterwards?.last ?? one.first);
  });
});
