import {
  accountKind,
  accountPlural,
  type AccountCatalog,
  type AccountInventory,
  type AccountSpec,
  type AccountStatus,
  type CatalogPackage,
  type CatalogPrice,
  type Currency,
  type Estimate,
  type UnmanagedMachine,
} from '../account-types.ts';
import { apiVersion, group, version } from '../constants.ts';
import { allOf, providerId, type PropertiesOf, type RequiredOf, type Schema } from './openapi.ts';
import { credentialsSecretRef } from './spec.ts';
import { catalogStatus, conditionsSchema, machineState } from './status.ts';

/** The most unmanaged VMs that the status lists. `machines.unmanaged` counts all of them. */
export const maxUnmanaged = 100;
/** The most entries of each list of the catalog. */
export const maxCatalogEntries = 500;

const currency = {
  type: 'string',
  enum: allOf<Currency>({ EUR: true, GBP: true, USD: true }),
} as const satisfies Partial<Schema>;

const price: Schema = { type: 'string', maxLength: 32, pattern: String.raw`^\d+(\.\d+)?$` };

const accountSpecSchema: Schema = {
  type: 'object',
  description: 'Which account is shown, and its limits.',
  default: {},
  properties: {
    credentialsSecretRef: {
      ...credentialsSecretRef,
      description:
        'The Secret in the same namespace that holds the API key of the account. The rules are those of VirtualMachines: its type must be Opaque or vps247.com/api-key. ' +
        'With the label vps247.com/credentials: "true" on the Secret, the operator picks up a new key immediately; a cluster administrator may require that label.',
    },
    currency: {
      ...currency,
      description:
        'The currency of status.estimate. Required only if the packages of the VMs have prices in several currencies.',
    },
    paused: {
      type: 'boolean',
      default: false,
      description:
        'While true, the operator pauses all VirtualMachines of the account, in any namespace, as the annotation vps247.com/paused does: it sends no request that changes a VM, also not for a deletion. ' +
        'It applies while the API key of the Account is usable.',
    },
    limits: {
      type: 'object',
      description:
        'Limits of the account. While one is reached, the operator creates no VM in the account, for any VirtualMachine in any namespace. Limits never block an adoption, a power change or a deletion. ' +
        'Of several Accounts of one account at the provider, the limits of the oldest one count. They apply while the API key of the Account is usable.',
      properties: {
        machines: {
          type: 'integer',
          format: 'int32',
          minimum: 0,
          description:
            'The most VMs of the account. All VMs of the newest complete list count, also unmanaged ones, and creates that it does not show yet.',
        },
      } satisfies PropertiesOf<NonNullable<AccountSpec['limits']>>,
    },
  } satisfies PropertiesOf<AccountSpec>,
};

const machines: Schema = {
  type: 'object',
  description: 'How many VMs the account has, by the last complete list.',
  required: ['total', 'managed', 'unmanaged'],
  properties: {
    total: { type: 'integer', format: 'int32', minimum: 0, description: 'All VMs of the account.' },
    managed: {
      type: 'integer',
      format: 'int32',
      minimum: 0,
      description: 'The VMs that a VirtualMachine has, in any namespace of the cluster.',
    },
    unmanaged: { type: 'integer', format: 'int32', minimum: 0, description: 'The VMs that no VirtualMachine has.' },
  } satisfies PropertiesOf<NonNullable<AccountInventory['machines']>>,
};

const unmanaged: Schema = {
  type: 'array',
  description: `The VMs that no VirtualMachine has, by ascending id, at most ${maxUnmanaged}. machines.unmanaged counts all.`,
  maxItems: maxUnmanaged,
  'x-kubernetes-list-type': 'atomic',
  items: {
    type: 'object',
    description: 'An unmanaged VM. A VirtualMachine with adoption.id can adopt it.',
    required: allOf<RequiredOf<UnmanagedMachine>>({ id: true, name: true, state: true }),
    properties: {
      id: providerId("The VM's id at the provider."),
      name: { type: 'string', maxLength: 255, description: "The VM's name at the provider." },
      state: machineState,
      region: catalogStatus('The region of the VM.'),
      package: catalogStatus('Size and price of the VM.'),
      address: { type: 'string', maxLength: 64, description: 'The IP address to connect to.' },
    } satisfies PropertiesOf<UnmanagedMachine>,
  },
};

function catalogList(description: string, items: Schema): Schema {
  return { type: 'array', description, maxItems: maxCatalogEntries, 'x-kubernetes-list-type': 'atomic', items };
}

const packageEntry = catalogStatus('A package, which determines size and price of a VM.');

const catalog: Schema = {
  type: 'object',
  description: 'What the provider offers. The operator reads it at most once an hour.',
  properties: {
    regions: catalogList('The regions.', catalogStatus('A region.')),
    packages: catalogList('The packages with their prices.', {
      ...packageEntry,
      properties: {
        ...packageEntry.properties,
        prices: {
          type: 'array',
          description: 'The prices, one entry for each currency.',
          maxItems: 3,
          'x-kubernetes-list-type': 'atomic',
          items: {
            type: 'object',
            description: 'The prices in one currency.',
            required: allOf<RequiredOf<CatalogPrice>>({ currency: true }),
            properties: {
              currency: { ...currency, description: 'The currency.' },
              perMonth: { ...price, description: 'The price of a month.' },
              perHour: { ...price, description: 'The price of an hour.' },
            } satisfies PropertiesOf<CatalogPrice>,
          },
        },
      } satisfies PropertiesOf<Pick<CatalogPackage, 'prices'>>,
    }),
    osTemplates: catalogList('The operating system templates.', catalogStatus('A template.')),
    omitted: {
      type: 'integer',
      format: 'int32',
      minimum: 0,
      description: 'How many entries are left out, because the status would be too large.',
    },
  } satisfies PropertiesOf<AccountCatalog>,
};

const estimate: Schema = {
  type: 'object',
  description:
    "The sum of the monthly prices of all VMs of the account, from the provider's catalog. Traffic, discounts and taxes are not part of it.",
  required: allOf<RequiredOf<Estimate>>({ unpriced: true }),
  properties: {
    monthlyPrice: {
      ...price,
      description: 'The sum, a decimal number. Missing if it is not known in one currency; message explains that.',
    },
    currency: { ...currency, description: 'The currency of the sum.' },
    unpriced: {
      type: 'integer',
      format: 'int32',
      minimum: 0,
      description: 'How many VMs the sum does not contain, because their price is not known.',
    },
    message: { type: 'string', maxLength: 512, description: 'Why the sum is missing.' },
  } satisfies PropertiesOf<Estimate>,
};

const accountStatusSchema: Schema = {
  type: 'object',
  description:
    'The last observed state of the account. Only the operator writes it, at most once a minute while no condition changes.',
  'x-kubernetes-map-type': 'atomic',
  // An object that was never reconciled has generation 1, so it isn't mistaken for a healthy one.
  default: { observedGeneration: -1 },
  properties: {
    observedGeneration: {
      type: 'integer',
      format: 'int64',
      minimum: -1,
      description: 'The generation of the spec that was last reconciled; -1 if none was.',
    },
    ownerId: providerId("The provider's id of the account."),
    machines,
    unmanaged,
    catalog,
    estimate,
    conditions: conditionsSchema(
      'The state of the account. Present only while true: Reconciling and Stalled.',
      'Ready: the key is valid and the inventory is that of the newest list. CredentialsValid: the provider accepts the key. InventoryComplete: the newest list of VMs is complete and plausible. ' +
        'WithinLimits, present only with spec.limits: VMs can be created. Present only while true: Reconciling (the operator retries) and Stalled (you have to act).',
    ),
  } satisfies PropertiesOf<AccountStatus>,
};

export const accountSchema: Schema = {
  type: 'object',
  description:
    'An account at vps247: the state of its API key, its VMs, the catalog and an estimate of the monthly price. It can limit the number of VMs. Deleting the object changes nothing at the provider.',
  properties: {
    apiVersion: { type: 'string', description: `The version of this resource, ${apiVersion}.` },
    kind: { type: 'string', description: `The kind of this resource, ${accountKind}.` },
    // Kubernetes forbids any further schema for it, including a description.
    metadata: { type: 'object' },
    spec: accountSpecSchema,
    status: accountStatusSchema,
  },
};

/** The columns of `kubectl get` after the name. */
export const accountColumns = [
  { name: 'Owner', type: 'integer', jsonPath: '.status.ownerId', description: "The provider's id of the account" },
  {
    name: 'Valid',
    type: 'string',
    jsonPath: '.status.conditions[?(@.type=="CredentialsValid")].status',
    description: 'Whether the provider accepts the API key',
  },
  { name: 'Machines', type: 'integer', jsonPath: '.status.machines.total', description: 'All VMs of the account' },
  {
    name: 'Unmanaged',
    type: 'integer',
    jsonPath: '.status.machines.unmanaged',
    description: 'The VMs that no VirtualMachine has',
  },
  {
    name: 'Month',
    type: 'string',
    jsonPath: '.status.estimate.monthlyPrice',
    description: 'The estimated price of a month',
  },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Age of the object' },
  {
    name: 'Currency',
    type: 'string',
    jsonPath: '.status.estimate.currency',
    description: 'The currency of the estimate',
    priority: 1,
  },
  {
    name: 'Unpriced',
    type: 'integer',
    jsonPath: '.status.estimate.unpriced',
    description: 'The VMs that the estimate does not contain',
    priority: 1,
  },
  {
    name: 'Message',
    type: 'string',
    jsonPath: '.status.conditions[?(@.type=="Ready")].message',
    description: 'The reason of Ready in words',
    priority: 1,
  },
] as const;

/** The CustomResourceDefinition that `crds/` is generated from. */
export const accountDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${accountPlural}.${group}`, labels: { 'app.kubernetes.io/name': 'vps247-operator' } },
  spec: {
    group,
    scope: 'Namespaced',
    names: {
      kind: accountKind,
      listKind: `${accountKind}List`,
      plural: accountPlural,
      singular: 'account',
      shortNames: ['vpsaccount'],
      categories: ['vps247'],
    },
    versions: [
      {
        name: version,
        served: true,
        storage: true,
        subresources: { status: {} },
        additionalPrinterColumns: accountColumns,
        schema: { openAPIV3Schema: accountSchema },
      },
    ],
  },
} as const;
