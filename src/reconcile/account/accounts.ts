import type { Account } from '../../api/v1alpha1/account-types.ts';
import { accountPlural } from '../../api/v1alpha1/account-types.ts';
import { createAccountReader } from '../../api/v1alpha1/account-decode.ts';
import { group, version } from '../../api/v1alpha1/constants.ts';
import { createController, type ControllerOptions } from '../../controller/controller.ts';
import type { AccountLimit } from '../../controller/account-limits.ts';
import { SecretIndex } from '../../controller/event-handlers.ts';
import type { LabelSelector } from '../../domain/label-selector.ts';
import { objectKey } from '../../domain/object-key.ts';
import { createReflector, type ReflectorChange, type ReflectorOptions } from '../../kubernetes/cache/reflector.ts';
import { KubeError } from '../../kubernetes/errors.ts';
import { wait } from '../../domain/clock.ts';
import type { Account as ProviderAccount } from '../../provider/account/account.ts';
import { AccountReconciler, type AccountReconcilerDeps, digest, subscriberOf } from './account-reconciler.ts';

export interface AccountsOptions
  extends
    Omit<AccountReconcilerDeps, 'get' | 'stored'>,
    Pick<ReflectorOptions<Account>, 'namespaces' | 'relistInterval' | 'onRestart'>,
    Omit<ControllerOptions, 'reconcile' | 'workers' | 'name'> {
  readonly credentials: AccountReconcilerDeps['credentials'] & { invalidate(secret: string): void };
  /** The labels that an Account must have. Undefined: all Accounts are reconciled. */
  readonly selector: LabelSelector | undefined;
}

/** The Accounts of the cluster: an optional kind, which is off while its CRD isn't installed. */
export interface Accounts {
  /** Watches the Accounts as soon as the API server serves them. Returns immediately. */
  start(): void;
  /** This process has become the leader. */
  lead(): void;
  stop(): Promise<void>;
  isAlive(): boolean;
  /** The Secret (`namespace/name`) was added, changed or deleted. */
  onSecretChange(change: { readonly key: string; readonly initial: boolean }): void;
  /** A complete list of this account arrived. */
  onSnapshot(account: ProviderAccount): void;
  /** The limits of all Accounts; undefined until each Account that existed at the start was reconciled. */
  limits(): readonly AccountLimit[] | undefined;
  /** Resolves once Accounts were listed, or are off. */
  readonly known: Promise<void>;
  /** Requeues the Account that subscribed with this key; false if it isn't one of an Account. */
  wake(subscriber: string): boolean;
}

/** `controller` and `name` of its metrics. */
const accountController = 'account.vps247.com';
const workers = 2;
/** How often the operator checks whether the CRD was installed. */
const checkEvery = 5 * 60_000;
const retryAfter = 10_000;
/** How long everything waits at a start for Accounts that can't be reconciled: a tenant may be the reason. */
const longestUnread = 30_000;
const resource = { group, version, plural: accountPlural };

export function createAccounts(options: AccountsOptions): Accounts {
  const { client, clock, log, selector, credentials } = options;
  const stopping = new AbortController();
  const objects = createReflector<Account>({
    ...options,
    resource,
    transform: createAccountReader(selector?.keys ?? [], digest),
    onChange,
  });
  const secretIndex = new SecretIndex<Account>({
    secretsOf: ({ metadata, spec }) => [`${metadata.namespace}/${spec.credentialsSecretRef.name}`],
    invalidate: (secret) => credentials.invalidate(secret),
  });
  const inScope = (object: Account | undefined): Account | undefined =>
    object !== undefined && selector?.matches(object.metadata.labels) === false ? undefined : object;
  const reconciler = new AccountReconciler({
    ...options,
    get: (key) => inScope(objects.get(key)),
    stored: (object) => objects.assume(object),
    onLimitChange,
  });
  const controller = createController({
    ...options,
    name: accountController,
    workers,
    reconcile: (key) => reconciler.reconcile(key),
  });
  let start: Promise<void> = Promise.resolve();
  const off = Promise.withResolvers<void>();
  let isOff = false;
  /** Accounts whose first reconciliation the limits wait for; undefined until they are listed. */
  let awaited: { readonly objects: Account[]; readonly until: number } | undefined;

  /** What all Accounts set, as of the last change. */
  let known: readonly AccountLimit[] | undefined;

  function onLimitChange(): void {
    known = undefined;
    options.onLimitChange();
  }

  function onChange({ key, before, after, initial }: ReflectorChange<Account>): void {
    secretIndex.change(key, before, after);
    const isOver =
      before !== undefined && (inScope(after) === undefined || before.metadata.uid !== after?.metadata.uid);
    // Also after a write of the status, which records the owner.
    if (mayLimit(before) || mayLimit(after)) known = undefined;
    if (isOver) reconciler.forget(key, before);
    if (!controller.isLeading() || inScope(after) === undefined) return;
    // A write of the status changes nothing that is to be reconciled.
    const isNews =
      isOver || inScope(before) === undefined || before?.metadata.generation !== after?.metadata.generation;
    if (isNews) controller.queue.add(key, { priority: initial ? 'resync' : 'user' });
  }

  /** The API server refuses a list of a kind that it doesn't serve, and one that the roles don't permit. */
  async function watchOnceServed(): Promise<void> {
    const [namespace] = options.namespaces ?? [];
    let isReported = false;
    while (!stopping.signal.aborted) {
      try {
        await client.list(resource, { namespace, limit: 1, signal: stopping.signal });
        isOff = false;
        if (!stopping.signal.aborted) objects.start();
        return;
      } catch (error) {
        const why = whyOff(error);
        isOff = why !== undefined;
        if (isOff) off.resolve();
        if (why !== undefined && !isReported) log.info('Accounts are off', { reason: why });
        isReported ||= why !== undefined;
        await wait(clock, why === undefined ? retryAfter : checkEvery, stopping.signal);
      }
    }
  }

  function limits(): readonly AccountLimit[] | undefined {
    if (isOff) return [];
    if (!objects.isSynced()) return undefined;
    const present = () => [...objects.keys()].flatMap((key) => inScope(objects.get(key)) ?? []);
    awaited ??= { objects: present().filter(setsAnything), until: clock.monotonic() + longestUnread };
    while (awaited.objects.length > 0 && clock.monotonic() < awaited.until) {
      const last = awaited.objects.at(-1);
      if (last !== undefined && isUnread(last)) return undefined;
      awaited.objects.pop();
    }
    known ??= oldestOf(present().flatMap((object) => limitOf(object) ?? []));
    return known;
  }

  /** It exists still, and was not reconciled yet. */
  function isUnread(object: Account): boolean {
    const current = inScope(objects.get(objectKey(object)));
    return current?.metadata.uid === object.metadata.uid && reconciler.accountOf(current) === undefined;
  }

  function limitOf(object: Account): AccountLimit | undefined {
    const { metadata, spec } = object;
    const [machines, account] = [spec.limits?.machines, reconciler.accountOf(object)];
    const isPaused = spec.paused === true;
    if (account === undefined || account === null || !setsAnything(object)) return undefined;
    const order = `${metadata.creationTimestamp} ${metadata.uid}`;
    return { by: objectKey(object), order, machines, isPaused, account, recordedOwner: object.status.ownerId };
  }

  return {
    limits,
    known: Promise.race([objects.synced, off.promise]),
    start() {
      start = watchOnceServed();
    },
    lead: () => controller.lead(objects.keys()),
    async stop() {
      stopping.abort();
      await start;
      await Promise.all([objects.stop(), controller.stop()]);
    },
    isAlive: () => controller.isAlive(),
    onSecretChange({ key: secret, initial }) {
      if (initial || !controller.isLeading()) return;
      for (const key of secretIndex.usersOf(secret)) controller.queue.add(key, { priority: 'user' });
    },
    onSnapshot(account) {
      for (const key of reconciler.outdatedBy(account)) controller.queue.add(key);
    },
    wake(subscriber) {
      const key = subscriberOf(subscriber);
      if (key !== undefined) controller.queue.add(key);
      return key !== undefined;
    },
  };
}

/** Of those of one API key, only the oldest limit and the oldest pause matter: a tenant may have thousands of Accounts. */
function oldestOf(limits: readonly AccountLimit[]): readonly AccountLimit[] {
  const byAccount = Map.groupBy(
    limits.toSorted((a, b) => (a.order < b.order ? -1 : 1)),
    ({ account }) => account,
  );
  return [...byAccount.values()].flatMap((all) => {
    const [limited, paused] = [
      all.find(({ machines }) => machines !== undefined),
      all.find(({ isPaused }) => isPaused),
    ];
    // Only before the first list of the key.
    const isRecordNeeded = all[0]?.account.snapshot === undefined;
    return isRecordNeeded ? all : [...new Set([limited, paused])].filter((one) => one !== undefined);
  });
}

function mayLimit(object: Account | undefined): boolean {
  return object !== undefined && setsAnything(object);
}

/** An Account without a limit and a pause concerns no VirtualMachine. */
function setsAnything({ spec }: Account): boolean {
  return spec.limits?.machines !== undefined || spec.paused === true;
}

function whyOff(error: unknown): string | undefined {
  if (!(error instanceof KubeError)) throw error;
  if (error.status === 404) return `the CRD ${accountPlural}.${group} is not installed`;
  return error.reason === 'Forbidden' ? `the operator may not list ${accountPlural}.${group}` : undefined;
}
