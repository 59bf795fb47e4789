import type { Clock } from '../../domain/clock.ts';
import type { Failure, Outcome } from '../../domain/failure.ts';
import type { ListedMachine, Machine, ProviderId } from '../../domain/machine.ts';
import type { Log } from '../../telemetry/log.ts';
import type { Snapshot, TimedRead } from './account.ts';
import type { CallAdmission } from './admission/call-admission.ts';
import type { CredentialStatus } from './credential-status.ts';
import type { DisappearanceGuard } from './disappearance-guard.ts';
import type { MachineCache } from './snapshot.ts';
import type { MachineReads } from './reads.ts';
import type { Poller } from './polling/poller.ts';
import type { Subscriptions } from './subscriptions.ts';
import type { WriteTracker } from './write-tracker.ts';
import type { Provider } from '../provider.ts';

/** How many unreadable VMs a log line names. */
const maxReported = 5;

export interface ResponsesOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly wake: (key: string) => void;
  readonly onSnapshot?: (snapshot: Snapshot) => void;
  readonly subscriptions: Subscriptions;
  readonly machines: MachineCache;
  readonly credential: CredentialStatus;
  readonly writes: WriteTracker;
  readonly disappearances: DisappearanceGuard;
  readonly admission: CallAdmission;
  readonly poller: Poller;
  readonly machineReads: MachineReads;
}

/** What each response means to all parts of an account, and which keys it wakes. */
export class Responses {
  /** Why the last list failed; undefined after a successful one. */
  lastFailure: Failure | undefined;
  /** The owner in the responses to this key, once known. */
  ownerId: ProviderId | undefined;
  /** How many consecutive newest lists showed no machine at all. */
  emptyLists = 0;
  readonly #options: ResponsesOptions;

  constructor(options: ResponsesOptions) {
    this.#options = options;
  }

  /** Records the result of a single call. If it was refused for its key, a list has to confirm that. */
  onCall(outcome: Outcome<unknown>): void {
    const { clock, credential, admission, poller, subscriptions } = this.#options;
    if (credential.onCall(outcome, clock.monotonic())) {
      this.#reportCredentialStatus();
      this.#wakeAll(subscriptions.keys());
    }
    admission.record(outcome);
    // A suspected key, a rate-limit pause and an open circuit breaker each change when the next list is due.
    if (!outcome.ok) poller.schedule();
  }

  /** Records the read of a single machine that was made instead of a list. */
  onMachine(id: ProviderId, { startedAt, outcome }: TimedRead<Machine | undefined>): void {
    const { subscriptions, poller, machines } = this.#options;
    const records = subscriptions.ofMachine(id);
    if (!outcome.ok || outcome.value === undefined) {
      for (const record of records) poller.fallBackToList(record, startedAt);
      return;
    }
    const diff = machines.upsert(startedAt, outcome.value);
    if (diff.ids.size > 0) poller.resetInterval();
    const waiting = records.filter((record) => poller.takeWaiter(record, startedAt)).map(({ key }) => key);
    this.#wakeAll(new Set([...waiting, ...subscriptions.subscribedTo(diff)]));
  }

  onList({ startedAt, outcome }: TimedRead<readonly ListedMachine[]>): void {
    const { credential, admission, subscriptions } = this.#options;
    const wasSuspected = credential.suspectedAt !== undefined;
    const isNew = credential.onList(startedAt, outcome);
    admission.recordList(outcome);
    if (isNew) this.#reportCredentialStatus();
    // Without a good list the time of the next one is unknown: waiting calls are rejected, and their objects requeued.
    if (outcome.ok) admission.dispatch();
    else if (wasSuspected) admission.rejectWaiting();
    const keys = outcome.ok ? this.#onListed(startedAt, outcome.value) : this.#onListFailed(outcome.failure);
    // Each key once: a second wake is another reconciliation that finds nothing new.
    this.#wakeAll(isNew ? new Set([...keys, ...subscriptions.keys()]) : keys);
  }

  #reportCredentialStatus(): void {
    const { credential, log, admission, subscriptions } = this.#options;
    const failure = credential.rejection;
    if (failure === undefined) return log.info('Provider accepted API key');
    // The conditions of each object name its Secret.
    const [object, ...others] = subscriptions.keys();
    log.warn('Provider rejected API key', { failure, object, otherObjects: others.length });
    admission.rejectWaiting();
  }

  /** Stores a new list and returns the keys to wake. */
  #onListed(startedAt: number, listed: readonly ListedMachine[]): ReadonlySet<string> {
    const { clock, log, machines, writes, machineReads, disappearances, poller, subscriptions } = this.#options;
    const before = machines.snapshot;
    const diff = machines.replace(startedAt, clock.monotonic(), listed);
    const snapshot = machines.snapshot as Snapshot; // It was just added.
    this.emptyLists = listed.length === 0 ? this.emptyLists + 1 : 0;
    const [owner] = snapshot.ownerIds;
    const isOwnerShown = this.ownerId !== undefined && snapshot.ownerIds.includes(this.ownerId);
    if (owner !== undefined && !isOwnerShown) this.ownerId = owner;
    writes.forgetBefore(startedAt);
    machineReads.forgetListed((id) => snapshot.has(id));
    disappearances.compare(before, snapshot);

    const waiting = poller.takeWaitersFor(startedAt);
    if (diff !== undefined && diff.ids.size > 0) poller.resetInterval();
    const isBack = this.lastFailure !== undefined;
    if (isBack) log.info('Listed VMs again');
    reportUnreadable(log, before, snapshot);
    this.lastFailure = undefined;
    this.#options.onSnapshot?.(snapshot);
    return new Set([
      ...waiting,
      ...(diff === undefined || isBack ? subscriptions.keys() : subscriptions.subscribedTo(diff)),
    ]);
  }

  /** Wakes the keys that wait for a list, and all subscribed keys if the failure is of a new class. */
  #onListFailed(failure: Failure): ReadonlySet<string> {
    const { log, poller, subscriptions } = this.#options;
    const woken = new Set(poller.takeWaitersFor(Infinity));
    if (this.lastFailure?.class !== failure.class) {
      log.warn('Failed to list VMs', { failure });
      for (const key of subscriptions.keys()) woken.add(key);
    }
    this.lastFailure = failure;
    return woken;
  }

  #wakeAll(keys: Iterable<string>): void {
    // A copy: a woken key may subscribe or unsubscribe immediately.
    for (const key of Array.from(keys)) this.#options.wake(key);
  }
}

/** Logs the unreadable VMs of a list, unless the previous list had all of them. */
function reportUnreadable(log: Log, before: Snapshot | undefined, { unreadable }: Snapshot): void {
  const entries = [...unreadable.values()];
  if (entries.every(({ id }) => before?.unreadable.has(id))) return;
  log.warn('Failed to decode VMs of the list', {
    count: entries.length,
    first: entries.slice(0, maxReported).map(({ id, problem }) => ({ id, problem })),
  });
}

/** What an account learns from the responses to single calls. */
interface CallObserver {
  /** Every outcome except of lists, before the caller receives it. */
  onCall(outcome: Outcome<unknown>): void;
  /** The response for a single machine named its owner. */
  onOwner(ownerId: ProviderId): void;
  /** A DELETE is about to be sent. */
  deleteSent(id: ProviderId): void;
  /** That DELETE certainly had no effect. */
  deleteFailed(id: ProviderId): void;
}

/** The same provider. The observer gets each result, except of lists, which the account handles itself. */
export function observeCalls(provider: Provider, observer: CallObserver): Provider {
  const onCall = async <T>(call: Promise<Outcome<T>>): Promise<Outcome<T>> => {
    const outcome = await call;
    observer.onCall(outcome);
    return outcome;
  };
  const onOwner = (ownerId: ProviderId | undefined): void => {
    if (ownerId !== undefined) observer.onOwner(ownerId);
  };
  return {
    listMachines: (signal) => provider.listMachines(signal),
    getMachine: async (id, signal) => {
      const outcome = await onCall(provider.getMachine(id, signal));
      if (outcome.ok) onOwner(outcome.value?.ownerId);
      return outcome;
    },
    createMachine: async (request, signal) => {
      const outcome = await onCall(provider.createMachine(request, signal));
      if (outcome.ok) onOwner(outcome.value.machine?.ownerId);
      return outcome;
    },
    deleteMachine: async (id, signal) => {
      observer.deleteSent(id);
      const outcome = await onCall(provider.deleteMachine(id, signal));
      if (!outcome.ok && outcome.failure.class !== 'UnknownOutcome') observer.deleteFailed(id);
      return outcome;
    },
    startMachine: (id, signal) => onCall(provider.startMachine(id, signal)),
    stopMachine: (id, signal) => onCall(provider.stopMachine(id, signal)),
    restartMachine: (id, signal) => onCall(provider.restartMachine(id, signal)),
    killMachine: (id, signal) => onCall(provider.killMachine(id, signal)),
    listRegions: (signal) => onCall(provider.listRegions(signal)),
    listPackages: (signal) => onCall(provider.listPackages(signal)),
    listOsTemplates: (signal) => onCall(provider.listOsTemplates(signal)),
  };
}
