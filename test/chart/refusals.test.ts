import { expect, test } from 'vitest';
import { renderChart, type Values } from '../support/helm.ts';

/** What is wrong, the values, and the words that must name it. */
interface Row {
  readonly what: string;
  readonly values: Values;
  readonly words: readonly string[];
}

function row(what: string, values: Values, ...words: readonly string[]): Row {
  return { what, values, words };
}

const wrongByItself: readonly Row[] = [
  row('a misspelt key', { replica: 3 }, "'replica' not allowed", "value must be 'replicas'"),
  row('a name that other charts have', { replicaCount: 3 }, "'replicaCount' not allowed", "value must be 'replicas'"),
  row('a key in other letters', { Nodeselector: {} }, "value must be 'nodeSelector'"),
  row('a key that begins like no other', { fooBar: 1 }, "'fooBar' not allowed", "'affinity', ", ", 'watchNamespaces'"),
  row('a misspelt key further down', { image: { tagg: 'x' } }, "at '/image/tagg'", "'unknown name: use tag'"),
  row('a key without its end', { resources: { limit: {} } }, "at '/resources/limit'", "'unknown name: use limits'"),
  row('a key further down that begins like none', { image: { xyz: 'x' } }, "at '/image/xyz'", 'use one of digest, '),
  row(
    'a misspelt setting',
    { config: { polInterval: '5m' } },
    "at '/config/polInterval'",
    "'unknown name: use pollInterval'",
  ),
  row(
    'a setting that has another place',
    { config: { namespaces: ['a'] } },
    "at '/config/namespaces'",
    'unknown name: use one of apiConnectTimeout, ',
  ),
  row(
    'a misspelt field of Kubernetes',
    { tolerations: [{ efect: 'NoExecute' }] },
    "at '/tolerations/0/efect'",
    'unknown name: use one of effect, ',
  ),
  row('text for a number', { replicas: 'two' }, '/replicas', 'got string, want integer'),
  row('a number in quotes', { config: { maxInFlight: '16' } }, '/config/maxInFlight', 'got string, want integer'),
  row('text for a switch', { crds: { enabled: 'yes' } }, '/crds/enabled', 'got string, want boolean'),
  row('a negative number', { replicas: -1 }, '/replicas', 'minimum'),
  row('a negative setting', { config: { providerRate: -1 } }, '/config/providerRate', 'minimum'),
  row('a number beyond the range', { config: { workers: 513 } }, '/config/workers', 'maximum'),
  row('a broken number', { config: { workers: 1.5 } }, '/config/workers', 'want integer'),
  row('a word that is none of the choices', { config: { logLevel: 'loud' } }, '/config/logLevel', 'info'),
  row('a duration without its unit', { config: { pollInterval: '60' } }, '/config/pollInterval', 'pattern'),
  row(
    'a duration in an order that Prometheus does not read',
    { serviceMonitor: { interval: '30s1m' } },
    '/serviceMonitor/interval',
    'pattern',
  ),
  row('a negative duration', { config: { pollInterval: '-60s' } }, '/config/pollInterval', 'pattern'),
  row(
    'a duration beyond the range',
    { config: { pollInterval: '2h' } },
    'config.pollInterval is 2h: it must be a duration from 1s to 1h',
  ),
  row('no name of a namespace', { watchNamespaces: ['Team_A'] }, '/watchNamespaces/0', 'pattern'),
  row('an empty name of a namespace', { watchNamespaces: [''] }, '/watchNamespaces/0', 'pattern'),
  row('namespaces as one text', { watchNamespaces: 'team-a,team-b' }, '/watchNamespaces', 'want array'),
  row('a Lease without its namespace', { takeOverFrom: ['operator'] }, '/takeOverFrom/0', 'pattern'),
  row('the same Lease twice', { takeOverFrom: ['old/operator', 'old/operator'] }, '/takeOverFrom', 'equal'),
  row('the same namespace twice', { watchNamespaces: ['a', 'a'] }, '/watchNamespaces', 'equal'),
  row('no digest', { image: { digest: 'latest' } }, '/image/digest', 'pattern'),
  row('no amount of memory', { resources: { limits: { memory: '384 MB' } } }, '/resources/limits/memory', 'pattern'),
  row('no label', { commonLabels: { team: 'two words' } }, '/commonLabels/team', 'pattern'),
  row('no Secret', { config: { defaultCredentialsSecret: 'shared' } }, '/config/defaultCredentialsSecret', 'pattern'),
  row('a user in the URL', { config: { apiUrl: 'https://user@api.vps247.com' } }, '/config/apiUrl', 'pattern'),
];

const wrongTogether: readonly Row[] = [
  row('namespaced without namespaces', { scope: 'Namespaced' }, 'scope is Namespaced, but watchNamespaces is empty'),
  row(
    'the cluster with namespaces',
    { scope: 'Cluster', watchNamespaces: ['a'] },
    'scope is Cluster, but watchNamespaces is set: a',
  ),
  row(
    'a budget for one replica',
    { replicas: 1, podDisruptionBudget: { enabled: true } },
    'podDisruptionBudget.enabled is true with replicas: 1',
  ),
  row(
    'both ends of a budget',
    { podDisruptionBudget: { minAvailable: 1, maxUnavailable: 1 } },
    'set minAvailable or maxUnavailable, not both',
  ),
  row(
    'a budget that blocks node drains',
    { podDisruptionBudget: { minAvailable: 2 } },
    'podDisruptionBudget.minAvailable (2) must be less than replicas (2)',
  ),
  row(
    'several active operators',
    { config: { leaderElection: false } },
    'replicas is 2 and config.leaderElection is false',
  ),
  row(
    'a key without namespaces',
    { config: { defaultCredentialsSecret: 'keys/shared' } },
    'config.defaultCredentialsSecret and config.defaultCredentialsNamespaces must be set together',
  ),
  row('namespaces without a key', { config: { defaultCredentialsNamespaces: ['a'] } }, 'must be set together'),
  row(
    'a key for a namespace that is not watched',
    {
      watchNamespaces: ['a'],
      config: { defaultCredentialsSecret: 'keys/shared', defaultCredentialsNamespaces: ['b'] },
    },
    'config.defaultCredentialsNamespaces names b, which is not in watchNamespaces',
  ),
  ...[
    'http://api.example.org',
    'http://localhost.example.org',
    'http://127.0.0.1.example.org',
    'http://example.org/localhost',
    'http://[::2]',
  ].map((apiUrl) => row(`a key in plain text to ${apiUrl}`, { config: { apiUrl } }, 'config.apiUrl must be https')),
  row(
    'both monitors',
    { serviceMonitor: { enabled: true }, podMonitor: { enabled: true } },
    'serviceMonitor.enabled and podMonitor.enabled are both true',
  ),
  row(
    'a scrape that may take longer than the time until the next',
    { podMonitor: { interval: '30s', scrapeTimeout: '1m' } },
    'podMonitor.scrapeTimeout (1m) must not be longer than podMonitor.interval (30s)',
  ),
  row(
    'an unknown alert',
    { prometheusRule: { disabledAlerts: ['Nonsense'] } },
    'prometheusRule.disabledAlerts names Nonsense',
  ),
  row('one port for both', { config: { healthAddress: ':8080' } }, 'must have different ports; both have 8080'),
  row('a random port', { config: { metricsAddress: '0.0.0.0:0' } }, 'config.metricsAddress must include a port'),
  ...[20, 25].map((seconds) =>
    row(
      `killed after ${seconds} s, before it ends`,
      { terminationGracePeriodSeconds: seconds },
      `config.shutdownGracePeriod (25s) must be shorter than terminationGracePeriodSeconds (${seconds})`,
    ),
  ),
  row(
    'a Lease that ends before it is renewed',
    { config: { leaseDuration: '10s' } },
    'config.renewDeadline (10s) must fit 1.2 times into config.leaseDuration (10s)',
  ),
  row(
    'a poll sooner than an urgent one',
    { config: { urgentPollInterval: '1m', pollInterval: '59.5s' } },
    'config.urgentPollInterval (1m) must not be longer than config.pollInterval (59.5s)',
  ),
  row(
    'a service account without a name',
    { serviceAccount: { create: false } },
    'set serviceAccount.name to an existing service account',
  ),
  row(
    'a way around the values, by a flag',
    { extraArgs: ['--namespaces=a'] },
    'extraArgs has --namespaces: use watchNamespaces',
  ),
  row(
    'a way around the values, by a variable',
    { extraEnv: [{ name: 'VPS247_HEALTH_ADDRESS', value: ':1' }] },
    'belongs to config.healthAddress',
  ),
];

test.each([...wrongByItself, ...wrongTogether])('$what is refused by name', async ({ values, words }) => {
  const { text, complaint } = await renderChart(values);
  expect(text).toBe('');
  for (const word of words) expect(complaint).toContain(word);
});

test('a scrape may take as long as the time until the next', async () => {
  const serviceMonitor = { enabled: true, interval: '1m', scrapeTimeout: '60s' };
  expect(
    (await renderChart({ serviceMonitor }, { args: ['--api-versions', 'monitoring.coreos.com/v1'] })).complaint,
  ).toBe('');
});

test('all problems are reported at once', async () => {
  const { complaint } = await renderChart({
    scope: 'Namespaced',
    config: { leaderElection: false, pollInterval: '2h' },
  });
  expect(complaint.match(/^- .*$/gm)).toHaveLength(3);
});

test('a Kubernetes that is too old is refused', async () => {
  const { complaint } = await renderChart({}, { args: ['--kube-version', '1.30.9'] });
  expect(complaint).toContain('requires kubeVersion: >=1.31.0-0');
});
