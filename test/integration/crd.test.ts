import { beforeAll, describe, expect, test } from 'vitest';
import { resourceIn, selectors } from './resource.ts';

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
    ['a provider name of 63 characters', { ...selectors, providerName: 'a'.repeat(63) }],
  ])('%s', async (_what, spec) => {
    const { ok, text } = await vps.tryOut(spec);
    expect(text).toSatisfy(() => ok);
  });
});

describe('refused, naming field and rule', () => {
  test.each<[string, object, string]>([
    ['an empty spec', {}, 'spec.region: Required value'],
    ['no selector', { ...selectors, region: {} }, 'spec.region: Invalid value: region needs exactly one of id or name'],
    [
      'two selectors',
      { ...selectors, package: { id: 1, name: 'S' } },
      'spec.package: Invalid value: package needs exactly one of id or name',
    ],
    [
      'an id below 1',
      { ...selectors, osTemplate: { id: 0 } },
      'spec.osTemplate.id: Invalid value: 0: spec.osTemplate.id in body should be greater than or equal to 1',
    ],
    [
      'an id that JSON cannot hold',
      { ...selectors, region: { id: 2 ** 53 } },
      'spec.region.id in body should be less than or equal to 9007199254740991',
    ],
    [
      'an id in quotes',
      { ...selectors, region: { id: '1' } },
      'spec.region.id: Invalid value: "string": spec.region.id in body must be of type integer: "string"',
    ],
    [
      'an empty name',
      { ...selectors, region: { name: '' } },
      'spec.region.name in body should be at least 1 chars long',
    ],
    [
      'a name too long',
      { ...selectors, region: { name: 'x'.repeat(256) } },
      'spec.region.name: Too long: may not be more than 255 bytes',
    ],
    ['an SSH key twice', { ...selectors, sshKeyIds: [7, 7] }, 'spec.sshKeyIds[1]: Duplicate value: 7'],
    [
      '33 SSH keys',
      { ...selectors, sshKeyIds: Array.from({ length: 33 }, (_, index) => index + 1) },
      'spec.sshKeyIds: Too many: 33: must have at most 32 items',
    ],
    [
      'another power state',
      { ...selectors, powerState: 'Off' },
      'spec.powerState: Unsupported value: "Off": supported values: "Running", "Halted"',
    ],
    [
      'another power-off mode',
      { ...selectors, powerOff: { mode: 'Gentle' } },
      'spec.powerOff.mode: Unsupported value: "Gentle": supported values: "Soft", "Hard", "TrySoft"',
    ],
    [
      'a provider name with capitals',
      { ...selectors, providerName: 'Web' },
      "spec.providerName in body should match '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'",
    ],
    [
      'a provider name too long',
      { ...selectors, providerName: 'a'.repeat(64) },
      'spec.providerName: Too long: may not be more than 63 bytes',
    ],
    [
      'a Secret in another namespace',
      { ...selectors, credentialsSecretRef: { namespace: 'x' } },
      'unknown field "spec.credentialsSecretRef.namespace"',
    ],
    [
      'a Secret with a name that none can have',
      { ...selectors, credentialsSecretRef: { name: 'A/b' } },
      'spec.credentialsSecretRef.name in body should match',
    ],
    ['a field that is not there', { ...selectors, powerstate: 'Halted' }, 'unknown field "spec.powerstate"'],
  ])('%s', async (_what, spec, complaint) => {
    const { ok, text } = await vps.tryOut(spec);
    expect(text).toContain(complaint);
    expect(ok).toBe(false);
  });

  test.each([
    ['0s', 'nothing'],
    ['999ms', 'just too short'],
    ['1h1ms', 'just too long'],
    ['-5m', 'negative'],
    ['300', 'no unit'],
    ['5 minutes', 'words'],
    ['999999h999999h', 'overflows'],
  ])('a grace period of %s: %s', async (gracePeriod) => {
    const { text } = await vps.tryOut({ ...selectors, powerOff: { gracePeriod } });
    expect(text).toContain(
      `spec.powerOff.gracePeriod: Invalid value: "${gracePeriod}": gracePeriod must be a duration from 1s to 1h, such as 90s or 5m`,
    );
  });
});

describe('once created', () => {
  beforeAll(async () => {
    await vps.apply('plain', selectors);
    await vps.apply('named', { ...selectors, sshKeyIds: [1, 2], providerName: 'chosen' });
  });

  test.each<[string, string, object, string]>([
    ['plain', 'region', { region: { name: 'Oslo' } }, 'by name'],
    ['plain', 'region', { region: { name: null, id: 1 } }, 'from name to id, which may be another'],
    ['plain', 'package', { package: { id: 4 } }, 'resizing is not offered by the provider'],
    ['plain', 'osTemplate', { osTemplate: { name: 'Ubuntu' } }, 'nor is reinstalling'],
    ['plain', 'ipv6', { ipv6: true }, 'from its default'],
    ['plain', 'privateNetworking', { privateNetworking: true }, 'from its default'],
    ['plain', 'sshKeyIds', { sshKeyIds: [1] }, 'from its default'],
    ['named', 'sshKeyIds', { sshKeyIds: null }, 'back to its default'],
    ['plain', 'providerName', { providerName: 'late' }, 'added'],
    ['named', 'providerName', { providerName: 'other' }, 'changed'],
    ['named', 'providerName', { providerName: null }, 'removed'],
  ])('%s: %s cannot become %j (%s)', async (name, field, spec) => {
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
