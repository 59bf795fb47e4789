import { expect, test } from 'vitest';
import type { AccountCatalog } from '../../src/api/v1alpha1/account-types.ts';
import { isPrintable } from '../../src/domain/text.ts';
import { account, ago, FakeKubectl, vm, vps } from './world.ts';

const catalog: AccountCatalog = {
  regions: [{ id: 1, name: 'Amsterdam 1' }, { id: 12 }],
  packages: [
    {
      id: 1,
      name: 'Budget',
      prices: [
        { currency: 'USD', perMonth: '4.50' },
        { currency: 'EUR', perMonth: '4.00', perHour: '0.006' },
      ],
    },
    { id: 2, name: 'Standard', prices: [{ currency: 'EUR', perMonth: '9.00' }] },
    { id: 3, name: 'Old' },
  ],
  osTemplates: [{ id: 1, name: 'Debian 13 x64' }],
};

function fakeWith(...accounts: FakeKubectl['accounts']): FakeKubectl {
  const fake = new FakeKubectl(vm('web'));
  fake.accounts = accounts;
  return fake;
}

test('the catalog of the only Account of the namespace, with a column for each kind of price', async () => {
  const fake = fakeWith(account('main', { status: { catalog } }), account('other', { namespace: 'shop' }));
  expect(await vps(fake, 'catalog')).toEqual({
    code: 0,
    stderr: '',
    stdout: `REGION        ID
Amsterdam 1   1
-             12

PACKAGE    ID   EUR/MONTH   EUR/HOUR   USD/MONTH
Budget     1    4.00        0.006      4.50
Standard   2    9.00        -          -
Old        3    -           -          -

OS TEMPLATE     ID
Debian 13 x64   1
`,
  });
  expect(fake.writes()).toEqual([]);
});

test('an Account with a currency shows the prices in it', async () => {
  const fake = fakeWith(account('main', { spec: { currency: 'USD' }, status: { catalog } }));
  expect((await vps(fake, 'catalog')).stdout).toContain('PACKAGE    ID   USD/MONTH\nBudget     1    4.50\n');
});

test('-o json has all prices, and the lists also if the status lacks them', async () => {
  const { packages = [] } = catalog;
  const fake = fakeWith(account('main', { spec: { currency: 'USD' }, status: { catalog: { packages } } }));
  expect(JSON.parse((await vps(fake, 'catalog -o json')).stdout)).toEqual({
    namespace: 'default',
    account: 'main',
    regions: [],
    packages,
    osTemplates: [],
    omitted: 0,
  });
});

test.each([
  ['catalog', "No Account found in this namespace. Create one: echo 'MANIFEST' | kubectl apply -f -", 1, []],
  [
    'catalog -n shop',
    "No Account found in this namespace. Create one: echo 'MANIFEST' | kubectl apply -n shop -f -",
    1,
    [account('main')],
  ],
  [
    'catalog',
    'This namespace has several Accounts: a, b. Name one: kubectl vps catalog ACCOUNT.',
    2,
    [account('b'), account('a')],
  ],
  ['catalog lost', 'Account "lost" not found. "kubectl get vpsaccount -A" lists all Accounts.', 1, [account('a')]],
  [
    'catalog',
    "The Account a has no catalog yet. The operator hasn't reported on the Account a yet. If that lasts, check whether it runs with --accounts.",
    1,
    [account('a', { status: { conditions: [] } })],
  ],
  ['catalog a', 'The Account a has no catalog yet.', 1, [account('a')]],
] as const)('%s: %s', async (command, message, code, accounts) => {
  const manifest = '{"apiVersion":"vps247.com/v1alpha1","kind":"Account","metadata":{"name":"main"}}';
  const stderr = `Error: ${message.replace('MANIFEST', manifest)}\n`;
  expect(await vps(fakeWith(...accounts), command)).toEqual({ code, stdout: '', stderr });
});

test('with the name, no permission to list is needed', async () => {
  const fake = fakeWith(account('a'), account('b', { status: { catalog } }));
  expect(await vps(fake, 'catalog vpsaccount/b')).toMatchObject({ code: 0, stderr: '' });
  expect(fake.calls.map((args) => args.slice(-4))).toEqual([['get', 'accounts.vps247.com', 'b', '--output=json']]);
});

test('a catalog that may be old, and one with entries left out, have a note', async () => {
  const rejected = { status: 'False', reason: 'CredentialsRejected', message: 'the provider rejects the key' } as const;
  const conditions = [{ type: 'Ready', ...rejected, observedGeneration: 1, lastTransitionTime: ago(60) }] as const;
  const fake = fakeWith(account('main', { status: { conditions, catalog: { ...catalog, omitted: 3 } } }));
  expect(await vps(fake, 'catalog')).toMatchObject({
    code: 0,
    stderr: `Note: this is the last catalog that the operator read. the provider rejects the key
Note: 3 entries are left out, because the status would be too large.
`,
  });
});

test('text from the provider can neither move the cursor nor reorder what is read', async () => {
  const hostile = { id: 1, name: '\u001b[2Jhacked\u202e\u0007\nline' };
  const hidden = { regions: [hostile], packages: [hostile], osTemplates: [hostile] };
  const fake = fakeWith(account('main', { status: { catalog: hidden } }));
  for (const command of ['catalog', 'catalog -o json']) {
    const { stdout } = await vps(fake, command);
    expect(
      stdout.split('\n').filter((line) => !isPrintable(line) || /\\u001b|^line/.test(line)),
      command,
    ).toEqual([]);
    expect(stdout.match(/hacked/g)).toHaveLength(3);
  }
});

test.each([
  ['catalog', ['main', 'more']],
  ['stop', ['web']],
])('the shell completes the names of %s', async (verb, names) => {
  const { stdout } = await vps(fakeWith(account('main'), account('more')), ['__complete', verb, '']);
  expect(stdout).toBe([...names, ':4', ''].join('\n'));
});
