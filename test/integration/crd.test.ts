import { beforeAll, describe, expect, test } from 'vitest';
import { specSchema } from '../../src/api/v1alpha1/schema/spec.ts';
import { resourceIn, selectors } from './resource.ts';
import { changes, constraintsOf, gracePeriods, refusals } from './spec-constraints.ts';

const vps = resourceIn('crd');

beforeAll(() => vps.install());

test('the definition is structural: the API server has no complaint about it', async () => {
  const verdicts = 'jsonpath={range .status.conditions[*]}{.type}={.status} {end}';
  const shown = await vps.succeed('get', 'crd', 'virtualmachines.vps247.com', '-o', verdicts);
  // Violations would be a third condition, NonStructuralSchema.
  expect(shown.trim().split(' ').toSorted()).toEqual(['Established=True', 'NamesAccepted=True']);
});

describe('defaults', () => {
  test('make a short spec whole, and the status shows that nobody looked yet', async () => {
    await vps.apply('short', selectors);
    const object = await vps.read('short');
    expect(object).toMatchObject({
      spec: {
        ...selectors,
        ipv6: false,
        privateNetworking: false,
        sshKeyIds: [],
        powerState: 'Running',
        powerOff: { mode: 'TrySoft', gracePeriod: '5m' },
        credentialsSecretRef: { name: 'vps247-credentials', key: 'api-key' },
      },
      status: { observedGeneration: -1 },
    });
  });

  test('fill in the half of a pair that is not given', async () => {
    const { text } = await vps.tryOut({
      ...selectors,
      powerOff: { mode: 'Hard' },
      credentialsSecretRef: { name: 'other' },
    });
    expect(JSON.parse(text)).toMatchObject({
      spec: { powerOff: { mode: 'Hard', gracePeriod: '5m' }, credentialsSecretRef: { name: 'other', key: 'api-key' } },
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
        powerOff: { mode: 'Soft', gracePeriod: '1h' },
        credentialsSecretRef: { name: 'my.secret', key: 'KEY_1' },
      },
    ],
    ['32 SSH keys', { ...selectors, sshKeyIds: Array.from({ length: 32 }, (_, index) => index + 1) }],
    ['the shortest grace period', { ...selectors, powerOff: { gracePeriod: '1000ms' } }],
    ['a grace period in parts', { ...selectors, powerOff: { gracePeriod: '1m30.5s' } }],
    ['an id to adopt, or a new VM if it is gone', { ...selectors, adoption: { policy: 'IfExists', id: 7 } }],
    ['an id to adopt and nothing else', { ...selectors, adoption: { policy: 'MustExist', id: 7 } }],
    [
      'a Secret for the initial password, which is not disabled',
      { ...selectors, initialPasswordSecret: { name: 'root', disabled: false } },
    ],
    ['no Secret for the initial password', { ...selectors, initialPasswordSecret: { disabled: true } }],
    ['a provider name of 63 characters', { ...selectors, providerName: 'a'.repeat(63) }],
  ])('%s', async (_what, spec) => {
    const { ok, text } = await vps.tryOut(spec);
    expect(text).toSatisfy(() => ok);
  });
});

describe('refused, naming field and rule', () => {
  test('every constraint of the spec has a row, and every row shows one that there is', () => {
    const shown = [...refusals, ...gracePeriods, ...changes]
      .map(({ shows }) => shows)
      .filter((shows) => shows !== undefined);
    expect([...new Set(shown)].toSorted()).toEqual(constraintsOf(specSchema, 'spec').toSorted());
  });

  test.each(refusals)('$what', async ({ spec, complaint }) => {
    const { ok, text } = await vps.tryOut(spec);
    expect(text).toContain(complaint);
    expect(ok).toBe(false);
  });

  test.each(gracePeriods)('a grace period of $value: $what', async ({ value, complaint }) => {
    const { ok, text } = await vps.tryOut({ ...selectors, powerOff: { gracePeriod: value } });
    expect(text).toContain(complaint);
    expect(ok).toBe(false);
  });
});

describe('once created', () => {
  beforeAll(async () => {
    await vps.apply('plain', selectors);
    await vps.apply('named', { ...selectors, sshKeyIds: [1, 2], providerName: 'chosen' });
  });

  test.each(changes)('$name: $field cannot become $spec ($what)', async ({ name, field, spec }) => {
    const { ok, text } = await vps.patch(name, { spec }, '--dry-run=server');
    expect(text).toContain(`spec.${field}: Invalid value`);
    expect(text).toMatch(
      new RegExp(`${field} cannot be (changed|changed, added or removed) once the object exists: create a new`),
    );
    expect(ok).toBe(false);
  });

  test.each<[string, object]>([
    ['power state', { powerState: 'Halted' }],
    ['power-off mode and grace period', { powerOff: { mode: 'Hard', gracePeriod: '10s' } }],
    ['Secret', { credentialsSecretRef: { name: 'other', key: 'other' } }],
    ['a default written out', { ipv6: false, sshKeyIds: [] }],
  ])('%s may change', async (_what, spec) => {
    const { ok, text } = await vps.patch('plain', { spec }, '--dry-run=server');
    expect(text).toSatisfy(() => ok);
  });

  test('the order of SSH keys means nothing', async () => {
    expect(await vps.patch('named', { spec: { sshKeyIds: [2, 1] } }, '--dry-run=server')).toMatchObject({ ok: true });
  });
});
