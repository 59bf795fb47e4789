import type { OperationStatus, VirtualMachine, VirtualMachineStatus } from '../api/v1alpha1/types.ts';
import type { Failure } from '../domain/failure.ts';
import type { ProviderId } from '../domain/machine.ts';
import type { Action, Decision, StatusReason } from '../plan/action.ts';
import type { ObservedHistory } from '../plan/observed.ts';
import type { Account } from '../provider/account/account.ts';
import type { FoundKey } from './credentials.ts';
import type { Form } from '../status/patch.ts';
import type { Rewrites } from './rewrites.ts';
import {
  historyOf,
  type MachineRead,
  type Moment,
  type PasswordConflict,
  type SentOperation,
  unseen,
  withRead,
} from './object-history.ts';

/** How many settled create intents are remembered: after a lost response, any of them may be the stored one. */
const maxSettledIntents = 32;
/** The limit of remembered values: a user who sets new ones repeatedly gets an event for each. */
const maxReported = 8;

/**
 * A status that isn't stored. Without `refusal`, the API server didn't respond, and the status is stored before the
 * next decision. With a refusal, or once a change of the object has superseded it, decisions are made as if it were stored.
 */
export interface UnsavedStatus {
  readonly status: VirtualMachineStatus;
  /** It waited for its write when a user changed the object. The next reconciliation decides first, and stores what results. */
  readonly isSuperseded?: true;
  readonly refusal?: {
    /** The form that was stored. */
    readonly form: Form | 'Nothing';
    /** The API server's message. */
    readonly because: string;
    /** The full status isn't attempted before this time (epoch milliseconds). */
    readonly until: number;
    /** Consecutive refusals. */
    readonly count: number;
  };
}

/** Name and entry of a Secret. */
export type SecretRef = VirtualMachine['spec']['credentialsSecretRef'];

/** The part of the object's state that `observe` reads. It writes none of it. */
export type ReadableState = Readonly<
  Pick<
    ObjectState,
    | 'firstSeenAt'
    | 'successor'
    | 'sentIntent'
    | 'intentAccount'
    | 'intentSentAt'
    | 'refusedIntent'
    | 'refusedAt'
    | 'requestedAt'
    | 'relistAfter'
    | 'firstListWithout'
    | 'laggingSince'
    | 'wasListed'
    | 'openIntent'
    | 'history'
  >
>;

/**
 * What this process remembers of one object between reconciliations. All times are monotonic, because the wall clock
 * may be set back. Losing it costs a wait or a repeated harmless call, never a second machine: everything that must
 * survive a crash is in the object itself.
 */
export class ObjectState {
  /** The object's UID: a later object of the same name has a new state. */
  readonly uid: string;
  /** When this process first saw the object (monotonic). A list that proves absence must not be older. */
  readonly firstSeenAt: number;
  /** The account last used; evidence from another key doesn't count. Null: the object has no usable key. */
  account: Account | null | undefined;
  /** The version of the Secret that the key was last read from: its UID and resourceVersion. */
  secretVersion: string | undefined;
  /** The key that the provider last accepted for this object, and its source: name and entry of the Secret. */
  acceptedKey: { readonly from: SecretRef; readonly lookup: FoundKey } | undefined;
  /** Whether that account's key is the operator's default key. */
  usesDefaultKey = false;
  /** The account of a new key in the Secret that is not verified yet. */
  successor: Account | undefined;

  /** The create intent of the request that this process sent last, as stored, until the VM is recorded. */
  sentIntent: string | undefined;
  /** The account that this request was sent with. */
  intentAccount: unknown;
  /** When it was sent (monotonic). */
  intentSentAt: number | undefined;
  /** Create intents, as stored, that are known to have had no effect. */
  #settledIntents: Set<string> | undefined;
  /** The create intent of a request that the provider refused. One list that starts later settles it. */
  refusedIntent: string | undefined;
  /** When that response arrived (monotonic). */
  refusedAt = 0;
  /** A status that is not stored, or only in part. */
  unsaved: UnsavedStatus | undefined;
  /** Since when (monotonic) the provider has refused every call for the machine as busy. */
  refusedSince: number | undefined;
  refusedWords: string | undefined;
  /** Consecutive failures of provider calls for this object, and of writes that a call depends on. */
  failures = 0;
  /**
   * When the wait for a machine in transition ends (monotonic). The decision then needs a list that started no earlier.
   */
  relistAfter: number | undefined;
  /** Start of the first list (monotonic) that lacked the name of a create whose outcome is unknown. */
  firstListWithout: number | undefined;
  /** Since when (monotonic) lists lack the VM although it answers to its id. */
  laggingSince: number | undefined;

  /** The machine that this state is about; what was remembered of another one doesn't count. */
  #id: ProviderId | undefined;
  /** A value of reconcile-requested-at that is not handled yet, and when (monotonic) it was first seen. */
  #request: string | undefined;
  requestedAt: number | undefined;
  /** Why the Secret for the initial password was not written, and when (monotonic) that is retried. */
  #passwordConflict: (PasswordConflict & { readonly until: number }) | undefined;
  /** The generation of the spec that this state is about. */
  #generation: number | undefined;
  /** Since when (monotonic) the Secret of a deleted object has the name of this object's Secret. */
  #passwordAwaitedSince: number | undefined;
  /** The Secret that holds the initial password, until the status reports it. */
  passwordSecret: string | undefined;
  /** The newest invalid annotations that were reported, as `name=value`. */
  #reportedAnnotations: Set<string> | undefined;
  /** Whether it was reported that the hint contradicts the record. */
  hasReportedHint = false;

  /** Whether a list has shown the machine. */
  wasListed = false;
  deleteAcceptedAt: number | undefined;
  deletes = 0;
  /** Whether a request has waited long for a slot; cleared when one gets a slot or another reason is reported. */
  queueing: 'Unreported' | 'Reported' | undefined;
  /** Cancels the request that waits for a slot, if it is outdated. */
  abortOutdated: (() => void) | undefined;
  /** Ends the wait of a status for its write, if the object has changed. */
  supersedeStatus: (() => void) | undefined;
  /** What the status writer needs to delay a status that another writer replaces repeatedly. */
  rewrites: Rewrites | undefined;
  /** When (monotonic) the next call may be sent for this object. */
  notBefore: number | undefined;
  #refusal:
    | {
        readonly failure: Failure;
        readonly basis: string;
        readonly until: number;
        readonly account: Account | null | undefined;
      }
    | undefined;

  #writeRefusal: (NonNullable<ObservedHistory['writeRefusal']> & { readonly basis: string }) | undefined;

  #power = unseen;
  #operation: SentOperation | undefined;

  constructor(uid: string, firstSeenAt: number) {
    this.uid = uid;
    this.firstSeenAt = firstSeenAt;
  }

  /** The create intent certainly had no effect. `stored`: the intent that the object was read with, which is kept. */
  settleIntent(intent: string, stored: string | undefined): void {
    const settled = (this.#settledIntents ??= new Set());
    settled.add(intent);
    for (const old of settled) {
      if (settled.size <= maxSettledIntents) return;
      if (old !== stored) settled.delete(old);
    }
  }

  /**
   * The create intent whose request may have had an effect. `stored` is the one in the object. One that a user removed
   * from the object is still remembered. One that is known to have had no effect proves nothing.
   */
  openIntent(stored: string | undefined): string | undefined {
    const intent = stored ?? this.sentIntent;
    return intent !== undefined && this.#settledIntents?.has(intent) === true ? undefined : intent;
  }

  /** The account of the key in the Secret, if it isn't the one in use yet. */
  setSuccessor(successor: Account | undefined, inUse: Account | null, key: string): void {
    if (this.successor !== successor && this.successor !== inUse) this.successor?.unsubscribe(key);
    this.successor = successor;
  }

  /** Uses this account from now on. The previous one need not wake `key` any more. */
  setAccount(account: Account | null, key: string): void {
    if (this.account === account) return;
    this.account?.unsubscribe(key);
    this.account = account;
    this.resetAbsence();
  }

  /** The object was deleted. */
  end(key: string): void {
    this.account?.unsubscribe(key);
    this.successor?.unsubscribe(key);
  }

  /** From now on the state is about the machine with this id, or about whichever proves itself by its name. */
  setMachine(id: ProviderId | undefined): void {
    if (id === this.#id) return;
    const isLearned = this.#id === undefined && this.#power.state !== undefined;
    this.#id = id;
    // The machine that was found by its name is the one whose id is now known.
    if (isLearned) return;
    this.wasListed = false;
    this.#power = unseen;
    this.deleteAcceptedAt = undefined;
    this.deletes = 0;
    this.passwordSecret = undefined;
    this.#passwordAwaitedSince = undefined;
    this.#passwordConflict = undefined;
    this.resetAbsence();
  }

  /** The user requests a reconciliation at `now` (monotonic): deferred actions are due. */
  noteRequest(value: string | undefined, now: number): void {
    if (value === this.#request) return;
    this.#request = value;
    this.requestedAt = value === undefined ? undefined : now;
    if (value === undefined) return;
    this.notBefore = undefined;
    this.#writeRefusal = undefined;
    this.#passwordConflict = undefined;
  }

  /** How long the name of the Secret has been taken, at `now` (monotonic). */
  passwordAwaitedFor(now: number): number {
    this.#passwordAwaitedSince ??= now;
    return now - this.#passwordAwaitedSince;
  }

  notePasswordConflict(statusReason: StatusReason, until: number, outdated?: string): void {
    this.#passwordConflict = { statusReason, until, outdated };
  }

  /**
   * The status reports the decision. `isIdle`: nothing was executed. A wait is reported once, and again after another
   * reason.
   */
  noteReport({ reportsWait, statusReason }: Decision, isIdle: boolean): void {
    if (reportsWait) this.queueing = 'Reported';
    else if (isIdle && statusReason !== undefined && this.queueing === 'Reported') this.queueing = undefined;
  }

  /** The spec changed: it may name another Secret for the password, or none. */
  noteSpec(generation: number): void {
    if (generation !== this.#generation) this.#passwordConflict = undefined;
    this.#generation = generation;
  }

  /** Whether this invalid annotation (`name=value`) was not reported recently; it counts as reported from now on. */
  isNewInvalidAnnotation(annotation: string): boolean {
    const reported = (this.#reportedAnnotations ??= new Set());
    if (reported.has(annotation)) return false;
    reported.add(annotation);
    const [oldest] = reported;
    if (reported.size > maxReported && oldest !== undefined) reported.delete(oldest);
    return true;
  }

  /** A read showed the VM. */
  recordMachine(lastRead: MachineRead): void {
    if (lastRead.machine.state !== this.#power.state) {
      this.notBefore = undefined;
      this.refusedSince = undefined;
      this.refusedWords = undefined;
    }
    this.#power = withRead(this.#power, lastRead);
    this.wasListed = true;
    this.resetAbsence();
  }

  /** The status contains this operation. One of an earlier process was sent at its time by the wall clock. */
  noteOperation(operation: OperationStatus | undefined, { now, monotonic }: Moment): void {
    if (operation?.startTime === this.#operation?.startTime) return;
    const age = operation === undefined ? Number.NaN : Math.max(0, now - Date.parse(operation.startTime));
    this.#operation =
      operation === undefined || Number.isNaN(age)
        ? undefined
        : { startTime: operation.startTime, sentAt: monotonic - age };
  }

  /** Lists have lacked the VM since `since` (monotonic), although GET returns it; keeps an earlier time. */
  listLags(since: number): void {
    this.laggingSince ??= since;
  }

  /** A list shows the VM again. */
  listCaughtUp(): void {
    this.laggingSince = undefined;
  }

  /** A complete list that started at `startedAt` (monotonic) lacked the name. */
  recordAbsence(startedAt: number): void {
    this.firstListWithout ??= startedAt;
  }

  resetAbsence(): void {
    this.firstListWithout = undefined;
  }

  /**
   * The provider refused the create call. It isn't repeated before `until`, unless `basis` (spec, annotations) or the
   * key changes.
   */
  refuse(failure: Failure, basis: string, until: number): void {
    this.#refusal = { failure, basis, until, account: this.account };
  }

  /**
   * Kubernetes refused a write. It isn't repeated before `until`, unless `basis` (the user's part of the object)
   * changes.
   */
  refuseWrite(refusal: NonNullable<ObservedHistory['writeRefusal']>, basis: string): void {
    this.#writeRefusal = { ...refusal, basis };
    this.failures += 1;
  }

  /** A write of this kind was stored. */
  writeStored(action: Action['type']): void {
    if (this.#writeRefusal?.action !== action) return;
    this.#writeRefusal = undefined;
    this.failures = 0;
  }

  /**
   * The history for `plan`, including a read that isn't recorded yet. Each basis is a function because it costs a hash
   * that only a refusal needs.
   */
  history(moment: Moment, basis: () => string, writeBasis: () => string, lastRead?: MachineRead): ObservedHistory {
    const now = moment.monotonic;
    const refusal = this.#refusal;
    const write = this.#writeRefusal;
    const conflict = this.#passwordConflict;
    const isCreateRefused =
      refusal !== undefined && refusal.until > now && refusal.account === this.account && refusal.basis === basis();
    const isWriteRefused = write !== undefined && write.until > now && write.basis === writeBasis();
    return historyOf(
      {
        ...this,
        power: this.#power,
        operation: this.#operation,
        refusal: isCreateRefused ? refusal.failure : undefined,
        writeRefusal: isWriteRefused ? write : undefined,
        passwordConflict: conflict !== undefined && conflict.until > now ? conflict : undefined,
      },
      moment,
      lastRead,
    );
  }
}

/** The state of this object. Discards that of an earlier object of the same name. */
export function stateOf(
  states: Map<string, ObjectState>,
  key: string,
  object: VirtualMachine | undefined,
  now: number,
): ObjectState | undefined {
  const known = states.get(key);
  if (known !== undefined && known.uid === object?.metadata.uid) return known;
  known?.end(key);
  states.delete(key);
  if (object === undefined) return undefined;
  const created = new ObjectState(object.metadata.uid, now);
  states.set(key, created);
  return created;
}
