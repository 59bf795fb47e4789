import { cutToBytes } from '../../domain/text.ts';
import { readSpec } from './validation.ts';
import { type AnnotationName, annotationTable } from './annotations.ts';
import { annotations, finalizer } from './constants.ts';
import type { ObjectMeta, VirtualMachine, VirtualMachineStatus } from './types.ts';

/**
 * Bytes of an annotation's value: the operator echoes at most this much of a user's value, and its own records are
 * small.
 */
const longestValue = { you: 256, 'the operator': 2_048 } as const;
/** Limits for the finalizers of other controllers that are kept: their number, and their total length. */
const maxFinalizers = 32;
const longestFinalizers = 2_048;
/** Limits for the labels that no selector names: their number, and their total length. */
const maxLabels = 32;
const longestLabels = 2_048;

/** Objects share no value of these fields. */
const unshared = ['internal'] as const;

/**
 * Decodes objects as the API server stores them. A tenant may write 1.5 MiB into one, so the decoder keeps only what the operator uses, each
 * part with a limit:
 *
 * | part                         | kept                                                                        |
 * | ---------------------------- | --------------------------------------------------------------------------- |
 * | annotations                  | the operator's own, truncated: a truncated record is unreadable, a truncated flag is ignored |
 * | labels                       | those that `--selector` names; with `--serve-targets` also others, if they are few |
 * | other labels and annotations | a hash                                             |
 * | finalizers                   | all, if they are few; otherwise the operator's own: a patch then reads the others |
 * | spec                         | as the schema bounds it                                                     |
 * | status                       | as the operator wrote it                                                    |
 * | managedFields, owners, …     | nothing                                                                     |
 *
 * Equal values of objects are shared. The API server validated an object against the CRD of its time, so the spec is validated
 * against the present one. Throws if a field is missing that every Kubernetes object has.
 */
export function createVirtualMachineReader(
  labels: readonly string[] = [],
  { withOtherLabels = false } = {},
): (object: unknown) => VirtualMachine {
  const interner = new Interner();

  function statusOf(status: VirtualMachineStatus): VirtualMachineStatus {
    const { conditions } = status;
    if (conditions === undefined) return interner.internFields(status, unshared);
    return interner.internFields(
      { ...status, conditions: conditions.map((condition) => interner.intern(condition)) },
      unshared,
    );
  }

  return (object) => {
    // `as`: the CRD guarantees this type for stored objects; the check below covers anything else in the response.
    const { metadata, spec, status } = object as VirtualMachine & { metadata?: Record<string, unknown> };
    if (typeof metadata?.uid !== 'string') throw new TypeError('not a VirtualMachine');
    const read = readSpec(spec);
    return {
      metadata: {
        name: metadata.name,
        namespace: metadata.namespace,
        uid: metadata.uid,
        resourceVersion: metadata.resourceVersion,
        generation: metadata.generation,
        ...(metadata.creationTimestamp === undefined ? {} : { creationTimestamp: metadata.creationTimestamp }),
        ...(metadata.deletionTimestamp === undefined ? {} : { deletionTimestamp: metadata.deletionTimestamp }),
        ...finalizersOf(metadata.finalizers ?? [], interner),
        ...(labels.length === 0 && !withOtherLabels
          ? {}
          : { labels: interner.intern(labelsOf(metadata.labels, labels, withOtherLabels)) }),
        annotations: annotationsOf(metadata.annotations),
        fingerprint: fingerprintOf(metadata.labels, metadata.annotations),
      },
      // The whole spec first: most of it are defaults, and a fleet has mostly few kinds of specs.
      spec: interner.intern(interner.internFields(read.spec)),
      ...(read.errors.length === 0 ? {} : { specErrors: read.errors }),
      ...(status === undefined ? {} : { status: statusOf(status) }),
    };
  };
}

function finalizersOf(
  finalizers: readonly string[],
  interner: Interner,
): Pick<ObjectMeta, 'finalizers' | 'hasMoreFinalizers'> {
  const isMany = finalizers.length > maxFinalizers || finalizers.join('').length > longestFinalizers;
  if (!isMany) return { finalizers: interner.intern(finalizers) };
  return { finalizers: finalizers.includes(finalizer) ? [finalizer] : [], hasMoreFinalizers: true };
}

function labelsOf(
  labels: ObjectMeta['labels'] = {},
  names: readonly string[],
  withOthers: boolean,
): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of names) if (labels[name] !== undefined) kept[name] = labels[name];
  if (!withOthers) return kept;
  let [count, length] = [0, 0];
  for (const [name, value] of Object.entries(labels)) {
    if (Object.hasOwn(kept, name)) continue;
    count += 1;
    length += name.length + value.length;
    if (count > maxLabels || length > longestLabels) break;
    kept[name] = value;
  }
  return kept;
}

// `as`: `Object.entries` loses the type of the keys.
const annotationNames = Object.entries(annotations) as readonly (readonly [AnnotationName, string])[];

function annotationsOf(all: ObjectMeta['annotations'] = {}): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [which, name] of annotationNames) {
    const value = all[name];
    if (value !== undefined) kept[name] = cutToBytes(value, longestValue[annotationTable[which].by]);
  }
  return kept;
}

const appliedConfiguration = 'kubectl.kubernetes.io/last-applied-configuration';
const names: ReadonlySet<string> = new Set(Object.values(annotations));

/** FNV-1a. The API server sends names sorted, so that equal maps have the same hash. */
function fingerprintOf(labels: ObjectMeta['labels'] = {}, all: ObjectMeta['annotations'] = {}): number {
  let hash = 0x811c9dc5;
  const add = (text: string): void => {
    for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
    hash = Math.imul(hash ^ 0xffff, 0x01000193);
  };
  for (const name in labels) {
    add(name);
    add(labels[name] ?? '');
  }
  for (const name in all) {
    // kubectl's copy of the manifest repeats the spec.
    if (names.has(name) || name === appliedConfiguration) continue;
    add(name);
    add(all[name] ?? '');
  }
  return hash;
}

/** Enough for the values of a fleet. When it is exceeded, the interner forgets all values and starts again. */
const most = 2_000;
/** Longer values (in JSON) are rarely equal, and a tenant that varies them would fill the interner. */
const longest = 1_024;

/**
 * Shares equal values. The objects of a fleet mostly have the same sizes, defaults and conditions, and each arrives as
 * a separate copy, which would be half of their memory. Only for values that are never changed.
 */
export class Interner {
  readonly #known = new Map<string, unknown>();

  /** The first of all recent values with the same JSON. */
  intern<T>(value: T): T {
    if (typeof value !== 'object' || value === null) return value;
    const text = JSON.stringify(value);
    if (text.length > longest) return value;
    const known = this.#known.get(text);
    // `as`: a value with the same JSON as a T came from the same source.
    if (known !== undefined) return known as T;
    if (this.#known.size >= most) this.#known.clear();
    this.#known.set(text, value);
    return value;
  }

  /** An object whose fields are shared, except the given ones, which would only displace others. */
  internFields<T extends object>(value: T, own: readonly (keyof T)[] = []): T {
    // A copy of the same shape takes less memory than an object that is built by adding fields.
    const copy = { ...value };
    // `as`: the names of an object's own fields.
    for (const name of Object.keys(copy) as (keyof T)[]) if (!own.includes(name)) copy[name] = this.intern(copy[name]);
    return copy;
  }
}
