import { describe, expect, it } from 'vitest';
import { compareWithSpec } from '../../src/plan/as-specified.ts';
import { plan } from '../../src/plan/plan.ts';
import { now, objectWith, observedWith } from './fixtures.ts';

const london = { id: 7, name: 'London 1' };
const budget = { id: 2, name: 'Budget' };
const debian = { id: 4, name: 'Debian 13 x64' };
const vm = { region: london, package: budget, osTemplate: debian };
const same = { region: { id: 7 }, package: { name: 'Budget' }, osTemplate: { id: 4 } } as const;

const gone = (spec: Parameters<typeof objectWith>[0], status = {}) =>
  plan(
    observedWith({
      id: 90,
      machine: 'Absent',
      spec: { ...same, onExternalDelete: 'Recreate', ...spec },
      status: { id: 90, ...status },
    }),
  );

const unseen = (knownFor: number, more: object = {}) =>
  plan(observedWith({ machine: { kind: 'NotYetSeen' }, history: { knownFor }, ...more }));

describe('the comparison of a VM with the spec', () => {
  it.each([
    { because: 'ids and names are those of the VM', spec: same, actual: vm, result: 'Same' },
    { because: 'another id', spec: { ...same, region: { id: 8 } }, actual: vm, result: 'Different' },
    { because: 'another name', spec: { ...same, package: { name: 'Standard' } }, actual: vm, result: 'Different' },
    { because: 'another template', spec: { ...same, osTemplate: { id: 5 } }, actual: vm, result: 'Different' },
    { because: 'it was created with another ipv6', spec: same, actual: { ...vm, ipv6: true }, result: 'Different' },
    {
      because: 'its SSH keys are those of the spec, in another order',
      spec: { ...same, sshKeyIds: [1, 2] },
      actual: { ...vm, ipv6: false, sshKeyIds: [2, 1] },
      result: 'Same',
    },
    {
      because: 'one of its SSH keys is another',
      spec: { ...same, sshKeyIds: [1, 2] },
      actual: { ...vm, sshKeyIds: [1, 3] },
      result: 'Different',
    },
    {
      because: 'what it was created with is not known, so nothing is claimed',
      spec: { ...same, ipv6: true, privateNetworking: true, sshKeyIds: [1] },
      actual: vm,
      result: 'Same',
    },
    {
      because: 'a name, and the provider reports only an id',
      spec: same,
      actual: { ...vm, package: { id: 2 } },
      result: 'Unknown',
    },
    { because: 'nothing reported of a field', spec: same, actual: { ...vm, region: undefined }, result: 'Unknown' },
    {
      because: 'one field differs and another can not be compared',
      spec: { ...same, region: { id: 8 } },
      actual: { ...vm, package: undefined },
      result: 'Different',
    },
  ] as const)('$because: $result', ({ spec, actual, result }) => {
    expect(compareWithSpec(objectWith({ spec }), 90, actual).result).toBe(result);
  });

  it.each(['region', 'package', 'osTemplate'] as const)(
    'reports nothing about a %s that the spec leaves out',
    (field) => {
      const object = objectWith({ spec: same });
      const { [field]: _, ...rest } = object.spec;
      const actual = { ...vm, [field]: { id: 999, name: 'Other' } };
      expect(compareWithSpec({ ...object, spec: rest }, 90, actual).result).toBe('Same');
    },
  );

  it.each([
    { named: ['region', 'package', 'osTemplate'], says: 'VM 90 has the region, package and template of the spec' },
    { named: ['region', 'osTemplate'], says: 'VM 90 has the region and template of the spec' },
    { named: ['package'], says: 'VM 90 has the package of the spec' },
    { named: [], says: "the spec names no region, package or template, so VM 90 can't differ from it" },
  ] as const)('claims only what the spec names: $says', ({ named, says }) => {
    const object = objectWith({ spec: same });
    const { region: _, package: __, osTemplate: ___, ...rest } = object.spec;
    const spec = { ...rest, ...Object.fromEntries(named.map((field) => [field, same[field]])) };
    expect(compareWithSpec({ ...object, spec }, 90, vm)).toEqual({ result: 'Same', message: says });
  });

  it('is unknown without a VM, with any status', () => {
    expect(compareWithSpec(objectWith({ spec: { ...same, region: { id: 8 } } }), undefined, vm)).toEqual({
      result: 'Unknown',
      message: 'the object has no VM',
    });
  });

  it('names each field that differs, its value and that of the spec, and the command that corrects all of them', () => {
    const spec = { region: { name: 'Amsterdam 1' }, package: { id: 3 }, osTemplate: { id: 4 } };
    const { message } = compareWithSpec(objectWith({ spec }), 90, { ...vm, package: { id: 2 } });
    expect(message).toBe(
      'VM 90: region is "London 1" (id 7), the spec says "Amsterdam 1"; package is id 2, the spec says id 3. To correct the spec: ' +
        `kubectl -n default patch vps web --type merge -p '{"spec":{"region":{"id":7,"name":null},"package":{"id":2,"name":null}}}'`,
    );
  });
});

it('names the options with which a VM was created by the command that corrects them', () => {
  const object = objectWith({ spec: { ...same, sshKeyIds: [1, 2] } });
  const { message } = compareWithSpec(object, 90, { ...vm, privateNetworking: true, sshKeyIds: [] });
  expect(message).toBe(
    'VM 90: it was created with another privateNetworking, sshKeyIds than the spec says. ' +
      `To correct the spec: kubectl -n default patch vps web --type merge -p '{"spec":{"privateNetworking":true,"sshKeyIds":[]}}'`,
  );
});

it('leaves room for the command, with names of any length', () => {
  const name = '\u00fc'.repeat(255);
  const keys = Array.from({ length: 32 }, (_, index) => 1_000_000 + index);
  const spec = { region: { name }, package: { name }, osTemplate: { name } };
  const entry = { id: 10 ** 6, name: `${name.slice(1)}x` };
  const actual = { region: entry, package: entry, osTemplate: entry, sshKeyIds: keys, ipv6: true };
  const { message } = compareWithSpec(objectWith({ spec }), 10 ** 6, actual);
  expect(Buffer.byteLength(message)).toBeLessThanOrEqual(900);
  expect(message).toMatch(/"ipv6":true,"sshKeyIds":\[1000000,.*1000031\]\}\}'$/);
});

describe('a VM that was deleted outside the operator, with onExternalDelete Recreate', () => {
  it('is not recreated with a different spec', () => {
    const { action, statusReason } = gone({}, { ...vm, package: { id: 3, name: 'Standard' } });
    expect(action.type).toBe('None');
    expect(statusReason?.reason).toBe('ExternallyDeleted');
    expect(statusReason?.message).toContain(
      'it is not recreated, because it did not match the spec. VM 90: package is',
    );
  });

  it('is not recreated from an incomplete spec', () => {
    const { action, statusReason } = gone({ package: undefined } as never, vm);
    expect(action.type).toBe('None');
    expect(statusReason).toMatchObject({
      reason: 'ExternallyDeleted',
      message: expect.stringContaining('the spec lacks'),
    });
  });

  it.each([
    ['was as the spec says', vm],
    ['is one of which nothing else is known', {}],
  ])('is recreated where it %s', (_what, status) => {
    const { statusReason } = gone({}, status);
    expect(statusReason?.reason).not.toBe('ExternallyDeleted');
  });
});

describe('an object without conditions', () => {
  it.each([
    { knownFor: 0, after: 1_000 },
    { knownFor: 999, after: 1 },
  ])('may have more to report within its first second: $knownFor ms', ({ knownFor, after }) => {
    expect(unseen(knownFor)).toMatchObject({ statusReason: undefined, after });
  });

  it('reports after a second what the operator searches for', () => {
    expect(unseen(1_000).statusReason).toEqual({
      reason: 'Observing',
      message: 'reading the VMs of the account to look for VM "web-0a1b2c3d"',
    });
    const adoption = { policy: 'MustExist', id: 4711 } as const;
    expect(unseen(1_000, { spec: { adoption } }).statusReason?.message).toContain('to look for VM 4711');
  });

  it('is requeued before its first second ends if a call may be repeated then', () => {
    const soon = { machine: 'Absent', observed: {}, history: { knownFor: 0, notBefore: now + 400 } } as const;
    expect(plan(observedWith(soon))).toMatchObject({ statusReason: undefined, after: 400 });
  });

  it('is the only object that reports this', () => {
    expect(
      plan(observedWith({ id: 90, finalizer: false, machine: 'Running', history: { knownFor: 1_000 } })),
    ).toMatchObject({ action: { type: 'CompleteIdentity' }, statusReason: undefined });
    expect(unseen(1_000, { status: { conditions: [] } })).toMatchObject({ statusReason: undefined, after: undefined });
    expect(unseen(1_000, { deleting: true }).statusReason).toBeUndefined();
  });
});
