import { annotations, finalizer, plural } from '../api/v1alpha1/names.ts';
import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import type { KubeClient, ObjectRef, Patch, Resource } from '../kube/client.ts';
import type { Clock } from '../model/clock.ts';
import type { Log } from '../telemetry/log.ts';
import type { ReflectorChange } from '../watch/reflector.ts';

/** A tenant that wins this race again and again costs no more memory than this. */
const mostKept = 1_000;

export type ObjectClient = Pick<KubeClient, 'get' | 'patch' | 'create'>;

export interface RemovedObjectsDeps {
  readonly client: ObjectClient;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether this installation reconciles the object. */
  readonly isOurs: (object: VirtualMachine) => boolean;
  /** Called with each change of what `get` returns that `take` doesn't return. */
  readonly onChange: (change: ReflectorChange<VirtualMachine>) => void;
}

/**
 * Objects that the API server removed although they held the operator's finalizer and a create intent. This happens when the
 * API server was carrying out a deletion already: it doesn't look at finalizers a second time. The create call may have followed, so
 * the object is kept here, as one that is being deleted, until the deletion is confirmed and the finalizer goes. A restart forgets it.
 */
export class RemovedObjects {
  readonly #deps: RemovedObjectsDeps;
  readonly #objects = new Map<string, VirtualMachine>();

  constructor(deps: RemovedObjectsDeps) {
    this.#deps = deps;
  }

  /** The client for those that reconcile objects: reads and patches of an object that is kept here reach only the copy. */
  readonly client: ObjectClient = {
    get: async (resource, ref) => this.#kept(resource, ref) ?? (await this.#deps.client.get(resource, ref)),
    patch: async (resource, ref, patch) => {
      const object = this.#kept(resource, ref);
      return object === undefined ? await this.#deps.client.patch(resource, ref, patch) : this.#patch(object, patch);
    },
    create: (resource, namespace, body) => this.#deps.client.create(resource, namespace, body),
  };

  get(key: string): VirtualMachine | undefined {
    return this.#objects.get(key);
  }

  keys(): Iterable<string> {
    return this.#objects.keys();
  }

  /** A change of the watched objects, as it is with the ones kept here. */
  take(change: ReflectorChange<VirtualMachine>): ReflectorChange<VirtualMachine> {
    const { key, after, last } = change;
    const kept = this.#objects.get(key);
    if (after !== undefined) {
      if (kept === undefined) return change;
      this.#deps.log.warn('An object took the name of one that was removed; what that one created is left', {
        object: key,
        uid: kept.metadata.uid,
      });
      this.#objects.delete(key);
      return { ...change, before: kept };
    }
    if (last === undefined || !isCutShort(last) || !this.#deps.isOurs(last) || this.#objects.size >= mostKept)
      return change;
    this.#deps.log.warn('An object was removed while it was created; its VM is deleted', { object: key });
    const deletionTimestamp = new Date(this.#deps.clock.now()).toISOString();
    const removed = { ...last, metadata: { ...last.metadata, deletionTimestamp } };
    this.#objects.set(key, removed);
    return { ...change, after: removed };
  }

  #kept(resource: Resource, { namespace, name }: ObjectRef): VirtualMachine | undefined {
    return resource.plural === plural ? this.#objects.get(`${namespace}/${name}`) : undefined;
  }

  #patch(before: VirtualMachine, { body }: Patch): VirtualMachine {
    const { resourceVersion, namespace, name } = before.metadata;
    // `as`: a merge patch keeps what it doesn't name, and what the operator sends is of the type.
    const patched = merged(before, body) as VirtualMachine;
    const after = { ...patched, metadata: { ...patched.metadata, resourceVersion } };
    const key = `${namespace}/${name}`;
    const isHeld = after.metadata.finalizers?.includes(finalizer) === true;
    if (isHeld) this.#objects.set(key, after);
    else this.#objects.delete(key);
    this.#deps.onChange({ key, before, after: isHeld ? after : undefined, initial: false });
    return after;
  }
}

/** An object with a finalizer is marked as deleted first, and removed when the finalizer is gone: this one never was. */
function isCutShort({ metadata }: VirtualMachine): boolean {
  return (
    metadata.deletionTimestamp === undefined &&
    metadata.finalizers?.includes(finalizer) === true &&
    metadata.annotations?.[annotations.createPending] !== undefined
  );
}

/** JSON merge patch (RFC 7386). */
function merged(before: unknown, change: unknown): unknown {
  if (!isRecord(change)) return change;
  const result: Record<string, unknown> = isRecord(before) ? { ...before } : {};
  for (const [key, value] of Object.entries(change)) {
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value);
  }
  return result;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
