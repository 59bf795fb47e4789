import { expect, test } from 'vitest';
import { readSpec } from '../../src/api/v1alpha1/validation.ts';
import { objectWith } from '../plan/fixtures.ts';

const { spec: good } = objectWith();

test('a spec that the schema allows is returned unchanged', () => {
  const read = readSpec(good);
  expect(read.errors).toEqual([]);
  expect(read.spec).toBe(good);
});

function without(field: 'region' | 'package' | 'osTemplate') {
  const { [field]: _, ...rest } = good;
  return rest;
}

test.each(['region', 'package', 'osTemplate'] as const)('%s may be missing where no VM is created from it', (field) => {
  for (const given of [{ adoption: { policy: 'MustExist', name: 'Web 1' } }, { managementPolicy: 'Observe' }])
    expect(readSpec({ ...without(field), ...given }).errors).toEqual([]);
});

test('bounds belong to fields of the schema', () => {
  const sshKeyIds = [1, Number.MAX_SAFE_INTEGER, ...Array.from({ length: 30 }, (_, index) => index + 2)];
  for (const providerName of ['x', 'x'.repeat(63)])
    expect(readSpec({ ...good, providerName, sshKeyIds }).errors).toEqual([]);
});

const adopting = (length: number): object => ({
  ...good,
  adoption: { policy: 'MustExist', name: '😀'.repeat(length) },
});

test('characters are counted as the API server counts them', () => {
  expect(readSpec(adopting(255)).errors).toEqual([]);
  expect(readSpec(adopting(256)).errors).toEqual([
    `spec.adoption.name must have 1 to 255 characters, not "${'😀'.repeat(62)}…`,
  ]);
});

test('unknown fields are ignored', () => {
  expect(readSpec({ ...good, fromLater: true }).errors).toEqual([]);
});

test.each<[stored: unknown, flaw: string, spec: object]>([
  [{ ...good, powerState: 'Suspended' }, 'spec.powerState must be one of Running, Halted, not "Suspended"', good],
  [{ ...good, ipv6: 'yes' }, 'spec.ipv6 must be a boolean, not "yes"', good],
  [{ ...good, sshKeyIds: [1, 0.5] }, 'spec.sshKeyIds[1] must be an integer, not 0.5', good],
  [{ ...good, sshKeyIds: [0] }, 'spec.sshKeyIds[0] must be from 1 to 9007199254740991, not 0', good],
  [{ ...good, sshKeyIds: 7 }, 'spec.sshKeyIds must be an array, not 7', good],
  [
    { ...good, providerName: 'My Machine' },
    'spec.providerName must match ^[a-z0-9]([-a-z0-9]*[a-z0-9])?$, not "My Machine"',
    good,
  ],
  [{ ...good, providerName: '' }, 'spec.providerName must have 1 to 63 characters, not ""', good],
  [
    { ...good, providerName: 'x'.repeat(64) },
    `spec.providerName must have 1 to 63 characters, not "${'x'.repeat(62)}…`,
    good,
  ],
  [
    { ...good, sshKeyIds: Array.from({ length: 33 }, (_, index) => index + 1) },
    'spec.sshKeyIds must have at most 32 items, not [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24…',
    good,
  ],
  [{ ...good, deletionPolicy: 'Archive' }, 'spec.deletionPolicy must be one of Delete, Retain, not "Archive"', good],
  [
    { ...good, adoption: { policy: 'MustExist', name: 'Web\t1' } },
    String.raw`spec.adoption.name must match ^[^\x00-\x1f\x7f-\x9f]+$, not "Web\t1"`,
    { ...good, adoption: { policy: 'MustExist' } },
  ],
  [
    { ...good, adoption: { policy: 'MustExist', id: -1 } },
    'spec.adoption.id must be from 1 to 9007199254740991, not -1',
    { ...good, adoption: { policy: 'MustExist' } },
  ],
  [
    { ...good, powerOff: { mode: 'Gentle', gracePeriodSeconds: 420 } },
    'spec.powerOff.mode must be one of Soft, Hard, TrySoft, not "Gentle"',
    { ...good, powerOff: { mode: 'TrySoft', gracePeriodSeconds: 420 } },
  ],
  [
    { ...good, powerOff: { mode: 'Soft', gracePeriodSeconds: '5m' } },
    'spec.powerOff.gracePeriodSeconds must be an integer, not "5m"',
    { ...good, powerOff: { mode: 'Soft', gracePeriodSeconds: 300 } },
  ],
  [{ ...good, credentialsSecretRef: 'mine' }, 'spec.credentialsSecretRef must be an object, not "mine"', good],
  [{ ...good, credentialsSecretRef: undefined }, 'spec.credentialsSecretRef is missing', good],
  [
    { ...good, region: { id: 1, name: 'one' } },
    'spec.region needs exactly one of id or name',
    { ...good, region: { id: 1, name: 'one' } },
  ],
  [{ ...good, region: {} }, 'spec.region needs exactly one of id or name', { ...good, region: {} }],
  [without('package'), 'spec.package is missing', { ...without('package') }],
  ...(['Never', 'IfExists'] as const).flatMap((policy) =>
    [{ id: 7 }, { name: 'Web 1' }].map((which): [object, string, object] => {
      const spec = { ...good, adoption: { policy, ...which } };
      return [spec, 'spec.adoption.id and spec.adoption.name need policy MustExist', spec];
    }),
  ),
])('%j: %s', (stored, flaw, spec) => {
  expect(readSpec(stored)).toEqual({ errors: [flaw], spec });
});

test.each([[undefined], [null], ['spec'], [[]]])('%j does not count as a spec, and causes no exception', (stored) => {
  const { errors: flaws, spec } = readSpec(stored);
  expect(flaws).toEqual([`spec must be an object, not ${JSON.stringify(stored) ?? 'nothing'}`]);
  expect(spec).toMatchObject({
    powerState: 'Running',
    credentialsSecretRef: { name: 'vps247-credentials' },
  });
});

test('long values are quoted in part only', () => {
  const [flaw = ''] = readSpec({ ...good, powerState: 'x'.repeat(10_000) }).errors;
  expect(flaw.length).toBeLessThan(200);
});
