import { controller, fullName } from '../../../src/telemetry/metrics-table.ts';

/** One alert: its rule, its runbook, and the series with which promtool verifies when it fires and when it doesn't. */
export interface Alert {
  /** Also the heading of its runbook. */
  readonly name: string;
  readonly severity: 'critical' | 'warning' | 'info';
  readonly expr: string;
  /** How long the condition must hold, in Prometheus' notation. */
  readonly for: string;
  readonly summary: string;
  /** The meaning and the first step; may contain labels. */
  readonly description: string;
  /** The steps of the runbook, in order. */
  readonly steps: readonly string[];
  /** At `at`, the alert fires with `labels`. Series in promtool's notation, one sample a minute. */
  readonly fires: {
    readonly series: Series;
    readonly at: string;
    readonly labels: Readonly<Record<string, string>>;
    /** The value as the description contains it, if it does. */
    readonly value?: string;
  };
  /** A similar case in which it doesn't fire at the same time. */
  readonly isQuiet: { readonly because: string; readonly series: Series };
}

type Series = Readonly<Record<string, string>>;

const metric = (name: string, labels = ''): string => `${fullName(name)}${labels === '' ? '' : `{${labels}}`}`;
/** The labels that the replicas of one installation share. A label that a Prometheus doesn't have changes nothing. */
const per = 'cluster, job, namespace';
/** Labels that Prometheus adds to every series of one installation. */
const target = 'job="vps247-operator",namespace="vps247-system"';
const installation = { job: 'vps247-operator', namespace: 'vps247-system' };
const of = (name: string, labels = ''): string => metric(name, labels === '' ? target : `${target},${labels}`);
/** For metrics that other operators have too. */
const own = `controller="${controller}"`;

/** Two replicas, and whether each is the leader. */
const replicas = (first: string, second: string): Series => ({
  [of('build_info', 'instance="a"')]: '1x20',
  [of('build_info', 'instance="b"')]: '1x20',
  [of('leader_election_master_status', 'instance="a",name="vps247-operator"')]: first,
  [of('leader_election_master_status', 'instance="b",name="vps247-operator"')]: second,
});
const otherOperator = 'leader_election_master_status{job="other",namespace="other",instance="c",name="other"}';

/** Every alert: the source of the rules, their tests and the runbooks. */
export const alerts: readonly Alert[] = [
  {
    name: 'Vps247OperatorDown',
    severity: 'critical',
    expr: `absent(${metric('build_info')})`,
    for: '5m',
    summary: 'No operator for vps247 is running.',
    description:
      'Prometheus scrapes no replica. The VMs stay as they are, and nothing changes until a replica runs again. Check the Pods of the Deployment.',
    steps: [
      'Find out why the last Pod ended: `kubectl -n vps247-system get pods` and `kubectl -n vps247-system describe pod`. See [exit codes](configuration.md#exit-codes).',
      'If Pods are ready, Prometheus cannot reach them. Check its targets page, the ServiceMonitor or PodMonitor, and network policies.',
    ],
    fires: { series: { [of('build_info')]: '1x5 stale' }, at: '12m', labels: {} },
    isQuiet: { because: 'one of two replicas runs', series: { [of('build_info', 'pod="b"')]: '1x20' } },
  },
  {
    name: 'Vps247OperatorNoLeader',
    severity: 'critical',
    expr: `max by (${per}) (${metric('leader_election_master_status')} and on (${per}, instance) ${metric('build_info')}) == 0`,
    for: '2m',
    summary: 'Replicas of the operator run, and none of them is the leader.',
    description:
      'No replica in {{ $labels.namespace }} holds the Lease, so none reconciles. Check the Lease, and the log for why no replica can acquire it.',
    steps: [
      'Check who holds the Lease, and until when: `kubectl -n vps247-system get lease -o yaml`.',
      'Search the log for `Lease`. It names a missing permission; a slow API server shows in `rest_client_request_duration_seconds`.',
    ],
    fires: {
      series: replicas('0x20', '0x20'),
      at: '5m',
      labels: installation,
    },
    isQuiet: {
      because: 'one of two replicas is the leader, and an operator of another project has none',
      series: { ...replicas('0x20', '1x20'), [otherOperator]: '0x20' },
    },
  },
  {
    name: 'Vps247OperatorErrors',
    severity: 'warning',
    expr: `sum by (${per}) (rate(${metric('controller_runtime_reconcile_errors_total', own)}[10m])) / sum by (${per}) (rate(${metric('controller_runtime_reconcile_total', own)}[10m])) > 0.2`,
    for: '15m',
    summary: 'More than a fifth of all reconciliations fail.',
    description:
      'Reconciliations of the operator in {{ $labels.namespace }} fail. Start with the log: it has a line for each object, with the error.',
    steps: [
      'Read the lines of level warn and error in the log: `Reconciler error` names the object and the error.',
      'Compare `vps247_operator_provider_calls_total` and `rest_client_requests_total`, each by code, to find out which API fails.',
      'If the error does not come from the API server, it is a bug of the operator. Report it with the log line.',
    ],
    fires: {
      series: {
        [of('controller_runtime_reconcile_errors_total', own)]: '0+3x40',
        [of('controller_runtime_reconcile_total', `${own},result="error"`)]: '0+3x40',
        [of('controller_runtime_reconcile_total', `${own},result="success"`)]: '0+7x40',
      },
      at: '30m',
      labels: installation,
    },
    isQuiet: {
      because: 'one reconciliation in ten fails, and all of another controller do',
      series: {
        [of('controller_runtime_reconcile_errors_total', own)]: '0+1x40',
        [of('controller_runtime_reconcile_total', `${own},result="error"`)]: '0+1x40',
        [of('controller_runtime_reconcile_total', `${own},result="success"`)]: '0+9x40',
        [of('controller_runtime_reconcile_errors_total', 'controller="other"')]: '0+9x40',
        [of('controller_runtime_reconcile_total', 'controller="other",result="error"')]: '0+9x40',
      },
    },
  },
  {
    name: 'Vps247CredentialsRejected',
    severity: 'critical',
    expr: `max by (${per}, account) (${metric('account_key_rejected')}) == 1`,
    for: '5m',
    summary: 'The provider does not accept an API key.',
    description:
      'The provider rejects the key of account {{ $labels.account }}, so the operator does nothing for its VMs. Put a valid key into the Secret of the objects that show CredentialsRejected.',
    steps: [
      "Find the objects: `kubectl get virtualmachines -A` shows CredentialsRejected; each one's `spec.credentialsSecretRef` names the Secret.",
      'Put a valid key of the same account into it. The operator tries it immediately if the Secret has the label `vps247.com/credentials=true`. With a key of another account, the operator changes nothing.',
    ],
    fires: {
      series: { [of('account_key_rejected', 'account="1"')]: '1x20' },
      at: '6m',
      labels: { ...installation, account: '1' },
    },
    isQuiet: {
      because: 'the next list succeeded',
      series: { [of('account_key_rejected', 'account="1"')]: '1x3 0x20' },
    },
  },
  {
    name: 'Vps247RateLimited',
    severity: 'warning',
    expr: `sum by (${per}) (increase(${metric('provider_calls_total', 'code="RateLimited"')}[15m])) > 3`,
    for: '15m',
    summary: 'The provider keeps answering 429 (too many requests).',
    description:
      'The operator in {{ $labels.namespace }} sends more requests than the provider allows, so changes take longer. Lower --provider-rate, or find out who else uses the key.',
    steps: [
      'Compare `vps247_operator_provider_rate_limit` with `--provider-rate`: the operator halves its rate automatically. If that does not help, another program uses the same key.',
      'Set `--provider-rate` to what the provider allows, or raise `--poll-interval`.',
    ],
    fires: {
      series: { [of('provider_calls_total', 'code="RateLimited"')]: '0+1x60' },
      at: '40m',
      labels: installation,
    },
    isQuiet: {
      because: 'it responded 429 once',
      series: { [of('provider_calls_total', 'code="RateLimited"')]: '0x20 1x40' },
    },
  },
  {
    name: 'Vps247ProviderUnavailable',
    severity: 'warning',
    expr: `max by (${per}, account) (${metric('provider_unavailable')}) == 1`,
    for: '10m',
    summary: 'The provider does not answer.',
    description:
      'Calls for account {{ $labels.account }} have had no useful answer for ten minutes. The circuit breaker is open: only lists are tried, and no VM is changed. Check the provider, and the network path to it.',
    steps: [
      'Check the code of the failures in `vps247_operator_provider_calls_total`. ConnectFailed and Timeout point to the network, a proxy or DNS, others to the provider.',
      'Wait, or ask the provider. Reconciliation resumes automatically as soon as one list succeeds.',
    ],
    fires: {
      series: { [of('provider_unavailable', 'account="1"')]: '1x20' },
      at: '12m',
      labels: { ...installation, account: '1' },
    },
    isQuiet: { because: 'it recovered', series: { [of('provider_unavailable', 'account="1"')]: '1x8 0x20' } },
  },
  {
    name: 'Vps247TransitionStuck',
    severity: 'warning',
    expr: `max by (${per}) (${metric('objects', 'reason="PowerTransitionStuck"')}) > 0`,
    for: '5m',
    summary: 'VMs do not reach the power state of their spec.',
    description:
      '{{ $value }} VMs did not start or stop in time. Check their consoles; the annotation vps247.com/force-power-off=true cuts the power of one that does not halt.',
    steps: [
      'Find them: `kubectl get virtualmachines -A` shows PowerTransitionStuck, and `kubectl describe` what the operator tried.',
      'Check the console at the provider. A guest that ignores the signal to halt needs `spec.powerOff.mode: TrySoft` or the annotation `vps247.com/force-power-off=true`, which may lose data.',
    ],
    fires: {
      series: { [of('objects', 'reason="PowerTransitionStuck"')]: '2x20' },
      at: '8m',
      labels: installation,
      value: '2',
    },
    isQuiet: {
      because: 'VMs are starting',
      series: { [of('objects', 'reason="Starting"')]: '2x20', [of('objects', 'reason="Available"')]: '9x20' },
    },
  },
  {
    name: 'Vps247DeleteStuck',
    severity: 'warning',
    expr: `max by (${per}) (${metric('deletion_oldest_seconds')}) > 3600`,
    for: '5m',
    summary: 'An object has been terminating for more than an hour.',
    description:
      'The VM of an object that is being deleted still exists, or is not confirmed deleted. It may incur charges. The condition DeletionBlocked names what the operator waits for.',
    steps: [
      'Find it: `kubectl get virtualmachines -A -o custom-columns=NAMESPACE:.metadata.namespace,NAME:.metadata.name,DELETED:.metadata.deletionTimestamp | grep -v "<none>"`.',
      'Its conditions Ready and DeletionBlocked name the reason. [Conditions and troubleshooting](conditions.md) has the remedy.',
      'Never remove the finalizer by hand: the VM would stay and be billed. To delete an object and keep its VM, set `spec.deletionPolicy: Retain`, also while the object is being deleted.',
    ],
    fires: { series: { [of('deletion_oldest_seconds')]: '0+60x80' }, at: '70m', labels: installation },
    isQuiet: { because: 'deletions end after a minute', series: { [of('deletion_oldest_seconds')]: '0 60 0 60 0x80' } },
  },
  {
    name: 'Vps247UnmanagedMachines',
    severity: 'info',
    expr: `max by (${per}, account) (${metric('account_machines', 'managed="false"')}) > 0`,
    for: '1h',
    summary: 'The account has unmanaged VMs.',
    description:
      'No object manages {{ $value }} VMs of account {{ $labels.account }}. The provider bills them nevertheless. The log line "Found unmanaged VMs" and an event of the Lease name them. Adopt them, delete them at the provider, or silence this alert if they are known.',
    steps: [
      'Find their names and ids: `kubectl -n vps247-system events --for lease/vps247-operator` shows the last change of the set, as long as the API server keeps events (an hour by default). The log keeps it: `kubectl -n vps247-system logs -l app.kubernetes.io/name=vps247-operator --tail=-1 | grep "unmanaged VMs"`. Both name ten VMs at most, and count the rest; compare the list at the provider with `kubectl get virtualmachines -A` for these. The operator never changes an unmanaged VM.',
      'Adopt a VM with `spec.adoption` and its id, or delete it at the provider. Where an account is shared on purpose, silence the alert.',
    ],
    fires: {
      series: {
        [of('account_machines', 'account="1",managed="false"')]: '3x80',
        [of('account_machines', 'account="1",managed="true"')]: '9x80',
      },
      at: '65m',
      labels: { ...installation, account: '1' },
      value: '3',
    },
    isQuiet: {
      because: 'an object manages every VM',
      series: {
        [of('account_machines', 'account="1",managed="false"')]: '0x80',
        [of('account_machines', 'account="1",managed="true"')]: '9x80',
      },
    },
  },
  {
    name: 'Vps247DuplicateNames',
    severity: 'warning',
    expr: `max by (${per}, account) (${metric('account_duplicate_names')}) > 0`,
    for: '15m',
    summary: 'VMs in the account share a name.',
    description:
      'Account {{ $labels.account }} has {{ $value }} names that more than one VM has. The operator continues with the VM that an object records and does not touch the others: delete one of each at the provider.',
    steps: [
      'The affected objects show DuplicateMachine, with the ids in the message.',
      'Decide at the provider which VM is the right one, and delete the other.',
    ],
    fires: {
      series: { [of('account_duplicate_names', 'account="2"')]: '1x30' },
      at: '20m',
      labels: { ...installation, account: '2' },
      value: '1',
    },
    isQuiet: { because: 'all names differ', series: { [of('account_duplicate_names', 'account="2"')]: '0x30' } },
  },
  {
    name: 'Vps247DiffersFromSpec',
    severity: 'warning',
    expr: `max by (${per}) (${metric('objects_differing_from_spec')}) > 0`,
    for: '15m',
    summary: 'VMs differ from the spec of their objects.',
    description:
      '{{ $value }} objects of the operator in {{ $labels.namespace }} show AsSpecified False: their VMs have another region, package, template or creation option than the spec. They are not recreated while that is so.',
    steps: [
      `List the objects, and find those with False: \`kubectl get vps -A -o custom-columns='NAMESPACE:.metadata.namespace,NAME:.metadata.name,AS-SPECIFIED:.status.conditions[?(@.type=="AsSpecified")].status'\`.`,
      'Correct each spec to what the VM is, in its manifest or with the command in the message of the condition AsSpecified.',
      'To get a VM that matches the spec, create a new object: the provider can neither move nor resize a VM.',
    ],
    fires: { series: { [of('objects_differing_from_spec')]: '2x40' }, at: '20m', labels: installation, value: '2' },
    isQuiet: { because: 'the specs were corrected', series: { [of('objects_differing_from_spec')]: '9x3 0x40' } },
  },
  {
    name: 'Vps247TwoInstallations',
    severity: 'warning',
    expr: `max by (${per}) (${metric('objects_owned_by_others')}) > 0`,
    for: '15m',
    summary: 'Another installation of the operator manages objects in the scope of this one.',
    description:
      '{{ $value }} objects in the scope of the operator in {{ $labels.namespace }} name another installation in their annotation vps247.com/managed-by, so this operator does not reconcile them. If that installation does not run, nothing happens to their VMs, which are billed.',
    steps: [
      'List the owner of each object: `kubectl get virtualmachines -A -o custom-columns=NAMESPACE:.metadata.namespace,NAME:.metadata.name,BY:.metadata.annotations.vps247\\.com/managed-by` shows namespace and name of the Lease of each installation.',
      'If the named installation runs, uninstall one of the two, or give them namespaces or selectors that do not overlap.',
      'If the named installation is gone, set `takeOverFrom` (flag `--take-over-from`) to its name, or remove the annotation from the objects. Each object keeps its VM.',
      'If no such installation ever existed, a user wrote the annotation. Only the objects that carry it are affected: remove it.',
    ],
    fires: { series: { [of('objects_owned_by_others')]: '2x40' }, at: '20m', labels: installation, value: '2' },
    isQuiet: {
      because: 'this installation manages the objects',
      series: { [of('objects_owned_by_others')]: '9x3 0x40' },
    },
  },
  {
    name: 'Vps247QueueWait',
    severity: 'warning',
    expr: `max by (${per}) (${metric('queue_oldest_wait_seconds')}) > 60`,
    for: '10m',
    summary: 'Objects wait for a worker for more than a minute.',
    description:
      'The operator in {{ $labels.namespace }} does not keep up. Check whether reconciliations hang (workqueue_longest_running_processor_seconds) or CPU is short; else raise --workers.',
    steps: [
      'Check the dashboard of the operator: is CPU at its limit, does an API answer slowly, or do reconciliations hang?',
      'Give it more CPU, raise `--workers`, or [shard](scaling.md#sharding) the objects.',
    ],
    fires: { series: { [of('queue_oldest_wait_seconds')]: '90x20' }, at: '15m', labels: installation },
    isQuiet: { because: 'a burst ended soon', series: { [of('queue_oldest_wait_seconds')]: '90x5 0x20' } },
  },
  {
    name: 'Vps247TransferNearlyUsedUp',
    severity: 'warning',
    expr: `max by (${per}, account) (${metric('account_machines_low_transfer')}) > 0`,
    for: '15m',
    summary: "Less than a tenth of a VM's transfer for the month is left.",
    description:
      '{{ $value }} VMs of account {{ $labels.account }} have less than a tenth of their transfer for the month left. Find out what sends so much, or ask the provider for more.',
    steps: [
      'Find the VMs in the panel "Transfer left, lowest ten" of the fleet dashboard. It has data up to `--machine-metrics-limit` objects, and only for VMs that an object manages. Otherwise, check the VMs at the provider, or raise the limit.',
      'Check the dashboard of this VM: was the transfer used in a short time, or evenly over the month?',
      'Find the program in the guest that sends so much, or replace the VM with one of a larger package.',
    ],
    fires: {
      series: { [of('account_machines_low_transfer', 'account="1"')]: '1x30' },
      at: '20m',
      labels: { ...installation, account: '1' },
      value: '1',
    },
    isQuiet: {
      because: 'all VMs have more left',
      series: { [of('account_machines_low_transfer', 'account="1"')]: '0x30' },
    },
  },
];
