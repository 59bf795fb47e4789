import type {
  CatalogStatus,
  Condition,
  ConditionStatus,
  DeletionPolicy,
  ExternalDeletePolicy,
  InternalStatus,
  OrphanCandidate,
  OperationStatus,
  OperationType,
  PlannedAction,
  TaskStatus,
  PowerState,
  VirtualMachineStatus,
} from '../types.ts';
import { allOf, providerId, time, type PropertiesOf, type RequiredOf, type Schema } from './openapi.ts';

export function catalogStatus(description: string): Schema {
  return {
    type: 'object',
    description,
    required: allOf<RequiredOf<CatalogStatus>>({ id: true }),
    properties: {
      id: providerId("The provider's id."),
      name: { type: 'string', maxLength: 255, description: "The provider's name, when it reports one." },
    } satisfies PropertiesOf<CatalogStatus>,
  };
}

type AddressStatus = NonNullable<VirtualMachineStatus['addresses']>[number];

const addresses: Schema = {
  type: 'array',
  description:
    "The VM's IP addresses and ranges. The one to connect to comes first: IPv4 before IPv6, public before private, and last a range of which no single address is known.",
  maxItems: 256,
  'x-kubernetes-list-type': 'atomic',
  items: {
    type: 'object',
    description: 'One IP address or range.',
    required: allOf<RequiredOf<AddressStatus>>({ version: true }),
    properties: {
      version: { type: 'integer', format: 'int32', enum: [4, 6], description: 'IP version, 4 or 6.' },
      address: {
        type: 'string',
        maxLength: 64,
        description:
          'The address; of a range the first one. Missing for a range that is a whole subnet: its first address is the subnet itself (IPv6: its routers), and the provider does not say which of the others the VM has.',
      },
      first: { type: 'string', maxLength: 64, description: 'The first address of a range.' },
      last: { type: 'string', maxLength: 64, description: 'The last address of a range.' },
      gateway: {
        type: 'string',
        maxLength: 64,
        description: 'The gateway of its network, when the provider reports it.',
      },
      prefixLength: {
        type: 'integer',
        format: 'int32',
        minimum: 0,
        maximum: 128,
        description: 'The prefix length of its network, when the provider reports it.',
      },
    } satisfies PropertiesOf<AddressStatus>,
  },
};

const operation: Schema = {
  type: 'object',
  description: 'The power operation in progress; absent when there is none.',
  required: allOf<RequiredOf<OperationStatus>>({ type: true, startTime: true }),
  properties: {
    type: {
      type: 'string',
      enum: allOf<OperationType>({ Start: true, Stop: true, Restart: true, Kill: true }),
      description: 'What is being done.',
    },
    startTime: time('When the operator last sent the call.'),
    deadlineTime: time('When the grace period ends and the operator cuts the power. Only for a stop in mode TrySoft.'),
    attempts: {
      type: 'integer',
      format: 'int32',
      minimum: 0,
      description: 'How many times the operator sent the call.',
    },
    lastResult: {
      type: 'string',
      maxLength: 64,
      description:
        'The result of the last call: Accepted, or why the provider refused it. Superseded: the other power state is wanted now, but the provider may still show the effect of the call. Missing while it is unknown.',
    },
    restartRequest: {
      type: 'string',
      maxLength: 256,
      description: 'The spec.restartRequest that this restart is for.',
    },
    previousActionTime: time("The provider's time of the VM's last action before this restart."),
  } satisfies PropertiesOf<OperationStatus>,
};

const lastTask: Schema = {
  type: 'object',
  description:
    "The provider's last task on the VM, while it is in progress or after it failed. One that is in progress is shown as it was at the last write of this status.",
  required: allOf<RequiredOf<TaskStatus>>({ status: true }),
  properties: {
    id: providerId("The task's id at the provider."),
    name: { type: 'string', maxLength: 255, description: 'Its name, such as VmStart.' },
    status: { type: 'string', maxLength: 255, description: 'Its status, such as pending, running or failed.' },
    progress: { type: 'string', maxLength: 64, description: 'How far it is, where the provider returns that.' },
  } satisfies PropertiesOf<TaskStatus>,
};

type StartFailure = NonNullable<VirtualMachineStatus['startFailure']>;

const startFailure: Schema = {
  type: 'object',
  description: 'Starts after which the VM halted again; absent if the last start lasted.',
  required: allOf<RequiredOf<StartFailure>>({ count: true, lastTime: true }),
  properties: {
    count: { type: 'integer', format: 'int32', minimum: 0, description: 'How many in a row.' },
    lastTime: time('When the operator saw the last one.'),
    retryTime: time('When the operator starts the VM again.'),
  } satisfies PropertiesOf<StartFailure>,
};

const plannedActions: Schema = {
  type: 'array',
  description:
    'The pending steps that managementPolicy Plan prevents, in order, as far as the operator knows them now.',
  maxItems: 8,
  'x-kubernetes-list-type': 'atomic',
  items: {
    type: 'object',
    description: 'One step.',
    required: allOf<RequiredOf<PlannedAction>>({ operation: true, message: true }),
    properties: {
      operation: { type: 'string', maxLength: 64, description: 'The provider call, or AdoptMachine.' },
      message: {
        type: 'string',
        maxLength: 1024,
        description: 'What the step does: names, ids, the price where it is known, and data loss.',
      },
    } satisfies PropertiesOf<PlannedAction>,
  },
};

const orphanCandidates: Schema = {
  type: 'array',
  description:
    "Unmanaged VMs that may have belonged to a previous object of this name: their names are this object's with the suffix of another one.",
  maxItems: 8,
  'x-kubernetes-list-type': 'atomic',
  items: {
    type: 'object',
    description: 'An orphan candidate.',
    required: allOf<RequiredOf<OrphanCandidate>>({ id: true, name: true }),
    properties: {
      id: providerId("The VM's id at the provider, for spec.adoption.id."),
      name: { type: 'string', maxLength: 255, description: "The VM's name at the provider." },
    } satisfies PropertiesOf<OrphanCandidate>,
  },
};

/** The conditions of an object. `types` says what each type means. */
export function conditionsSchema(description: string, types: string): Schema {
  return {
    type: 'array',
    description,
    maxItems: 16,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['type'],
    items: {
      type: 'object',
      description: 'One aspect of the current state.',
      required: allOf<RequiredOf<Condition>>({
        type: true,
        status: true,
        reason: true,
        message: true,
        observedGeneration: true,
        lastTransitionTime: true,
      }),
      properties: {
        type: {
          type: 'string',
          maxLength: 316,
          pattern:
            '^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$',
          description: types,
        },
        status: {
          type: 'string',
          enum: allOf<ConditionStatus>({ True: true, False: true, Unknown: true }),
          description: 'True, False or Unknown.',
        },
        reason: {
          type: 'string',
          minLength: 1,
          maxLength: 1024,
          pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$',
          description: 'The reason as one word, for programs.',
        },
        message: {
          type: 'string',
          maxLength: 32768,
          description: 'The reason and the remedy in a sentence, for users.',
        },
        observedGeneration: {
          type: 'integer',
          format: 'int64',
          minimum: 0,
          description: 'The generation of the spec that the condition refers to.',
        },
        lastTransitionTime: time("When the condition's status last changed."),
      } satisfies PropertiesOf<Condition>,
    },
  };
}

const conditions = conditionsSchema(
  'The state of the VM and of the work on it. docs/conditions.md lists the reasons and their remedies.',
  'Ready: the VM exists in the power state of the spec. AsSpecified: it has the region, package and template of the spec. Synced: the last reconciliation succeeded. CredentialsValid: the provider accepts the key. ' +
    'Present only while true: Reconciling (work is in progress), Stalled (you have to act), Paused, and DeletionBlocked.',
);

const internal: Schema = {
  type: 'object',
  description: 'Internal bookkeeping of the operator; not part of the API, may change in any release.',
  properties: {
    objectUID: {
      type: 'string',
      maxLength: 64,
      description:
        'The UID of the object that the VM was recorded for. The operator does not act on a record with another UID, from a backup or a copy.',
    },
    apiKeyHash: {
      type: 'string',
      maxLength: 64,
      description:
        "A keyed hash (HMAC-SHA256, 128 bits) of the object's UID, with the API key that the VM was last seen with. While it is the same, a list without any VM is of the same account.",
    },
    usesDefaultCredentials: {
      type: 'boolean',
      description: "Whether the VM was last seen with the operator's default API key.",
    },
    lastSyncedPowerState: {
      type: 'string',
      enum: allOf<PowerState>({ Running: true, Halted: true }),
      description: 'The power state in which the VM last matched the spec. A VM that then differs has drifted.',
    },
  } satisfies PropertiesOf<InternalStatus>,
};

export const machineState: Schema = {
  type: 'string',
  enum: allOf<NonNullable<VirtualMachineStatus['state']>>({
    Pending: true,
    Starting: true,
    Running: true,
    Halting: true,
    Halted: true,
    Unknown: true,
  }),
  description:
    "The VM's state at the provider. Unknown: this version doesn't know the state, or the operator can't see the VM.",
};

export const statusSchema: Schema = {
  type: 'object',
  description: 'The last observed state of the VM. Only the operator writes it.',
  // One writer needs no record of who wrote which field. That record was a quarter of a stored object.
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
    id: providerId("The VM's id at the provider."),
    providerName: { type: 'string', maxLength: 255, description: "The VM's name at the provider." },
    origin: {
      type: 'string',
      enum: allOf<NonNullable<VirtualMachineStatus['origin']>>({ Created: true, Adopted: true }),
      description: 'How the object got its VM.',
    },
    ownerId: providerId("The provider's id of the account that owns the VM."),
    deletionPolicy: {
      type: 'string',
      enum: allOf<DeletionPolicy>({ Delete: true, Retain: true }),
      description:
        'The deletionPolicy in effect: that of the spec, else the default for the origin of the VM. Retain while managementPolicy is Observe. Missing until the default is known.',
    },
    onExternalDelete: {
      type: 'string',
      enum: allOf<ExternalDeletePolicy>({ Recreate: true, Report: true }),
      description:
        'The onExternalDelete in effect: that of the spec, else the default for the origin of the VM. Missing until the default is known.',
    },
    state: machineState,
    nextHaltTime: time(
      'When spec.powerSchedule next halts the VM; vps247.com/keep-running-until is considered. Missing while the VM is to be halted.',
    ),
    haltedUntil: time('Until when spec.powerSchedule halts the VM. Missing while it does not halt it.'),
    hostname: { type: 'string', maxLength: 255, description: "The VM's host name." },
    addresses,
    region: catalogStatus('The region of the VM.'),
    package: catalogStatus('Size and price of the VM.'),
    osTemplate: catalogStatus('The operating system that the VM was created with.'),
    ipv6: {
      type: 'boolean',
      description:
        "Whether the VM was created with an IPv6 address. Missing if that isn't known, as for an adopted VM.",
    },
    privateNetworking: {
      type: 'boolean',
      description: "Whether the VM was created with private networking. Missing if that isn't known.",
    },
    sshKeyIds: {
      type: 'array',
      description: "The ids of the SSH keys that the VM was created with. Missing if that isn't known.",
      maxItems: 32,
      'x-kubernetes-list-type': 'set',
      items: providerId('The id of an SSH key.'),
    },
    diskIds: {
      type: 'array',
      description: "The ids of the VM's disks at the provider.",
      maxItems: 16,
      'x-kubernetes-list-type': 'atomic',
      items: providerId("A disk's id."),
    },
    creationTime: time("When the VM was created, by the provider's clock."),
    updatedTime: time(
      "The provider's time of the VM's last action, as of the last write of this status. The metric vps247_operator_machine_last_action_timestamp_seconds has the newest.",
    ),
    initialPasswordSecret: {
      type: 'object',
      description: 'The Secret that the initial password was written to; it is written once.',
      required: ['name'],
      properties: {
        name: { type: 'string', maxLength: 253, description: 'Name of the Secret.' },
      } satisfies PropertiesOf<NonNullable<VirtualMachineStatus['initialPasswordSecret']>>,
    },
    operation,
    lastTask,
    startFailure,
    lastRestartRequest: {
      type: 'string',
      maxLength: 256,
      description: 'The spec.restartRequest that was handled last.',
    },
    plannedActions,
    orphanCandidates,
    lastHandledReconcileAt: {
      type: 'string',
      maxLength: 256,
      description: 'The value of the annotation vps247.com/reconcile-requested-at that was handled last.',
    },
    internal,
    conditions,
  } satisfies PropertiesOf<VirtualMachineStatus>,
};
