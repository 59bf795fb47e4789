import { readSpec } from './flaws.ts';
import type { VirtualMachine } from './types.ts';

/**
 * The object as the API server stores it, less what nobody here reads: who wrote which field (`managedFields`) and
 * kubectl's copy of the manifest would double a fleet's memory. The API server has validated it against the CRD of its time, so
 * the spec is checked against the present one. Throws when what every Kubernetes object has is missing.
 */
export function toVirtualMachine(object: unknown): VirtualMachine {
  // What the CRD promises of stored objects is exactly this type; the check below is for anything else on the line.
  const { metadata, spec, status } = object as VirtualMachine & { metadata?: Record<string, unknown> };
  if (typeof metadata?.uid !== 'string') throw new TypeError('not a VirtualMachine');
  const { [appliedConfiguration]: _, ...annotations } = metadata.annotations ?? {};
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
      finalizers: metadata.finalizers ?? [],
      ...(metadata.labels === undefined ? {} : { labels: metadata.labels }),
      annotations,
    },
    spec: read.spec,
    ...(read.flaws.length === 0 ? {} : { flaws: read.flaws }),
    ...(status === undefined ? {} : { status }),
  };
}

const appliedConfiguration = 'kubectl.kubernetes.io/last-applied-configuration';
