import { annotations, plural, virtualMachines } from '../api/v1alpha1/constants.ts';
import { hasFinalizer } from '../api/v1alpha1/identity.ts';
import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import { applyMergePatch } from '../domain/json.ts';
import type { KubeClient, ObjectRef, Patch, Resource } from '../kubernetes/client.ts';
import { objectKey } from '../domain/object-key.ts';
import {
  createReflector,
  type Reflector,
  type ReflectorChange,
  type ReflectorOptions,
} from '../kubernetes/cache/reflector.ts';

/** Limits the memory that a tenant can use by winning this race repeatedly. */
const maxKept = 1_000;
/**
 * How long a deletion that found no finalizer can be in progress: kube-apiserver ends requests after one minute
 * (`--request-timeout`). Milliseconds.
 */
const longestDeletion = 2 * 60_000;

interface RemovalRecord {
  /** When (monotonic) the finalizer was added to the object, for `longestDeletion`. */
  readonly heldSince?: number | undefined;
  /** The object that is kept here. */
  readonly object?: VirtualMachine | undefined;
}

export type ObjectClient = Pick<KubeClient, 'get' | 'patch' | 'create'>;

export interface ObjectCacheOptions extends Omit<ReflectorOptions<VirtualMachine>, 'resource'> {
  readonly client: KubeClient;
  /** Whether this installation reconciles the object. */
  readonly isManaged: (object: VirtualMachine) => boolean;
}

/**
 * The objects of the API server, and those that it removed although they had the operator's finalizer. This happens if
 * a deletion was in progress when the finalizer was stored, because the API server doesn't check finalizers again. A
 * create call may have followed, so the object is kept here, as one that is being deleted, until the deletion of the VM
 * is confirmed and the finalizer removed. A restart forgets it.
 */
export class ObjectCache {
  readonly #options: ObjectCacheOptions;
  readonly reflector: Reflector<VirtualMachine>;
  /** By key, the latest finalizer last. */
  readonly #records = new Map<string, RemovalRecord>();
  /** How many objects are kept. */
  #size = 0;
  /** How many writes are in flight. */
  #writes = 0;

  constructor(options: ObjectCacheOptions) {
    this.#options = options;
    this.reflector = createReflector<VirtualMachine>({
      ...options,
      resource: virtualMachines,
      onChange: (change) => options.onChange(this.#withRemoved(change)),
    });
  }

  /** The client for reconciliations: reads and patches of an object that is kept here affect only the copy. */
  readonly client: ObjectClient = {
    get: async (resource, ref) => this.#kept(resource, ref) ?? (await this.#options.client.get(resource, ref)),
    patch: async (resource, ref, patch) => {
      const object = this.#kept(resource, ref);
      if (object !== undefined) return this.#patch(object, patch);
      return this.#counted(this.#options.client.patch(resource, ref, patch));
    },
    create: (resource, namespace, body) => this.#counted(this.#options.client.create(resource, namespace, body)),
  };

  /** Whether a reconciliation waits for a write. Less important writes then leave the API server to it. */
  isWriting(): boolean {
    return this.#writes > 0;
  }

  async #counted<T>(write: Promise<T>): Promise<T> {
    this.#writes += 1;
    try {
      return await write;
    } finally {
      this.#writes -= 1;
    }
  }

  get(key: string): VirtualMachine | undefined {
    return this.#removed(key) ?? this.reflector.get(key);
  }

  /** Each key once. */
  keys(): Iterable<string> {
    const removed = [...this.#records].filter(([, { object }]) => object !== undefined).map(([key]) => key);
    return new Set([...this.reflector.keys(), ...removed]);
  }

  #removed(key: string): VirtualMachine | undefined {
    return this.#records.get(key)?.object;
  }

  /** Merges a change of a watched object with the objects kept here. */
  #withRemoved(change: ReflectorChange<VirtualMachine>): ReflectorChange<VirtualMachine> {
    const { key, after, lastState: last } = change;
    const kept = this.#removed(key);
    const wasHeldLately = this.#noteFinalizer(change);
    if (after !== undefined) {
      if (kept === undefined) return change;
      this.#options.log.warn('Orphaned VM of removed object, its name is in use again', {
        object: key,
        uid: kept.metadata.uid,
      });
      this.#keep(key, undefined);
      return { ...change, before: kept };
    }
    const isCutShort = last !== undefined && wasRemovedEarly(last) && (wasHeldLately || hasIntent(last));
    if (!isCutShort || !this.#options.isManaged(last) || this.#size >= maxKept) return change;
    this.#options.log.warn('Object was removed during its create, deleting its VM', { object: key });
    const deletionTimestamp = new Date(this.#options.clock.now()).toISOString();
    const removed = { ...last, metadata: { ...last.metadata, deletionTimestamp } };
    this.#keep(key, removed);
    return { ...change, after: removed };
  }

  /** Returns whether the finalizer was added to the object recently. */
  #noteFinalizer({ key, before, after, initial }: ReflectorChange<VirtualMachine>): boolean {
    const now = this.#options.clock.monotonic();
    for (const [oldest, { heldSince }] of this.#records) {
      if (heldSince === undefined) continue;
      if (heldSince > now - longestDeletion) break;
      this.#hold(oldest, undefined);
    }
    const wasHeldLately = this.#records.get(key)?.heldSince !== undefined;
    const isSame = before?.metadata.uid === after?.metadata.uid;
    if (!isSame) this.#hold(key, undefined);
    if (
      !initial &&
      after !== undefined &&
      hasFinalizer(after) &&
      !(isSame && before !== undefined && hasFinalizer(before))
    )
      this.#hold(key, now);
    return wasHeldLately;
  }

  #hold(key: string, heldSince: number | undefined): void {
    const object = this.#removed(key);
    this.#records.delete(key);
    if (heldSince !== undefined || object !== undefined) this.#records.set(key, { heldSince, object });
  }

  #keep(key: string, object: VirtualMachine | undefined): void {
    const known = this.#records.get(key);
    this.#size += Number(object !== undefined) - Number(known?.object !== undefined);
    if (known?.heldSince === undefined && object === undefined) this.#records.delete(key);
    else this.#records.set(key, { heldSince: known?.heldSince, object });
  }

  #kept(resource: Resource, { namespace, name }: ObjectRef): VirtualMachine | undefined {
    return resource.plural === plural ? this.#removed(`${namespace}/${name}`) : undefined;
  }

  #patch(before: VirtualMachine, { body }: Patch): VirtualMachine {
    const { resourceVersion } = before.metadata;
    // `as`: a merge patch keeps what it doesn't name, and what the operator sends is of the type.
    const patched = applyMergePatch(before, body) as VirtualMachine;
    const after = { ...patched, metadata: { ...patched.metadata, resourceVersion } };
    const key = objectKey(before);
    const isKept = hasFinalizer(after);
    this.#keep(key, isKept ? after : undefined);
    this.#options.onChange({ key, before, after: isKept ? after : undefined, initial: false });
    return after;
  }
}

/**
 * An object with a finalizer is normally marked as deleted first, and removed when the finalizer is removed. This one
 * was not.
 */
function wasRemovedEarly(object: VirtualMachine): boolean {
  return object.metadata.deletionTimestamp === undefined && hasFinalizer(object);
}

function hasIntent({ metadata }: VirtualMachine): boolean {
  return metadata.annotations?.[annotations.createPending] !== undefined;
}
