import { describe, expect, test } from 'vitest';
import { loadSettings } from '../../src/config/load.ts';
import { flagOf, settingNames, settingsTable, variableOf, type Settings } from '../../src/config/settings.ts';

function settingsOf(argv: readonly string[], env: Record<string, string> = {}): Settings {
  const loaded = loadSettings(argv, env);
  if (!('settings' in loaded)) throw new Error(JSON.stringify(loaded));
  return loaded.settings;
}

function problemsOf(argv: readonly string[], env: Record<string, string> = {}): readonly string[] {
  const loaded = loadSettings(argv, env);
  if (!('problems' in loaded)) throw new Error(JSON.stringify(loaded));
  return loaded.problems;
}

describe('valid configuration', () => {
  test('none: the defaults', () => {
    expect(settingsOf([])).toEqual({
      kubeconfig: undefined,
      namespaces: [],
      selector: undefined,
      accounts: false,
      leaderElection: true,
      leaderElectionNamespace: undefined,
      leaseName: undefined,
      takeOverFrom: [],
      leaseDuration: 15_000,
      renewDeadline: 10_000,
      retryPeriod: 2_000,
      defaultCredentialsSecret: undefined,
      defaultCredentialsNamespaces: [],
      defaultCredentialsOrphanNamespaces: [],
      requireCredentialsLabel: false,
      apiUrl: 'https://api.vps247.com',
      insecureApiUrl: false,
      apiConnectTimeout: 5_000,
      apiResponseTimeout: 30_000,
      maxInFlight: 16,
      providerRate: 10,
      providerBurst: 20,
      pollInterval: 60_000,
      urgentPollInterval: 1_000,
      visibilityWindow: 30_000,
      recreateAfter: 300_000,
      stuckAfter: 600_000,
      orphanCandidates: 'Hold',
      maxMachinesPerNamespace: 0,
      maxApiKeys: 1_000,
      maxApiKeysPerNamespace: 32,
      maxDeletesPerMinute: 0,
      relistInterval: 1_800_000,
      workers: 32,
      shutdownGracePeriod: 25_000,
      metricsAddress: { host: '', port: 8080 },
      machineMetricsLimit: 500,
      serveTargets: false,
      healthAddress: { host: '', port: 8081 },
      logLevel: 'info',
      logFormat: 'json',
    });
  });

  test('a flag takes precedence over the variable, the variable over the default', () => {
    const env = { VPS247_WORKERS: '5', VPS247_POLL_INTERVAL: '2m' };
    expect(settingsOf(['--workers', '7'], env)).toMatchObject({ workers: 7, pollInterval: 120_000 });
  });

  test('--flag=value and --flag value are the same', () => {
    expect(settingsOf(['--log-level=warn'])).toEqual(settingsOf(['--log-level', 'warn']));
  });

  test('a flag can clear a value of a variable', () => {
    expect(settingsOf(['--namespaces='], { VPS247_NAMESPACES: 'a' }).namespaces).toEqual([]);
  });

  test('a value may hold an equals sign', () => {
    expect(settingsOf(['--selector=shard=a']).selector?.canonical).toBe(
      settingsOf(['--selector', 'shard=a']).selector?.canonical,
    );
  });

  test('an empty variable counts as unset', () => {
    expect(settingsOf([], { VPS247_WORKERS: '' }).workers).toBe(32);
  });

  test('a switch needs no value and accepts one', () => {
    expect(settingsOf(['--insecure-api-url']).insecureApiUrl).toBe(true);
    expect(settingsOf(['--insecure-api-url=false']).insecureApiUrl).toBe(false);
    expect(settingsOf([], { VPS247_INSECURE_API_URL: 'true' }).insecureApiUrl).toBe(true);
  });

  test('metrics and health may have the same port on two addresses, and random ports', () => {
    expect(settingsOf(['--metrics-address=127.0.0.1:1', '--health-address=127.0.0.2:1'])).toMatchObject({
      metricsAddress: { host: '127.0.0.1', port: 1 },
      healthAddress: { host: '127.0.0.2', port: 1 },
    });
    expect(settingsOf(['--metrics-address=:0', '--health-address=:0']).healthAddress.port).toBe(0);
  });

  test.each([
    [['--api-connect-timeout=30s', '--api-response-timeout=30s']],
    [['--urgent-poll-interval=1m', '--poll-interval=1m']],
    [['--retry-period=5s', '--renew-deadline=10s']],
    [['--renew-deadline=10s', '--lease-duration=12s']],
  ])('durations may be as close as their rule permits: %j', (argv) => {
    expect(loadSettings(argv, {})).toHaveProperty('settings');
  });

  test('a label selector', () => {
    const { selector } = settingsOf(['--selector', 'shard in (b, a), !paused']);
    expect(selector?.canonical).toBe('!paused,shard in (a,b)');
  });

  test.each<[string, Settings['defaultCredentialsSecret']]>([
    ['ops/shared', { namespace: 'ops', name: 'shared', key: undefined }],
    ['ops/vps.keys:api_key.1', { namespace: 'ops', name: 'vps.keys', key: 'api_key.1' }],
  ])('a default Secret: %s', (text, secret) => {
    const argv = [`--default-credentials-secret=${text}`, '--default-credentials-namespaces=b,a'];
    expect(settingsOf(argv)).toMatchObject({
      defaultCredentialsSecret: secret,
      defaultCredentialsNamespaces: ['a', 'b'],
    });
  });

  test.each<[string, string, Partial<Settings>, string]>([
    ['--kubeconfig', '/etc/kube', { kubeconfig: '/etc/kube' }, 'a path'],
    ['--namespaces', 'b, a,b', { namespaces: ['a', 'b'] }, 'sorted, each once'],
    ['--api-url', 'https://Example.com/v1/', { apiUrl: 'https://example.com/v1' }, 'no trailing slash'],
    ['--api-url', 'http://127.0.0.1:80', { apiUrl: 'http://127.0.0.1' }, 'http to this machine'],
    ['--api-url', 'http://[::1]:99', { apiUrl: 'http://[::1]:99' }, 'http to this machine, version 6'],
    ['--metrics-address', ':0', { metricsAddress: { host: '', port: 0 } }, 'all addresses, any port'],
    ['--metrics-address', '0.0.0.0:81', { metricsAddress: { host: '0.0.0.0', port: 81 } }, 'version 4'],
    ['--metrics-address', '[::]:81', { metricsAddress: { host: '::', port: 81 } }, 'version 6'],
    ['--metrics-address', ':65535', { metricsAddress: { host: '', port: 65_535 } }, 'the last port'],
    ['--lease-name', 'mine', { leaseName: 'mine' }, 'a name'],
    ['--take-over-from', 'b/old, a/old.1,b/old', { takeOverFrom: ['a/old.1', 'b/old'] }, 'sorted, each once'],
    ['--selector', ' ', { selector: undefined }, 'no selector'],
    ['--workers', '1', { workers: 1 }, 'the lower bound is included'],
    ['--workers', '512', { workers: 512 }, 'the upper bound is included'],
    ['--max-machines-per-namespace', '5', { maxMachinesPerNamespace: 5 }, 'a limit'],
    ['--max-deletes-per-minute', '0', { maxDeletesPerMinute: 0 }, 'no limit'],
    ['--poll-interval', '1h', { pollInterval: 3_600_000 }, 'the upper bound of a duration too'],
  ])('%s %s: %j (%s)', (flag, value, expected) => {
    expect(settingsOf([flag, value])).toMatchObject(expected);
  });
});

describe('invalid configuration', () => {
  test.each([
    [['--workers', '0'], '--workers must be a whole number from 1 to 512, not "0".'],
    [['--workers', '1e2'], '--workers must be a whole number from 1 to 512, not "1e2".'],
    [['--poll-interval', '60'], '--poll-interval must be a duration from 1s to 1h, such as 90s or 5m, not "60".'],
    [['--log-level', 'loud'], '--log-level must be one of debug, info, warn, error, not "loud".'],
    [['--insecure-api-url=yes'], '--insecure-api-url must be true or false, not "yes".'],
    [['--namespaces', 'a,,b'], '--namespaces must be a comma-separated list of namespaces, not "a,,b".'],
    ...['8080', ':65536'].map((text): [string[], string] => [
      ['--metrics-address', text],
      `--metrics-address must be an address to listen on, such as :8080 for all addresses, 127.0.0.1:8080 or [::1]:8080, not "${text}".`,
    ]),
    [
      ['--api-url', 'https://me:hunter2@api.example.com'],
      '--api-url must be a URL such as https://api.vps247.com, without user, query and fragment, not "https://[redacted]@api.example.com".',
    ],
    [
      ['--api-url', 'https://me:hunter/2@api.example.com'],
      '--api-url must be a URL such as https://api.vps247.com, without user, query and fragment, not "https://[redacted]@api.example.com".',
    ],
    ...['?key=hunter2', '#hunter2'].map((secret): [string[], string] => [
      ['--api-url', `https://api.example.com/${secret}`],
      '--api-url must be a URL such as https://api.vps247.com, without user, query and fragment, not "https://api.example.com/".',
    ]),
    [
      ['--api-url', 'http://api.example.com'],
      '--api-url must be https, because API keys are sent there; for a test, also set --insecure-api-url.',
    ],
    ...['shared', 'ops/', '/shared', 'ops/shared:', 'Ops/shared', 'ops/sha red', 'a/b/c'].map(
      (text): [string[], string] => [
        [`--default-credentials-secret=${text}`],
        `--default-credentials-secret must be a Secret as namespace/name, or namespace/name:key, not "${text}".`,
      ],
    ),
    [
      ['--default-credentials-secret=ops/shared'],
      '--default-credentials-secret and --default-credentials-namespaces must be set together: the key, and the namespaces that may use it.',
    ],
    [
      ['--default-credentials-namespaces=a'],
      '--default-credentials-secret and --default-credentials-namespaces must be set together: the key, and the namespaces that may use it.',
    ],
    [['--workers'], '--workers needs a value: a whole number from 1 to 512.'],
    [['--workers', '--log-format=text'], '--workers needs a value: a whole number from 1 to 512.'],
    [['--workers=1', '--workers=2'], '--workers is given twice; give it once.'],
    [['--log-level', 'x'.repeat(65)], `--log-level must be one of debug, info, warn, error, not "${'x'.repeat(63)}…".`],
    [['--worker', '3'], '--worker is not a flag of this program; did you mean --workers?'],
    [['--frobnicate'], '--frobnicate is not a flag of this program; see --help.'],
    [['start'], '"start" is not a flag; for all flags, see --help.'],
    [
      ['--poll-interval=1s', '--urgent-poll-interval=2s'],
      '--urgent-poll-interval (2s) must not be longer than --poll-interval (1s).',
    ],
    [['--api-response-timeout=1s'], '--api-connect-timeout (5s) must not be longer than --api-response-timeout (1s).'],
    [['--renew-deadline=14s'], '--renew-deadline (14s) must fit 1.2 times into --lease-duration (15s).'],
    [['--retry-period=6s'], '--retry-period (6s) must fit 2 times into --renew-deadline (10s).'],
    [['--lease-name=My Lease'], '--lease-name must be a DNS label (RFC 1123), not "My Lease".'],
    [
      ['--selector=a in b'],
      '--selector must be a label selector such as shard=a, shard in (a, b) or !shard, with its parts separated by commas, not "a in b".',
    ],
    [
      ['--metrics-address=:1', '--health-address=:1'],
      '--metrics-address and --health-address must differ; both have port 1.',
    ],
  ])('%j: %s', (argv, problem) => {
    expect(problemsOf(argv)).toEqual([problem]);
  });

  test('a word after an unknown flag counts as its value, unless the flag has one', () => {
    expect(problemsOf(['--worker=3', 'start'])).toEqual([
      '--worker is not a flag of this program; did you mean --workers?',
      '"start" is not a flag; for all flags, see --help.',
    ]);
  });

  test('reports all problems at once, with the names of the variables', () => {
    expect(
      problemsOf(['--worker=3', '--log-level=loud'], { VPS247_MAX_IN_FLIGHT: 'many', VPS247_STUCKAFTER: '1m' }),
    ).toEqual([
      '--worker is not a flag of this program; did you mean --workers?',
      'VPS247_STUCKAFTER is not a setting of this program; did you mean VPS247_STUCK_AFTER?',
      'VPS247_MAX_IN_FLIGHT must be a whole number from 1 to 256, not "many".',
      '--log-level must be one of debug, info, warn, error, not "loud".',
    ]);
  });

  test('variables that Kubernetes sets for a service named vps247-… are ignored', () => {
    const env = { VPS247_OPERATOR_SERVICE_HOST: '10.0.0.1', VPS247_OPERATOR_METRICS_PORT: 'tcp://10.0.0.1:8080' };
    expect(settingsOf([], env)).toEqual(settingsOf([]));
  });
});

describe('the table', () => {
  test.each(settingNames.map((name) => [name]))(
    '%s: its default can be parsed and its description is one sentence',
    (name) => {
      const { kind, defaultValue, description } = settingsTable[name];
      expect(kind.read(defaultValue)).toBeDefined();
      expect(description).toMatch(/^[A-Z].*\.$/);
    },
  );

  test.each(['--help', '-h'])('%s shows every flag, variable and default, with any other flags', (flag) => {
    const loaded = loadSettings(['--nonsense', flag], {});
    const help = 'help' in loaded ? loaded.help : '';
    for (const name of settingNames) {
      expect(help).toContain(`${flagOf(name)} `);
      expect(help).toContain(variableOf(name));
      expect(help).toContain(settingsTable[name].defaultValue);
    }
    expect(Math.max(...help.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
    const wrapped = help.split('\n').filter((line) => line.startsWith('      '));
    expect(Math.max(...wrapped.map((line) => line.length))).toBeLessThanOrEqual(100);
    const words = wrapped.map((line) => line.trim()).join(' ');
    for (const name of settingNames) expect(words).toContain(settingsTable[name].description);
  });

  test('--version', () => {
    expect(loadSettings(['--version'], {})).toEqual({ version: true });
  });
});
