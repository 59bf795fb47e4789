import { apiVersion, group, kind, plural, version } from './names.ts';
import type { Schema } from './schema/openapi.ts';
import { specSchema } from './schema/spec.ts';
import { statusSchema } from './schema/status.ts';

/** The whole object; `metadata` is Kubernetes' own. */
export const virtualMachineSchema: Schema = {
  type: 'object',
  description:
    'A virtual machine at vps247. Applying it creates the machine, which is billed from then on; deleting it deletes the machine with its data.',
  required: ['spec'],
  properties: {
    apiVersion: { type: 'string', description: `The version of this resource, ${apiVersion}.` },
    kind: { type: 'string', description: `The kind of this resource, ${kind}.` },
    // Kubernetes forbids saying anything about it, a description included.
    metadata: { type: 'object' },
    spec: specSchema,
    status: statusSchema,
  },
};

interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  readonly jsonPath: string;
  readonly description: string;
  /** 1: only with `-o wide`. */
  readonly priority?: 1;
}

function ofReady(field: string): string {
  return `.status.conditions[?(@.type=="Ready")].${field}`;
}

/** What `kubectl get` shows after the name. A selector holds exactly one of id and name, so `*` is whichever was given. */
export const printerColumns: readonly PrinterColumn[] = [
  { name: 'State', type: 'string', jsonPath: '.status.state', description: "The machine's state at the provider" },
  {
    name: 'Address',
    type: 'string',
    jsonPath: '.status.addresses[0].address',
    description: 'The IP address to connect to',
  },
  { name: 'Region', type: 'string', jsonPath: '.spec.region.*', description: 'The region asked for' },
  { name: 'Package', type: 'string', jsonPath: '.spec.package.*', description: 'The package asked for' },
  { name: 'Ready', type: 'string', jsonPath: ofReady('status'), description: 'Whether the machine is as asked' },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Age of the object' },
  { name: 'ID', type: 'integer', jsonPath: '.status.id', description: "The machine's id at the provider", priority: 1 },
  {
    name: 'Template',
    type: 'string',
    jsonPath: '.spec.osTemplate.*',
    description: 'The template asked for',
    priority: 1,
  },
  { name: 'Reason', type: 'string', jsonPath: ofReady('reason'), description: 'Why it is ready or not', priority: 1 },
  { name: 'Message', type: 'string', jsonPath: ofReady('message'), description: 'The same for humans', priority: 1 },
];

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
        schema: { openAPIV3Schema: virtualMachineSchema },
      },
    ],
  },
} as const;
