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

/** One setting: how it is read, what it is when nobody sets it, and one sentence for help and documentation. */
export interface Setting<T> {
  readonly kind: Kind<T>;
  /** As text, read like any other; empty means not set. */
  readonly byDefault: string;
  readonly sentence: string;
}

function setting<T>(kind: Kind<T>, byDefault: string, sentence: string): Setting<T> {
  return { kind, byDefault, sentence };
}

/**
 * Every setting of the operator: the one source of flags, environment variables, help and docs/configuration.md.
 * The flag and the variable follow from the name: `pollInterval` is `--poll-interval` and `VPS247_POLL_INTERVAL`.
 */
export const settingsTable = {
  kubeconfig: setting(
    file,
    '',
    'Kubeconfig file to reach the cluster with; without it the KUBECONFIG variable, ~/.kube/config and the service account are tried, in this order.',
  ),
  namespaces: setting(
    namespaces,
    '',
    'Namespaces to look after, with commas between them; empty means all, which needs a ClusterRole. With a list, Roles in each of them do.',
  ),
  selector: setting(
    labelSelector,
    '',
    'Labels of the objects to look after, as kubectl takes them; empty means all. Several operators can share a cluster so: every object should match the selector of exactly one of them.',
  ),
  leaderElection: setting(
    toggle,
    'true',
    'Act only while holding a Lease, so that of several operators with the same scope one acts and the others stand by. Without it, see to it that there is never a second one.',
  ),
  leaderElectionNamespace: setting(
    objectName,
    '',
    "Namespace of the Lease; without it the one of the pod's service account, or of the kubeconfig's context.",
  ),
  leaseName: setting(
    objectName,
    '',
    'Name of the Lease; without it one that follows from the namespaces and the selector, so that operators with the same scope share it and others do not. The chart names it after the release. Objects are marked with it.',
  ),
  takeOverFrom: setting(
    leaseRefs,
    '',
    'Other installations whose objects this one takes over, each as namespace/name of its Lease, separated by commas. Objects name the installation that manages them in the annotation vps247.com/managed-by. Uninstall the other one first.',
  ),
  leaseDuration: setting(
    duration('1s', '10m'),
    '15s',
    'How long the Lease of an operator that fell silent is respected by those that stand by.',
  ),
  renewDeadline: setting(
    duration('500ms', '10m'),
    '10s',
    'How long an operator goes on acting after it asked for the last renewal that was granted; shorter than the lease duration by more than clocks may differ meanwhile.',
  ),
  retryPeriod: setting(
    duration('100ms', '5m'),
    '2s',
    'How often the Lease is renewed. Those that stand by look at it twice as often.',
  ),
  defaultCredentialsSecret: setting(
    secretName,
    '',
    'Secret with an API key for objects that leave spec.credentialsSecretRef and spec.providerName alone and whose Secret does not exist; empty means none.',
  ),
  defaultCredentialsNamespaces: setting(
    namespaces,
    '',
    'Namespaces whose objects may use the key of the default Secret, with commas between them: whoever may create a VirtualMachine there spends its money.',
  ),
  defaultCredentialsOrphanNamespaces: setting(
    namespaces,
    '',
    'Namespaces whose objects may leave VMs running in the account of the default Secret, with commas between them: by deletionPolicy Retain or managementPolicy Observe. Elsewhere such a deletion waits with OrphanNotPermitted. Keys of a namespace are not concerned.',
  ),
  requireCredentialsLabel: setting(
    toggle,
    'false',
    'Use only Secrets with the label vps247.com/credentials: "true" as API keys, so that a tenant can have no other Secret of its namespace sent to the provider. The default Secret needs no label.',
  ),
  apiUrl: setting(baseUrl, 'https://api.vps247.com', "Base URL of the provider's API; https, or http to this machine."),
  insecureApiUrl: setting(
    toggle,
    'false',
    'Allow an API URL with http to another machine: API keys and root passwords then travel in clear text.',
  ),
  apiConnectTimeout: setting(duration('100ms', '1m'), '5s', 'How long connecting to the provider may take.'),
  apiResponseTimeout: setting(
    duration('100ms', '10m'),
    '30s',
    'How long the provider may take for an answer, from the request to the last byte.',
  ),
  maxInFlight: setting(
    integer(1, 256),
    '16',
    'Calls to the provider that may be under way at once, for each API key; a list of machines is not counted.',
  ),
  providerRate: setting(
    integer(0, 1_000),
    '10',
    'Calls to the provider a second in the long run, for each API key; halved for a while whenever the provider asks for fewer. 0 is no limit.',
  ),
  providerBurst: setting(
    integer(1, 10_000),
    '20',
    'Calls to the provider that may go out at once after a quiet while, for each API key.',
  ),
  pollInterval: setting(
    duration('1s', '1h'),
    '60s',
    "How often the list of an account's machines is read while nothing is going on.",
  ),
  urgentPollInterval: setting(
    duration('50ms', '1m'),
    '1s',
    'How soon it is read again while a machine is in transition, or just that machine where that is cheaper; the pause grows while nothing changes.',
  ),
  visibilityWindow: setting(
    duration('100ms', '1h'),
    '30s',
    'How long a machine just created may be missing from the list. Too short a time risks a second, billed machine after a lost answer.',
  ),
  recreateAfter: setting(
    duration('1s', '24h'),
    '5m',
    'How long complete lists, three at least, must lack a VM before the operator recreates it. VMs of one API key are recreated one by one, a fifth of this time apart. Shorten it only with an emulated provider: a list that is wrong for this long leads to a second, billed VM.',
  ),
  stuckAfter: setting(
    duration('1s', '24h'),
    '10m',
    'After how long a power operation without effect is reported as stuck. If the object is being deleted and its VM is in an unknown or transitional state for that long, the operator sends DELETE.',
  ),
  orphanCandidates: setting(
    choice('Hold', 'Report'),
    'Hold',
    "What a machine does that may be a new object's from an earlier life (its name with another suffix, held by no object): Hold keeps a second one from being created until somebody decides, Report only tells. Report suits accounts that several clusters, or operators of separate namespaces, share.",
  ),
  maxMachinesPerNamespace: setting(
    integer(0, 100_000),
    '0',
    'VMs that the objects of one namespace may have together, adopted ones and those that deleted objects left running included; further ones wait. 0 is no limit.',
  ),
  maxApiKeys: setting(
    integer(1, 100_000),
    '1000',
    'API keys in use at a time. One that the provider accepted stays in use; objects with a further one wait with ApiKeyLimitReached. Each takes memory and a list for each polling interval.',
  ),
  maxApiKeysPerNamespace: setting(
    integer(1, 100_000),
    '32',
    'API keys that the objects of one namespace may use at a time; objects with a further one wait with ApiKeyLimitReached.',
  ),
  maxDeletesPerMinute: setting(
    integer(0, 100_000),
    '0',
    'VMs that are deleted in any minute; further ones wait, in turn for each namespace, so that a mistake with many objects can still be stopped. 0 is no limit.',
  ),
  relistInterval: setting(
    duration('1s', '24h'),
    '30m',
    'How often all objects are read again although the watch seems well, a tenth more or less by chance: so long an event that was lost on the way can go unnoticed.',
  ),
  workers: setting(integer(1, 512), '32', 'Objects worked on at once, not counting those that wait for the provider.'),
  shutdownGracePeriod: setting(
    duration('100ms', '10m'),
    '25s',
    "How long calls under way may take to end after SIGTERM; keep it below the pod's terminationGracePeriodSeconds.",
  ),
  metricsAddress: setting(hostPort, ':8080', 'Where /metrics is served; port 0 takes any free port.'),
  machineMetricsLimit: setting(
    integer(0, 100_000),
    '500',
    'Up to how many objects metrics have series for each VM (machine_…): five each. With more objects there are only the sums of each account; 0: never.',
  ),
  healthAddress: setting(hostPort, ':8081', 'Where /healthz and /readyz are served; port 0 takes any free port.'),
  logLevel: setting(choice('debug', 'info', 'warn', 'error'), 'info', 'The least important lines to log.'),
  logFormat: setting(
    choice('json', 'text'),
    'json',
    'How lines are logged: JSON for machines, text for people. They go to standard output.',
  ),
} as const satisfies Record<string, Setting<unknown>>;

export type SettingName = keyof typeof settingsTable;

/** All settings, read and judged. Durations are milliseconds; what need not be set may be undefined. */
export type Settings = {
  readonly [Name in SettingName]: (typeof settingsTable)[Name] extends Setting<infer T> ? T : never;
};

// `Object.keys` forgets the type of the keys; the table above is not added to at run time.
export const settingNames = Object.keys(settingsTable) as readonly SettingName[];

/** `pollInterval` → `--poll-interval` */
export function flagOf(name: SettingName): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `pollInterval` → `VPS247_POLL_INTERVAL` */
export function variableOf(name: SettingName): string {
  return `VPS247_${flagOf(name).slice(2).replaceAll('-', '_').toUpperCase()}`;
}
