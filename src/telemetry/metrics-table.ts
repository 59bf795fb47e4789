/** Every metric's name starts with it, those of the process included. */
export const prefix = 'vps247_operator_';

export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** Without the prefix; the unit is part of it, seconds for times. */
  readonly name: string;
  readonly help: string;
  /**
   * Each takes few values, and of an API key only the number its account has. Only the metrics named `machine_…` have a series for
   * each object, and they can be switched off.
   */
  readonly labels: readonly string[];
  readonly buckets?: readonly number[];
}

/** From a queue that is empty to one behind a thousand objects. */
const waits = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300];
/** From a pass that only looks to one that waits for the provider's slowest answer. */
const durations = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Every metric of the operator's own: the one source of the instruments and of docs/metrics.md. */
export const metricsTable = {
  reconciles: {
    type: 'counter',
    name: 'reconciles_total',
    help: 'Passes over one object, by how they ended.',
    labels: ['result'],
  },
  reconcileDuration: {
    type: 'histogram',
    name: 'reconcile_duration_seconds',
    help: 'Time one pass over one object takes, calls included.',
    labels: [],
    buckets: durations,
  },
  queueDepth: { type: 'gauge', name: 'queue_depth', help: 'Objects that wait for a worker now.', labels: [] },
  queueOldestWait: {
    type: 'gauge',
    name: 'queue_oldest_wait_seconds',
    help: 'How long the object that waits longest for a worker has waited so far; 0 when none waits.',
    labels: [],
  },
  longestPass: {
    type: 'gauge',
    name: 'longest_pass_seconds',
    help: 'How long the oldest pass that is under way has taken so far; 0 when none is.',
    labels: [],
  },
  queueWait: {
    type: 'histogram',
    name: 'queue_wait_seconds',
    help: 'Time from when an object was due until a worker took it.',
    labels: [],
    buckets: waits,
  },
  specToCall: {
    type: 'histogram',
    name: 'spec_to_call_seconds',
    help: 'Time from when a change of what an object asks for was seen until the provider was called for it.',
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
    help: 'Time from a request to the provider to the end of its answer.',
    labels: ['operation'],
    buckets: durations,
  },
  providerAway: {
    type: 'gauge',
    name: 'provider_away',
    help: 'Whether the provider does not answer, so that only lists are tried (1), by account: the number that logs name it by.',
    labels: ['account'],
  },
  providerGateClosed: {
    type: 'gauge',
    name: 'provider_gate_closed',
    help: 'Whether the provider asked for no calls for a time that is not over (1), by account.',
    labels: ['account'],
  },
  providerRate: {
    type: 'gauge',
    name: 'provider_rate',
    help: 'Calls to the provider a second that may go out in the long run now, by account.',
    labels: ['account'],
  },
  providerInFlight: {
    type: 'gauge',
    name: 'provider_in_flight',
    help: 'Calls to the provider under way now, lists apart, by account.',
    labels: ['account'],
  },
  providerWaiting: {
    type: 'gauge',
    name: 'provider_waiting',
    help: 'Calls to the provider that wait for their turn, by account and by lane: the first of Remove, Power, Create, Read, List goes first.',
    labels: ['account', 'lane'],
  },
  kubernetesCalls: {
    type: 'counter',
    name: 'kubernetes_calls_total',
    help: 'Requests to the Kubernetes API, by verb, resource and HTTP status (0: no answer).',
    labels: ['verb', 'resource', 'code'],
  },
  kubernetesCallDuration: {
    type: 'histogram',
    name: 'kubernetes_call_duration_seconds',
    help: 'Time from a request to the Kubernetes API to the start of its answer, by verb.',
    labels: ['verb'],
    buckets: durations,
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
    help: 'Bytes of the bodies of its answers, watches included as they come, by verb and resource.',
    labels: ['verb', 'resource'],
  },
  snapshotAge: {
    type: 'gauge',
    name: 'snapshot_age_seconds',
    help: "Age of the oldest account's newest complete list of machines.",
    labels: [],
  },
  machines: {
    type: 'gauge',
    name: 'machines',
    help: 'Machines of all objects, by their state at the provider.',
    labels: ['state'],
  },
  objects: {
    type: 'gauge',
    name: 'objects',
    help: 'Objects by the reason of their condition Ready; None before there is one.',
    labels: ['reason'],
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
    help: 'How long ago the deletion was asked for of the object that waits longest for its end; 0 when none is being deleted.',
    labels: [],
  },
  accountKeyRejected: {
    type: 'gauge',
    name: 'account_key_rejected',
    help: 'Whether the provider did not accept the API key when last asked for a list (1), by account.',
    labels: ['account'],
  },
  accountMachines: {
    type: 'gauge',
    name: 'account_machines',
    help: 'Machines in the newest list of the account, by whether an object holds them.',
    labels: ['account', 'held'],
  },
  accountDuplicateNames: {
    type: 'gauge',
    name: 'account_duplicate_names',
    help: 'Names that more than one machine has in the newest list of the account.',
    labels: ['account'],
  },
  machineReady: {
    type: 'gauge',
    name: 'machine_ready',
    help: "Whether the object's condition Ready is True (1), with its reason and the machine's state, by object.",
    labels: ['object_namespace', 'object', 'reason', 'state'],
  },
  machineUnbilled: {
    type: 'gauge',
    name: 'machine_unbilled_hours',
    help: 'Hours the machine ran since the last billing cycle, as the provider tells, by object.',
    labels: ['object_namespace', 'object'],
  },
  machineTransfer: {
    type: 'gauge',
    name: 'machine_transfer_bytes',
    help: 'Transfer that the machine has for the month, by object.',
    labels: ['object_namespace', 'object'],
  },
  machineTransferRemaining: {
    type: 'gauge',
    name: 'machine_transfer_remaining_bytes',
    help: 'Transfer that is left of it, by object.',
    labels: ['object_namespace', 'object'],
  },
  watchRestarts: {
    type: 'counter',
    name: 'watch_restarts_total',
    help: 'Watches that ended and were started anew, by resource.',
    labels: ['resource'],
  },
  leader: {
    type: 'gauge',
    name: 'leader',
    help: 'Whether this process acts: 1 while it is certain to hold the Lease (or needs none), 0 while it stands by.',
    labels: [],
  },
  buildInfo: {
    type: 'gauge',
    name: 'build_info',
    help: 'Always 1; the labels say which version runs on which Node.js.',
    labels: ['version', 'node'],
  },
} as const satisfies Record<string, MetricDefinition>;

export type MetricName = keyof typeof metricsTable;
