import { describe, expect, it } from 'vitest';
import { resolve } from '../../src/plan/catalogue.ts';
import { objectWith } from './fixtures.ts';

const region = { id: 1, name: 'Amsterdam 1', packageIds: [2, 3] };
const budget = { id: 2, name: 'Budget', osTemplateIds: [4] };
const elsewhere = { id: 9, name: 'Elsewhere' };
const debian = { id: 4, name: 'Debian 13 x64' };
const windows = { id: 5, name: 'Windows' };
const catalogue = {
  kind: 'Read',
  regions: [region],
  packages: [budget, elsewhere],
  osTemplates: [debian, windows],
} as const;
const spec = {
  ...objectWith({}).spec,
  region: { name: 'Amsterdam 1' },
  package: { name: 'Budget' },
  osTemplate: { name: 'Debian 13 x64' },
};

describe('a choice of region, package and template', () => {
  it('is three ids', () => {
    expect(resolve(spec, catalogue)).toEqual({ ok: true, regionId: 1, packageId: 2, osTemplateId: 4 });
  });

  it.each([
    { because: 'the region names no packages', lists: { regions: [{ id: 1, name: 'Amsterdam 1' }] } },
    { because: 'the package names no templates', lists: { packages: [{ id: 2, name: 'Budget' }] } },
  ])('is taken as it is where the lists do not say what goes with what: $because', ({ lists }) => {
    expect(resolve(spec, { ...catalogue, ...lists })).toMatchObject({ ok: true });
  });

  it.each([
    {
      because: 'the package is not among those of the region',
      spec: { ...spec, package: { name: 'Elsewhere' } },
      says: 'spec.package: package "Elsewhere" (9) is not offered in region "Amsterdam 1" (1)',
    },
    {
      because: 'the region has no packages at all',
      lists: { regions: [{ ...region, packageIds: [] }] },
      says: 'spec.package: package "Budget" (2) is not offered in region "Amsterdam 1" (1)',
    },
    {
      because: 'the template is not among those of the package',
      spec: { ...spec, osTemplate: { id: 5 } },
      says: 'spec.osTemplate: template "Windows" (5) is not offered on package "Budget" (2)',
    },
    {
      because: 'the package has no templates at all',
      lists: { packages: [{ ...budget, osTemplateIds: [] }] },
      says: 'spec.osTemplate: template "Debian 13 x64" (4) is not offered on package "Budget" (2)',
    },
  ])('that the lists rule out is not tried: $because', ({ says, ...given }) => {
    const [asked, lists] = ['spec' in given ? given.spec : spec, 'lists' in given ? given.lists : {}];
    expect(resolve({ ...spec, ...asked }, { ...catalogue, ...lists })).toEqual({
      ok: false,
      verdict: { reason: 'InvalidSpec', message: says },
    });
  });
});
