/** The prefix of the operator's own metrics. */
export const prefix = 'vps247_operator_';

/**
 * Metrics with these prefixes have the names, labels and buckets of controller-runtime and client-go, so that existing
 * dashboards work.
 */
const sharedFamily = /^(?:controller_runtime|workqueue|rest_client|leader_election|process|nodejs)_/;

/** The full name of a metric. */
export function fullName(name: string): string {
  return sharedFamily.test(name) ? name : `${prefix}${name}`;
}

/** The value of the labels `controller` and `name` of the shared metrics; unique among operators. */
export const controller = 'virtualmachine.vps247.com';

export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** As `fullName` takes it; includes the unit, seconds for times. */
  readonly name: string;
  readonly help: string;
  /**
   * Each label has few values; an account is identified by its number only. Only the metrics named `machine_…` have a
   * series for each object, and they can be disabled.
   */
  readonly labels: readonly string[];
  readonly buckets?: readonly number[];
}

/** From an empty queue to one with a thousand objects. */
const waits = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300];
/** From a call on an open connection to the provider's slowest response. */
const durations = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** controller-runtime's buckets of `controller_runtime_reconcile_time_seconds`. */
const reconcileTimes = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 1.75, 2,
  2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
];
/** client-go's buckets of the workqueue: powers of ten from 10 ns to 1,000 s. */
const queueTimes = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1_000];
/** client-go's buckets of `rest_client_request_duration_seconds`. */
const requestTimes = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

/** All metrics of the operator: the source of the instruments and of docs/metrics.md. */
export const metricsTable = {
  reconciles: {
    type: 'counter',
    name: 'controller_runtime_reconcile_total',
    help: 'Reconciliations by result: success, requeue_after (again after a known time), requeue (again with exponential backoff, nothing failed) or error.',
    labels: ['controller', 'result'],
  },
  reconcileErrors: {
    type: 'counter',
    name: 'controller_runtime_reconcile_errors_total',
    help: 'Reconciliations that failed. A provider call that fails is not one of them: see provider_calls_total.',
    labels: ['controller'],
  },
  reconcileDuration: {
    type: 'histogram',
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'Time of one reconciliation, provider calls and their wait for a slot included.',
    labels: ['controller'],
    buckets: reconcileTimes,
  },
  activeWorkers: {
    type: 'gauge',
    name: 'controller_runtime_active_workers',
    help: 'Workers in use now. A reconciliation that waits for the provider uses none.',
    labels: ['controller'],
  },
  maxWorkers: {
    type: 'gauge',
    name: 'controller_runtime_max_concurrent_reconciles',
    help: 'The number of workers, as --workers sets it; only of the leader.',
    labels: ['controller'],
  },
  queueDepth: {
    type: 'gauge',
    name: 'workqueue_depth',
    help: 'Objects that wait for a worker now, by priority: user, normal or resync.',
    labels: ['name', 'controller', 'priority'],
  },
  queueAdds: {
    type: 'counter',
    name: 'workqueue_adds_total',
    help: 'Objects added to the queue; one that waits in it already is not added again.',
    labels: ['name', 'controller'],
  },
  queueRetries: {
    type: 'counter',
    name: 'workqueue_retries_total',
    help: 'Objects added to the queue with a delay: with exponential backoff, or after a known time.',
    labels: ['name', 'controller'],
  },
  queueWait: {
    type: 'histogram',
    name: 'workqueue_queue_duration_seconds',
    help: 'Time from when an object was due until a worker took it.',
    labels: ['name', 'controller'],
    buckets: queueTimes,
  },
  workDuration: {
    type: 'histogram',
    name: 'workqueue_work_duration_seconds',
    help: 'Time that one reconciliation used a worker. What it waited for the provider is not part of it.',
    labels: ['name', 'controller'],
    buckets: queueTimes,
  },
  unfinishedWork: {
    type: 'gauge',
    name: 'workqueue_unfinished_work_seconds',
    help: 'How long all reconciliations in progress have used their workers so far, together.',
    labels: ['name', 'controller'],
  },
  longestReconcile: {
    type: 'gauge',
    name: 'workqueue_longest_running_processor_seconds',
    help: 'How long the reconciliation in progress that uses its worker for longest has done so; 0 when none does.',
    labels: ['name', 'controller'],
  },
  queueOldestWait: {
    type: 'gauge',
    name: 'queue_oldest_wait_seconds',
    help: 'How long the object that waits longest for a worker has waited so far; 0 when none waits.',
    labels: ['controller'],
  },
  specToCall: {
    type: 'histogram',
    name: 'spec_to_call_seconds',
    help: 'Time from when the operator observed a change of a spec until it called the provider for it.',
    labels: [],
    buckets: waits,
  },
  providerCalls: {
    type: 'counter',
    name: 'provider_calls_total',
    help: "Requests to the provider, by operation and outcome: the code is ok or the failure's.",
    labels: ['operation', 'code'],
  },
  providerCallDuration: {
    type: 'histogram',
    name: 'provider_call_duration_seconds',
    help: 'Time from a request to the provider to the end of its response.',
    labels: ['operation'],
    buckets: durations,
  },
  providerUnavailable: {
    type: 'gauge',
    name: 'provider_unavailable',
    help: 'Is 1 while the circuit breaker is open because the provider does not respond: only lists are sent, as probes. By account, with its number in the logs.',
    labels: ['account'],
  },
  providerPaused: {
    type: 'gauge',
    name: 'provider_rate_limit_paused',
    help: 'Is 1 while calls are paused after a 429 of the provider, until its Retry-After ends. By account.',
    labels: ['account'],
  },
  providerRate: {
    type: 'gauge',
    name: 'provider_rate_limit',
    help: "Calls to the provider a second that the operator's rate limiter allows now, by account.",
    labels: ['account'],
  },
  providerInFlight: {
    type: 'gauge',
    name: 'provider_calls_in_flight',
    help: 'Calls to the provider in flight now, without lists, by account.',
    labels: ['account'],
  },
  providerWaiting: {
    type: 'gauge',
    name: 'provider_calls_waiting',
    help: 'Calls to the provider that wait for a slot, by account and by priority: Remove goes first, then Power, Create, Read and List.',
    labels: ['account', 'priority'],
  },
  kubernetesCalls: {
    type: 'counter',
    name: 'rest_client_requests_total',
    help: 'Requests to the Kubernetes API, by HTTP status (`<error>`: no response), method and host, as in client-go, and also by verb and resource.',
    labels: ['code', 'method', 'host', 'verb', 'resource'],
  },
  kubernetesCallDuration: {
    type: 'histogram',
    name: 'rest_client_request_duration_seconds',
    help: 'Time from a request to the Kubernetes API to the start of its response; the label verb is the HTTP method, as in client-go.',
    labels: ['verb', 'host'],
    buckets: requestTimes,
  },
  kubernetesSent: {
    type: 'counter',
    name: 'kubernetes_sent_bytes_total',
    help: 'Bytes of the bodies of requests to the Kubernetes API, by verb and resource.',
    labels: ['verb', 'resource'],
  },
  kubernetesReceived: {
    type: 'counter',
    name: 'kubernetes_received_bytes_total',
    help: 'Bytes of the bodies of responses from the Kubernetes API, including watches as they arrive, by verb and resource.',
    labels: ['verb', 'resource'],
  },
  listAge: {
    type: 'gauge',
    name: 'provider_list_age_seconds',
    help: 'Age of the newest complete list of VMs, of the account whose list is oldest.',
    labels: [],
  },
  machines: {
    type: 'gauge',
    name: 'machines',
    help: 'VMs of all objects, by their state at the provider.',
    labels: ['state'],
  },
  objects: {
    type: 'gauge',
    name: 'objects',
    help: 'Objects by the reason of their condition Ready; None before there is one.',
    labels: ['reason'],
  },
  objectsDiffering: {
    type: 'gauge',
    name: 'objects_differing_from_spec',
    help: 'Objects whose VM differs from the spec: condition AsSpecified is False.',
    labels: [],
  },
  objectsOwnedByOthers: {
    type: 'gauge',
    name: 'objects_owned_by_others',
    help: 'Objects in the scope of this installation that the annotation vps247.com/managed-by assigns to another one.',
    labels: [],
  },
  deletionOldest: {
    type: 'gauge',
    name: 'deletion_oldest_seconds',
    help: 'Time since the oldest pending deletion was requested; 0 if none is pending.',
    labels: [],
  },
  accountKeyRejected: {
    type: 'gauge',
    name: 'account_key_rejected',
    help: 'Whether the provider rejected the API key at the last list (1), by account.',
    labels: ['account'],
  },
  accountMachines: {
    type: 'gauge',
    name: 'account_machines',
    help: 'VMs in the newest list of the account, by whether an object manages them (true) or they are unmanaged (false).',
    labels: ['account', 'managed'],
  },
  accountDuplicateNames: {
    type: 'gauge',
    name: 'account_duplicate_names',
    help: 'Names that more than one VM has in the newest list of the account.',
    labels: ['account'],
  },
  accountUnbilled: {
    type: 'gauge',
    name: 'account_unbilled_hours',
    help: 'Hours that the VMs in the newest list of the account ran since the last billing cycle, together.',
    labels: ['account'],
  },
  accountTransfer: {
    type: 'gauge',
    name: 'account_transfer_bytes',
    help: 'Transfer that the VMs in the newest list of the account have for the month, together.',
    labels: ['account'],
  },
  accountTransferRemaining: {
    type: 'gauge',
    name: 'account_transfer_remaining_bytes',
    help: 'Transfer that is left of it, together.',
    labels: ['account'],
  },
  accountLowTransfer: {
    type: 'gauge',
    name: 'account_machines_low_transfer',
    help: 'VMs in the newest list of the account that have less than a tenth of their transfer for the month left.',
    labels: ['account'],
  },
  machineReady: {
    type: 'gauge',
    name: 'machine_ready',
    help: "Whether the object's condition Ready is True (1), with its reason and the VM's state, by object.",
    labels: ['object_namespace', 'object', 'reason', 'state'],
  },
  machineUnbilled: {
    type: 'gauge',
    name: 'machine_unbilled_hours',
    help: 'Hours that the VM ran since the last billing cycle, as the provider reports them, by object.',
    labels: ['object_namespace', 'object'],
  },
  machineTransfer: {
    type: 'gauge',
    name: 'machine_transfer_bytes',
    help: 'Transfer that the VM may use in the month, by object.',
    labels: ['object_namespace', 'object'],
  },
  machineLastAction: {
    type: 'gauge',
    name: 'machine_last_action_timestamp_seconds',
    help: "The provider's time of the VM's last action, by object.",
    labels: ['object_namespace', 'object'],
  },
  machineTransferRemaining: {
    type: 'gauge',
    name: 'machine_transfer_remaining_bytes',
    help: 'Transfer of the month that is left, by object.',
    labels: ['object_namespace', 'object'],
  },
  watchRestarts: {
    type: 'counter',
    name: 'watch_restarts_total',
    help: 'Watches that ended and were started again, by resource.',
    labels: ['resource'],
  },
  leader: {
    type: 'gauge',
    name: 'leader_election_master_status',
    help: 'Whether this process is the leader: 1 while it certainly holds the Lease of this name, or needs none; 0 while it is on standby.',
    labels: ['name'],
  },
  buildInfo: {
    type: 'gauge',
    name: 'build_info',
    help: 'Always 1; the labels name the version of the operator and of Node.js.',
    labels: ['version', 'node'],
  },
} as const satisfies Record<string, MetricDefinition>;

export type MetricName = keyof typeof metricsTable;
