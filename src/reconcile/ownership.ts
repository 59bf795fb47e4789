import { annotate } from '../api/v1alpha1/commands.ts';
import { annotations } from '../api/v1alpha1/constants.ts';
import { hasFinalizer } from '../api/v1alpha1/identity.ts';
import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import type { ObjectRecords, OwnershipRecord } from '../controller/object-records.ts';
import { isSuperseded } from '../kubernetes/errors.ts';
import type { EventRecorder } from '../kubernetes/events.ts';
import type { Log } from '../telemetry/log.ts';
import { patchMetadata, type StoreAnswer } from './execute/metadata-patch.ts';
import { objectEvent } from './object-event.ts';
import type { ObjectClient } from './object-cache.ts';
import { objectKey } from '../domain/object-key.ts';

export interface OwnershipOptions {
  /** Namespace and name of the Lease of this installation, such as `vps247-system/vps247-operator`; undefined: it has no name. */
  readonly installation: string | undefined;
  /** Installations whose objects this one takes over, by the same kind of name. */
  readonly takeOverFrom: readonly string[];
  readonly client: ObjectClient;
  readonly log: Log;
  readonly stored: StoreAnswer;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly records: ObjectRecords;
}

/** A Lease as namespace/name. A tenant can write the annotation, so nothing else in it is repeated. */
const leaseRef = /^[a-z0-9][-a-z0-9]{0,62}\/[a-z0-9][-.a-z0-9]{0,252}$/;

/**
 * Determines which installation of the operator manages an object, so that two installations that watch the same
 * objects by mistake never both write to it. The annotation `vps247.com/managed-by` names the installation. It depends
 * only on the object itself, so a tenant who edits it affects only that object.
 *
 * | annotation names      | and                          | then                                                 |
 * | --------------------- | ---------------------------- | ---------------------------------------------------- |
 * | this installation     | the object left its selector | it removes the annotation                            |
 * | this installation     |                              | it reconciles                                        |
 * | one of `takeOverFrom` | the first time               | it writes its own name, then reconciles              |
 * | another installation  |                              | it leaves the object alone, and reports that once    |
 * | no installation       | the object is being deleted  | it reconciles: two deletions have the same result    |
 * | no installation       | our finalizer is there       | it writes its name, then reconciles                  |
 * | no installation       |                              | it reconciles; its name is stored with the finalizer |
 *
 * Each of these writes carries the resourceVersion that was read: if two installations write, one gets a conflict. An
 * object changes its owner this way only once: two installations that are set to take over from each other would
 * otherwise alternate.
 */
export class Ownership {
  readonly #options: OwnershipOptions;
  readonly #takeOverFrom: ReadonlySet<string>;
  readonly #loggedNamespaces = new Set<string>();

  constructor(options: OwnershipOptions) {
    this.#options = options;
    this.#takeOverFrom = new Set(options.takeOverFrom);
  }

  /** The annotation that is written together with the finalizer. */
  get annotation(): Readonly<Record<string, string>> {
    const { installation } = this.#options;
    return installation === undefined ? {} : { [annotations.managedBy]: installation };
  }

  /** Whether another installation manages the object, which this one isn't to take over. */
  isOwnedByOthers(object: VirtualMachine): boolean {
    const owner = ownerOf(object);
    if (owner === undefined || owner === this.#options.installation) return false;
    return !this.#takeOverFrom.has(owner) || this.#wasTakenOver(object);
  }

  isMine(object: VirtualMachine): boolean {
    const owner = ownerOf(object);
    return owner !== undefined && owner === this.#options.installation;
  }

  /** Whether a change took the object away from another installation. */
  isTakenOver(before: VirtualMachine, after: VirtualMachine | undefined): boolean {
    const owner = ownerOf(before);
    return owner !== undefined && owner !== this.#options.installation && owner !== (after && ownerOf(after));
  }

  /** An object was added, changed or, without `after`, deleted. */
  change(key: string, after: VirtualMachine | undefined, isInScope: boolean): void {
    if (after === undefined) return this.#options.records.set(key, { ownership: undefined });
    this.#record(key, { isOthers: isInScope && this.isOwnedByOthers(after) });
  }

  /** How many objects in scope other installations manage. */
  get others(): number {
    return [...this.#options.records.values()].filter(({ ownership }) => ownership?.isOthers === true).length;
  }

  /**
   * The first step of a reconciliation of an object that this installation may manage. Returns whether to continue; if
   * not, the annotation was stored, or the object has changed. Throws KubeError if Kubernetes refuses or alters that
   * write.
   */
  async ensureOwned(object: VirtualMachine): Promise<boolean> {
    const { installation } = this.#options;
    const owner = ownerOf(object);
    if (owner === installation) return true;
    const isDeleting = object.metadata.deletionTimestamp !== undefined;
    if (owner === undefined && (!hasFinalizer(object) || isDeleting)) return true;
    const isStored = await this.#write(object, installation ?? null);
    if (isStored && owner !== undefined) this.#record(objectKey(object), { takenOver: object.metadata.uid });
    return false;
  }

  /** Replaces the reconciliation of an object that this installation doesn't manage, or no longer. */
  async leave(key: string, object: VirtualMachine, isInScope: boolean): Promise<void> {
    if (!isInScope) {
      if (this.isMine(object)) await this.#write(object, null);
      return;
    }
    this.#record(key, { isOthers: true });
    const { log, events, installation = 'this installation' } = this.#options;
    const { namespace, name, uid } = object.metadata;
    const written = ownerOf(object) ?? '';
    const owner = leaseRef.test(written) ? written : 'an unknown installation';
    if (!this.#loggedNamespaces.has(namespace)) {
      this.#loggedNamespaces.add(namespace);
      log.warn('Skipped object that another installation manages', {
        object: key,
        owner,
      });
    }
    if (this.#options.records.get(key)?.ownership?.reported === uid) return;
    this.#record(key, { reported: uid });
    const note = this.#wasTakenOver(object)
      ? `${installation} took it over, and ${owner} took it back: takeOverFrom is set in both; a cluster administrator has to remove it from one of them`
      : `managed by ${owner}, not by ${installation}, which leaves it alone; if ${owner} is gone: ` +
        `${annotate({ namespace, name }, { [annotations.managedBy]: undefined })}; for all its objects, a cluster administrator can set takeOverFrom`;
    events.record(objectEvent(object, { type: 'Warning', reason: 'OwnedByOtherInstallation', note }));
  }

  #wasTakenOver(object: VirtualMachine): boolean {
    return this.#options.records.get(objectKey(object))?.ownership?.takenOver === object.metadata.uid;
  }

  #record(key: string, change: Partial<OwnershipRecord>): void {
    const { records } = this.#options;
    const ownership = { isOthers: false, ...records.get(key)?.ownership, ...change };
    // Most objects are this installation's from the start, and need no record.
    const isKnown = ownership.isOthers || ownership.takenOver !== undefined || ownership.reported !== undefined;
    records.set(key, { ownership: isKnown ? ownership : undefined });
  }

  /**
   * Returns whether it was stored. If the object was changed or deleted since it was read, the watch triggers the next
   * reconciliation.
   */
  async #write(object: VirtualMachine, owner: string | null): Promise<boolean> {
    const { finalizers = [] } = object.metadata;
    try {
      await patchMetadata(this.#options, object, { finalizers, annotations: { [annotations.managedBy]: owner } });
      return true;
    } catch (error) {
      if (!isSuperseded(error)) throw error;
      return false;
    }
  }
}

function ownerOf({ metadata }: VirtualMachine): string | undefined {
  return metadata.annotations?.[annotations.managedBy];
}
