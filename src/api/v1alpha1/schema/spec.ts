import type {
  AdoptionPolicy,
  CreationOptions,
  DeletionPolicy,
  ExternalDeletePolicy,
  InitialPasswordPolicy,
  ManagementPolicy,
  PowerDriftPolicy,
  PowerOffMode,
  PowerState,
  VirtualMachineSpec,
} from '../types.ts';
import { defaultCredentials } from '../constants.ts';
import { allOf, providerId, type CelRule, type PropertiesOf, type Schema } from './openapi.ts';

function catalogueSelector(field: string, what: string): Schema {
  return {
    type: 'object',
    description:
      `${what}, by exactly one of id or name. ` +
      'Required, unless adoption.policy is MustExist or managementPolicy is Observe. The operator looks up a name once, before it creates the VM. ' +
      'You can change it until the VM exists; after that, you can only correct it to what status shows.',
    properties: {
      id: providerId(`The provider's id of the ${field}.`),
      name: {
        type: 'string',
        minLength: 1,
        maxLength: 255,
        description: `The provider's name of the ${field}, spelled as the provider spells it.`,
      },
    } satisfies PropertiesOf<{ id: number; name: string }>,
    'x-kubernetes-validations': [
      { rule: 'has(self.id) != has(self.name)', message: `${field} needs exactly one of id or name` },
    ],
  };
}

const powerOff: Schema = {
  type: 'object',
  description: 'How the machine is powered off, when it is to be halted and when it is deleted.',
  default: {},
  properties: {
    mode: {
      type: 'string',
      enum: allOf<PowerOffMode>({ Soft: true, Hard: true, TrySoft: true }),
      default: 'TrySoft',
      description:
        'Soft sends the shutdown signal, again after pauses that grow, and waits for as long as it takes. Hard cuts the power at once, which may lose data. ' +
        'TrySoft sends the shutdown signal and cuts the power when the grace period is over.',
    },
    gracePeriodSeconds: {
      type: 'integer',
      format: 'int32',
      minimum: 1,
      maximum: 3600,
      default: 300,
      description:
        'How many seconds the guest has to shut down before TrySoft cuts the power or Soft sends the signal again. Hard ignores it.',
    },
  } satisfies PropertiesOf<VirtualMachineSpec['powerOff']>,
};

const secretName = {
  type: 'string',
  minLength: 1,
  maxLength: 253,
  pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$',
} as const satisfies Partial<Schema>;

const adoption: Schema = {
  type: 'object',
  description:
    'Whether the operator adopts a VM that exists already. It looks for the VM by id or name, else by spec.providerName; ' +
    'an object restored from a backup adopts the VM that it was recorded with. A VM that belongs to another object is never adopted.',
  default: {},
  properties: {
    policy: {
      type: 'string',
      enum: allOf<AdoptionPolicy>({ Never: true, IfExists: true, MustExist: true }),
      default: 'Never',
      description:
        'Never: existing VMs are not adopted. IfExists adopts the VM named spec.providerName, and creates one if there is none. MustExist never creates a VM.',
    },
    id: providerId("The provider's id of the VM to adopt; needs policy MustExist."),
    name: {
      type: 'string',
      minLength: 1,
      maxLength: 255,
      description:
        'The exact name at the provider of the VM to adopt, such as "Web 1" or db.example.com; needs policy MustExist.',
    },
  } satisfies PropertiesOf<VirtualMachineSpec['adoption']>,
  'x-kubernetes-validations': [
    {
      rule: "!has(self.id) && !has(self.name) || self.policy == 'MustExist' && has(self.id) != has(self.name)",
      message:
        'adoption takes an id or a name, not both, and only with policy MustExist: a VM that is created has neither. With IfExists, spec.providerName says which VM',
    },
  ],
};

const initialPasswordSecret: Schema = {
  type: 'object',
  description:
    "Where the machine's initial root password goes: a Secret in the same namespace, owned by this object, written once under the key password. " +
    'A Secret of that name that is not owned by this object is never written to. For an adopted machine only when the name is given.',
  default: {},
  properties: {
    name: {
      ...secretName,
      description: "Name of the Secret; by default the object's name with -initial-password.",
    },
    policy: {
      type: 'string',
      enum: allOf<InitialPasswordPolicy>({ Create: true, None: true }),
      description: 'Create, the default, writes the Secret; None writes no Secret.',
    },
  } satisfies PropertiesOf<VirtualMachineSpec['initialPasswordSecret']>,
  'x-kubernetes-validations': [
    {
      rule: "!has(self.name) || !has(self.policy) || self.policy != 'None'",
      message: 'initialPasswordSecret takes a name or policy None, not both',
      fieldPath: '.policy',
    },
  ],
};

const credentialsSecretRef: Schema = {
  type: 'object',
  description:
    'The Secret in the same namespace that holds the API key. Its type must be Opaque or vps247.com/api-key. ' +
    'The reference can be changed, to a key of the same account. ' +
    'With the label vps247.com/credentials: "true" on the Secret, the operator picks up a new key immediately; a cluster administrator may require that label.',
  default: {},
  properties: {
    name: { ...secretName, default: defaultCredentials.name, description: 'Name of the Secret.' },
    key: {
      type: 'string',
      minLength: 1,
      maxLength: 253,
      pattern: '^[-._a-zA-Z0-9]+$',
      default: defaultCredentials.key,
      description: "Key in the Secret's data.",
    },
  } satisfies PropertiesOf<VirtualMachineSpec['credentialsSecretRef']>,
};

export const specSchema: Schema = {
  type: 'object',
  description: 'The desired state of the VM.',
  properties: {
    region: catalogueSelector('region', 'Where the machine runs'),
    package: catalogueSelector('package', 'Size and price of the machine'),
    osTemplate: catalogueSelector('osTemplate', 'The operating system the machine is created with'),
    ipv6: {
      type: 'boolean',
      default: false,
      description:
        'Whether the VM is created with an IPv6 address. You can change it until the VM exists; after that, you can only correct it to what status shows.',
    },
    privateNetworking: {
      type: 'boolean',
      default: false,
      description:
        'Whether the VM is created with private networking. You can change it until the VM exists; after that, you can only correct it to what status shows.',
    },
    sshKeyIds: {
      type: 'array',
      default: [],
      maxItems: 32,
      'x-kubernetes-list-type': 'set',
      items: providerId("The provider's id of an SSH key."),
      description:
        "The provider's ids of the SSH keys that the VM is created with, at most 32. You can change them until the VM exists; after that, you can only correct them to what status shows.",
    },
    providerName: {
      type: 'string',
      minLength: 1,
      maxLength: 63,
      pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
      description:
        "The machine's name at the provider, where it must be free. Without it the name is made of the object's name and the first " +
        'eight digits of its UID, which no other object can have. Cannot be changed, added or removed later.',
    },
    powerState: {
      type: 'string',
      enum: allOf<PowerState>({ Running: true, Halted: true }),
      default: 'Running',
      description: 'Whether the machine is to run or to be halted. A machine always boots when it is created.',
    },
    powerOff,
    restartRequest: {
      type: 'string',
      minLength: 1,
      maxLength: 256,
      description:
        'Any text that differs from status.lastRestartRequest restarts a running machine once. One that is there at creation, or set while the machine is halted, counts as handled.',
    },
    powerDriftPolicy: {
      type: 'string',
      enum: allOf<PowerDriftPolicy>({ Correct: true, Report: true }),
      default: 'Correct',
      description:
        'What happens on power drift, when the power of the VM changes outside the operator: Correct restores spec.powerState, Report only reports it until powerState changes.',
    },
    managementPolicy: {
      type: 'string',
      enum: allOf<ManagementPolicy>({ Manage: true, Plan: true, Observe: true }),
      default: 'Manage',
      description:
        'Manage acts. Plan shows the calls that are due in status.plannedActions and makes none. Observe only looks; deleting the object then leaves the machine alone.',
    },
    adoption,
    onExternalDelete: {
      type: 'string',
      enum: allOf<ExternalDeletePolicy>({ Recreate: true, Report: true }),
      description:
        'What happens when the machine is shown to have been deleted by others: Recreate makes a new, empty one, Report says so. Without it, Recreate for a machine that was created by this object, Report for one that was adopted. status.onExternalDelete shows which applies.',
    },
    deletionPolicy: {
      type: 'string',
      enum: allOf<DeletionPolicy>({ Delete: true, Retain: true }),
      description:
        "What happens to the machine when the object is deleted: Delete deletes it with its data, Retain leaves it at once in the power state that it is in. Without it, Delete for a machine that was created by this object, Retain for one that was adopted; status.deletionPolicy shows which applies. With the operator's default API key, Retain needs the permission of a cluster administrator.",
    },
    deletionProtection: {
      type: 'boolean',
      default: false,
      description: 'While true, the API server refuses to delete the object, and the operator does not delete its VM.',
    },
    credentialsSecretRef,
    initialPasswordSecret,
  } satisfies PropertiesOf<VirtualMachineSpec>,
  'x-kubernetes-validations': [
    {
      rule: "has(self.region) && has(self.__package__) && has(self.osTemplate) || self.adoption.policy == 'MustExist' || self.managementPolicy == 'Observe'",
      message:
        'region, package and osTemplate are required, unless adoption.policy is MustExist or managementPolicy is Observe',
    },
    {
      // On the spec and not on the field, because a rule of the field does not run when the field comes or goes.
      rule:
        'has(self.providerName) == has(oldSelf.providerName) && ' +
        '(!has(self.providerName) || self.providerName == oldSelf.providerName)',
      message:
        'providerName cannot be changed, added or removed once the object exists: create a new VirtualMachine with the other providerName and delete this one',
      fieldPath: '.providerName',
    },
  ],
};

/** `package` is a keyword of CEL. */
const selected = ['region', '__package__', 'osTemplate'] as const;
const options = ['ipv6', 'privateNetworking', 'sshKeyIds'] as const satisfies readonly (keyof CreationOptions)[];

/** Whether a field is as it was, is not given any more, or says nothing else than the status shows. */
function isSelectable(field: (typeof selected)[number]): string {
  const [wanted, before, seen] = [`self.spec.${field}`, `oldSelf.spec.${field}`, `self.status.${field}`];
  const isTrue = `has(${wanted}.id) ? ${wanted}.id == ${seen}.id : !has(${seen}.name) || ${wanted}.name == ${seen}.name`;
  return `(!has(${wanted}) || !has(${seen}) || has(${before}) && ${wanted} == ${before} || (${isTrue}))`;
}

/** The same for fields that are always given. */
function isOption(field: (typeof options)[number]): string {
  const [wanted, seen] = [`self.spec.${field}`, `self.status.${field}`];
  return `(!has(${seen}) || ${wanted} == oldSelf.spec.${field} || ${wanted} == ${seen})`;
}

/**
 * While there is a VM, the spec must not contradict what the status shows of it. One rule on the whole object, because it compares the
 * spec with the status. It runs on every write: the common cases come first.
 */
export const afterCreation: CelRule = {
  rule: [
    '!has(oldSelf.status) || !has(oldSelf.status.state) || self.spec == oldSelf.spec',
    [...selected.map(isSelectable), ...options.map(isOption)].join(' && '),
  ].join(' || '),
  message:
    'the VM exists: region, package, osTemplate, ipv6, privateNetworking and sshKeyIds can only be corrected to what status shows. ' +
    'For another VM, create a new VirtualMachine and delete this one',
  fieldPath: '.spec',
};
