import { readRequests } from '../api/v1alpha1/annotations.ts';
import { annotations } from '../api/v1alpha1/constants.ts';
import type { Reason } from '../api/v1alpha1/reasons.ts';
import type { VirtualMachine, VirtualMachineStatus } from '../api/v1alpha1/types.ts';
import type { KubeClient } from '../kubernetes/client.ts';
import { KubeError, isRefused } from '../kubernetes/errors.ts';
import type { Clock } from '../domain/clock.ts';
import type { OwnWrite } from '../controller/own-write.ts';
import type { Action } from '../plan/action.ts';
import { isToBeDeleted } from '../plan/protection.ts';
import { Semaphore } from '../domain/semaphore.ts';
import { type Form, type WrittenStatus, forms, writeStatus } from '../status/patch.ts';
import type { ObjectState } from './object-state.ts';
import { backoff, unavailableDelay } from './requeue.ts';
import { heldFor, noteStoredStatus } from './rewrites.ts';
import type { StoreAnswer } from './execute/metadata-patch.ts';
import { writeRemedy } from './execute/write-refusal.ts';
import { equal } from '../domain/json.ts';
import { objectKey } from '../domain/object-key.ts';

/**
 * The concurrency limit for status writes. More make an API server with two cores no faster, and would delay the writes
 * of users. A provider call matters more than its report.
 */
const statusWrites = 16;

/** A call depends on its intent, so only these forms, which contain it, may be stored before the call. */
const formsWithIntent: readonly Form[] = ['Full', 'Record'];

/** How a status is saved. */
export interface SaveOptions {
  /** It reports a call that was just sent. If the API server doesn't respond, it is stored before anything else. */
  readonly isOutcome?: boolean;
  /** It records a VM. */
  readonly isRecord?: boolean;
  /** The version that was reconciled: once the user has changed the object, the status doesn't wait for its write. */
  readonly reconciled?: VirtualMachine;
  /** Called when the status no longer waits, unless it is dropped. */
  readonly onKept?: () => void;
}

/** Stores statuses, and remembers in `ObjectState.unsaved` what the API server refuses. */
export interface StatusWriter {
  /**
   * Stores the status that a call of this type depends on, only if the object is unchanged. A deletion doesn't depend
   * on it: a refused status must not keep a VM that should be deleted. Throws KubeError.
   */
  storeIntent(
    object: VirtualMachine,
    type: Action['type'],
    after: VirtualMachineStatus,
    objectState: ObjectState,
  ): Promise<void>;
  /**
   * Writes the status when a slot is free. If the user changes the object before that, the next reconciliation must not wait:
   *
   * | the status             | then                                                                     |
   * | ---------------------- | ------------------------------------------------------------------------ |
   * | records a VM           | is written immediately, because a later write removes the create intent  |
   * | reports a call         | is kept in memory; the next reconciliation decides on it, and is written |
   * | reports anything else  | is dropped                                                               |
   *
   * Returns whether it was written; throws KubeError.
   */
  save(
    object: VirtualMachine,
    after: VirtualMachineStatus,
    objectState: ObjectState,
    options?: SaveOptions,
  ): Promise<boolean>;
  /**
   * Stores a status that another one follows soon. A refusal is not remembered, because it would delay that one. Throws
   * KubeError.
   */
  saveInterim(object: VirtualMachine, after: VirtualMachineStatus, objectState: ObjectState): Promise<void>;
  /**
   * How long the status waits because another writer replaces it repeatedly, or the API server is unavailable or
   * starting. Milliseconds.
   */
  heldFor(status: VirtualMachineStatus, objectState: ObjectState): number;
}

export interface StatusWriterDeps {
  readonly client: Pick<KubeClient, 'get' | 'patch'>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly cache: { get(key: string): VirtualMachine | undefined; readonly assume: StoreAnswer };
  /** Whether the API server serves the watch. One that has just started is slowed down by writes until then. */
  readonly isApiServerReady: () => boolean;
  readonly reportEvent: (object: VirtualMachine, reason: Reason, note: string) => void;
}

export function createStatusWriter(deps: StatusWriterDeps): StatusWriter {
  const { client, clock, random, cache, reportEvent } = deps;
  const writing = new Semaphore(statusWrites);

  return {
    storeIntent,
    save,
    saveInterim,
    heldFor: (status, { rewrites }) =>
      Math.max(deps.isApiServerReady() ? 0 : unavailableDelay(random()), heldFor(rewrites, status, clock.monotonic())),
  };

  async function storeIntent(
    object: VirtualMachine,
    type: Action['type'],
    after: VirtualMachineStatus,
    objectState: ObjectState,
  ): Promise<void> {
    const { resourceVersion } = object.metadata;
    const stored = cache.get(objectKey(object)) ?? object;
    try {
      const write = { object: stored, after, now: clock.now(), among: formsWithIntent, resourceVersion };
      const written = await writeStatus(client, write);
      cache.assume(written.stored, { ...ownWrite(written, after), replaced: resourceVersion });
      noteStored(after, written, objectState);
    } catch (error) {
      const isDeletion = isToBeDeleted(object) && type !== 'Restart';
      if (!isRefused(error) || !isDeletion) throw error;
      noteRefused(object, after, error, objectState);
    }
  }

  async function save(
    object: VirtualMachine,
    after: VirtualMachineStatus,
    objectState: ObjectState,
    { isOutcome = false, isRecord = false, reconciled, onKept = () => {} }: SaveOptions = {},
  ): Promise<boolean> {
    const hasSlot = await slotUnlessSuperseded(object, objectState, reconciled);
    if (!hasSlot && !isRecord) {
      if (!isOutcome) return false;
      onKept();
      objectState.unsaved = { status: after, isSuperseded: true };
      return false;
    }
    onKept();
    try {
      await store(object, after, objectState, isOutcome);
      return true;
    } finally {
      if (hasSlot) writing.release();
    }
  }

  /** Waits for a slot, but not beyond a change of the object that the status doesn't report. */
  async function slotUnlessSuperseded(
    object: VirtualMachine,
    objectState: ObjectState,
    reconciled: VirtualMachine | undefined,
  ): Promise<boolean> {
    const superseded = new AbortController();
    if (reconciled !== undefined)
      objectState.supersedeStatus = () => {
        if (isChangedByUser(reconciled, cache.get(objectKey(object)))) superseded.abort();
      };
    objectState.supersedeStatus?.();
    try {
      return await writing.acquireUnless(superseded.signal, object.metadata.namespace);
    } finally {
      objectState.supersedeStatus = undefined;
    }
  }

  async function store(
    object: VirtualMachine,
    after: VirtualMachineStatus,
    objectState: ObjectState,
    isOutcome: boolean,
  ): Promise<void> {
    try {
      noteStored(after, await writeForm(object, after, objectState, isOutcome), objectState);
    } catch (error) {
      if (isRefused(error)) return noteRefused(object, after, error, objectState);
      const isGone = error instanceof KubeError && error.reason === 'NotFound';
      if (isOutcome || objectState.unsaved?.refusal !== undefined)
        objectState.unsaved = isGone ? undefined : { status: after };
      throw error;
    }
  }

  async function saveInterim(
    object: VirtualMachine,
    after: VirtualMachineStatus,
    objectState: ObjectState,
  ): Promise<void> {
    const written = await writing.run(() => writeForm(object, after, objectState, false), object.metadata.namespace);
    if (written.form === 'Full') noteStored(after, written, objectState);
  }

  async function writeForm(
    object: VirtualMachine,
    after: VirtualMachineStatus,
    objectState: ObjectState,
    isOutcome: boolean,
  ): Promise<WrittenStatus> {
    const now = clock.now();
    const { form = 'Full', because, until = -Infinity } = objectState.unsaved?.refusal ?? {};
    // A form that was just refused isn't sent again.
    const isHeld = form !== 'Nothing' && until > clock.monotonic();
    const shorter = isHeld ? { among: forms.slice(forms.indexOf(form)), because } : {};
    // An administrator or a restore may store a record at the same time as the first report: it must not become half of each.
    const isFirst = object.status?.conditions === undefined && after.id === undefined && !isOutcome;
    const condition = isFirst ? { resourceVersion: object.metadata.resourceVersion } : {};
    const written = await writeStatus(client, { object, after, now, ...shorter, ...condition });
    cache.assume(written.stored, ownWrite(written, after));
    return written;
  }

  function noteStored(status: VirtualMachineStatus, { form, because }: WrittenStatus, objectState: ObjectState): void {
    objectState.rewrites = noteStoredStatus(objectState.rewrites, status, clock.monotonic(), random());
    if (form === 'Full' || because === undefined) objectState.unsaved = undefined;
    else noteUnsaved(status, form, because, objectState);
  }

  function noteRefused(
    object: VirtualMachine,
    status: VirtualMachineStatus,
    error: KubeError,
    objectState: ObjectState,
  ): void {
    const because = error.words ?? error.message;
    noteUnsaved(status, 'Nothing', because, objectState);
    reportEvent(object, 'WriteRefused', `the status cannot be stored: ${because}; ${writeRemedy}`);
  }

  function noteUnsaved(
    status: VirtualMachineStatus,
    form: Form | 'Nothing',
    because: string,
    objectState: ObjectState,
  ): void {
    const { count, until } = objectState.unsaved?.refusal ?? { count: 0, until: -Infinity };
    const now = clock.monotonic();
    // A shorter form that was stored meanwhile says nothing about the full one.
    const next = until > now ? { count, until } : { count: count + 1, until: now + backoff(count, random()) };
    objectState.unsaved = { status, refusal: { form, because, ...next } };
  }
}

function ownWrite({ stored }: WrittenStatus, sent: VirtualMachineStatus): OwnWrite {
  return { resourceVersion: stored.metadata.resourceVersion, isStatusAsSent: equal(stored.status, sent) };
}

/** Whether the user changed the object. The operator changes none of this itself. */
function isChangedByUser(reconciled: VirtualMachine, current: VirtualMachine | undefined): boolean {
  return current === undefined || !equal(givenByUser(reconciled), givenByUser(current));
}

function givenByUser(object: VirtualMachine): readonly unknown[] {
  const {
    uid,
    generation,
    deletionTimestamp,
    annotations: { [annotations.reconcileRequestedAt]: requested } = {},
  } = object.metadata;
  const { reconcile: _, ...switches } = readRequests(object);
  // The value of a deletionTimestamp may be clamped.
  return [uid, generation, deletionTimestamp === undefined, requested, switches];
}
