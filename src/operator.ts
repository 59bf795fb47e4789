import { apiVersion, credentialsLabel, group, kind, plural, version } from './api/v1alpha1/constants.ts';
import type { VirtualMachine } from './api/v1alpha1/types.ts';
import type { KubeClient } from './kubernetes/client.ts';
import { createEventRecorder, type EventNote } from './kubernetes/events.ts';
import type { Clock } from './domain/clock.ts';
import type { Fence } from './domain/fence.ts';
import type { LabelSelector } from './domain/label-selector.ts';
import type { Secret } from './domain/secret.ts';
import type { Account } from './provider/account/account.ts';
import { createAccountRegistry } from './provider/account/account-registry.ts';
import type { Provider } from './provider/provider.ts';
import { createBackoff } from './controller/requeue-backoff.ts';
import { runWorkers, type Workers } from './controller/workers.ts';
import { WorkQueueMetrics } from './controller/work-queue-metrics.ts';
import { createWorkQueue } from './controller/work-queue.ts';
import { type SharedCredentials, createCredentials } from './reconcile/credentials.ts';
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
import { createReflector, type ReflectorChange } from './kubernetes/cache/reflector.ts';
import { createVirtualMachineReader } from './api/v1alpha1/decode.ts';

/** What the app needs from the settings; durations in milliseconds. */
export interface OperatorSettings {
  /** Empty: all namespaces. */
  readonly namespaces: readonly string[];
  /** The objects to act on; undefined: all. The others are watched all the same: they may hold a name or a machine. */
  readonly selector: LabelSelector | undefined;
  /** Undefined: none, and then no namespace may use it. */
  readonly defaultCredentialsSecret: SharedCredentials['secret'] | undefined;
  readonly defaultCredentialsNamespaces: readonly string[];
  readonly defaultCredentialsOrphanNamespaces: readonly string[];
  readonly requireCredentialsLabel: boolean;
  /** Installations whose objects this one takes over, each as namespace and name of its Lease. */
  readonly takeOverFrom: readonly string[];
  readonly relistInterval: number;
  readonly workers: number;
  readonly pollInterval: number;
  readonly urgentPollInterval: number;
  readonly maxInFlight: number;
  /** Calls a second, for each API key; 0: no limit. */
  readonly providerRate: number;
  readonly providerBurst: number;
  readonly visibilityWindow: number;
  readonly recreateAfter: number;
  readonly stuckAfter: number;
  readonly orphanCandidates: 'Hold' | 'Report';
  /** 0: no limit. */
  readonly maxMachinesPerNamespace: number;
  readonly maxApiKeys: number;
  readonly maxApiKeysPerNamespace: number;
  readonly maxDeletesPerMinute: number;
  /** Up to how many objects metrics have series for each of them. */
  readonly machineMetricsLimit: number;
  readonly apiConnectTimeout: number;
  readonly apiResponseTimeout: number;
}

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

/** How soon an object is looked at again while it is not certain that this process may act. Milliseconds. */
const fencedRequeue = 1_000;
/**
 * No reconciliation holds a worker for so long, nor do objects wait while no reconciliation ends: longer than the deadlines of all its calls
 * together, when neither API answers. A long queue alone is no reason for a restart, which would only make it longer.
 */
const stuckAfter = 15 * 60_000;

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
  const objectsBySecret = new Map<string, Set<string>>();
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
  const scope = settings.namespaces.length === 0 ? {} : { namespaces: settings.namespaces };
  const isInScope = (object: VirtualMachine): boolean => settings.selector?.matches(object.metadata.labels) ?? true;
  const removed = new RemovedObjects({
    client,
    clock,
    log,
    isOurs: (object) => isOurs(object),
    onChange: onObjectChange,
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
  const isOurs = (object: VirtualMachine | undefined): boolean =>
    object !== undefined && isInScope(object) && !ownership.isOwnedByOthers(object);
  const fleet = new FleetMetrics({
    metrics,
    machineIndex,
    get: (key) => {
      const object = objectOf(key);
      return isOurs(object) ? object : undefined;
    },
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
  /** What there may be something to do for, if only to report that another installation does it. */
  const isRelevant = (object: VirtualMachine | undefined): boolean =>
    object !== undefined && (isInScope(object) || ownership.isMine(object));
  /** When new labels or another owner made an object ours that had been another operator's. */
  const enteredScopeAt = new Map<string, number>();
  /** Both from the moment this process acts. */
  let reconciler: Reconciler | undefined;
  let workers: Workers | undefined;
  let isSynced = false;
  let isStopping = false;
  const shared = { client, clock, random, log, relistInterval: settings.relistInterval, ...scope };

  const objects = createReflector<VirtualMachine>({
    ...shared,
    resource: { group, version, plural },
    onRestart: () => metrics.watchRestarts.inc({ resource: plural }),
    transform: createVirtualMachineReader(settings.selector?.keys),
    onChange: (change) => onObjectChange(removed.take(change)),
  });
  const secrets = createReflector<true>({
    ...shared,
    resource: { group: '', version: 'v1', plural: 'secrets' },
    labelSelector: `${credentialsLabel}=true`,
    onRestart: () => metrics.watchRestarts.inc({ resource: 'secrets' }),
    // Nothing of a Secret is kept: that it changed is all that matters, and who uses it reads it. The operator's own Secret may
    // be outside of its namespaces; then its changes are noticed when it is read again.
    transform: () => true,
    onChange: ({ key: secret, initial }) => {
      if (initial) return;
      credentials.invalidate(secret);
      // Objects of other operators are not reconciled here, which would place them.
      for (const key of objectsBySecret.get(secret) ?? []) machineIndex.setAccount(key, undefined);
      if (workers === undefined) return;
      for (const key of objectsBySecret.get(secret) ?? [])
        if (isOurs(objectOf(key))) queue.add(key, { priority: 'user' });
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
        get: (key) => {
          const object = objectOf(key);
          return isOurs(object) ? object : undefined;
        },
        assume: (object) => objects.assume(object),
      },
      objectOf,
      isInScope,
      mayOrphan: (namespace) => settings.defaultCredentialsOrphanNamespaces.includes(namespace),
      accountFor: (apiKey, namespace) => accounts.get(apiKey, namespace),
      limits: {
        stuckAfter: settings.stuckAfter,
        visibilityWindow: settings.visibilityWindow,
        recreateAfter: settings.recreateAfter,
        callDeadline,
        orphanCandidates: settings.orphanCandidates,
      },
      leadingSince: (key) => Math.max(leadingSince, enteredScopeAt.get(key) ?? 0),
    });

  function onObjectChange({ key, before, after, initial }: ReflectorChange<VirtualMachine>): void {
    const waiting = [...machineIndex.update(key, before, after), quota.change(key, before, after)];
    indexSecrets(key, before, after);
    const [ours, stillOurs] = [isOurs(before) ? before : undefined, isOurs(after) ? after : undefined];
    fleet.change(key, ours, stillOurs);
    ownership.change(key, after, after !== undefined && isInScope(after));
    reactionLatency.specChanged(key, ours, stillOurs, initial || workers === undefined);
    if (isOurs(after) && before !== undefined && (!isOurs(before) || ownership.isTakenOver(before, after)))
      enteredScopeAt.set(key, clock.monotonic());
    else if (!isOurs(after)) enteredScopeAt.delete(key);
    // Until this process acts nothing waits for it; then everything is looked at anyway.
    if (workers === undefined) return;
    if (isRelevant(before) || isRelevant(after)) queue.add(key, { priority: initial ? 'resync' : 'user' });
    reconciler?.onObjectChange(key);
    for (const other of waiting)
      if (other !== undefined && isOurs(objectOf(other))) queue.add(other, { priority: 'normal' });
  }

  /** Keeps which objects read which Secret. */
  function indexSecrets(key: string, before: VirtualMachine | undefined, after: VirtualMachine | undefined): void {
    const current = after === undefined ? [] : credentials.secretsOf(after);
    for (const old of before === undefined ? [] : credentials.secretsOf(before)) {
      if (current.includes(old)) continue;
      objectsBySecret.get(old)?.delete(key);
      if (objectsBySecret.get(old)?.size !== 0) continue;
      objectsBySecret.delete(old);
      credentials.invalidate(old);
    }
    for (const secret of current) objectsBySecret.set(secret, (objectsBySecret.get(secret) ?? new Set()).add(key));
  }

  metrics.onScrape(() => {
    const ages = [...accounts.list().values()].map(
      ({ snapshot }) => clock.monotonic() - (snapshot?.answeredAt ?? Number.NaN),
    );
    metrics.listAge.set(Math.max(0, ...ages.filter(Number.isFinite)) / 1000);
    showCallStats(metrics, accounts.list());
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
        if (isRelevant(objectOf(key))) queue.add(key, { priority: 'resync' });
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
    isAlive: () => {
      if (workers === undefined || isStopping) return true;
      const isIdle = clock.monotonic() - workers.lastEndAt > stuckAfter;
      return workers.longestReconcileMs <= stuckAfter && !(isIdle && queue.oldestWaitMs > stuckAfter);
    },
  };
}

/** An account that is no longer in use is shown no longer. */
function showCallStats(metrics: Metrics, accounts: ReadonlyMap<number, Account>): void {
  const { providerUnavailable, providerPaused, providerRate, providerInFlight, providerWaiting } = metrics;
  for (const gauge of [providerUnavailable, providerPaused, providerRate, providerInFlight, providerWaiting])
    gauge.reset();
  for (const [ordinal, { callStats }] of accounts) {
    const account = String(ordinal);
    providerUnavailable.set({ account }, callStats.isCircuitOpen ? 1 : 0);
    providerPaused.set({ account }, callStats.isRateLimited ? 1 : 0);
    providerRate.set({ account }, callStats.rate);
    providerInFlight.set({ account }, callStats.inFlight);
    for (const [priority, count] of Object.entries(callStats.waiting))
      providerWaiting.set({ account, priority }, count);
  }
}
