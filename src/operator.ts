import { apiVersion, credentialsLabel, group, kind, plural, version } from './api/v1alpha1/constants.ts';
import type { VirtualMachine } from './api/v1alpha1/types.ts';
import type { KubeClient } from './kubernetes/client.ts';
import { createEventRecorder, type EventNote } from './kubernetes/events.ts';
import type { Clock } from './domain/clock.ts';
import type { Fence } from './domain/fence.ts';
import { objectKey } from './domain/object-key.ts';
import type { StoreAnswer } from './reconcile/execute/metadata-patch.ts';
import type { Secret } from './domain/secret.ts';
import { createAccountRegistry } from './provider/account/account-registry.ts';
import type { Provider } from './provider/provider.ts';
import type { OperatorSettings } from './config/settings.ts';
import { showAccounts } from './controller/account-metrics.ts';
import { createEventHandlers } from './controller/event-handlers.ts';
import { areWorkersStuck } from './controller/liveness.ts';
import { createBackoff } from './controller/requeue-backoff.ts';
import { Scope } from './controller/scope.ts';
import { SecretIndex } from './controller/secret-index.ts';
import { runWorkers, type Workers } from './controller/workers.ts';
import { WorkQueueMetrics } from './controller/work-queue-metrics.ts';
import { createWorkQueue } from './controller/work-queue.ts';
import { createCredentials } from './reconcile/credentials.ts';
import { MachineIndex } from './controller/machine-index.ts';
import { DeletionRate } from './controller/deletion-rate.ts';
import { FleetMetrics } from './reconcile/fleet-metrics.ts';
import { isConfirmedGone } from './reconcile/retained-machine.ts';
import { NamespaceQuota } from './controller/namespace-quota.ts';
import { Ownership } from './reconcile/ownership.ts';
import { type Reconciler, createReconciler } from './reconcile/reconciler.ts';
import { RemovedObjects } from './reconcile/removed-objects.ts';
import { ReactionLatency } from './reconcile/reaction-latency.ts';
import { UnmanagedMachines } from './reconcile/unmanaged-machines.ts';
import { crdNotInstalled } from './startup/preflight.ts';
import type { Log } from './telemetry/log.ts';
import type { Metrics } from './telemetry/metrics.ts';
import { noTracing, type Tracing } from './telemetry/tracing.ts';
import { createReflector } from './kubernetes/cache/reflector.ts';
import { createVirtualMachineReader } from './api/v1alpha1/decode.ts';

export interface OperatorDeps {
  readonly client: KubeClient;
  /** Connects to the provider with an API key. */
  readonly connect: (apiKey: Secret) => Provider;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Whether this process is the leader now. The clients check it too, directly before every request that changes something. */
  readonly fence: Fence;
  /** Default: no tracing. */
  readonly tracing?: Tracing;
  /** Names this process in Events. */
  readonly instance: string;
  /** Namespace and name of the Lease of this installation; undefined: no name, and only objects without an owner are managed. */
  readonly installation?: string | undefined;
  /** The object that Events about the operator itself regard; undefined: they are only logged. */
  readonly self?: () => EventNote['regarding'] | undefined;
}

export interface Operator {
  /** Watches the objects, and changes nothing. Resolves once all were listed; waits for an API server that is unavailable. */
  start(): Promise<void>;
  /** Starts to reconcile. Call it after `start` has resolved and this process has become the leader. */
  lead(): void;
  /** Starts no further reconciliation, and resolves when the calls in progress have ended and their results are stored. */
  stop(): Promise<void>;
  /** Why the operator isn't ready, as a sentence. */
  notReady(): string | undefined;
  isAlive(): boolean;
}

/** When an object is requeued while the process can't be sure that it is the leader. Milliseconds. */
const fencedRequeue = 1_000;

/** The composition root: watch → queue → observe → plan → execute → status, wired from ports. */
export function createOperator(settings: OperatorSettings, deps: OperatorDeps): Operator {
  const { client, clock, random, log, metrics, tracing = noTracing } = deps;
  const callDeadline = settings.apiConnectTimeout + settings.apiResponseTimeout;
  const queueMetrics = new WorkQueueMetrics(metrics);
  const queue = createWorkQueue({ clock, onAdd: () => queueMetrics.added(), onDelay: () => queueMetrics.delayed() });
  const backoff = createBackoff({ random });
  const machineIndex = new MachineIndex();
  const quota = new NamespaceQuota({
    limit: settings.maxMachinesPerNamespace,
    accountOf: (key) => reconciler?.accountOf(key),
    watch: (machine) => {
      // Only the leader lists VMs; and no list shows a VM whose account is unknown.
      if (reconciler === undefined || (machine.account === undefined && machine.ownerId === undefined))
        return undefined;
      // A create may be in flight, and its VM appears in lists only after this.
      const earliest = clock.monotonic() + callDeadline + settings.visibilityWindow;
      return () => isConfirmedGone(machine, accounts.list().values(), earliest);
    },
  });
  const deletionRate = new DeletionRate(clock, settings.maxDeletesPerMinute);
  const reactionLatency = new ReactionLatency(clock, (seconds) => metrics.specToCall.observe(seconds));
  const events = createEventRecorder({ client, clock, log, instance: deps.instance });
  const credentials = createCredentials({
    client,
    clock,
    log,
    isLabelRequired: settings.requireCredentialsLabel,
    shared: settings.defaultCredentialsSecret && {
      secret: settings.defaultCredentialsSecret,
      namespaces: settings.defaultCredentialsNamespaces,
    },
  });
  const accounts = createAccountRegistry({
    connect: deps.connect,
    clock,
    log,
    random,
    onSnapshot: (snapshot, ordinal) => {
      const account = accounts.list().get(ordinal);
      if (account !== undefined) unmanaged.listed(ordinal, account, snapshot);
    },
    wake: (key) => {
      queue.add(key, { priority: 'normal' });
      reconciler?.onObjectChange(key);
    },
    limits: { total: settings.maxApiKeys, perGroup: settings.maxApiKeysPerNamespace },
    settings: {
      idlePollMs: settings.pollInterval,
      urgentPollMinMs: settings.urgentPollInterval,
      minListIntervalMs: settings.urgentPollInterval,
      maxInFlight: settings.maxInFlight,
      ratePerSecond: settings.providerRate,
      burst: settings.providerBurst,
      recreationIntervalMs: settings.recreateAfter / 5,
    },
  });
  const removed = new RemovedObjects({
    client,
    clock,
    log,
    isOurs: (object) => scope.isManaged(object),
    onChange: (change) => handlers.onObjectChange(change),
  });
  const objectOf = (key: string): VirtualMachine | undefined => removed.get(key) ?? objects.get(key);
  const ownership = new Ownership({
    installation: deps.installation,
    takeOverFrom: settings.takeOverFrom,
    client: removed.client,
    log,
    stored: (object, write) => stored(object, write),
    emitEvent: ({ metadata: { namespace, name, uid, resourceVersion } }, note) =>
      events.record({
        regarding: { apiVersion, kind, namespace, name, uid, resourceVersion },
        type: 'Warning',
        reason: 'OwnedByOtherInstallation',
        action: 'Reconcile',
        note,
      }),
  });
  const scope = new Scope({ clock, selector: settings.selector, ownership });
  /** The object to reconcile of this key, if there is one. */
  const managedObject = (key: string): VirtualMachine | undefined => {
    const object = objectOf(key);
    return scope.isManaged(object) ? object : undefined;
  };
  const fleet = new FleetMetrics({
    metrics,
    machineIndex,
    get: managedObject,
    accounts: () => accounts.list(),
    now: () => clock.now(),
    machineLimit: settings.machineMetricsLimit,
  });
  const unmanaged = new UnmanagedMachines({
    machineIndex,
    clock,
    log,
    emitEvent: (event) => {
      const regarding = deps.self?.();
      if (regarding !== undefined) events.record({ regarding, type: 'Normal', action: 'ListMachines', ...event });
    },
  });
  /** Both are set once this process is the leader. */
  let reconciler: Reconciler | undefined;
  let workers: Workers | undefined;
  let isSynced = false;
  let isStopping = false;
  const handlers = createEventHandlers({
    queue,
    machineIndex,
    quota,
    scope,
    secretIndex: new SecretIndex(credentials),
    objectOf,
    fleet,
    reactionLatency,
    ownership,
    credentials,
    reconciler: () => reconciler,
  });
  const reflectorOptions = {
    client,
    clock,
    random,
    log,
    relistInterval: settings.relistInterval,
    namespaces: settings.namespaces.length === 0 ? undefined : settings.namespaces,
  };
  const objects = createReflector<VirtualMachine>({
    ...reflectorOptions,
    resource: { group, version, plural },
    onRestart: () => metrics.watchRestarts.inc({ resource: plural }),
    transform: createVirtualMachineReader(settings.selector?.keys),
    onChange: (change) => handlers.onObjectChange(removed.take(change)),
  });
  const stored: StoreAnswer = (object, write) => {
    objects.assume(object);
    queue.discard(objectKey(object), write);
  };
  const secrets = createReflector<true>({
    ...reflectorOptions,
    resource: { group: '', version: 'v1', plural: 'secrets' },
    labelSelector: `${credentialsLabel}=true`,
    onRestart: () => metrics.watchRestarts.inc({ resource: 'secrets' }),
    // No content of a Secret is cached: reconciliations read it. The default Secret may be outside of the watched namespaces;
    // then a change is noticed when it is read again.
    transform: () => true,
    onChange: ({ key, initial }) => {
      if (!initial) handlers.onSecretChange(key);
    },
  });

  const createLeaderReconciler = (leadingSince: number) =>
    createReconciler({
      client: removed.client,
      clock,
      credentials,
      machineIndex,
      quota,
      deletionRate,
      events,
      ownership,
      reactionLatency,
      log,
      random,
      fence: deps.fence,
      cache: {
        get: managedObject,
        assume: stored,
      },
      objectOf,
      isInScope: (object) => scope.matchesSelector(object),
      mayOrphan: (namespace) => settings.defaultCredentialsOrphanNamespaces.includes(namespace),
      accountFor: (apiKey, namespace) => accounts.get(apiKey, namespace),
      limits: {
        stuckAfter: settings.stuckAfter,
        visibilityWindow: settings.visibilityWindow,
        recreateAfter: settings.recreateAfter,
        callDeadline,
        orphanCandidates: settings.orphanCandidates,
      },
      leadingSince: (key) => Math.max(leadingSince, scope.enteredAt(key) ?? 0),
    });

  metrics.onScrape(() => {
    showAccounts(metrics, accounts.list(), clock.monotonic());
    queueMetrics.show(queue, workers, settings.workers);
    fleet.show();
    metrics.objectsOwnedByOthers.set(ownership.others);
  });

  return {
    async start() {
      objects.start();
      secrets.start();
      // Conflicts of names and VMs are found only among all objects, so no object is reconciled before the initial list is complete.
      await objects.synced;
      isSynced = true;
      const { namespaces } = settings;
      log.info('Synced VirtualMachines', {
        objects: objects.size,
        namespaces: namespaces.length === 0 ? 'all' : namespaces,
      });
    },
    lead() {
      const leaderReconciler = createLeaderReconciler(clock.monotonic());
      reconciler = leaderReconciler;
      workers = runWorkers({
        queue,
        backoff,
        count: settings.workers,
        clock,
        log,
        // A reconciliation whose writes the fence rejects would draw wrong conclusions from that.
        handle: async (key, withoutWorker) =>
          deps.fence()
            ? tracing.reconciliation(key, () => leaderReconciler.reconcile(key, withoutWorker))
            : { after: fencedRequeue * (1 + random() / 2) },
        onReconciled: (reconciliation) => queueMetrics.ended(reconciliation),
      });
      for (const key of [...objects.keys(), ...removed.keys()])
        if (scope.isRelevant(objectOf(key))) queue.add(key, { priority: 'resync' });
    },
    async stop() {
      isStopping = true;
      await Promise.all([objects.stop(), secrets.stop()]);
      queue.shutdown();
      // Together: a reconciliation may wait for a slot of an account that doesn't respond, which stopping the account rejects.
      await Promise.all([workers?.stop(), accounts.stop()]);
      await events.drain();
    },
    notReady() {
      if (objects.blocker === 'NotServed') return crdNotInstalled;
      if (objects.blocker === 'Forbidden')
        return `The API server does not let the operator list and watch ${plural}.${group}: check its roles and credentials.`;
      return isSynced
        ? undefined
        : 'The initial list of VirtualMachines is not complete; see the log for failed requests.';
    },
    isAlive: () => workers === undefined || isStopping || !areWorkersStuck(workers, queue, clock.monotonic()),
  };
}
