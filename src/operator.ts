import { apiVersion, credentialsLabel, group, kind, plural, version } from './api/v1alpha1/constants.ts';
import type { VirtualMachine } from './api/v1alpha1/types.ts';
import type { KubeClient } from './kubernetes/client.ts';
import { createEventRecorder, type EventNote } from './kubernetes/events.ts';
import type { Clock } from './domain/clock.ts';
import type { Fence } from './domain/fence.ts';
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
  /** Connects to the provider with a key. */
  readonly connect: (apiKey: Secret) => Provider;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Whether this process may act now; the ports ask it too, directly before they send anything that changes something. */
  readonly fence: Fence;
  /** None when left out. */
  readonly tracing?: Tracing;
  /** Told apart in events when several operators report. */
  readonly instance: string;
  /** Namespace and name of the Lease of this installation; undefined: it has no name, and manages what no installation does. */
  readonly installation?: string | undefined;
  /** What events about the operator itself belong to; undefined: they are only logged. */
  readonly self?: () => EventNote['regarding'] | undefined;
}

export interface Operator {
  /** Follows the objects, and changes nothing. Resolves once all were read; rejects never, an absent API server is waited for. */
  start(): Promise<void>;
  /** Begins to act, once started: now nobody else does. */
  lead(): void;
  /** Takes in nothing more, finishes the calls under way with their results written, and resolves. */
  stop(): Promise<void>;
  /** What stands in the way of being ready, as a sentence. */
  notReady(): string | undefined;
  isAlive(): boolean;
}

/** How soon an object is reconciled after this process could not be sure that it is the leader. Milliseconds. */
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
      // Whoever acts knows which VMs are gone; and of whose account nothing is known, no list tells.
      if (reconciler === undefined || (machine.account === undefined && machine.ownerId === undefined))
        return undefined;
      // A create may be in flight, and what it makes is shown only then.
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
    stored: (object) => objects.assume(object),
    announce: ({ metadata: { namespace, name, uid, resourceVersion } }, note) =>
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
    announce: (event) => {
      const regarding = deps.self?.();
      if (regarding !== undefined) events.record({ regarding, type: 'Normal', action: 'ListMachines', ...event });
    },
  });
  /** Both from the moment this process acts. */
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
        assume: (object) => objects.assume(object),
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
      // Names are told apart by all objects, so no decision is made before all of them are known.
      await objects.synced;
      isSynced = true;
      log.info('Synced VirtualMachines', { objects: objects.size, namespaces: settings.namespaces });
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
        // A reconciliation that may change nothing would come to wrong conclusions from that.
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
      // Together: a reconciliation may wait for its turn at an account that does not answer, and is turned away there.
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
