import { readSpec } from './flaws.ts';
import { Sharing } from './sharing.ts';
import type { VirtualMachine, VirtualMachineStatus } from './types.ts';

/**
 * Reads objects as the API server stores them, less what nobody here reads: who wrote which field (`managedFields`) and
 * kubectl's copy of the manifest would double a fleet's memory. What many of them say is kept once. The API server has
 * validated them against the CRD of its time, so the spec is checked against the present one. Throws when what every Kubernetes
 * object has is missing.
 */
export function createVirtualMachineReader(): (object: unknown) => VirtualMachine {
  const sharing = new Sharing();

  function statusOf(status: VirtualMachineStatus): VirtualMachineStatus {
    const { conditions } = status;
    if (conditions === undefined) return sharing.shareFields(status);
    return sharing.shareFields({ ...status, conditions: conditions.map((condition) => sharing.share(condition)) });
  }

  return (object) => {
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
        finalizers: sharing.share(metadata.finalizers ?? []),
        ...(metadata.labels === undefined ? {} : { labels: sharing.share(metadata.labels) }),
        annotations,
      },
      // First as a whole: the defaults are most of it, and a fleet is mostly of few kinds.
      spec: sharing.share(sharing.shareFields(read.spec)),
      ...(read.flaws.length === 0 ? {} : { flaws: read.flaws }),
      ...(status === undefined ? {} : { status: statusOf(status) }),
    };
  };
}

const appliedConfiguration = 'kubectl.kubernetes.io/last-applied-configuration';
