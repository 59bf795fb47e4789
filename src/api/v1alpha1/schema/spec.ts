import type {
  AdoptionPolicy,
  CreationOptions,
  DeletionPolicy,
  ExternalDeletePolicy,
  InitialPasswordPolicy,
  ManagementPolicy,
  PowerDriftPolicy,
  PowerOffMode,
  PowerSchedule,
  PowerState,
  VirtualMachineSpec,
} from '../types.ts';
import { defaultCredentials } from '../constants.ts';
import { allOf, providerId, type CelRule, type PropertiesOf, type Schema } from './openapi.ts';

function catalogSelector(field: string, what: string): Schema {
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
  description: 'How the operator powers the VM off, to halt or to delete it.',
  default: {},
  properties: {
    mode: {
      type: 'string',
      enum: allOf<PowerOffMode>({ Soft: true, Hard: true, TrySoft: true }),
      default: 'TrySoft',
      description:
        'Soft sends the shutdown signal, repeats it with exponential backoff, and waits without limit. Hard cuts the power immediately, which may lose data. ' +
        'TrySoft sends the shutdown signal and cuts the power after the grace period.',
    },
    gracePeriodSeconds: {
      type: 'integer',
      format: 'int32',
      minimum: 1,
      maximum: 3600,
      default: 300,
      description:
        'Seconds for the guest to shut down, before TrySoft cuts the power or Soft repeats the signal. Hard ignores it.',
    },
  } satisfies PropertiesOf<VirtualMachineSpec['powerOff']>,
};

const cron = {
  type: 'string',
  maxLength: 100,
  pattern: '^[0-9A-Za-z*,/-]+( [0-9A-Za-z*,/-]+){4}$',
} as const satisfies Partial<Schema>;

const powerSchedule: Schema = {
  type: 'object',
  description:
    'Times at which the operator halts the VM although powerState is Running, and starts it again. It never starts a VM whose powerState is Halted. ' +
    'A halt counts as Ready with reason HaltedBySchedule. The annotation vps247.com/keep-running-until suspends the schedule until a time.',
  required: ['timeZone', 'halted'],
  properties: {
    timeZone: {
      type: 'string',
      maxLength: 64,
      pattern: '^[A-Za-z][A-Za-z0-9_+/-]*$',
      description: 'The IANA name of the time zone of all times, such as Europe/Amsterdam or UTC.',
    },
    halted: {
      type: 'array',
      minItems: 1,
      maxItems: 8,
      'x-kubernetes-list-type': 'atomic',
      description: 'The windows in which the VM is halted, at most 8. They may overlap.',
      items: {
        type: 'object',
        description: 'A window in which the VM is halted.',
        required: ['from', 'to'],
        properties: {
          from: {
            ...cron,
            description:
              'When the window begins: a cron expression of five fields (minute, hour, day of month, month, day of week), such as 0 20 * * MON-FRI.',
          },
          to: {
            ...cron,
            description:
              'When the window ends: a cron expression of five fields, such as 0 7 * * MON-FRI. The first such time after each begin counts. A time that daylight saving time skips counts as the first time after the gap; one that occurs twice counts once.',
          },
        } satisfies PropertiesOf<PowerSchedule['halted'][number]>,
      },
    },
  } satisfies PropertiesOf<PowerSchedule>,
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
    'Whether the operator adopts an existing VM. It looks for the VM by id or name, otherwise by spec.providerName; ' +
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
      pattern: '^[^\\x00-\\x1f\\x7f-\\x9f]+$',
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
    "The Secret for the VM's initial root password, in the same namespace. The operator writes it once, with the key password and, if the provider reports a public address, the key host. This object owns it. " +
    'The operator never writes to a Secret of that name that this object does not own. For an adopted VM, it writes the Secret only if you set the name.',
  default: {},
  properties: {
    name: {
      ...secretName,
      description: "Name of the Secret. Default: the object's name followed by -initial-password.",
    },
    policy: {
      type: 'string',
      enum: allOf<InitialPasswordPolicy>({ Create: true, None: true }),
      description: "Create (default) writes the Secret. None doesn't.",
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

export const credentialsSecretRef: Schema = {
  type: 'object',
  description:
    'The Secret in the same namespace that holds the API key. Its type must be Opaque or vps247.com/api-key. ' +
    'You can change the reference to a key of the same account. ' +
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
    region: catalogSelector('region', 'The region of the VM'),
    package: catalogSelector('package', 'Size and price of the VM'),
    osTemplate: catalogSelector('osTemplate', 'The operating system that the VM is created with'),
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
        "The VM's name at the provider, which must not be in use there. Default: the object's name, a hyphen, and the first " +
        "eight digits of its UID, which no other object can have. You can't change, add or remove it later.",
    },
    powerState: {
      type: 'string',
      enum: allOf<PowerState>({ Running: true, Halted: true }),
      default: 'Running',
      description: 'The desired power state. A new VM always boots first.',
    },
    powerSchedule,
    powerOff,
    restartRequest: {
      type: 'string',
      minLength: 1,
      maxLength: 256,
      description:
        'A text that differs from status.lastRestartRequest restarts a running VM once. A request that exists at creation counts as handled. So does one that you set while the VM is halted; the event RestartSkipped reports that.',
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
        'Manage applies the spec. Plan shows the pending calls in status.plannedActions and makes none. Observe only reports; deleting the object then keeps the VM.',
    },
    adoption,
    onExternalDelete: {
      type: 'string',
      enum: allOf<ExternalDeletePolicy>({ Recreate: true, Report: true }),
      description:
        'What happens when the VM was deleted outside the operator: Recreate creates a new, empty VM, Report only reports it. Default: Recreate for a VM that this object created, Report for an adopted VM. status.onExternalDelete shows the policy in effect.',
    },
    deletionPolicy: {
      type: 'string',
      enum: allOf<DeletionPolicy>({ Delete: true, Retain: true }),
      description:
        "What happens to the VM when you delete the object: Delete deletes it with its data, Retain keeps it in its present power state. Default: Delete for a VM that this object created, Retain for an adopted VM. status.deletionPolicy shows the policy in effect. With the operator's default API key, Retain needs the permission of a cluster administrator.",
    },
    deletionProtection: {
      type: 'boolean',
      default: false,
      description: "While true, the API server refuses to delete the object, and the operator doesn't delete its VM.",
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
      // A rule of the field does not run when the field is added or removed, so this rule is on the spec.
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

/** Whether a field is removed, unchanged, or matches what the status shows. */
function isSelectable(field: (typeof selected)[number]): string {
  const [wanted, before, seen] = [`self.spec.${field}`, `oldSelf.spec.${field}`, `self.status.${field}`];
  const isTrue = `has(${wanted}.id) ? ${wanted}.id == ${seen}.id : !has(${seen}.name) || ${wanted}.name == ${seen}.name`;
  return `(!has(${wanted}) || !has(${seen}) || has(${before}) && ${wanted} == ${before} || (${isTrue}))`;
}

/** The same for fields that always have a value. */
function isOption(field: (typeof options)[number]): string {
  const [wanted, seen] = [`self.spec.${field}`, `self.status.${field}`];
  return `(!has(${seen}) || ${wanted} == oldSelf.spec.${field} || ${wanted} == ${seen})`;
}

const allFields = 'region, package, osTemplate, ipv6, privateNetworking and sshKeyIds';

/** The message as a CEL string. */
function correctable(fields: string): string {
  return JSON.stringify(messageOf(fields));
}

function messageOf(fields: string): string {
  return `the VM exists: ${fields} can only be corrected to what status shows. For another VM, create a new VirtualMachine and delete this one`;
}

/** Names the first field whose rule is broken. The API server estimates too high a cost for a list of all. */
const firstBroken = [
  ...selected.map((field) => ({ name: field.replaceAll('_', ''), rule: isSelectable(field) })),
  ...options.map((field) => ({ name: field, rule: isOption(field) })),
].reduceRight((rest, { name, rule }) => `!${rule} ? ${correctable(name)} : ${rest}`, correctable(allFields));

/** Whether both versions of the spec have the same value of the field, which is optional. */
function isUnchanged(field: (typeof selected)[number]): string {
  return `has(self.spec.${field}) && has(oldSelf.spec.${field}) && self.spec.${field} == oldSelf.spec.${field}`;
}

const areUnchanged = [
  ...selected.map(isUnchanged),
  ...options.map((field) => `self.spec.${field} == oldSelf.spec.${field}`),
].join(' && ');

/**
 * While a VM exists, the spec must not contradict what the status shows of it. One rule on the whole object, because it
 * compares the spec with the status. It runs on every write of spec or status, and the API server builds a map of all
 * properties of an object for each field that a rule reads. So the most common case comes first, reads few fields, and
 * doesn't compare whole specs.
 */
export const afterCreation: CelRule = {
  rule: [
    areUnchanged,
    '!has(oldSelf.status) || !has(oldSelf.status.state)',
    [...selected.map(isSelectable), ...options.map(isOption)].join(' && '),
  ].join(' || '),
  message: messageOf(allFields),
  messageExpression: firstBroken,
  fieldPath: '.spec',
};
