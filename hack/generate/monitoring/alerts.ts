import { prefix } from '../../../src/telemetry/metrics-table.ts';

/** One alert: its rule, its runbook, and the series by which promtool shows that it fires, and when it does not. */
export interface Alert {
  /** Also the heading of its runbook. */
  readonly name: string;
  readonly severity: 'critical' | 'warning' | 'info';
  readonly expr: string;
  /** How long it has to be so: Prometheus' own notation. */
  readonly for: string;
  readonly summary: string;
  /** What it means, and the first thing to do; may name labels. */
  readonly description: string;
  /** What the runbook says to do, in order. */
  readonly steps: readonly string[];
  /** Looked at `at`, it fires with `labels`. Series as promtool writes them, one sample a minute. */
  readonly fires: {
    readonly series: Series;
    readonly at: string;
    readonly labels: Readonly<Record<string, string>>;
    /** The value as the description words it, if it does. */
    readonly value?: string;
  };
  /** It does not at the same moment, however close to it things are. */
  readonly isQuiet: { readonly because: string; readonly series: Series };
}

type Series = Readonly<Record<string, string>>;

const metric = (name: string, labels = ''): string => `${prefix}${name}${labels === '' ? '' : `{${labels}}`}`;
/** What Prometheus adds to every series of one installation. */
const target = 'job="vps247-operator",namespace="vps247-system"';
const installation = { job: 'vps247-operator', namespace: 'vps247-system' };
const of = (name: string, labels = ''): string => metric(name, labels === '' ? target : `${target},${labels}`);
const machine = 'object_namespace="shop",object="web"';

/** Every alert that is shipped: the one source of rules, their tests and the runbooks. */
export const alerts: readonly Alert[] = [
  {
    name: 'Vps247OperatorDown',
    severity: 'critical',
    expr: `absent(${metric('build_info')})`,
    for: '5m',
    summary: 'No operator for vps247 is running.',
    description:
      'Prometheus reads the metrics of no replica. Machines stay as they are and nothing is changed until one runs again: look at the Pods of the Deployment.',
    steps: [
      'Look at the Pods, and why the last one ended: `kubectl -n vps247-system get pods` and `kubectl -n vps247-system describe pod`. The exit code is explained in docs/configuration.md.',
      'If Pods are ready, Prometheus does not reach them: look at its page of targets, the ServiceMonitor or PodMonitor, and network policies.',
    ],
    fires: { series: { [of('build_info')]: '1x5 stale' }, at: '12m', labels: {} },
    isQuiet: { because: 'one of two replicas runs', series: { [of('build_info', 'pod="b"')]: '1x20' } },
  },
  {
    name: 'Vps247OperatorNoLeader',
    severity: 'critical',
    expr: `max by (job, namespace) (${metric('leader')}) == 0`,
    for: '2m',
    summary: 'Replicas of the operator run, and none of them acts.',
    description:
      'No replica in {{ $labels.namespace }} holds the Lease. Nothing is changed meanwhile: look at the Lease and at the log for why it cannot be taken.',
    steps: [
      'Look at who holds the Lease, and until when: `kubectl -n vps247-system get lease -o yaml`.',
      'Look for lines about the Lease in the log. A right that is missing is named there; an API server that is slow shows in `vps247_operator_kubernetes_call_duration_seconds`.',
    ],
    fires: {
      series: { [of('leader', 'pod="a"')]: '0x20', [of('leader', 'pod="b"')]: '0x20' },
      at: '5m',
      labels: installation,
    },
    isQuiet: {
      because: 'one of two replicas acts',
      series: { [of('leader', 'pod="a"')]: '0x20', [of('leader', 'pod="b"')]: '1x20' },
    },
  },
  {
    name: 'Vps247OperatorErrors',
    severity: 'warning',
    expr: `sum by (job, namespace) (rate(${metric('reconciles_total', 'result=~"Failed|Error"')}[10m])) / sum by (job, namespace) (rate(${metric('reconciles_total')}[10m])) > 0.2`,
    for: '15m',
    summary: 'More than a fifth of all passes over objects fail.',
    description:
      'Passes of the operator in {{ $labels.namespace }} end with a failure. The log has a line for each, with the object and the reason: begin there.',
    steps: [
      'Read the lines of level warn and error in the log: each names the object and what failed.',
      'Tell the provider from Kubernetes: `vps247_operator_provider_calls_total` by code, `vps247_operator_kubernetes_calls_total` by code.',
      'A pass that ended with Error, not Failed, met a mistake of the operator: please report it with the line of the log.',
    ],
    fires: {
      series: {
        [of('reconciles_total', 'result="Failed"')]: '0+3x40',
        [of('reconciles_total', 'result="Done"')]: '0+7x40',
      },
      at: '30m',
      labels: installation,
    },
    isQuiet: {
      because: 'one pass in ten fails',
      series: {
        [of('reconciles_total', 'result="Failed"')]: '0+1x40',
        [of('reconciles_total', 'result="Done"')]: '0+9x40',
      },
    },
  },
  {
    name: 'Vps247CredentialsRejected',
    severity: 'critical',
    expr: `max by (job, namespace, account) (${metric('account_key_rejected')}) == 1`,
    for: '5m',
    summary: 'The provider does not accept an API key.',
    description:
      'The key of account {{ $labels.account }} is rejected, so nothing is done for its machines. Put a valid key into the Secret of the objects that show CredentialsRejected.',
    steps: [
      "Find the objects: `kubectl get virtualmachines -A` shows CredentialsRejected; each one's `spec.credentialsSecretRef` names the Secret.",
      'Put a valid key of the same account into it. It is tried at once if the Secret has the label `vps247.com/credentials=true`. A key of another account is noticed, and nothing is done with it.',
    ],
    fires: {
      series: { [of('account_key_rejected', 'account="1"')]: '1x20' },
      at: '6m',
      labels: { ...installation, account: '1' },
    },
    isQuiet: {
      because: 'the next list was answered',
      series: { [of('account_key_rejected', 'account="1"')]: '1x3 0x20' },
    },
  },
  {
    name: 'Vps247RateLimited',
    severity: 'warning',
    expr: `sum by (job, namespace) (increase(${metric('provider_calls_total', 'code="RateLimited"')}[15m])) > 3`,
    for: '15m',
    summary: 'The provider keeps asking for fewer calls.',
    description:
      'Calls of the operator in {{ $labels.namespace }} are refused for their number, and changes take longer. Lower --provider-rate, or find who else uses the key.',
    steps: [
      'Compare `vps247_operator_provider_rate` with what was set: the operator halves its rate by itself. If that does not help, somebody else calls with the same key.',
      'Set `--provider-rate` to what the provider allows, or raise `--poll-interval`.',
    ],
    fires: {
      series: { [of('provider_calls_total', 'code="RateLimited"')]: '0+1x60' },
      at: '40m',
      labels: installation,
    },
    isQuiet: { because: 'it asked once', series: { [of('provider_calls_total', 'code="RateLimited"')]: '0x20 1x40' } },
  },
  {
    name: 'Vps247ProviderAway',
    severity: 'warning',
    expr: `max by (job, namespace, account) (${metric('provider_away')}) == 1`,
    for: '10m',
    summary: 'The provider does not answer.',
    description:
      'Calls for account {{ $labels.account }} have had no useful answer for ten minutes, so only lists are tried. Machines are left alone; look whether the provider is down, or the way to it.',
    steps: [
      'Look at the code of the failures: `vps247_operator_provider_calls_total`. ConnectFailed and Timeout point to the network, a proxy or DNS, others to the provider.',
      'Wait, or ask the provider. Everything goes on by itself as soon as one list comes through.',
    ],
    fires: {
      series: { [of('provider_away', 'account="1"')]: '1x20' },
      at: '12m',
      labels: { ...installation, account: '1' },
    },
    isQuiet: { because: 'it came back', series: { [of('provider_away', 'account="1"')]: '1x8 0x20' } },
  },
  {
    name: 'Vps247TransitionStuck',
    severity: 'warning',
    expr: `max by (job, namespace) (${metric('objects', 'reason="PowerTransitionStuck"')}) > 0`,
    for: '5m',
    summary: 'Machines do not reach the power state they should have.',
    description:
      '{{ $value }} machines did not start or stop in time. Look at their consoles; the annotation vps247.com/force-power-off=true cuts one off that does not halt.',
    steps: [
      'Find them: `kubectl get virtualmachines -A` shows PowerTransitionStuck, and `kubectl describe` what was tried.',
      'Look at the console at the provider. A guest that ignores the signal to halt needs `spec.powerOff.mode: TrySoft` or the annotation `vps247.com/force-power-off=true`, which may lose data.',
    ],
    fires: {
      series: { [of('objects', 'reason="PowerTransitionStuck"')]: '2x20' },
      at: '8m',
      labels: installation,
      value: '2',
    },
    isQuiet: {
      because: 'machines are starting',
      series: { [of('objects', 'reason="Starting"')]: '2x20', [of('objects', 'reason="Available"')]: '9x20' },
    },
  },
  {
    name: 'Vps247DeleteStuck',
    severity: 'warning',
    expr: `max by (job, namespace) (${metric('deletion_oldest_seconds')}) > 3600`,
    for: '5m',
    summary: 'An object has been waiting for its deletion for more than an hour.',
    description:
      'The machine of an object that is being deleted is still there, or that it is gone is not certain; it may cost money. The condition DeletionBlocked says what is waited for.',
    steps: [
      'Find it: `kubectl get virtualmachines -A -o json | jq -r \'.items[] | select(.metadata.deletionTimestamp) | .metadata.namespace + "/" + .metadata.name\'`.',
      'Its conditions Ready and DeletionBlocked name the reason, and docs/conditions.md what to do about it.',
      'Never remove the finalizer by hand: the VM would stay and be billed. To delete an object and keep its VM, set `spec.deletionPolicy: Retain`, also while the object is being deleted.',
    ],
    fires: { series: { [of('deletion_oldest_seconds')]: '0+60x80' }, at: '70m', labels: installation },
    isQuiet: { because: 'deletions end after a minute', series: { [of('deletion_oldest_seconds')]: '0 60 0 60 0x80' } },
  },
  {
    name: 'Vps247UnmanagedMachines',
    severity: 'info',
    expr: `max by (job, namespace, account) (${metric('account_machines', 'held="false"')}) > 0`,
    for: '1h',
    summary: 'The account has machines that no object holds.',
    description:
      '{{ $value }} machines of account {{ $labels.account }} belong to no object and are billed all the same. Adopt them, delete them at the provider, or silence this if they are known.',
    steps: [
      'Compare the list at the provider with `kubectl get virtualmachines -A`. The operator never touches a machine that no object holds.',
      'Take one over with `spec.adoption`, or delete it at the provider. Where an account is shared on purpose, leave the alert out.',
    ],
    fires: {
      series: {
        [of('account_machines', 'account="1",held="false"')]: '3x80',
        [of('account_machines', 'account="1",held="true"')]: '9x80',
      },
      at: '65m',
      labels: { ...installation, account: '1' },
      value: '3',
    },
    isQuiet: {
      because: 'every machine is held',
      series: {
        [of('account_machines', 'account="1",held="false"')]: '0x80',
        [of('account_machines', 'account="1",held="true"')]: '9x80',
      },
    },
  },
  {
    name: 'Vps247DuplicateNames',
    severity: 'warning',
    expr: `max by (job, namespace, account) (${metric('account_duplicate_names')}) > 0`,
    for: '15m',
    summary: 'Machines in the account share a name.',
    description:
      'Account {{ $labels.account }} has {{ $value }} names that more than one machine has. The operator continues with the VM that an object records and does not touch the others: delete one of each at the provider.',
    steps: [
      'Objects that are concerned show DuplicateMachine, with the ids in the message.',
      'Decide at the provider which machine is the right one, and delete the other.',
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
    name: 'Vps247TwoInstallations',
    severity: 'warning',
    expr: `max by (job, namespace) (${metric('objects_owned_by_others')}) > 0`,
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
    isQuiet: { because: 'the objects were taken over', series: { [of('objects_owned_by_others')]: '9x3 0x40' } },
  },
  {
    name: 'Vps247QueueWait',
    severity: 'warning',
    expr: `max by (job, namespace) (${metric('queue_oldest_wait_seconds')}) > 60`,
    for: '10m',
    summary: 'Objects wait for more than a minute until they are looked at.',
    description:
      'The operator in {{ $labels.namespace }} does not keep up. Look whether passes hang (vps247_operator_longest_pass_seconds) or CPU is short; else raise --workers.',
    steps: [
      'Look at the dashboard of the operator: CPU at its limit, an API that answers slowly, or passes that hang?',
      'Give it more CPU, or raise `--workers`; docs/scaling.md tells how to share the work between several operators.',
    ],
    fires: { series: { [of('queue_oldest_wait_seconds')]: '90x20' }, at: '15m', labels: installation },
    isQuiet: { because: 'a burst was over soon', series: { [of('queue_oldest_wait_seconds')]: '90x5 0x20' } },
  },
  {
    name: 'Vps247TransferNearlyUsedUp',
    severity: 'warning',
    expr: `min by (job, namespace, object_namespace, object) (${metric('machine_transfer_remaining_bytes')}) / min by (job, namespace, object_namespace, object) (${metric('machine_transfer_bytes')} > 0) < 0.1`,
    for: '15m',
    summary: "Less than a tenth of a machine's transfer for the month is left.",
    description:
      '{{ $labels.object_namespace }}/{{ $labels.object }} has {{ $value | humanizePercentage }} of its transfer left. Find what sends so much, or ask the provider for more.',
    steps: [
      'Look at the dashboard of this machine: did it go at once, or evenly over the month?',
      'Find what sends so much in the guest, or take a larger package: that is a new machine.',
    ],
    fires: {
      series: {
        [of('machine_transfer_bytes', machine)]: '1000x30',
        [of('machine_transfer_remaining_bytes', machine)]: '50x30',
      },
      at: '20m',
      labels: { ...installation, object_namespace: 'shop', object: 'web' },
      value: '5%',
    },
    isQuiet: {
      because: 'a fifth is left, and another machine has no limit',
      series: {
        [of('machine_transfer_bytes', machine)]: '1000x30',
        [of('machine_transfer_remaining_bytes', machine)]: '200x30',
        [of('machine_transfer_bytes', 'object_namespace="shop",object="db"')]: '0x30',
        [of('machine_transfer_remaining_bytes', 'object_namespace="shop",object="db"')]: '0x30',
      },
    },
  },
];
