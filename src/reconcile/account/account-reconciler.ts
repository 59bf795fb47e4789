import { createHash } from 'node:crypto';
import { accountReasons } from '../../api/v1alpha1/account-reasons.ts';
import {
  type Account,
  accountKind,
  accountPlural,
  type AccountCondition,
  type AccountInventory,
} from '../../api/v1alpha1/account-types.ts';
import { digestsOf } from '../../api/v1alpha1/account-decode.ts';
import { apiVersion } from '../../api/v1alpha1/constants.ts';
import type { MachineIndex } from '../../controller/machine-index.ts';
import type { ReconcileResult } from '../../controller/workers.ts';
import type { Clock } from '../../domain/clock.ts';
import { equal } from '../../domain/json.ts';
import type { Secret } from '../../domain/secret.ts';
import type { KubeClient } from '../../kubernetes/client.ts';
import { hasReason } from '../../kubernetes/errors.ts';
import type { EventRecorder } from '../../kubernetes/events.ts';
import { type AccountLimits, limitVerdict } from '../../plan/account/limits.ts';
import { type AccountDecision, type AccountObserved, planAccount } from '../../plan/account/plan.ts';
import type { Account as ProviderAccount } from '../../provider/account/account.ts';
import { patchAccountStatus } from '../../status/account-patch.ts';
import { accountConditions, hasTransition } from '../../status/account-status.ts';
import type { Credentials } from '../credentials.ts';
import { AccountReadings } from './account-readings.ts';

export interface AccountReconcilerDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly credentials: Pick<Credentials, 'lookupForAccount' | 'distrustForAccount'>;
  /** The account of this key, for an object of this namespace; or the limit that prevents another account. */
  readonly accountFor: (apiKey: Secret, namespace: string) => ProviderAccount | 'TotalReached' | 'GroupReached';
  readonly machineIndex: Pick<MachineIndex, 'isReserved' | 'withUnknownAccount' | 'nameConflict'>;
  readonly events: Pick<EventRecorder, 'record'>;
  /** The namespace of this installation, where an Account may use the default key. */
  readonly operatorNamespace: string | undefined;
  /** The Account, if this installation reconciles it. */
  readonly get: (key: string) => Account | undefined;
  /** The object as the API server stored it. */
  readonly stored: (object: unknown) => void;
  /** What limits the creates of an account at the provider. */
  readonly limitsOf: (account: ProviderAccount) => AccountLimits | undefined;
  /** An Account was deleted, or its limit, its pause or the account that its key opens changed. */
  readonly onLimitChange: () => void;
}

/** What is remembered of an Account between reconciliations. Times are monotonic. */
interface State {
  readonly key: string;
  account: ProviderAccount | undefined;
  secretVersion: string | undefined;
  wroteAt: number;
  reconciledAt: number;
  /** What was doubtful about the list of its last reconciliation. */
  doubts: string;
  /** What the limits of accounts depended on then. */
  limitText: string;
}

const writeEvery = 60_000;
/** While a VM is in transition, lists arrive every second. */
const reconcileEvery = 5_000;
/** When an account whose list failed is checked again. */
const failureCheck = 60_000;
const prefix = `${accountPlural}/`;

/** A digest of a part of the inventory: equal for equal values. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest().subarray(0, 16).toString('base64');
}

/** The key of the Account that subscribed to its account at the provider by this name; undefined for that of a VirtualMachine. */
export function subscriberOf(subscriber: string): string | undefined {
  const key = subscriber.startsWith(prefix) ? subscriber.slice(prefix.length) : '';
  return key.includes('/') ? key : undefined;
}

/** Observes the account of an Account, and writes its status. It changes nothing at the provider. */
export class AccountReconciler {
  readonly #deps: AccountReconcilerDeps;
  readonly #readings: AccountReadings;
  /** By the UID of the Account. */
  readonly #states = new Map<string, State>();
  readonly #digests = new WeakMap<AccountInventory, Account['status']['digests']>();

  constructor(deps: AccountReconcilerDeps) {
    this.#deps = deps;
    this.#readings = new AccountReadings(deps.clock, deps.machineIndex);
  }

  async reconcile(key: string): Promise<ReconcileResult> {
    const { get, credentials, operatorNamespace, clock } = this.#deps;
    const object = get(key);
    if (object === undefined) return {};
    const { namespace } = object.metadata;
    const lookup = await credentials.lookupForAccount(object, namespace === operatorNamespace);
    // It was deleted or changed meanwhile, which requeued it.
    if (get(key) !== object) return {};
    const state = this.#stateOf(key, object);
    const found = lookup.kind === 'Found' ? this.#deps.accountFor(lookup.apiKey, namespace) : undefined;
    const account = typeof found === 'string' ? undefined : found;
    this.#subscribe(state, account, namespace);
    if (lookup.kind === 'Found') {
      // A rejected key may be valid now: the user has written it to the Secret again.
      if (state.secretVersion !== undefined && state.secretVersion !== lookup.version) account?.retryKey();
      state.secretVersion = lookup.version;
    }
    if (account?.credentialStatus === 'Rejected') credentials.distrustForAccount(object);
    const limit = typeof found === 'string' ? found : undefined;
    state.reconciledAt = clock.monotonic();
    state.doubts = doubtsAbout(account);
    // Before anything is awaited: a limit or a pause may have ended.
    const limitText = this.#limitText(object, account);
    if (limitText !== state.limitText) this.#deps.onLimitChange();
    state.limitText = limitText;
    // The first list, or its failure, wakes the Account.
    if (account?.isFirstListDue === true && isReported(object)) return {};
    if (account?.credentialStatus === 'Accepted' && this.#readings.awaitsCatalog(account, prefix + key)) return {};
    const decision = planAccount(this.#observe(object, lookup, account, limit));
    const result = await this.#report(object, decision, state);
    // Only the first failed list wakes the Account, and the circuit breaker opens later.
    return account?.lastFailure === undefined || 'after' in result ? result : { after: failureCheck };
  }

  /** The Account was deleted, or another installation reconciles it. */
  forget(key: string, { metadata: { uid } }: Account): void {
    this.#states.get(uid)?.account?.unsubscribe(prefix + key);
    this.#states.delete(uid);
    this.#deps.onLimitChange();
  }

  /** The account at the provider that its key opens; null: none; undefined: it was not reconciled yet. */
  accountOf({ metadata: { uid } }: Account): ProviderAccount | null | undefined {
    const state = this.#states.get(uid);
    return state === undefined || state.reconciledAt === -Infinity ? undefined : (state.account ?? null);
  }

  /** The Accounts that a new list of the account concerns. */
  outdatedBy(account: ProviderAccount): readonly string[] {
    const now = this.#deps.clock.monotonic();
    const doubts = doubtsAbout(account);
    return [...this.#states.values()].flatMap((state) => {
      const isDue = now - state.reconciledAt >= reconcileEvery || state.doubts !== doubts;
      return state.account === account && isDue ? [state.key] : [];
    });
  }

  #stateOf(key: string, { metadata: { uid } }: Account): State {
    const known = this.#states.get(uid);
    if (known !== undefined) return known;
    const created: State = {
      key,
      account: undefined,
      secretVersion: undefined,
      wroteAt: -Infinity,
      reconciledAt: -Infinity,
      doubts: '',
      limitText: '',
    };
    this.#states.set(uid, created);
    return created;
  }

  /** Keeps the account polled while the Account exists. It names no VM: lists and the state of the key wake it. */
  #subscribe(state: State, account: ProviderAccount | undefined, namespace: string): void {
    const subscriber = prefix + state.key;
    if (state.account !== account) state.account?.unsubscribe(subscriber);
    state.account = account;
    account?.subscribe(subscriber, { name: '', group: namespace });
  }

  #observe(
    object: Account,
    lookup: Awaited<ReturnType<Credentials['lookupForAccount']>>,
    account: ProviderAccount | undefined,
    limit: 'TotalReached' | 'GroupReached' | undefined,
  ): AccountObserved {
    const snapshot = account?.snapshot;
    return {
      object,
      credentials: credentialsOf(lookup, account, limit),
      isUnavailable: account?.isUnavailable === true,
      list: account &&
        snapshot && {
          unreadable: [...snapshot.unreadable.keys()],
          massDisappearance: account.massDisappearance,
          inventory: () => this.#readings.inventory(account, snapshot, object.spec.currency),
        },
    };
  }

  #digestsOf(inventory: AccountInventory): Account['status']['digests'] {
    const known = this.#digests.get(inventory) ?? digestsOf(inventory, digest);
    this.#digests.set(inventory, known);
    return known;
  }

  /** What the limits of accounts depend on, as text; empty for an Account without a limit and a pause. */
  #limitText({ spec }: Account, account: ProviderAccount | undefined): string {
    const { limits, paused } = spec;
    if (limits?.machines === undefined && paused !== true) return '';
    const owners = account?.snapshot?.ownerIds.length;
    return `${limits?.machines} ${paused} ${account?.keyedHash('')} ${account?.credentialStatus} ${account?.ownerId} ${owners}`;
  }

  async #report(object: Account, decision: AccountDecision, state: State): Promise<ReconcileResult> {
    const { client, clock, events, stored, limitsOf } = this.#deps;
    const { metadata, status: before } = object;
    const { generation, namespace, name } = metadata;
    const withinLimits = limitVerdict(object, state.account && limitsOf(state.account));
    const conditions = accountConditions(decision, generation, clock.now(), before.conditions, withinLimits);
    const changed =
      decision.inventory === undefined
        ? {}
        : changedFields(before.digests, decision.inventory, this.#digestsOf(decision.inventory));
    const isUrgent = before.observedGeneration !== generation || hasTransition(before.conditions, conditions);
    const { after = Infinity } = decision;
    if (!isUrgent && Object.keys(changed).length === 0 && equal(before.conditions, conditions)) return inAtMost(after);
    const due = state.wroteAt + writeEvery - clock.monotonic();
    if (!isUrgent && due > 0) return inAtMost(Math.min(due, after));
    try {
      const status = { observedGeneration: generation, conditions, ...changed };
      stored(await patchAccountStatus(client, { namespace, name }, status));
    } catch (error) {
      if (hasReason(error, 'NotFound')) return {};
      throw error;
    }
    state.wroteAt = clock.monotonic();
    if (isNews(before.conditions, conditions)) {
      const { uid, resourceVersion } = metadata;
      const regarding = { apiVersion, kind: accountKind, namespace, name, uid, resourceVersion };
      const type = accountReasons[decision.reason].event;
      events.record({ regarding, type, reason: decision.reason, action: 'Reconcile', note: decision.message });
    }
    return inAtMost(after);
  }
}

function credentialsOf(
  lookup: Awaited<ReturnType<Credentials['lookupForAccount']>>,
  account: ProviderAccount | undefined,
  limit: 'TotalReached' | 'GroupReached' | undefined,
): AccountObserved['credentials'] {
  if (lookup.kind === 'Missing')
    return { kind: 'Missing', message: lookup.message, isDefaultRefused: lookup.isDefaultRefused === true };
  if (account === undefined) return { kind: 'TooMany', limit: limit ?? 'TotalReached' };
  if (account.credentialStatus === 'Rejected') return { kind: 'Rejected', failure: account.rejection };
  return { kind: account.credentialStatus };
}

/** What makes a list incomplete. A change of it is reported at once. */
function doubtsAbout(account: ProviderAccount | undefined): string {
  const unreadable = [...(account?.snapshot?.unreadable.keys() ?? [])].join();
  return `${account?.massDisappearance?.until} ${unreadable}`;
}

/** Whether the status reports on the current spec. */
function isReported({ metadata, status }: Account): boolean {
  return status.observedGeneration === metadata.generation;
}

/** Each change of the reason is an event, except the first one before the first list. */
function isNews(before: readonly AccountCondition[], after: readonly AccountCondition[]): boolean {
  return reasonOf(after) !== 'NotListedYet' && reasonOf(before) !== reasonOf(after);
}

function reasonOf(conditions: readonly AccountCondition[]): string | undefined {
  return conditions.find(({ type }) => type === 'Ready')?.reason;
}

/** In a merge patch, an object is merged with the stored one: null removes what the new one lacks. */
const optionalFields: Readonly<Partial<Record<keyof AccountInventory, Readonly<Record<string, null>>>>> = {
  catalog: { regions: null, packages: null, osTemplates: null, omitted: null },
  estimate: { monthlyPrice: null, currency: null, message: null },
};

/** The fields of a merge patch whose values differ from the stored ones. */
function changedFields(
  before: Account['status']['digests'],
  inventory: AccountInventory,
  after: Account['status']['digests'],
): Readonly<Record<string, unknown>> {
  // `as`: the names of the digests are those of the fields.
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])] as (keyof AccountInventory)[];
  return Object.fromEntries(
    fields
      .filter((field) => before[field] !== after[field])
      .map((field) => {
        const value = inventory[field];
        const isMerged = typeof value === 'object' && !Array.isArray(value);
        return [field, isMerged ? { ...optionalFields[field], ...value } : (value ?? null)];
      }),
  );
}

function inAtMost(milliseconds: number): ReconcileResult {
  return milliseconds === Infinity ? {} : { after: milliseconds };
}
