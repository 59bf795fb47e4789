import type {
  AdoptionPolicy,
  DeletionPolicy,
  ExternalDeletePolicy,
  ManagementPolicy,
  PowerDriftPolicy,
  PowerOffMode,
  PowerState,
  VirtualMachineSpec,
} from '../types.ts';
import { defaultCredentials } from '../names.ts';
import { allOf, providerId, type CelRule, type PropertiesOf, type Schema } from './openapi.ts';

/** For fields that are always there (required or defaulted): such a rule does not run when one side lacks the field. */
function immutable(field: string): CelRule {
  return {
    rule: 'self == oldSelf',
    message: `${field} cannot be changed once the object exists: create a new VirtualMachine with the other ${field} and delete this one`,
  };
}

function catalogueSelector(field: string, what: string): Schema {
  return {
    type: 'object',
    description:
      `${what}, by exactly one of id or name. ` +
      'A name is looked up once, before the machine is created. Cannot be changed.',
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
      immutable(field),
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
    gracePeriod: {
      type: 'string',
      // Two terms of six digits cannot overflow a duration in CEL; an overflow would be an obscure error instead of the message.
      maxLength: 16,
      default: '5m',
      description:
        'How long the guest has to shut down, before TrySoft cuts the power or Soft sends the signal again, as a duration such as 90s, 5m or 1h; from 1s to 1h. Hard ignores it.',
      'x-kubernetes-validations': [
        {
          rule:
            "self.matches('^([0-9]{1,6}([.][0-9]{1,3})?(ms|s|m|h))+$') && " +
            "duration(self) >= duration('1s') && duration(self) <= duration('1h')",
          message: 'gracePeriod must be a duration from 1s to 1h, such as 90s or 5m',
        },
      ],
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
    'Whether a machine that exists already is taken over. It is looked for by id, else by spec.providerName; ' +
    'an object restored from a backup takes over the machine it was recorded with. A machine that another object holds is never taken.',
  default: {},
  properties: {
    policy: {
      type: 'string',
      enum: allOf<AdoptionPolicy>({ Never: true, IfExists: true, MustExist: true }),
      default: 'Never',
      description:
        'Never takes over nothing. IfExists takes over the machine, and creates one when it is shown not to exist. MustExist never creates one.',
    },
    id: providerId("The provider's id of the machine to take over; needs a policy other than Never."),
  } satisfies PropertiesOf<VirtualMachineSpec['adoption']>,
  'x-kubernetes-validations': [
    {
      rule: "!has(self.id) || self.policy != 'Never'",
      message: 'adoption.id needs adoption.policy IfExists or MustExist; with Never no machine is taken over',
      fieldPath: '.id',
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
    disabled: { type: 'boolean', description: 'Whether no Secret is written.' },
  } satisfies PropertiesOf<VirtualMachineSpec['initialPasswordSecret']>,
  'x-kubernetes-validations': [
    {
      rule: '!has(self.name) || !has(self.disabled) || !self.disabled',
      message: 'initialPasswordSecret takes a name or disabled: true, not both',
      fieldPath: '.disabled',
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
  description: 'The machine as it is wanted.',
  required: ['region', 'package', 'osTemplate'],
  properties: {
    region: catalogueSelector('region', 'Where the machine runs'),
    package: catalogueSelector('package', 'Size and price of the machine'),
    osTemplate: catalogueSelector('osTemplate', 'The operating system the machine is created with'),
    ipv6: {
      type: 'boolean',
      default: false,
      description: 'Whether the machine gets an IPv6 address. Cannot be changed.',
      'x-kubernetes-validations': [immutable('ipv6')],
    },
    privateNetworking: {
      type: 'boolean',
      default: false,
      description: 'Whether the machine is attached to the private network. Cannot be changed.',
      'x-kubernetes-validations': [immutable('privateNetworking')],
    },
    sshKeyIds: {
      type: 'array',
      default: [],
      maxItems: 32,
      'x-kubernetes-list-type': 'set',
      items: providerId("The provider's id of an SSH key."),
      description: "The provider's ids of the SSH keys the machine is created with, at most 32. Cannot be changed.",
      'x-kubernetes-validations': [immutable('sshKeyIds')],
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
        'What happens when others change the power of a machine that was as asked: Correct puts it back, Report says so and leaves it until powerState changes.',
    },
    managementPolicy: {
      type: 'string',
      enum: allOf<ManagementPolicy>({ Manage: true, Plan: true, Observe: true }),
      default: 'Manage',
      description:
        'Manage acts. Plan shows the next call in status.plannedActions and makes none. Observe only looks; deleting the object then leaves the machine alone.',
    },
    adoption,
    onExternalDelete: {
      type: 'string',
      enum: allOf<ExternalDeletePolicy>({ Recreate: true, Report: true }),
      description:
        'What happens when the machine is shown to have been deleted by others: Recreate makes a new, empty one, Report says so. Without it, Recreate for a machine that was created by this object, Report for one that was adopted.',
    },
    deletionPolicy: {
      type: 'string',
      enum: allOf<DeletionPolicy>({ Delete: true, Retain: true }),
      description:
        "What happens to the machine when the object is deleted: Delete deletes it with its data, Retain leaves it. Without it, Delete for a machine that was created by this object, Retain for one that was adopted. With the operator's default API key, Retain needs the permission of a cluster administrator.",
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
