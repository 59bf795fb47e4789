import { beforeAll, describe, expect, test } from 'vitest';
import { afterCreation, specSchema } from '../../src/api/v1alpha1/schema/spec.ts';
import { virtualMachineSchema } from '../../src/api/v1alpha1/schema.ts';
import { readSpec } from '../../src/api/v1alpha1/validation.ts';
import { objectWith } from '../plan/fixtures.ts';
import { resourceIn, selectors } from './resource.ts';
import {
  borders,
  changes,
  constraintsOf,
  corrections,
  refusals,
  refusedBy,
  renamings,
  shown,
} from './spec-constraints.ts';

const vps = resourceIn('crd');

beforeAll(() => vps.install());

test('the CRD is structural: the API server reports no problem', async () => {
  const verdicts = 'jsonpath={range .status.conditions[*]}{.type}={.status} {end}';
  const found = await vps.succeed('get', 'crd', 'virtualmachines.vps247.com', '-o', verdicts);
  // Violations would be a third condition, NonStructuralSchema.
  expect(found.trim().split(' ').toSorted()).toEqual(['Established=True', 'NamesAccepted=True']);
});

describe('defaults', () => {
  test('complete a short spec, and the status shows that it was not reconciled yet', async () => {
    await vps.apply('short', selectors);
    const object = await vps.read('short');
    expect(object).toMatchObject({
      spec: {
        ...selectors,
        ipv6: false,
        privateNetworking: false,
        sshKeyIds: [],
        powerState: 'Running',
        powerOff: { mode: 'TrySoft', gracePeriodSeconds: 300 },
        credentialsSecretRef: { name: 'vps247-credentials', key: 'api-key' },
      },
      status: { observedGeneration: -1 },
    });
  });

  test('fill in the missing half of a pair', async () => {
    const { text } = await vps.tryOut({
      ...selectors,
      powerOff: { mode: 'Hard' },
      credentialsSecretRef: { name: 'other' },
    });
    expect(JSON.parse(text)).toMatchObject({
      spec: {
        powerOff: { mode: 'Hard', gracePeriodSeconds: 300 },
        credentialsSecretRef: { name: 'other', key: 'api-key' },
      },
    });
  });
});

describe('accepted', () => {
  test.each<[string, object]>([
    ['ids everywhere', { region: { id: 1 }, package: { id: 2 }, osTemplate: { id: Number.MAX_SAFE_INTEGER } }],
    [
      'every field',
      {
        ...selectors,
        ipv6: true,
        privateNetworking: true,
        sshKeyIds: [1, 2],
        providerName: 'web-1',
        powerState: 'Halted',
        powerSchedule: { timeZone: 'Etc/GMT+5', halted: [{ from: '*/5 0-6,22 1,L * MON-FRI', to: '0 7 * JAN 7' }] },
        powerOff: { mode: 'Soft', gracePeriodSeconds: 3600 },
        credentialsSecretRef: { name: 'my.secret', key: 'KEY_1' },
      },
    ],
    ['32 SSH keys', { ...selectors, sshKeyIds: Array.from({ length: 32 }, (_, index) => index + 1) }],
    ['the shortest grace period', { ...selectors, powerOff: { gracePeriodSeconds: 1 } }],
    ['the longest grace period', { ...selectors, powerOff: { gracePeriodSeconds: 3600 } }],
    ['a VM to adopt by id, and nothing else', { adoption: { policy: 'MustExist', id: 7 } }],
    ['a VM to adopt by any name', { adoption: { policy: 'MustExist', name: 'api_test Web 1 db.example.com' } }],
    ['a VM to observe, and nothing else', { managementPolicy: 'Observe' }],
    [
      'a Secret for the initial password, by name',
      { ...selectors, initialPasswordSecret: { name: 'root', policy: 'Create' } },
    ],
    ['no Secret for the initial password', { ...selectors, initialPasswordSecret: { policy: 'None' } }],
    ['a provider name of 63 characters', { ...selectors, providerName: 'a'.repeat(63) }],
  ])('%s', async (_what, spec) => {
    const { ok, text } = await vps.tryOut(spec);
    expect(text).toSatisfy(() => ok);
  });
});

describe('refused, naming field and rule', () => {
  test('every constraint of the spec has a row, and every row shows an existing constraint', () => {
    const rows = [...refusals, ...renamings].map(({ shows }) => shows).filter((shows) => shows !== undefined);
    expect([...new Set(rows)].toSorted()).toEqual(constraintsOf(specSchema, 'spec').toSorted());
    // The only rule outside of the spec; the changes below show it.
    expect(virtualMachineSchema['x-kubernetes-validations']).toEqual([afterCreation]);
  });

  test.each(refusals)('$what', async ({ spec, complaint }) => {
    const { ok, text } = await vps.tryOut(spec);
    for (const part of complaint) expect(text).toContain(part);
    expect(ok).toBe(false);
  });
});

test.each(borders)('$what: the operator allows in a stored spec what the API server allows', async ({ spec }) => {
  const { ok } = await vps.tryOut({ ...selectors, ...spec });
  const { spec: base } = objectWith();
  const credentialsSecretRef = {
    ...base.credentialsSecretRef,
    ...('credentialsSecretRef' in spec ? (spec.credentialsSecretRef as object) : {}),
  };
  expect(readSpec({ ...base, ...spec, credentialsSecretRef }).errors).toHaveLength(ok ? 0 : 1);
});

describe('after the create', () => {
  beforeAll(async () => {
    await vps.apply('plain', selectors);
    await vps.apply('named', { ...selectors, sshKeyIds: [1, 2], providerName: 'chosen' });
  });

  test.each(renamings)('the provider name of $name cannot be $what', async ({ name, providerName, complaint }) => {
    const { ok, text } = await vps.patch(name, { spec: { providerName } }, '--dry-run=server');
    for (const part of complaint) expect(text).toContain(part);
    expect(ok).toBe(false);
  });

  test.each<[string, object]>([
    ['power state', { powerState: 'Halted' }],
    ['power-off mode and grace period', { powerOff: { mode: 'Hard', gracePeriodSeconds: 10 } }],
    ['Secret', { credentialsSecretRef: { name: 'other', key: 'other' } }],
    ['a default written out', { ipv6: false, sshKeyIds: [] }],
  ])('%s may change', async (_what, spec) => {
    const { ok, text } = await vps.patch('plain', { spec }, '--dry-run=server');
    expect(text).toSatisfy(() => ok);
  });

  test.each(changes)('$name: until the VM exists, you can change $what', async ({ name, spec }) => {
    const { ok, text } = await vps.patch(name, { spec }, '--dry-run=server');
    expect(text).toSatisfy(() => ok);
  });
});

describe('after the VM exists', () => {
  beforeAll(async () => {
    const status = { observedGeneration: 1, ...shown };
    const named = { sshKeyIds: [1, 2], providerName: 'chosen' };
    const adopted = { region: undefined, adoption: { policy: 'MustExist' } };
    for (const [name, more, lacks] of [
      ['plain-with-vm', {}, {}],
      ['named-with-vm', named, {}],
      ['plain-without-vm', {}, { state: undefined }],
      ['named-without-vm', named, { state: undefined }],
      [
        'unreported',
        adopted,
        { ...Object.fromEntries(Object.keys(shown).map((field) => [field, undefined])), state: 'Running' },
      ],
    ] as const) {
      await vps.apply(name, { ...selectors, ...more });
      const body = { status: { ...status, ...lacks } };
      expect(await vps.patch(name, body, '--subresource=status')).toMatchObject({ ok: true });
    }
  });

  test.each(changes)('$name: refused, naming the fields: $what', async ({ name, spec, refused }) => {
    const { ok, text } = await vps.patch(`${name}-with-vm`, { spec }, '--dry-run=server');
    const message = `the VM exists: ${refused} can only be corrected to what status shows.`;
    for (const part of refusedBy('spec', message)) expect(text).toContain(part);
    expect(ok).toBe(false);
  });

  test.each(changes)('$name: accepted after status shows that the VM is deleted: $what', async ({ name, spec }) => {
    const { ok, text } = await vps.patch(`${name}-without-vm`, { spec }, '--dry-run=server');
    expect(text).toSatisfy(() => ok);
  });

  test.each<[string, object]>([
    ['a field that was left out is put back', { region: { name: 'New York 1' } }],
    ['a name becomes an id', { osTemplate: { name: null, id: 5 } }],
    ['an id becomes a name', { package: { id: null, name: 'Budget' } }],
    ['options of a VM that was adopted', { ipv6: true, privateNetworking: true, sshKeyIds: [1] }],
  ])('values that the provider does not report contradict nothing: %s', async (_what, spec) => {
    const { ok, text } = await vps.patch('unreported', { spec }, '--dry-run=server');
    expect(text).toSatisfy(() => ok);
  });

  test.each(corrections)('the spec can be corrected to %s', async (_what, spec) => {
    const { ok, text } = await vps.patch('plain-with-vm', { spec }, '--dry-run=server');
    expect(text).toSatisfy(() => ok);
  });

  test('the rest of the spec and the status can change, and the order of SSH keys has no meaning', async () => {
    for (const spec of [{ powerState: 'Halted' }, { sshKeyIds: [2, 1] }])
      expect(await vps.patch('named-with-vm', { spec }, '--dry-run=server')).toMatchObject({ ok: true });
    const status = { region: { id: 8, name: 'Oslo' } };
    expect(await vps.patch('named-with-vm', { status }, '--subresource=status', '--dry-run=server')).toMatchObject({
      ok: true,
    });
  });
});
