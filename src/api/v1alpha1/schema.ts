import { apiVersion, group, kind, plural, version } from './constants.ts';
import type { Schema } from './schema/openapi.ts';
import { afterCreation, specSchema } from './schema/spec.ts';
import { statusSchema } from './schema/status.ts';

/** The whole object; Kubernetes defines `metadata`. */
export const virtualMachineSchema: Schema = {
  type: 'object',
  description:
    'A virtual machine (VM) at vps247. Creating the object creates the VM, which is billed from then on; deleting the object deletes the VM with its data.',
  required: ['spec'],
  properties: {
    apiVersion: { type: 'string', description: `The version of this resource, ${apiVersion}.` },
    kind: { type: 'string', description: `The kind of this resource, ${kind}.` },
    // Kubernetes forbids any further schema for it, including a description.
    metadata: { type: 'object' },
    spec: specSchema,
    status: statusSchema,
  },
  'x-kubernetes-validations': [afterCreation],
};

interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  readonly jsonPath: string;
  readonly description: string;
  /** 1: shown only with `-o wide`. */
  readonly priority?: 1;
}

function ofReady(field: string): string {
  return `.status.conditions[?(@.type=="Ready")].${field}`;
}

/** The columns of `kubectl get` after the name: the desired power state, otherwise only what was observed. */
export const printerColumns: readonly PrinterColumn[] = [
  { name: 'Desired', type: 'string', jsonPath: '.spec.powerState', description: 'The desired power state' },
  { name: 'State', type: 'string', jsonPath: '.status.state', description: "The VM's state at the provider" },
  {
    name: 'Ready',
    type: 'string',
    jsonPath: ofReady('status'),
    description: 'Whether the VM exists in the desired power state',
  },
  { name: 'Reason', type: 'string', jsonPath: ofReady('reason'), description: 'The reason of the condition Ready' },
  {
    name: 'Address',
    type: 'string',
    jsonPath: '.status.addresses[0].address',
    description: 'The IP address to connect to',
  },
  { name: 'Region', type: 'string', jsonPath: '.status.region.name', description: 'The region of the VM' },
  { name: 'Package', type: 'string', jsonPath: '.status.package.name', description: 'The package of the VM' },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Age of the object' },
  { name: 'ID', type: 'integer', jsonPath: '.status.id', description: "The VM's id at the provider", priority: 1 },
  { name: 'Template', type: 'string', jsonPath: '.status.osTemplate.name', description: 'Its template', priority: 1 },
  { name: 'Origin', type: 'string', jsonPath: '.status.origin', description: 'Created or adopted', priority: 1 },
  { name: 'Message', type: 'string', jsonPath: ofReady('message'), description: 'The reason in words', priority: 1 },
];

/** What `kubectl get --field-selector` accepts besides name and namespace. */
const selectableFields = [
  '.spec.powerState',
  '.status.state',
  '.status.origin',
  '.status.region.name',
  '.status.package.name',
].map((jsonPath) => ({ jsonPath }));

/** The CustomResourceDefinition that `crds/` is generated from: plain data, ready to be applied. */
export const customResourceDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.${group}`, labels: { 'app.kubernetes.io/name': 'vps247-operator' } },
  spec: {
    group,
    scope: 'Namespaced',
    names: {
      kind,
      listKind: `${kind}List`,
      plural,
      singular: 'virtualmachine',
      shortNames: ['vps'],
      categories: ['vps247'],
    },
    versions: [
      {
        name: version,
        served: true,
        storage: true,
        subresources: { status: {} },
        additionalPrinterColumns: printerColumns,
        selectableFields,
        schema: { openAPIV3Schema: virtualMachineSchema },
      },
    ],
  },
} as const;
