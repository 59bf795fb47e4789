import { createVirtualMachineReader } from './api/v1alpha1/decode.ts';
import type { VirtualMachine } from './api/v1alpha1/types.ts';
import type { OperatorSettings } from './config/settings.ts';
import { AccountLimits, type AccountLimitsOptions } from './controller/account-limits.ts';
import { type Controller, type ControllerOptions, createController } from './controller/controller.ts';
import { DeletionRate } from './controller/deletion-rate.ts';
import { createEventHandlers, type EventHandlers, SecretIndex } from './controller/event-handlers.ts';
import { MachineIndex } from './controller/machine-index.ts';
import { NamespaceQuota } from './controller/namespace-quota.ts';
import { ObjectRecords } from './controller/object-records.ts';
import { Scope } from './controller/scope.ts';
import { objectKey } from './domain/object-key.ts';
import type { Reflector, ReflectorOptions } from './kubernetes/cache/reflector.ts';
import type { KubeClient } from './kubernetes/client.ts';
import type { EventNote, EventRecorder } from './kubernetes/events.ts';
import type { Account } from './provider/account/account.ts';
import type { AccountRegistry, AccountRegistryOptions } from './provider/account/account-registry.ts';
import type { Credentials } from './reconcile/credentials.ts';
import type { StoreAnswer } from './reconcile/execute/metadata-patch.ts';
import { FleetMetrics } from './reconcile/fleet-metrics.ts';
import { ObjectCache } from './reconcile/object-cache.ts';
import { Ownership } from './reconcile/ownership.ts';
import { ReactionLatency } from './reconcile/reaction-latency.ts';
import { createReconciler } from './reconcile/reconciler.ts';
import { createRetainedMachineWatch } from './reconcile/retained-machine.ts';
import { TargetsPage } from './reconcile/targets.ts';
import { UnmanagedMachines } from './reconcile/unmanaged-machines.ts';

export interface VirtualMachineControllerOptions extends Omit<ControllerOptions, 'workers' | 'reconcile'> {
  readonly client: KubeClient;
  /** Where and how objects are watched. */
  readonly watch: Pick<ReflectorOptions<unknown>, 'namespaces' | 'relistInterval' | 'onRestart'>;
  readonly events: EventRecorder;
  readonly credentials: Credentials;
  readonly accounts: AccountRegistry;
  /** The limits of all Accounts; undefined: Accounts are off. */
  readonly limits: AccountLimitsOptions['limits'] | undefined;
  /** A call may follow soon: establishes its connection meanwhile. */
  readonly openConnection: () => void;
  /** Namespace and name of the Lease of this installation; undefined: it has none, and manages only objects without an owner. */
  readonly installation: string | undefined;
  /** The object that Events about the operator itself regard; undefined: they are only logged. */
  readonly self: () => EventNote['regarding'] | undefined;
}

export interface VirtualMachineController
  extends Pick<Controller, 'stop' | 'isAlive'>, Omit<EventHandlers, 'onObjectChange'> {
  /** The watch of the objects. */
  readonly reflector: Reflector<VirtualMachine>;
  /** Which object has which VM. */
  readonly machineIndex: MachineIndex;
  /** This process has become the leader: starts to reconcile. */
  lead(): void;
  /** The content of `/targets`. */
  targets(): string;
  /** Whether a reconciliation waits for the API server. */
  isBusy(): boolean;
  /** A complete list of an account arrived. */
  readonly onSnapshot: NonNullable<AccountRegistryOptions['onSnapshot']>;
  /** The limits of Accounts changed. */
  onLimitChange(): void;
  /** What limits the creates of an account at the provider. */
  readonly accountLimits: Pick<AccountLimits, 'of'>;
}

/** Accounts are off. */
const unlimited: Pick<
  AccountLimits,
  'pausedBy' | 'hasPauseChanged' | 'isKnown' | 'of' | 'reserve' | 'release' | 'wait' | 'forget' | 'freedFor'
> = {
  of: () => undefined,
  pausedBy: () => undefined,
  hasPauseChanged: () => false,
  isKnown: true,
  reserve: () => true,
  release: () => {},
  wait: () => {},
  forget: () => {},
  freedFor: () => [],
};

/** The controller of VirtualMachines: watch → queue → observe → plan → execute → status. */
export function createVirtualMachineController(
  settings: OperatorSettings,
  options: VirtualMachineControllerOptions,
): VirtualMachineController {
  const { client, clock, random, log, metrics, fence, events, credentials, accounts, installation } = options;
  const ports = { clock, random, log };
  const callDeadline = settings.apiConnectTimeout + settings.apiResponseTimeout;

  // Watch: the objects, and which of them this installation reconciles.
  const objects = new ObjectCache({
    ...options.watch,
    ...ports,
    client,
    transform: createVirtualMachineReader(settings.selector?.keys, { withOtherLabels: settings.serveTargets }),
    isManaged: (object) => scope.isManaged(object),
    onChange: (change) => {
      if (change.after === undefined) accountLimits.forget(change.key);
      handlers.onObjectChange(change);
    },
  });
  const { reflector } = objects;
  const objectOf = (key: string) => objects.get(key);
  const managedObject = (key: string) => scope.managed(objects.get(key));
  const managedObjects = () => [...objects.keys()].map(managedObject).filter((object) => object !== undefined);
  const stored: StoreAnswer = (object, write) => {
    reflector.assume(object);
    queue.discard(objectKey(object), write);
  };
  const records = new ObjectRecords();
  const { takeOverFrom, selector } = settings;
  const ownership = new Ownership({ installation, takeOverFrom, client: objects.client, log, stored, events, records });
  const scope = new Scope({ clock, selector, ownership, records });

  // Queue: which keys are reconciled, and when.
  const reconcile: ControllerOptions['reconcile'] = (key, withoutWorker) => reconciler.reconcile(key, withoutWorker);
  const controller = createController({ ...options, workers: settings.workers, reconcile });
  const { queue, isLeading } = controller;

  // Observe: which object has which VM. Execute: limits on provider calls.
  const machineIndex = new MachineIndex();
  const unmanaged = new UnmanagedMachines({ machineIndex, ...ports, events, regarding: options.self });
  const createDelay = callDeadline + settings.visibilityWindow;
  const quota = new NamespaceQuota({
    limit: settings.maxMachinesPerNamespace,
    accountOf: (key) => reconciler.accountOf(key),
    watch: createRetainedMachineWatch({ clock, accounts, isLeading, createDelay }),
  });
  const { limits } = options;
  const leadingSince = () => controller.leadingSince;
  const accountLimits =
    limits === undefined
      ? unlimited
      : new AccountLimits({
          clock,
          records,
          createDelay,
          limits,
          leadingSince,
          accounts: () => accounts.list().values(),
        });
  const reactionLatency = new ReactionLatency(clock, records, (seconds) => metrics.specToCall.observe(seconds));
  const fleet = new FleetMetrics({
    metrics,
    clock,
    machineIndex,
    accounts,
    ownership,
    objects: managedObjects,
    get: managedObject,
    machineLimit: settings.machineMetricsLimit,
  });
  metrics.onScrape(() => fleet.show());
  const targetsPage = new TargetsPage({ objects: managedObjects, log });

  const shared = { credentials, machineIndex, quota, accountLimits, ownership, reactionLatency, objectOf };
  const reconciler = createReconciler({
    ...ports,
    ...shared,
    client: objects.client,
    cache: { get: managedObject, assume: stored },
    isApiServerReady: () => reflector.isAvailable(),
    events,
    fence,
    deletionRate: new DeletionRate(clock, settings.maxDeletesPerMinute),
    isInScope: (object) => scope.matchesSelector(object),
    mayOrphan: (namespace) => settings.defaultCredentialsOrphanNamespaces.includes(namespace),
    accountFor: (apiKey, namespace) => accounts.get(apiKey, namespace),
    limits: { ...settings, callDeadline },
    leadingSince: (key) => Math.max(controller.leadingSince ?? 0, scope.enteredAt(key) ?? 0),
  });
  const { openConnection } = options;
  const secretIndex = new SecretIndex(credentials);
  const handlers = createEventHandlers({
    ...shared,
    queue,
    scope,
    secretIndex,
    openConnection,
    isLeading,
    reconciler,
  });

  /** Wakes the objects of these accounts whose create may be permitted now, or whose pause changed. */
  function wakeLimited(some: Iterable<Account>): void {
    const changed = new Set<Account>();
    for (const account of some) {
      for (const key of accountLimits.freedFor(account)) handlers.onAccountChange(key);
      if (accountLimits.hasPauseChanged(account)) changed.add(account);
    }
    if (changed.size === 0) return;
    for (const object of managedObjects()) {
      const account = reconciler.accountOf(objectKey(object));
      if (account !== undefined && changed.has(account)) handlers.onAccountChange(objectKey(object));
    }
  }

  return {
    ...handlers,
    reflector,
    machineIndex,
    accountLimits,
    lead: () => controller.lead([...objects.keys()].filter((key) => scope.isRelevant(objects.get(key)))),
    stop: () => controller.stop(),
    isAlive: () => controller.isAlive(),
    targets: () => targetsPage.render(),
    isBusy: () => objects.isWriting() || !reflector.isAvailable(),
    onSnapshot: (snapshot, ordinal, account) => {
      unmanaged.listed(ordinal, account, snapshot);
      for (const key of quota.freedByList()) handlers.onAccountChange(key);
      wakeLimited([account]);
    },
    onLimitChange: () => wakeLimited(accounts.list().values()),
  };
}
