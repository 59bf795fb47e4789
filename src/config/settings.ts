import {
  baseUrl,
  choice,
  duration,
  file,
  hostPort,
  integer,
  labelSelector,
  leaseRefs,
  namespaces,
  objectName,
  secretName,
  toggle,
  type Kind,
} from './kinds.ts';

/** One setting: its kind, its default, and its description for --help and documentation. */
export interface Setting<T> {
  readonly kind: Kind<T>;
  /** As text, parsed like any other value; empty means unset. */
  readonly defaultValue: string;
  readonly description: string;
}

function setting<T>(kind: Kind<T>, defaultValue: string, description: string): Setting<T> {
  return { kind, defaultValue, description };
}

/**
 * Every setting of the operator: the source of flags, environment variables, --help and docs/configuration.md.
 * The name determines flag and variable: `pollInterval` is `--poll-interval` and `VPS247_POLL_INTERVAL`.
 */
export const settingsTable = {
  kubeconfig: setting(
    file,
    '',
    'Kubeconfig file. If unset, the operator tries the KUBECONFIG variable, ~/.kube/config, and the service account, in this order.',
  ),
  namespaces: setting(
    namespaces,
    '',
    'Comma-separated namespaces to watch. Empty: all namespaces, which requires a ClusterRole. With a list, a Role in each namespace is enough.',
  ),
  selector: setting(
    labelSelector,
    '',
    'Label selector of the objects to reconcile, in the syntax of kubectl. Empty: all objects. Several operators can share a cluster in this way; every object should match the selector of exactly one of them.',
  ),
  accounts: setting(
    toggle,
    'false',
    'Watch Accounts and show the state of their API keys, VMs and prices. Requires the CRD of Accounts, and permission to list and watch them.',
  ),
  leaderElection: setting(
    toggle,
    'true',
    'Use a Lease for leader election. Of several operators with the same scope, only the leader reconciles; the others are on standby. Without leader election, never run a second operator.',
  ),
  leaderElectionNamespace: setting(
    objectName,
    '',
    "Namespace of the Lease. Default: the namespace of the Pod's service account, or of the kubeconfig's context.",
  ),
  leaseName: setting(
    objectName,
    '',
    'Name of the Lease. Default: derived from namespaces and selector, so that only operators with the same scope share it. The chart uses the release name. Objects are annotated with it.',
  ),
  takeOverFrom: setting(
    leaseRefs,
    '',
    'Other installations whose objects this installation takes over, separated by commas. Each one is the namespace/name of its Lease. Objects name the installation that manages them in the annotation vps247.com/managed-by. Uninstall the other one first.',
  ),
  leaseDuration: setting(
    duration('1s', '10m'),
    '15s',
    'How long operators on standby wait after the last observed renewal before they acquire the Lease.',
  ),
  renewDeadline: setting(
    duration('500ms', '10m'),
    '10s',
    'How long the leader keeps retrying to renew the Lease before it stops making changes. The lease duration must be at least 1.2 times as long.',
  ),
  retryPeriod: setting(
    duration('100ms', '5m'),
    '2s',
    'How often the leader renews the Lease. Operators on standby check it twice as often.',
  ),
  defaultCredentialsSecret: setting(
    secretName,
    '',
    'Secret with an API key for objects that set neither spec.credentialsSecretRef nor spec.providerName, and whose Secret does not exist. Empty: none.',
  ),
  defaultCredentialsNamespaces: setting(
    namespaces,
    '',
    'Comma-separated namespaces whose objects may use the key of the default Secret. Every user who can create VirtualMachines there incurs charges for its account.',
  ),
  defaultCredentialsOrphanNamespaces: setting(
    namespaces,
    '',
    'Comma-separated namespaces whose objects may leave VMs running in the account of the default Secret, by deletionPolicy Retain or managementPolicy Observe. In other namespaces, such a deletion waits with OrphanNotPermitted. This does not affect keys of a namespace.',
  ),
  requireCredentialsLabel: setting(
    toggle,
    'false',
    'Use only Secrets with the label vps247.com/credentials: "true" as API keys, so that a tenant cannot make the operator send any other Secret of its namespace to the provider. The default Secret needs no label.',
  ),
  apiUrl: setting(
    baseUrl,
    'https://api.vps247.com',
    "Base URL of the provider's API. Must be https, or http to the local host.",
  ),
  insecureApiUrl: setting(
    toggle,
    'false',
    'Allow an http API URL to another host. API keys and root passwords are then sent in plain text.',
  ),
  apiConnectTimeout: setting(duration('100ms', '1m'), '5s', 'Timeout for connecting to the provider.'),
  apiResponseTimeout: setting(
    duration('100ms', '10m'),
    '30s',
    'Timeout for a response of the provider, from the request to the last byte.',
  ),
  maxInFlight: setting(
    integer(1, 256),
    '16',
    'Maximum number of provider calls in flight for each API key. Lists of VMs do not count.',
  ),
  providerRate: setting(
    integer(0, 1_000),
    '10',
    'Maximum sustained number of provider calls a second for each API key. Halved for a while when the provider asks for fewer calls. 0: unlimited.',
  ),
  providerBurst: setting(integer(1, 10_000), '20', 'Maximum burst of provider calls for each API key.'),
  pollInterval: setting(duration('1s', '1h'), '60s', 'How often the VMs of an account are listed when idle.'),
  urgentPollInterval: setting(
    duration('50ms', '1m'),
    '1s',
    'How often the VMs are listed while a VM is in transition, or how often only that VM is read where that is cheaper. The interval grows while nothing changes.',
  ),
  visibilityWindow: setting(
    duration('100ms', '1h'),
    '30s',
    'How long a new VM may be missing from the list. If this is too short, a lost answer can lead to a second, billed VM.',
  ),
  recreateAfter: setting(
    duration('1s', '24h'),
    '5m',
    'How long at least three complete lists must lack a VM before the operator recreates it. VMs of one API key are recreated one at a time, a fifth of this time apart. Shorten it only with an emulated provider: a list that is wrong for this long leads to a second, billed VM.',
  ),
  stuckAfter: setting(
    duration('1s', '24h'),
    '10m',
    'How long a power operation may have no effect before it is reported as stuck. If the object is being deleted and its VM is in an unknown or transitional state for that long, the operator sends DELETE.',
  ),
  orphanCandidates: setting(
    choice('Hold', 'Report'),
    'Hold',
    'What to do when an unmanaged VM looks like it belonged to an earlier object of the same name (same name with another suffix). Hold blocks the creation until you decide. Report only emits an event; use it for accounts that several clusters, or operators of separate namespaces, share.',
  ),
  maxMachinesPerNamespace: setting(
    integer(0, 100_000),
    '0',
    'Maximum number of VMs of the objects in one namespace, including adopted VMs and those that deleted objects left running. Further ones wait. 0: unlimited.',
  ),
  maxApiKeys: setting(
    integer(1, 100_000),
    '1000',
    'Maximum number of API keys in use. A key that the provider accepted stays in use; objects with a further key wait with ApiKeyLimitReached. Each key uses memory and one list for each polling interval.',
  ),
  maxApiKeysPerNamespace: setting(
    integer(1, 100_000),
    '32',
    'Maximum number of API keys that the objects of one namespace use at a time. Objects with a further key wait with ApiKeyLimitReached.',
  ),
  maxDeletesPerMinute: setting(
    integer(0, 100_000),
    '0',
    'Maximum number of VMs deleted in one minute. Further ones wait, round-robin by namespace, so that you can stop a mistake with many objects. 0: unlimited.',
  ),
  relistInterval: setting(
    duration('1s', '24h'),
    '30m',
    'Resync period (±10 % jitter): how often all objects are listed again, even if the watch looks healthy. This limits how long a lost event goes unnoticed.',
  ),
  workers: setting(
    integer(1, 512),
    '32',
    'Maximum number of concurrent reconciliations, not counting those that wait for the provider.',
  ),
  shutdownGracePeriod: setting(
    duration('100ms', '10m'),
    '25s',
    "How long calls in flight may take to finish after SIGTERM. Must be less than the Pod's terminationGracePeriodSeconds.",
  ),
  metricsAddress: setting(hostPort, ':8080', 'Listen address of /metrics and /targets. Port 0 selects a free port.'),
  machineMetricsLimit: setting(
    integer(0, 100_000),
    '500',
    'Maximum number of objects with per-VM metrics (machine_…, five series each). Above it, only the sums of each account exist. 0: never.',
  ),
  serveTargets: setting(
    toggle,
    'false',
    'Serve the running VMs of all objects as scrape targets at /targets of the metrics address, in the format of http_sd_configs. Everyone who can read /metrics can then read names, labels and public addresses of all VMs.',
  ),
  healthAddress: setting(hostPort, ':8081', 'Listen address of /healthz and /readyz. Port 0 selects a free port.'),
  logLevel: setting(choice('debug', 'info', 'warn', 'error'), 'info', 'Minimum level of log lines.'),
  logFormat: setting(
    choice('json', 'text'),
    'json',
    'Log format: json for log collectors, text for reading. Logs go to standard output.',
  ),
} as const satisfies Record<string, Setting<unknown>>;

export type SettingName = keyof typeof settingsTable;

/** All settings, parsed and validated. Durations are milliseconds; optional ones may be undefined. */
export type Settings = {
  readonly [Name in SettingName]: (typeof settingsTable)[Name] extends Setting<infer T> ? T : never;
};

// `Object.keys` loses the type of the keys; the table above doesn't change at run time.
export const settingNames = Object.keys(settingsTable) as readonly SettingName[];

/** `pollInterval` → `--poll-interval` */
export function flagOf(name: SettingName): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `pollInterval` → `VPS247_POLL_INTERVAL` */
export function variableOf(name: SettingName): string {
  return `VPS247_${flagOf(name).slice(2).replaceAll('-', '_').toUpperCase()}`;
}

/** What the operator itself needs; the rest concerns the process around it. */
export type OperatorSettings = Pick<
  Settings,
  | 'namespaces'
  | 'accounts'
  | 'selector'
  | 'defaultCredentialsSecret'
  | 'defaultCredentialsNamespaces'
  | 'defaultCredentialsOrphanNamespaces'
  | 'requireCredentialsLabel'
  | 'takeOverFrom'
  | 'relistInterval'
  | 'workers'
  | 'pollInterval'
  | 'urgentPollInterval'
  | 'maxInFlight'
  | 'providerRate'
  | 'providerBurst'
  | 'visibilityWindow'
  | 'recreateAfter'
  | 'stuckAfter'
  | 'orphanCandidates'
  | 'maxMachinesPerNamespace'
  | 'maxApiKeys'
  | 'maxApiKeysPerNamespace'
  | 'maxDeletesPerMinute'
  | 'machineMetricsLimit'
  | 'serveTargets'
  | 'apiConnectTimeout'
  | 'apiResponseTimeout'
>;
