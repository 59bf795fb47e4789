import { credentialsLabel, secrets } from './api/v1alpha1/constants.ts';
import type { OperatorSettings } from './config/settings.ts';
import { type Clock, wait } from './domain/clock.ts';
import type { Fence } from './domain/fence.ts';
import type { Secret } from './domain/secret.ts';
import { createReflector } from './kubernetes/cache/reflector.ts';
import type { KubeClient } from './kubernetes/client.ts';
import { createEventRecorder, type EventNote } from './kubernetes/events.ts';
import { createAccountRegistry } from './provider/account/account-registry.ts';
import type { Provider } from './provider/provider.ts';
import { createAccounts } from './reconcile/account/accounts.ts';
import { createCredentials, versionOf } from './reconcile/credentials.ts';
import { whyNotSynced } from './startup/preflight.ts';
import type { Log } from './telemetry/log.ts';
import type { Metrics } from './telemetry/metrics.ts';
import { noTracing, type Tracing } from './telemetry/tracing.ts';
import { createVirtualMachineController } from './virtual-machine-controller.ts';

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

/** For the initial list of Accounts. Milliseconds. */
const longestWait = 2_000;

/** The composition root: what the controllers share, and the order of start and stop. */
export function createOperator(settings: OperatorSettings, deps: OperatorDeps): Operator {
  const { client, clock, random, log, metrics, installation, instance } = deps;
  const { tracing = noTracing, openConnection = () => {}, self = () => undefined } = deps;
  const ports = { clock, random, log };
  const namespaces = settings.namespaces.length === 0 ? undefined : settings.namespaces;
  const watch = {
    namespaces,
    relistInterval: settings.relistInterval,
    onRestart: (resource: string) => metrics.watchRestarts.inc({ resource }),
  };
  const secretReflector = createReflector<string>({
    ...watch,
    ...ports,
    client,
    resource: secrets,
    labelSelector: `${credentialsLabel}=true`,
    // Reconciliations read Secrets. The version shows whether what they read is still current.
    transform: versionOf,
    onChange: (change) => {
      virtualMachines.onSecretChange(change);
      accountObjects?.onSecretChange(change);
    },
  });
  const secret = settings.defaultCredentialsSecret;
  const credentials = createCredentials({
    ...ports,
    client,
    isLabelRequired: settings.requireCredentialsLabel,
    watchedVersion: (name) => secretReflector.get(name),
    shared: secret && { secret, namespaces: settings.defaultCredentialsNamespaces },
  });
  const accounts = createAccountRegistry({
    ...ports,
    settings,
    connect: deps.connect,
    limits: { total: settings.maxApiKeys, perGroup: settings.maxApiKeysPerNamespace },
    onSnapshot: (snapshot, ordinal, account) => {
      virtualMachines.onSnapshot(snapshot, ordinal, account);
      accountObjects?.onSnapshot(account);
    },
    wake: (key) => {
      if (accountObjects?.wake(key) !== true) virtualMachines.onAccountChange(key);
    },
  });
  const events = createEventRecorder({ ...ports, client, instance, isBusy: () => virtualMachines.isBusy() });
  const virtualMachines = createVirtualMachineController(settings, {
    ...deps,
    tracing,
    openConnection,
    installation,
    self,
    watch,
    events,
    credentials,
    accounts,
    limits: settings.accounts ? () => accountObjects?.limits() : undefined,
  });
  const { reflector, machineIndex } = virtualMachines;
  const accountObjects = settings.accounts
    ? createAccounts({
        ...deps,
        ...watch,
        tracing,
        events,
        credentials,
        machineIndex,
        selector: settings.selector,
        limitsOf: (account) => virtualMachines.accountLimits.of(account),
        onLimitChange: () => virtualMachines.onLimitChange(),
        accountFor: (apiKey, namespace) => accounts.get(apiKey, namespace),
        operatorNamespace: installation?.split('/')[0],
      })
    : undefined;

  return {
    async start() {
      reflector.start();
      secretReflector.start();
      accountObjects?.start();
      // Conflicts of names and VMs are found only among all objects, so no object is reconciled before the initial list is complete.
      await reflector.synced;
      // Creates wait for the limits of Accounts. Nothing else does, so a start waits for them only briefly.
      if (accountObjects !== undefined) await Promise.race([accountObjects.known, wait(clock, longestWait)]);
      log.info('Synced VirtualMachines', { objects: reflector.size, namespaces: namespaces ?? 'all' });
    },
    lead() {
      virtualMachines.lead();
      accountObjects?.lead();
    },
    async stop() {
      await Promise.all([reflector.stop(), secretReflector.stop(), accountObjects?.stop()]);
      // Together: a reconciliation may wait for a slot of an account that doesn't respond, which stopping the account rejects.
      await Promise.all([virtualMachines.stop(), accounts.stop()]);
      await events.drain();
    },
    targets: () => (whyNotSynced(reflector) === undefined ? virtualMachines.targets() : undefined),
    notReady: () => whyNotSynced(reflector),
    isAlive: () => virtualMachines.isAlive() && accountObjects?.isAlive() !== false,
  };
}
