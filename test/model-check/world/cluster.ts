import type { VirtualMachine } from '../../../src/api/v1alpha1/types.ts';
import type { AccountName, Cluster, Request } from '../state.ts';
import { dawn, gracePeriod, toIso } from '../time.ts';

/** The API server: versions, conflicts, merge patches, the status subresource and finalizers, as the real one has them. Pure. */

export type Stored =
  | { readonly cluster: Cluster; readonly object: VirtualMachine }
  | { readonly cluster: Cluster; readonly error: 'Conflict' | 'Invalid' | 'NotFound' };

export function newObject(
  spec: Partial<VirtualMachine['spec']> = {},
  metadata: Partial<VirtualMachine['metadata']> = {},
): VirtualMachine {
  return {
    metadata: {
      name: 'web',
      namespace: 'default',
      uid: '0a1b2c3d-4e5f-6789-abcd-ef0123456789',
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: toIso(dawn),
      finalizers: [],
      annotations: {},
      ...metadata,
    },
    spec: {
      region: { id: 1 },
      package: { id: 2 },
      osTemplate: { id: 3 },
      ipv6: false,
      privateNetworking: false,
      sshKeyIds: [],
      powerState: 'Running',
      powerOff: { mode: 'TrySoft', gracePeriodSeconds: gracePeriod / 1000 },
      powerDriftPolicy: 'Correct',
      managementPolicy: 'Manage',
      adoption: { policy: 'Never' },
      deletionProtection: false,
      credentialsSecretRef: { name: 'vps247-credentials', key: 'api-key' },
      initialPasswordSecret: { policy: 'None' },
      ...spec,
    },
    status: { observedGeneration: -1 },
  };
}

export function newCluster(object: VirtualMachine, keyOf: AccountName): Cluster {
  return { object, gone: undefined, version: 1, secret: { keyOf, version: 1 } };
}

export function read(cluster: Cluster): Stored {
  const { object } = cluster;
  return object === undefined ? { cluster, error: 'NotFound' } : { cluster, object };
}

/** What an admission policy makes of an object before it is stored, and of what was there before. */
export type Policy = (object: VirtualMachine, before: VirtualMachine) => VirtualMachine;

/** Policies that alter what a metadata patch, or a status patch, is about. */
export const policies: Readonly<Record<'metadata' | 'status', Readonly<Record<string, Policy>>>> = {
  metadata: {
    finalizers: (object, { metadata: { finalizers = [] } }) => ({
      ...object,
      metadata: { ...object.metadata, finalizers },
    }),
    annotations: (object, { metadata: { annotations = {} } }) => ({
      ...object,
      metadata: { ...object.metadata, annotations },
    }),
  },
  status: { status: (object, { status = { observedGeneration: -1 } }) => ({ ...object, status }) },
};

/** A merge patch; of the status alone when it is for that subresource. */
export function patch(
  cluster: Cluster,
  { subresource, body }: Extract<Request, { kind: 'Patch' }>,
  policy: Policy = (same) => same,
): Stored {
  const { object } = cluster;
  if (object === undefined) return { cluster, error: 'NotFound' };
  // `as`: a merge patch is an object.
  const { metadata = {}, ...rest } = body as { metadata?: Record<string, unknown> };
  const { resourceVersion = object.metadata.resourceVersion, ...meta } = metadata;
  if (resourceVersion !== object.metadata.resourceVersion) return { cluster, error: 'Conflict' };
  if (object.metadata.deletionTimestamp !== undefined && addsFinalizer(object, meta))
    return { cluster, error: 'Invalid' };
  const merged = merge(object, subresource === 'status' ? rest : { ...rest, metadata: meta });
  // `as`: patches keep the shape, or the operator's types were wrong.
  return store(cluster, policy(merged as VirtualMachine, object));
}

/** An object that is being deleted takes no new finalizers. */
function addsFinalizer({ metadata }: VirtualMachine, { finalizers }: { readonly finalizers?: unknown }): boolean {
  return Array.isArray(finalizers) && finalizers.some((name) => metadata.finalizers?.includes(name) !== true);
}

/** A user changes the object. */
export function change(cluster: Cluster, object: VirtualMachine): Cluster {
  const { generation } = object.metadata;
  const isNewSpec = JSON.stringify(object.spec) !== JSON.stringify(cluster.object?.spec);
  const metadata = isNewSpec ? { ...object.metadata, generation: generation + 1 } : object.metadata;
  return store(cluster, { ...object, metadata }).cluster;
}

/** Stores what differs under a new version; an object that is being deleted goes with its last finalizer. */
function store(cluster: Cluster, next: unknown): Extract<Stored, { object: unknown }> {
  if (JSON.stringify(next) === JSON.stringify(cluster.object)) {
    // `as`: it is that very object.
    return { cluster, object: cluster.object as VirtualMachine };
  }
  const version = cluster.version + 1;
  // `as`: patches keep the shape, or the operator's types were wrong.
  const changed = next as VirtualMachine;
  const object = { ...changed, metadata: { ...changed.metadata, resourceVersion: String(version) } };
  const { deletionTimestamp, finalizers = [] } = object.metadata;
  const isGone = deletionTimestamp !== undefined && finalizers.length === 0;
  const left = isGone ? { object: undefined, gone: object } : { object };
  return { cluster: { ...cluster, ...left, version }, object };
}

/** RFC 7386. */
function merge(before: unknown, patched: unknown): unknown {
  if (!isRecord(patched)) return patched;
  const result: Record<string, unknown> = isRecord(before) ? { ...before } : {};
  for (const [key, value] of Object.entries(patched)) {
    if (value === null) delete result[key];
    else result[key] = merge(result[key], value);
  }
  return result;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
