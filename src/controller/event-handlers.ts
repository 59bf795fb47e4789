import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import type { MachineIndex } from './machine-index.ts';
import type { NamespaceQuota } from './namespace-quota.ts';
import type { MetadataPatch, OwnWrite } from './own-write.ts';
import type { Scope } from './scope.ts';
import type { WorkQueue } from './work-queue.ts';
import { KeyIndex } from '../domain/object-key.ts';

/** An object that was added (no `before`), changed or deleted (no `after`). */
interface ObjectEvent {
  readonly key: string;
  readonly before: VirtualMachine | undefined;
  readonly after: VirtualMachine | undefined;
  /** It is part of the initial list. */
  readonly initial: boolean;
}

export interface EventHandlersOptions {
  readonly queue: Pick<WorkQueue, 'add'>;
  readonly machineIndex: Pick<MachineIndex, 'update' | 'setAccount'>;
  readonly quota: Pick<NamespaceQuota, 'change'>;
  readonly scope: Pick<Scope, 'isManaged' | 'managed' | 'isRelevant' | 'matchesSelector' | 'change'>;
  readonly secretIndex: Pick<SecretIndex, 'change' | 'usersOf'>;
  readonly objectOf: (key: string) => VirtualMachine | undefined;
  readonly reactionLatency: {
    specChanged(
      key: string,
      before: VirtualMachine | undefined,
      after: VirtualMachine | undefined,
      initial: boolean,
    ): void;
  };
  readonly ownership: { change(key: string, after: VirtualMachine | undefined, isInScope: boolean): void };
  readonly credentials: { invalidate(secret: string): void };
  readonly isLeading: () => boolean;
  /** Establishes a connection to the provider, if none is open that can carry a write. */
  readonly openConnection: () => void;
  /** The calls of an object that wait for a slot are checked again. */
  readonly reconciler: { onObjectChange(key: string): void };
}

export interface EventHandlers {
  onObjectChange(event: ObjectEvent): void;
  /** The Secret (`namespace/name`) was added, changed or deleted. */
  onSecretChange(event: Pick<ObjectEvent, 'key' | 'initial'>): void;
  /** The account of the object has news: a list, a read, or a free slot. */
  onAccountChange(key: string): void;
}

/** What an event updates and enqueues. On standby nothing is enqueued: a new leader reconciles all objects. */
export function createEventHandlers(options: EventHandlersOptions): EventHandlers {
  const { queue, machineIndex, quota, scope, secretIndex, reactionLatency, ownership } = options;

  return {
    onObjectChange({ key, before, after, initial }) {
      const isLeading = options.isLeading();
      const waiting = [...machineIndex.update(key, before, after), quota.change(key, before, after)];
      secretIndex.change(key, before, after);
      ownership.change(key, after, after !== undefined && scope.matchesSelector(after));
      reactionLatency.specChanged(key, scope.managed(before), scope.managed(after), initial || !isLeading);
      scope.change(key, before, after);
      if (!isLeading) return;
      // In parallel with the decision: the handshake takes longer.
      if (!initial && mayNeedCall(scope.managed(before), scope.managed(after))) options.openConnection();
      if (scope.isRelevant(before) || scope.isRelevant(after))
        queue.add(key, {
          priority: initial ? 'resync' : 'user',
          isOnly: (write) => isOnlyOwnWrite(before, after, write),
        });
      options.reconciler.onObjectChange(key);
      for (const other of waiting)
        if (other !== undefined && scope.isManaged(options.objectOf(other))) queue.add(other, { priority: 'normal' });
    },
    onSecretChange({ key: secret, initial }) {
      if (initial) return;
      options.credentials.invalidate(secret);
      const users = secretIndex.usersOf(secret);
      // Of each, as the account of an object that another installation manages isn't known either.
      for (const key of users) machineIndex.setAccount(key, undefined);
      if (!options.isLeading()) return;
      for (const key of users) if (scope.isManaged(options.objectOf(key))) queue.add(key, { priority: 'user' });
    },
    onAccountChange(key) {
      queue.add(key, { priority: 'normal' });
      options.reconciler.onObjectChange(key);
    },
  };
}

/** Whether the user created or deleted the object, or changed its spec. */
function mayNeedCall(before: VirtualMachine | undefined, after: VirtualMachine | undefined): boolean {
  if (after === undefined) return false;
  const { generation, deletionTimestamp } = after.metadata;
  return before?.metadata.generation !== generation || before.metadata.deletionTimestamp !== deletionTimestamp;
}

/**
 * Whether a change of an object is nothing but this write, so that it needs no reconciliation: the one that wrote it returns when the
 * object is due. Worked table, for an object that was cached with resourceVersion 5:
 *
 * | change  | the write                                | only the write | because                                     |
 * | ------- | ---------------------------------------- | -------------- | ------------------------------------------- |
 * | 5 → 6   | stored 6, demanded 5                     | yes            |                                             |
 * | 5 → 6   | stored 6, demanded 5, other than sent    | no             | a policy added or changed something         |
 * | 5 → 6   | its answer was lost, or it was refused   | no             | 6 may be anyone's                           |
 * | 5 → 7   | stored 7, demanded 6                     | no             | 6 is unknown here: the write read it itself |
 * | 5 → 6   | stored 6, a status as sent               | yes            | metadata and spec are those of 5            |
 * | 5 → 7   | stored 7, a status as sent; 6: a new spec | no            | the generation differs                      |
 * | 5 → 7   | stored 7, another status than was sent   | no             | 6 changed the status, or a policy did       |
 * | 5 → 6   | stored 6, demanded 6                     | no             | the write changed nothing: 6 is another's   |
 */
export function isOnlyOwnWrite(
  before: VirtualMachine | undefined,
  after: VirtualMachine | undefined,
  write: OwnWrite,
): boolean {
  if (before === undefined || after?.metadata.resourceVersion !== write.resourceVersion) return false;
  if (write.replaced !== undefined && before.metadata.resourceVersion !== write.replaced) return false;
  if ('metadata' in write) return metadataOf(before, write.metadata) === metadataOf(after);
  return write.isStatusAsSent && metadataOf(before) === metadataOf(after);
}

/** The metadata with a patch, without the version. A new spec comes with a new generation. */
function metadataOf({ metadata }: VirtualMachine, patch?: MetadataPatch): string {
  const { finalizers = metadata.finalizers, annotations = {} } = patch ?? {};
  const patched = Object.entries({ ...metadata.annotations, ...annotations }).filter(([, value]) => value !== null);
  return JSON.stringify({
    ...metadata,
    resourceVersion: undefined,
    finalizers,
    annotations: patched.toSorted(([a], [b]) => (a < b ? -1 : 1)),
  });
}

/** Where the API keys of objects come from. */
interface SecretReader<T> {
  /** The Secrets (`namespace/name`) that the object's API key may come from. */
  secretsOf(object: T): readonly string[];
  /** Forgets what was read of a Secret. */
  invalidate(secret: string): void;
}

/** Which objects (`namespace/name`) read which Secret, so that a changed Secret requeues exactly these. */
export class SecretIndex<T = VirtualMachine> {
  readonly #reader: SecretReader<T>;
  readonly #objects = new KeyIndex<string>();

  constructor(reader: SecretReader<T>) {
    this.#reader = reader;
  }

  /**
   * An object was added, changed or, without `after`, deleted. A Secret that no object refers to any longer is
   * forgotten.
   */
  change(key: string, before: T | undefined, after: T | undefined): void {
    const current = after === undefined ? [] : this.#reader.secretsOf(after);
    for (const secret of before === undefined ? [] : this.#reader.secretsOf(before)) {
      if (current.includes(secret)) continue;
      this.#objects.delete(secret, key);
      if (!this.#objects.has(secret)) this.#reader.invalidate(secret);
    }
    for (const secret of current) this.#objects.add(secret, key);
  }

  usersOf(secret: string): readonly string[] {
    return this.#objects.keysOf(secret);
  }
}
