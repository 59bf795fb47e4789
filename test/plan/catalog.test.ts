import { describe, expect, it } from 'vitest';
import { resolve } from '../../src/plan/catalog.ts';
import { objectWith } from './fixtures.ts';

const region = { id: 1, name: 'Amsterdam 1', packageIds: [2, 3] };
const budget = { id: 2, name: 'Budget', osTemplateIds: [4] };
const elsewhere = { id: 9, name: 'Elsewhere' };
const debian = { id: 4, name: 'Debian 13 x64' };
const windows = { id: 5, name: 'Windows' };
const catalog = {
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
    expect(resolve(spec, catalog)).toEqual({ ok: true, regionId: 1, packageId: 2, osTemplateId: 4 });
  });

  it.each([
    { because: 'the region names no packages', lists: { regions: [{ id: 1, name: 'Amsterdam 1' }] } },
    { because: 'the package names no templates', lists: { packages: [{ id: 2, name: 'Budget' }] } },
  ])('is used as it is where the lists give no compatibility: $because', ({ lists }) => {
    expect(resolve(spec, { ...catalog, ...lists })).toMatchObject({ ok: true });
  });

  it.each([
    {
      because: 'the package is not among those of the region',
      spec: { ...spec, package: { name: 'Elsewhere' } },
      says: 'package "Elsewhere" (9) is not offered in region "Amsterdam 1" (1); offered there: "Budget" (2), 3. Fix spec.package or spec.region.',
    },
    {
      because: 'the region has no packages at all',
      lists: { regions: [{ ...region, packageIds: [] }] },
      says: 'package "Budget" (2) is not offered in region "Amsterdam 1" (1); offered there: none. Fix spec.package or spec.region.',
    },
    {
      because: 'the template is not among those of the package',
      spec: { ...spec, osTemplate: { id: 5 } },
      says: 'osTemplate "Windows" (5) is not offered with package "Budget" (2); offered with it: "Debian 13 x64" (4). Fix spec.osTemplate or spec.package.',
    },
    {
      because: 'the package has no templates at all',
      lists: { packages: [{ ...budget, osTemplateIds: [] }] },
      says: 'osTemplate "Debian 13 x64" (4) is not offered with package "Budget" (2); offered with it: none. Fix spec.osTemplate or spec.package.',
    },
  ])('that the lists exclude is not tried: $because', ({ says, ...given }) => {
    const [asked, lists] = ['spec' in given ? given.spec : spec, 'lists' in given ? given.lists : {}];
    expect(resolve({ ...spec, ...asked }, { ...catalog, ...lists })).toEqual({
      ok: false,
      statusReason: { reason: 'CombinationNotOffered', message: says },
    });
  });

  it('with a typo names the three nearest entries first, and no more than nine others', () => {
    const templates = ['CentOS 7', 'Windows 2025', 'Debian 12 x64', 'Ubuntu 24.04', 'Debian 13 x64', 'Debian 13 arm64'];
    const more = Array.from({ length: 10 }, (_, index) => `Appliance ${index}`);
    const osTemplates = [...templates, ...more].map((name, index) => ({ id: index + 1, name }));
    expect(resolve({ ...spec, osTemplate: { name: 'debain 13 x64' } }, { ...catalog, osTemplates })).toEqual({
      ok: false,
      statusReason: {
        reason: 'UnknownCatalogName',
        message:
          'osTemplate "debain 13 x64" not found; nearest: "Debian 13 x64" (5), "Debian 12 x64" (3), "Debian 13 arm64" (6); ' +
          'also valid: "CentOS 7" (1), "Appliance 4" (11), "Appliance 6" (13), "Ubuntu 24.04" (4), "Appliance 0" (7), ' +
          '"Appliance 1" (8), "Appliance 2" (9), "Appliance 3" (10), "Appliance 5" (12) and 4 more. Fix spec.osTemplate.name.',
      },
    });
  });

  it('by an unknown id names the existing ids', () => {
    expect(resolve({ ...spec, package: { id: 7 } }, catalog)).toMatchObject({
      statusReason: { message: 'package 7 not found; valid: "Budget" (2), "Elsewhere" (9). Fix spec.package.id.' },
    });
  });
});
