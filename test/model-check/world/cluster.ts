import type { VirtualMachine } from '../../../src/api/v1alpha1/types.ts';
import { isRemoved, patched, withVersion } from '../../support/api-server/patched.ts';
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
  const next = patched(object, { subresource, body });
  return typeof next === 'string' ? { cluster, error: next } : store(cluster, policy(next, object));
}

/** A user changes the object. */
export function change(cluster: Cluster, object: VirtualMachine): Cluster {
  const { generation } = object.metadata;
  const isNewSpec = JSON.stringify(object.spec) !== JSON.stringify(cluster.object?.spec);
  const metadata = isNewSpec ? { ...object.metadata, generation: generation + 1 } : object.metadata;
  return store(cluster, { ...object, metadata }).cluster;
}

/** Stores what differs under a new version; an object that is being deleted goes with its last finalizer. */
function store(cluster: Cluster, next: VirtualMachine): Extract<Stored, { object: unknown }> {
  if (JSON.stringify(next) === JSON.stringify(cluster.object)) return { cluster, object: next };
  const version = cluster.version + 1;
  const object = withVersion(next, version);
  const left = isRemoved(object) ? { object: undefined, gone: object } : { object };
  return { cluster: { ...cluster, ...left, version }, object };
}
