/**
 * The reference for the cost of a write: a custom resource as operators commonly define it, with a plain schema, one
 * condition, and one field manager. Its objects have 1.7 kB.
 */
import { group as ownGroup } from '../src/api/v1alpha1/constants.ts';

const group = `bench.${ownGroup}`;
const text = { type: 'string' } as const;

export const plainResource = { group, version: 'v1', plural: 'plainmachines' } as const;

export const plainDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plainResource.plural}.${group}` },
  spec: {
    group,
    scope: 'Namespaced',
    names: { kind: 'PlainMachine', plural: plainResource.plural, singular: 'plainmachine' },
    versions: [
      {
        name: plainResource.version,
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                required: ['region', 'size', 'image'],
                properties: {
                  region: text,
                  size: text,
                  image: text,
                  powerState: text,
                  secretName: text,
                  deletionPolicy: text,
                  hostname: text,
                  sshKeys: { type: 'array', items: text },
                },
              },
              status: {
                type: 'object',
                properties: {
                  id: { type: 'integer', format: 'int64' },
                  state: text,
                  address: text,
                  hostname: text,
                  createdAt: { type: 'string', format: 'date-time' },
                  observedGeneration: { type: 'integer', format: 'int64' },
                  conditions: {
                    type: 'array',
                    'x-kubernetes-list-type': 'map',
                    'x-kubernetes-list-map-keys': ['type'],
                    items: {
                      type: 'object',
                      required: ['type', 'status', 'lastTransitionTime', 'reason', 'message'],
                      properties: {
                        type: text,
                        status: { type: 'string', enum: ['True', 'False', 'Unknown'] },
                        observedGeneration: { type: 'integer', format: 'int64', minimum: 0 },
                        lastTransitionTime: { type: 'string', format: 'date-time' },
                        reason: text,
                        message: text,
                      },
                    },
                  },
                },
              },
            },
          },
        },
      },
    ],
  },
};

export function plainObject(name: string, namespace: string): Readonly<Record<string, unknown>> {
  return {
    apiVersion: `${group}/${plainResource.version}`,
    kind: 'PlainMachine',
    metadata: { name, namespace, labels: { app: 'shop', tier: 'web' }, finalizers: [`${group}/finalizer`] },
    spec: {
      region: 'Amsterdam 1',
      size: 'Budget',
      image: 'Debian 13 x64',
      powerState: 'Running',
      secretName: 'provider-credentials',
      deletionPolicy: 'Delete',
      hostname: `${name}.example.com`,
      sshKeys: ['admin', 'deployment'],
    },
  };
}

export function plainStatus(state: string): Readonly<Record<string, unknown>> {
  return {
    id: 1012,
    state,
    address: '192.0.2.12',
    hostname: 'web.example.com',
    createdAt: '2026-01-01T00:00:00Z',
    observedGeneration: 1,
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        observedGeneration: 1,
        lastTransitionTime: '2026-01-01T00:00:00Z',
        reason: 'Available',
        message: `The machine is ${state}`,
      },
    ],
  };
}
