import { credentialsLabel, group, plural, version } from './api/v1alpha1/constants.ts';
import type { VirtualMachine } from './api/v1alpha1/types.ts';
import type { KubeClient } from './kubernetes/client.ts';
import { createEventRecorder, type EventNote } from './kubernetes/events.ts';
import type { Clock } from './domain/clock.ts';
import type { Fence } from './domain/fence.ts';
import { objectKey } from './domain/object-key.ts';
import type { Secret } from './domain/secret.ts';
import { createAccountRegistry } from './provider/account/account-registry.ts';
import type { Provider } from './provider/provider.ts';
import type { OperatorSettings } from './config/settings.ts';
import { showAccounts } from './controller/account-metrics.ts';
import { type ControllerOptions, createController } from './controller/controller.ts';
import { createEventHandlers, SecretIndex } from './controller/event-handlers.ts';
import { ObjectRecords } from './controller/object-records.ts';
import { Scope } from './controller/scope.ts';
import { createCredentials, versionOf } from './reconcile/credentials.ts';
import { MachineIndex } from './controller/machine-index.ts';
import { DeletionRate } from './controller/deletion-rate.ts';
import { FleetMetrics } from './reconcile/fleet-metrics.ts';
import { createRetainedMachineWatch } from './reconcile/retained-machine.ts';
import { NamespaceQuota } from './controller/namespace-quota.ts';
import { Ownership } from './reconcile/ownership.ts';
import { createReconciler } from './reconcile/reconciler.ts';
import type { StoreAnswer } from './reconcile/execute/metadata-patch.ts';
import { RemovedObjects } from './reconcile/removed-objects.ts';
import { ReactionLatency } from './reconcile/reaction-latency.ts';
import { TargetsPage } from './reconcile/targets.ts';
import { UnmanagedMachines } from './reconcile/unmanaged-machines.ts';
import { whyNotSynced } from './startup/preflight.ts';
import type { Log } from './telemetry/log.ts';
import type { Metrics } from './telemetry/metrics.ts';
import { noTracing, type Tracing } from './telemetry/tracing.ts';
import { createReflector } from './kubernetes/cache/reflector.ts';
import { createVirtualMachineReader } from './api/v1alpha1/decode.ts';

export interface OperatorDeps {
  readonly client: KubeClient;
  /** Connects to the provider with an API key. */
  readonly connect: (apiKey: Secret) => Provider;
  /** A call may follow soon: establishes its connection meanwhile. */
  readonly openConnection?: () => void;
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
  /** The content of `/targets`; undefined until all objects were listed. */
  targets(): string | undefined;
  /** Why the operator isn't ready, as a sentence. */
  notReady(): string | undefined;
  isAlive(): boolean;
}

/** The composition root: watch → queue → observe → plan → execute → status, wired from ports. Planning is pure and needs no wiring. */
export function createOperator(settings: OperatorSettings, deps: OperatorDeps): Operator {
  const { client, clock, random, log, metrics, fence, tracing = noTracing } = deps;
  const ports = { clock, random, log };
  const { stuckAfter, visibilityWindow, recreateAfter, orphanCandidates, machineMetricsLimit: machineLimit } = settings;
  const callDeadline = settings.apiConnectTimeout + settings.apiResponseTimeout;
  const namespaces = settings.namespaces.length === 0 ? undefined : settings.namespaces;
  const events = createEventRecorder({
    client,
    ...ports,
    instance: deps.instance,
    isBusy: () => removed.isWriting() || !objects.isAvailable(),
  });

  // Watch: the objects, and which of them this installation reconciles.
  const onRestart = (resource: string) => metrics.watchRestarts.inc({ resource });
  const watch = { client, ...ports, namespaces, relistInterval: settings.relistInterval, onRestart };
  const objects = createReflector<VirtualMachine>({
    ...watch,
    resource: { group, version, plural },
    transform: createVirtualMachineReader(settings.selector?.keys, { withOtherLabels: settings.serveTargets }),
    onChange: (change) => handlers.onObjectChange(removed.take(change)),
  });
  const secrets = createReflector<string>({
    ...watch,
    resource: { group: '', version: 'v1', plural: 'secrets' },
    labelSelector: `${credentialsLabel}=true`,
    // Reconciliations read Secrets. The version shows whether what they read is still current.
    transform: versionOf,
    onChange: (change) => handlers.onSecretChange(change),
  });
  const removed = new RemovedObjects({
    client,
    ...ports,
    isOurs: (object) => scope.isManaged(object),
    onChange: (change) => handlers.onObjectChange(change),
  });
  const objectOf = (key: string): VirtualMachine | undefined => removed.get(key) ?? objects.get(key);
  const allKeys = (): readonly string[] => [...new Set([...objects.keys(), ...removed.keys()])];
  const stored: StoreAnswer = (object, write) => {
    objects.assume(object);
    queue.discard(objectKey(object), write);
  };
  const records = new ObjectRecords();
  const ownership = new Ownership({
    installation: deps.installation,
    takeOverFrom: settings.takeOverFrom,
    client: removed.client,
    log,
    stored,
    events,
    records,
  });
  const scope = new Scope({ clock, selector: settings.selector, ownership, records });

  // Queue: which keys are reconciled, and when.
  const reconcile: ControllerOptions['reconcile'] = (key, withoutWorker) => reconciler.reconcile(key, withoutWorker);
  const controller = createController({ ...ports, metrics, tracing, fence, workers: settings.workers, reconcile });
  const { queue, isLeading } = controller;

  // Observe: API keys, accounts at the provider, and which object has which VM.
  const secret = settings.defaultCredentialsSecret;
  const credentials = createCredentials({
    client,
    ...ports,
    isLabelRequired: settings.requireCredentialsLabel,
    watchedVersion: (name) => secrets.get(name),
    shared: secret && { secret, namespaces: settings.defaultCredentialsNamespaces },
  });
  const machineIndex = new MachineIndex();
  const unmanaged = new UnmanagedMachines({ machineIndex, ...ports, events, regarding: () => deps.self?.() });
  const accounts = createAccountRegistry({
    ...ports,
    connect: deps.connect,
    onSnapshot: (snapshot, ordinal, account) => {
      unmanaged.listed(ordinal, account, snapshot);
      for (const key of quota.freedByList()) handlers.onAccountChange(key);
    },
    wake: (key) => handlers.onAccountChange(key),
    limits: { total: settings.maxApiKeys, perGroup: settings.maxApiKeysPerNamespace },
    settings: {
      idlePollMs: settings.pollInterval,
      urgentPollMinMs: settings.urgentPollInterval,
      minListIntervalMs: settings.urgentPollInterval,
      maxInFlight: settings.maxInFlight,
      ratePerSecond: settings.providerRate,
      burst: settings.providerBurst,
      recreationIntervalMs: recreateAfter / 5,
    },
  });

  // Execute: limits on provider calls. Status: events, and metrics at a scrape.
  const quota = new NamespaceQuota({
    limit: settings.maxMachinesPerNamespace,
    accountOf: (key) => reconciler.accountOf(key),
    watch: createRetainedMachineWatch({ clock, accounts, isLeading, createDelay: callDeadline + visibilityWindow }),
  });
  const reactionLatency = new ReactionLatency(clock, records, (seconds) => metrics.specToCall.observe(seconds));
  const managedObject = (key: string) => scope.managed(objectOf(key));
  const managedObjects = () =>
    allKeys()
      .map(managedObject)
      .filter((object) => object !== undefined);
  const targetsPage = new TargetsPage({ objects: managedObjects, log });
  const fleet = new FleetMetrics({
    metrics,
    clock,
    machineIndex,
    accounts,
    objects: managedObjects,
    get: managedObject,
    machineLimit,
  });
  metrics.onScrape(() => {
    showAccounts(metrics, accounts.list(), clock.monotonic());
    controller.showMetrics();
    fleet.show();
    metrics.objectsOwnedByOthers.set(ownership.others);
  });

  const shared = { credentials, machineIndex, quota, ownership, reactionLatency, objectOf };
  const reconciler = createReconciler({
    ...ports,
    ...shared,
    client: removed.client,
    cache: { get: managedObject, assume: stored },
    isApiServerReady: () => objects.isAvailable(),
    events,
    fence,
    deletionRate: new DeletionRate(clock, settings.maxDeletesPerMinute),
    isInScope: (object) => scope.matchesSelector(object),
    mayOrphan: (namespace) => settings.defaultCredentialsOrphanNamespaces.includes(namespace),
    accountFor: (apiKey, namespace) => accounts.get(apiKey, namespace),
    limits: { stuckAfter, visibilityWindow, recreateAfter, callDeadline, orphanCandidates },
    leadingSince: (key) => Math.max(controller.leadingSince ?? 0, scope.enteredAt(key) ?? 0),
  });
  const secretIndex = new SecretIndex(credentials);
  const { openConnection = () => {} } = deps;
  const indexes = { queue, scope, secretIndex };
  const handlers = createEventHandlers({ ...shared, ...indexes, openConnection, isLeading, reconciler });

  return {
    async start() {
      objects.start();
      secrets.start();
      // Conflicts of names and VMs are found only among all objects, so no object is reconciled before the initial list is complete.
      await objects.synced;
      log.info('Synced VirtualMachines', { objects: objects.size, namespaces: namespaces ?? 'all' });
    },
    lead: () => controller.lead(allKeys().filter((key) => scope.isRelevant(objectOf(key)))),
    async stop() {
      await Promise.all([objects.stop(), secrets.stop()]);
      // Together: a reconciliation may wait for a slot of an account that doesn't respond, which stopping the account rejects.
      await Promise.all([controller.stop(), accounts.stop()]);
      await events.drain();
    },
    targets: () => (whyNotSynced(objects) === undefined ? targetsPage.render() : undefined),
    notReady: () => whyNotSynced(objects),
    isAlive: () => controller.isAlive(),
  };
}
