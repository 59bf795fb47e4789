import { controller, fullName } from '../../../src/telemetry/metrics-table.ts';

/** One panel: its purpose, and its queries. Widths are in Grafana's 24 columns. */
export interface Panel {
  readonly title: string;
  readonly description: string;
  readonly unit: 'short' | 's' | 'h' | 'bytes' | 'percentunit' | 'reqps' | 'Bps' | 'cores';
  readonly queries: readonly { readonly expr: string; readonly legend: string }[];
  readonly width?: 8 | 12 | 24;
  /** What it shows during failures. */
  readonly onABadDay: {
    readonly see: string;
    /**
     * The maximum that one of its series must reach in the recorded failure scenario, in which a second stands for a
     * minute.
     */
    readonly peak?: number;
    /** The minimum that one of its series must fall to. */
    readonly trough?: number;
  };
  /** It has data only during failures. */
  readonly isForTrouble?: true;
  /** The present value instead of a graph. */
  readonly isNumber?: true;
  readonly isStacked?: true;
}

export interface Dashboard {
  readonly file: 'fleet' | 'machine' | 'operator';
  readonly title: string;
  readonly description: string;
  /**
   * Variables beside cluster, namespace and job, each with the values of a label; later ones depend on earlier ones.
   */
  readonly variables: readonly { readonly name: string; readonly metric: string }[];
  readonly panels: readonly Panel[];
}

/** The label filter of every query: the variables that all dashboards have. */
export const installationVariables = ['cluster', 'namespace', 'job'] as const;
const ofInstallation = installationVariables.map((name) => `${name}=~"$${name}"`).join(',');
const installation = installationVariables.join(', ');

const m = (name: string, labels = ''): string =>
  `${fullName(name)}{${ofInstallation}${labels === '' ? '' : `,${labels}`}}`;
const own = `controller="${controller}"`;
/** For a metric that any process may have: only the targets that are this operator, because a job may have others. */
const ofOperator = (expr: string): string => `${expr} and on (${installation}, instance) ${m('build_info')}`;
/** Replicas of one installation report the same value, those on standby none: the maximum counts. */
const once = (by: string, expr: string): string => `max by (${installation}, ${by}) (${expr})`;
/** Installations report different objects, so they are added. */
const added = (by: string, expr: string): string => `sum by (${by}) (${once(by, expr)})`;
const total = (by: string, expr: string): string => `sum(${once(by, expr)})`;
/** All installations report the same values of an object. */
const ofObject = (expr: string): string => `max by (cluster, object_namespace, object) (${expr})`;
const chosen = 'object_namespace="$object_namespace",object="$object"';
const rate = (expr: string): string => `rate(${expr}[$__rate_interval])`;
const quantile = (q: number, series: string, by = 'le'): string =>
  `histogram_quantile(${q}, sum by (${by}) (${series}))`;
const p50AndP99 = (series: string): Panel['queries'] => [
  { expr: quantile(0.5, series), legend: 'p50' },
  { expr: quantile(0.99, series), legend: 'p99' },
];

export const dashboards: readonly Dashboard[] = [
  {
    file: 'fleet',
    title: 'vps247 / Fleet',
    description: 'All VMs: how many there are, which do not match their spec and why, and which are unmanaged.',
    variables: [],
    panels: [
      {
        title: 'Objects',
        description: 'All VirtualMachines.',
        onABadDay: {
          see: 'Rises when many are applied at once. No value while no operator runs.',
          peak: 28,
        },
        unit: 'short',
        width: 8,
        isNumber: true,
        queries: [{ expr: total('reason', m('objects')), legend: 'objects' }],
      },
      {
        title: 'Not ready',
        description: 'Objects that are not Ready, for any reason.',
        onABadDay: { see: 'The size of the incident. The panel below shows each reason.', peak: 26 },
        unit: 'short',
        width: 8,
        isNumber: true,
        queries: [
          { expr: `${total('reason', m('objects', 'reason!="Available"'))} or vector(0)`, legend: 'not ready' },
        ],
      },
      {
        title: 'Unmanaged VMs',
        description: 'Billed, and managed by no object. An account that two installations use is counted by both.',
        onABadDay: { see: 'Steps up by the VMs that were created by hand.', peak: 2 },
        unit: 'short',
        width: 8,
        isNumber: true,
        queries: [{ expr: total('account', m('account_machines', 'managed="false"')), legend: 'unmanaged' }],
      },
      {
        title: 'VMs by state',
        description: 'As the provider reports them.',
        onABadDay: {
          see: 'A band of Halting that does not end: a guest ignores the signal. None: objects without a VM.',
        },
        unit: 'short',
        isStacked: true,
        queries: [{ expr: added('state', m('machines')), legend: '{{state}}' }],
      },
      {
        title: 'Objects by reason',
        description:
          'All reasons except Available are in progress or need your action. docs/conditions.md explains each.',
        onABadDay: {
          see: 'Each problem is a separate band. A band that stays needs your action.',
          peak: 20,
        },
        isForTrouble: true,
        unit: 'short',
        isStacked: true,
        queries: [{ expr: added('reason', m('objects', 'reason!="Available"')), legend: '{{reason}}' }],
      },
      {
        title: 'Duplicate VM names',
        description: 'Names that more than one VM of the account has.',
        onABadDay: { see: 'One account steps up: two VMs have the same name.', peak: 1 },
        unit: 'short',
        queries: [
          { expr: once('account', m('account_duplicate_names')), legend: '{{namespace}}: account {{account}}' },
        ],
      },
      {
        title: 'Rejected API keys',
        description: '1: the provider rejects the key, and the operator does nothing for the VMs of the account.',
        onABadDay: { see: 'The account whose key is rejected goes to 1 and stays.', peak: 1 },
        unit: 'short',
        queries: [{ expr: once('account', m('account_key_rejected')), legend: '{{namespace}}: account {{account}}' }],
      },
      {
        title: 'Oldest deletion',
        description: 'Age of the oldest deletion that has not ended.',
        onABadDay: {
          see: 'A straight slope: the same object waits. It falls when that object is gone.',
          peak: 60,
        },
        unit: 's',
        queries: [{ expr: `max(${m('deletion_oldest_seconds')})`, legend: 'oldest' }],
      },
      {
        title: 'Transfer left, lowest ten',
        description: 'Share of the month’s transfer.',
        onABadDay: { see: 'One line falls away from all others, down to the tenth where the alert is.', trough: 0.03 },
        unit: 'percentunit',
        queries: [
          {
            expr: `bottomk(10, ${ofObject(m('machine_transfer_remaining_bytes'))} / (${ofObject(m('machine_transfer_bytes'))} > 0))`,
            legend: '{{object_namespace}}/{{object}}',
          },
        ],
      },
      {
        title: 'Unbilled hours, highest ten',
        description: 'Hours that the next bill will contain.',
        onABadDay: { see: 'No change: this panel shows cost, not failures.' },
        unit: 'h',
        width: 24,
        queries: [
          {
            expr: `topk(10, ${ofObject(m('machine_unbilled_hours'))})`,
            legend: '{{object_namespace}}/{{object}}',
          },
        ],
      },
    ],
  },
  {
    file: 'machine',
    title: 'vps247 / VM',
    description: 'One object and its VM. Per-VM metrics exist with up to --machine-metrics-limit objects.',
    variables: [
      { name: 'object_namespace', metric: m('machine_ready') },
      { name: 'object', metric: m('machine_ready', 'object_namespace="$object_namespace"') },
    ],
    panels: [
      {
        title: 'Ready',
        description: '1: the VM exists in the power state of the spec. The legend names the reason.',
        onABadDay: { see: 'Falls to 0, with a new line for each reason and state.', trough: 0 },
        unit: 'short',
        width: 24,
        queries: [
          {
            expr: `max by (cluster, reason, state) (${m('machine_ready', chosen)})`,
            legend: '{{reason}}, VM {{state}}',
          },
        ],
      },
      {
        title: 'Unbilled hours',
        description: 'Falls to zero when the provider bills.',
        onABadDay: { see: 'No change while the VM runs.' },
        unit: 'h',
        width: 8,
        queries: [{ expr: ofObject(m('machine_unbilled_hours', chosen)), legend: 'hours' }],
      },
      {
        title: 'Transfer',
        description: 'Remaining transfer of the month, and the total.',
        onABadDay: { see: 'The remaining transfer falls below the total.' },
        unit: 'bytes',
        width: 8,
        queries: [
          { expr: ofObject(m('machine_transfer_remaining_bytes', chosen)), legend: 'left' },
          { expr: ofObject(m('machine_transfer_bytes', chosen)), legend: 'total' },
        ],
      },
      {
        title: 'Share of the transfer left',
        description: 'An alert fires below a tenth.',
        onABadDay: { see: 'The same as a share. The alert fires below a tenth.', trough: 0.03 },
        unit: 'percentunit',
        width: 8,
        queries: [
          {
            expr: `${ofObject(m('machine_transfer_remaining_bytes', chosen))} / (${ofObject(m('machine_transfer_bytes', chosen))} > 0)`,
            legend: 'left',
          },
        ],
      },
    ],
  },
  {
    file: 'operator',
    title: 'vps247 / Operator',
    description: 'The health of the operator itself: leader election, reconciliations, and its calls to both APIs.',
    variables: [],
    panels: [
      {
        title: 'Replicas',
        description: 'Running, by version.',
        onABadDay: { see: 'A gap: nothing is scraped, so the panel has no value, not even 0.' },
        unit: 'short',
        width: 8,
        isNumber: true,
        queries: [{ expr: `count by (version) (${m('build_info')})`, legend: '{{version}}' }],
      },
      {
        title: 'Leaders',
        description: 'One for each installation.',
        onABadDay: {
          see: '0 beside a running replica: no replica holds the Lease. 2: there is another installation.',
          trough: 0,
        },
        unit: 'short',
        width: 8,
        isNumber: true,
        queries: [{ expr: `sum(${ofOperator(m('leader_election_master_status'))})`, legend: 'leaders' }],
      },
      {
        title: 'Age of the VM list',
        description: 'Age of the newest list, for the account where it is oldest.',
        onABadDay: { see: 'A slope: the operator does not list one account anymore.', peak: 30 },
        unit: 's',
        width: 8,
        isNumber: true,
        queries: [{ expr: `max(${m('provider_list_age_seconds')})`, legend: 'age' }],
      },
      {
        title: 'Reconciliation rate by result',
        description: 'error: an exception or a refused write. Failed provider calls are in a separate panel.',
        onABadDay: {
          see: 'A band of error, where there is usually none.',
        },
        unit: 'reqps',
        isStacked: true,
        queries: [
          { expr: `sum by (result) (${rate(m('controller_runtime_reconcile_total', own))})`, legend: '{{result}}' },
        ],
      },
      {
        title: 'Reconciliation time',
        description: 'Including calls to the provider and waits for them.',
        onABadDay: { see: 'p99 is as long as Kubernetes takes to reject a request.', peak: 0.4 },
        unit: 's',
        queries: p50AndP99(rate(m('controller_runtime_reconcile_time_seconds_bucket', own))),
      },
      {
        title: 'Work queue depth',
        description: 'Objects that wait for a worker, by priority.',
        onABadDay: { see: 'The depth rises and does not fall.', peak: 5 },
        unit: 'short',
        isStacked: true,
        queries: [{ expr: `sum by (priority) (${m('workqueue_depth', own)})`, legend: '{{priority}}' }],
      },
      {
        title: 'Work queue latency',
        description: 'How long objects wait. An alert fires when one waits for more than a minute.',
        onABadDay: { see: 'The oldest wait stays high. Usually it is near zero.', peak: 1 },
        unit: 's',
        queries: [
          { expr: `max(${m('queue_oldest_wait_seconds')})`, legend: 'oldest now' },
          ...p50AndP99(rate(m('workqueue_queue_duration_seconds_bucket', own))),
        ],
      },
      {
        title: 'Workers in use',
        description: 'Compared with the number of workers.',
        onABadDay: { see: 'All are in use, and stay so.', peak: 2 },
        unit: 'short',
        queries: [
          { expr: `sum(${m('controller_runtime_active_workers', own)})`, legend: 'in use' },
          { expr: `sum(${m('controller_runtime_max_concurrent_reconciles', own)})`, legend: 'workers' },
        ],
      },
      {
        title: 'Longest running worker',
        description: 'How long one reconciliation has used its worker. One that waits for the provider uses none.',
        onABadDay: { see: 'As long as Kubernetes takes to reject a request. A rising line is a call that hangs.' },
        unit: 's',
        queries: [{ expr: `max(${m('workqueue_longest_running_processor_seconds', own)})`, legend: 'longest' }],
      },
      {
        title: 'Time from spec change to provider call',
        description:
          'From when the operator observes a change until it calls the provider, including the wait for a slot.',
        onABadDay: { see: 'A change that waits for a worker is late. Without changes, the panel is empty.' },
        unit: 's',
        queries: p50AndP99(rate(m('spec_to_call_seconds_bucket'))),
      },
      {
        title: 'Provider call rate by outcome',
        description: 'Every code but ok is a failure.',
        onABadDay: { see: 'RateLimited, ConnectionLost and others beside ok.' },
        unit: 'reqps',
        isStacked: true,
        queries: [{ expr: `sum by (code) (${rate(m('provider_calls_total'))})`, legend: '{{code}}' }],
      },
      {
        title: 'Provider call time, p99',
        description: 'By operation.',
        onABadDay: { see: 'Little change: rejections are fast. A slow provider shows immediately.' },
        unit: 's',
        queries: [
          {
            expr: quantile(0.99, rate(m('provider_call_duration_seconds_bucket')), 'le, operation'),
            legend: '{{operation}}',
          },
        ],
      },
      {
        title: 'Provider availability',
        description:
          'Unavailable: the circuit breaker is open, only lists are tried. Paused: the provider answered 429.',
        onABadDay: {
          see: 'Unavailable for the account whose calls get no response. Paused repeatedly for the one that is rate-limited.',
          peak: 1,
        },
        unit: 'short',
        queries: [
          {
            expr: once('account', m('provider_unavailable')),
            legend: '{{namespace}}: account {{account}} unavailable',
          },
          {
            expr: once('account', m('provider_rate_limit_paused')),
            legend: '{{namespace}}: account {{account}} paused',
          },
        ],
      },
      {
        title: 'Provider calls in flight and waiting',
        description: 'Those that wait for a slot by priority.',
        onABadDay: { see: 'Calls wait during a rate-limit pause.' },
        unit: 'short',
        queries: [
          { expr: `sum(${m('provider_calls_in_flight')})`, legend: 'in flight' },
          { expr: `sum by (priority) (${m('provider_calls_waiting')})`, legend: '{{priority}} waiting' },
        ],
      },
      {
        title: 'Kubernetes request rate by status',
        description: '`<error>` means that no answer came; 409 is harmless.',
        onABadDay: { see: '500 where there is usually none.' },
        unit: 'reqps',
        isStacked: true,
        queries: [{ expr: `sum by (code) (${ofOperator(rate(m('rest_client_requests_total')))})`, legend: '{{code}}' }],
      },
      {
        title: 'Kubernetes request time',
        description: 'Until the start of the response.',
        onABadDay: { see: 'p99 rises to the time that the API server takes to reject a request.', peak: 0.4 },
        unit: 's',
        queries: p50AndP99(ofOperator(rate(m('rest_client_request_duration_seconds_bucket')))),
      },
      {
        title: 'Kubernetes traffic',
        description: 'Bodies, watches included.',
        onABadDay: { see: 'A spike when the operator starts and reads all objects. Otherwise little.' },
        unit: 'Bps',
        queries: [
          { expr: `sum(${rate(m('kubernetes_received_bytes_total'))})`, legend: 'received' },
          { expr: `sum(${rate(m('kubernetes_sent_bytes_total'))})`, legend: 'sent' },
        ],
      },
      {
        title: 'CPU',
        description: 'Cores in use, by replica.',
        onABadDay: {
          see: 'A gap, then a spike at the start. A steady load comes from repeated reconciliations.',
        },
        unit: 'cores',
        queries: [{ expr: ofOperator(rate(m('process_cpu_seconds_total'))), legend: '{{instance}}' }],
      },
      {
        title: 'Memory',
        description: 'Resident, by replica.',
        onABadDay: { see: 'A gap, then the memory of a new process.' },
        unit: 'bytes',
        queries: [{ expr: ofOperator(m('process_resident_memory_bytes')), legend: '{{instance}}' }],
      },
    ],
  },
];
