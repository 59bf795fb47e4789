import { beforeAll, expect, test } from 'vitest';
import type { AccountStatus } from '../../../src/api/v1alpha1/account-types.ts';
import { maxCatalogEntries, maxUnmanaged } from '../../../src/api/v1alpha1/schema/account.ts';
import { Cluster } from '../../support/control-plane.ts';
import { kubectl, sharedCluster } from '../../support/shared-cluster.ts';
import { type OperatorFixture, useFixtures } from './fixture.ts';

const fixtureFor = useFixtures('accounts');

beforeAll(async () => {
  const cluster = new Cluster(sharedCluster().kubeconfig);
  await cluster.applyFiles(['crds/accounts.vps247.com.yaml']);
  await cluster.until('the API server serves Accounts', async () => (await kubectl(['get', 'vpsaccount'])).code === 0);
});

async function succeed({ namespace }: OperatorFixture, args: readonly string[], input = ''): Promise<string> {
  const { code, stdout, stderr } = await kubectl(['--namespace', namespace, ...args], { input });
  expect(stderr).toSatisfy(() => code === 0);
  return stdout;
}

function applyAccount(fixture: OperatorFixture, spec: object): Promise<string> {
  const object = { apiVersion: 'vps247.com/v1alpha1', kind: 'Account', metadata: { name: 'main' }, spec };
  return succeed(fixture, ['apply', '-f', '-'], JSON.stringify(object));
}

async function statusOf(fixture: OperatorFixture): Promise<AccountStatus> {
  // `as`: the CRD guarantees its type.
  const object = JSON.parse(await succeed(fixture, ['get', 'account', 'main', '-o', 'json'])) as {
    readonly status: AccountStatus;
  };
  return object.status;
}

test('shows an account in the columns of kubectl, with the permissions of the installation', async () => {
  const fixture = await fixtureFor('columns');
  fixture.emulator.panel.create({ name: 'legacy', packageId: 2 });
  const operator = await fixture.operator(['--accounts']);
  await fixture.create('web');
  await fixture.untilReady('web', 'True/Available');
  await applyAccount(fixture, { currency: 'EUR' });
  await fixture.cluster.until(
    'the Account shows both VMs',
    async () => (await statusOf(fixture)).machines?.total === 2,
  );
  const [head = '', row = ''] = (await succeed(fixture, ['get', 'vpsaccount'])).split('\n');
  expect(head.trim().split(/\s+/)).toEqual(['NAME', 'OWNER', 'VALID', 'MACHINES', 'UNMANAGED', 'MONTH', 'AGE']);
  expect(row.trim().split(/\s+/).slice(0, -1)).toEqual(['main', '1', 'True', '2', '1', '13.00']);
  const status = await statusOf(fixture);
  expect(status.unmanaged).toMatchObject([{ name: 'legacy', package: { id: 2, name: 'Standard' } }]);
  expect(status.catalog?.packages?.[0]).toEqual({
    id: 1,
    name: 'Budget',
    prices: [
      { currency: 'EUR', perMonth: '4.00', perHour: '0.007' },
      { currency: 'USD', perMonth: '4.50', perHour: '0.008' },
    ],
  });
  expect(await succeed(fixture, ['wait', 'account', 'main', '--for=condition=Ready', '--timeout=10s'])).toContain(
    'met',
  );
  const events = await succeed(fixture, ['get', 'events', '--field-selector', 'involvedObject.kind=Account']);
  expect(events).toContain('InventoryCurrent');
  expect(operator.output()).not.toContain('"level":"error"');
});

test('has defaults, and refuses a currency that the provider has no prices in', async () => {
  const fixture = await fixtureFor('spec', { withSecret: false });
  await applyAccount(fixture, {});
  expect(await succeed(fixture, ['get', 'account', 'main', '-o', 'jsonpath={.spec} {.status}'])).toBe(
    '{"credentialsSecretRef":{"key":"api-key","name":"vps247-credentials"},"paused":false} {"observedGeneration":-1}',
  );
  await expect(applyAccount(fixture, { currency: 'CHF' })).rejects.toThrow('supported values: "EUR", "GBP", "USD"');
  const verdicts = 'jsonpath={range .status.conditions[*]}{.type}={.status} {end}';
  const found = await succeed(fixture, ['get', 'crd', 'accounts.vps247.com', '-o', verdicts]);
  // Violations would be a third condition, NonStructuralSchema.
  expect(found.trim().split(' ').toSorted()).toEqual(['Established=True', 'NamesAccepted=True']);
});

function list<T>(length: number, entry: (id: number) => T): readonly T[] {
  return Array.from({ length }, (_, index) => entry(index + 1));
}

test('the API server stores the largest status', async () => {
  const fixture = await fixtureFor('largest', { withSecret: false });
  await applyAccount(fixture, {});
  const name = 'n'.repeat(255);
  const reference = (id: number) => ({ id, name });
  const status = {
    observedGeneration: 1,
    ownerId: Number.MAX_SAFE_INTEGER,
    machines: { total: 100_000, managed: 0, unmanaged: 100_000 },
    unmanaged: list(maxUnmanaged, (id) => ({
      ...reference(id),
      state: 'Unknown',
      region: reference(id),
      package: reference(id),
      address: '2001:db8::1',
    })),
    catalog: {
      regions: list(maxCatalogEntries, reference),
      packages: list(maxCatalogEntries, (id) => ({
        ...reference(id),
        prices: ['EUR', 'GBP', 'USD'].map((currency) => ({ currency, perMonth: '1234567.123456', perHour: '0.1' })),
      })),
      osTemplates: list(maxCatalogEntries, reference),
      omitted: 1,
    },
    estimate: { monthlyPrice: '123456789012.123456', currency: 'EUR', unpriced: 100_000, message: 'm'.repeat(512) },
  };
  // `as`: an object that kubectl printed.
  const stored = JSON.parse(await succeed(fixture, ['get', 'account', 'main', '-o', 'json'])) as object;
  await succeed(fixture, ['replace', '--subresource=status', '-f', '-'], JSON.stringify({ ...stored, status }));
  expect((await statusOf(fixture)).catalog?.packages).toHaveLength(maxCatalogEntries);
});
