import { expect, test } from 'vitest';
import type { Values } from '../support/helm.ts';
import { configNames, elsewhere } from '../../hack/generate/chart/schema.ts';
import type { Bounds } from '../../src/config/kinds.ts';
import { loadSettings } from '../../src/config/load.ts';
import { type Setting, type SettingName, settingNames, settingsTable, variableOf } from '../../src/config/settings.ts';
import { fieldsOf } from '../../src/domain/json.ts';
import { onlyOne } from '../packaging/manifests.ts';
import { objectsOf } from './chart.ts';

/** Of settings whose value a type does not tell. */
const texts: Readonly<Partial<Record<SettingName, string>>> = {
  kubeconfig: '/etc/vps247/kubeconfig',
  selector: 'shard in (a, b)',
  leaderElectionNamespace: 'leases',
  leaseName: 'ours',
  defaultCredentialsSecret: 'keys/shared:token',
  apiUrl: 'https://api.example.org/v2',
  metricsAddress: '[::]:9090',
  healthAddress: '[::]:9091',
};

/** A value other than the default, as in a values file. */
function another(name: SettingName): unknown {
  const { kind, defaultValue }: Setting<unknown> = settingsTable[name];
  const bounds: Bounds = kind.bounds;
  switch (bounds.type) {
    case 'toggle':
      return defaultValue !== 'true';
    case 'integer':
      return bounds.maximum;
    case 'duration':
      // Within the range of every one of them, and in their order.
      return { leaseDuration: '60s', renewDeadline: '30s', retryPeriod: '5s' }[name as string] ?? '20s';
    case 'choice':
      return bounds.options.find((option) => option !== defaultValue);
    case 'list':
      return ['team-b', 'team-a'];
    case 'text':
      return texts[name];
  }
}

test('every setting has a value, and reaches the operator from there unchanged', async () => {
  const config = Object.fromEntries(configNames.map((name) => [name, another(name)]));
  expect(Object.values(config), 'a value for each').not.toContain(undefined);
  const top = {
    accounts: { enabled: true },
    watchNamespaces: ['team-a', 'team-b'],
    takeOverFrom: ['old/operator', 'older/operator'],
  };
  const values: Values = { replicas: 1, ...top, config };
  const container = onlyOne(await objectsOf(values), 'Deployment')['spec'].template.spec.containers[0];
  const env: Record<string, string> = Object.fromEntries(
    container.env.map(({ name, value }: { name: string; value: string }) => [name, value]),
  );

  expect(Object.keys(env).toSorted()).toEqual(settingNames.map(variableOf).toSorted());
  const loaded = loadSettings([], env);
  if (!('settings' in loaded)) throw new Error(JSON.stringify(loaded));
  for (const name of settingNames) {
    const { kind }: Setting<unknown> = settingsTable[name];
    const place = elsewhere[name];
    const [field = '', inner] = place?.split('.') ?? [];
    const value = values[field];
    const meant = place === undefined ? config[name] : inner === undefined ? value : fieldsOf(value)[inner];
    // As text, for a selector has functions in it, which equal none but themselves.
    expect(JSON.stringify(loaded.settings[name]), name).toBe(JSON.stringify(kind.read(String(meant))?.value));
  }
});

test("omitted values keep the operator's defaults, except Accounts and the name of the Lease, which is the release", async () => {
  const container = onlyOne(await objectsOf({}), 'Deployment')['spec'].template.spec.containers[0];
  expect(container.env.map(({ name }: { name: string }) => name)).toEqual([
    variableOf('accounts'),
    variableOf('leaseName'),
    variableOf('healthAddress'),
    variableOf('metricsAddress'),
    variableOf('shutdownGracePeriod'),
  ]);
});

test.each([
  { because: 'in its own namespace', config: {}, name: 'vps247-operator' },
  {
    because: 'where Leases of other namespaces are too',
    config: { leaderElectionNamespace: 'leases' },
    name: 'vps247-system-vps247-operator',
  },
  { because: 'as given', config: { leaseName: 'ours' }, name: 'ours' },
])('a release has one Lease, whatever its scope: $because', async ({ config, name }) => {
  for (const watchNamespaces of [[], ['team-a']]) {
    const container = onlyOne(await objectsOf({ config, watchNamespaces }), 'Deployment')['spec'].template.spec
      .containers[0];
    expect(container.env).toContainEqual({ name: variableOf('leaseName'), value: name });
  }
});
