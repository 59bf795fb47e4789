import { annotations, finalizer } from '../../src/api/v1alpha1/constants.ts';
import { providerName, readIdentity, readIntent } from '../../src/api/v1alpha1/identity.ts';
import { readRequests } from '../../src/api/v1alpha1/annotations.ts';
import type {
  InternalStatus,
  VirtualMachine,
  VirtualMachineSpec,
  VirtualMachineStatus,
} from '../../src/api/v1alpha1/types.ts';
import type { Failure } from '../../src/domain/failure.ts';
import type { Machine, MachineState } from '../../src/domain/machine.ts';
import type { Observed } from '../../src/plan/observed.ts';

export const now = Date.UTC(2026, 5, 1, 12);
export const uid = '0a1b2c3d-4e5f-6789-abcd-ef0123456789';
const ownName = 'web-0a1b2c3d';
export const secondsAgo = (seconds: number): string => new Date(now - seconds * 1000).toISOString();

const spec: VirtualMachineSpec = {
  region: { name: 'Amsterdam 1' },
  package: { name: 'Budget' },
  osTemplate: { name: 'Debian 13 x64' },
  ipv6: false,
  privateNetworking: false,
  sshKeyIds: [],
  powerState: 'Running',
  powerOff: { mode: 'TrySoft', gracePeriodSeconds: 300 },
  powerDriftPolicy: 'Correct',
  managementPolicy: 'Manage',
  adoption: { policy: 'Never' },
  deletionProtection: false,
  credentialsSecretRef: { name: 'vps247-credentials', key: 'api-key' },
  initialPasswordSecret: {},
};

export interface ObjectOptions {
  readonly spec?: Partial<VirtualMachineSpec>;
  readonly status?: Partial<VirtualMachineStatus>;
  /** The VM on record: in the status, and in the annotation as a hint. */
  readonly id?: number;
  /** The object with this UID has the VM on record: only the annotation came with this one. */
  readonly recordedFor?: string;
  /** Only the annotation names the VM. */
  readonly isHint?: boolean;
  /** It was adopted, under this name at the provider. */
  readonly adoptedAs?: string;
  readonly intent?: boolean;
  readonly finalizer?: boolean;
  readonly deleting?: boolean;
  /** What is wrong with the stored spec. */
  readonly flaws?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
}

export function objectWith(options: ObjectOptions = {}): VirtualMachine {
  const { id, intent = false, adoptedAs: name, isHint = options.recordedFor !== undefined } = options;
  const hint = JSON.stringify({ id, uid: options.recordedFor ?? uid, ...(name === undefined ? {} : { name }) });
  const origin = name === undefined ? 'Created' : 'Adopted';
  const record =
    id === undefined || isHint
      ? {}
      : ({
          id,
          origin,
          providerName: name ?? options.spec?.providerName ?? ownName,
          internal: { objectUID: uid },
        } as const);
  return {
    metadata: {
      name: 'web',
      namespace: 'default',
      uid,
      resourceVersion: '7',
      generation: 1,
      creationTimestamp: secondsAgo(3600),
      ...(options.deleting === true ? { deletionTimestamp: secondsAgo(1) } : {}),
      finalizers: (options.finalizer ?? (id !== undefined || intent)) ? [finalizer] : [],
      annotations: {
        ...(id === undefined ? {} : { [annotations.machine]: hint }),
        ...(intent
          ? {
              [annotations.createPending]: JSON.stringify({
                at: secondsAgo(5),
                name: ownName,
                uid: options.recordedFor ?? uid,
              }),
            }
          : {}),
        ...options.annotations,
      },
    },
    spec: { ...spec, ...options.spec },
    ...(options.flaws === undefined ? {} : { specErrors: options.flaws }),
    status: { observedGeneration: -1, ...record, ...options.status, ...withInternal(record, options.status) },
  };
}

/** What a test gives of the bookkeeping is added to that of the record. */
function withInternal(...parts: readonly (Partial<VirtualMachineStatus> | undefined)[]): Partial<VirtualMachineStatus> {
  const internal = Object.assign({}, ...parts.map((part) => part?.internal)) as InternalStatus;
  return Object.keys(internal).length === 0 ? {} : { internal };
}

export function machineIn(state: MachineState, more: Partial<Machine> = {}): Machine {
  return { id: 90, name: ownName, state, ownerId: 1, addresses: [], ...more };
}

export function failure(more: Partial<Failure> = {}): Failure {
  return { operation: 'ListMachines', class: 'Retry', code: 'ServerError', status: 500, text: 'boom', ...more };
}

export interface ObservedOptions extends ObjectOptions {
  readonly machine?: Machine | MachineState | 'Absent' | Extract<Observed['machine'], { kind: 'Unknown' }>['reason'];
  readonly observed?: Partial<Observed>;
  readonly history?: Partial<Observed['history']>;
}

/** An observation, complete and harmless, with what the test is about put in. */
export function observedWith(options: ObservedOptions = {}): Observed {
  const object = objectWith(options);
  const identity = readIdentity(object);
  return {
    now,
    object,
    providerName: identity.kind === 'Known' ? identity.name : providerName(object),
    identity,
    intent: readIntent(object.metadata.annotations?.[annotations.createPending], uid),
    isRecordStored: identity.kind === 'Known',
    createsWithoutVm: undefined,
    isIntentProven: options.intent === true,
    isIntentRefused: false,
    nameConflict: undefined,
    credentials: { kind: 'Accepted' },
    machine: machineObservation(options.machine),
    catalog: {
      kind: 'Read',
      regions: [{ id: 1, name: 'Amsterdam 1', packageIds: [2, 3] }],
      packages: [
        { id: 2, name: 'Budget', osTemplateIds: [4] },
        { id: 3, name: 'Standard', osTemplateIds: [4, 5] },
        { id: 9, name: 'Elsewhere' },
      ],
      osTemplates: [
        { id: 4, name: 'Debian 13 x64' },
        { id: 5, name: 'Windows' },
        { id: 6, name: 'Twin' },
        { id: 7, name: 'Twin' },
      ],
    },
    rateLimitedFor: 0,
    isProviderUnavailable: false,
    history: {
      knownFor: 0,
      stateFor: 0,
      taskBusyFor: 0,
      refusedFor: 0,
      wasActedOn: false,
      deletes: 0,
      ...options.history,
    },
    requests: readRequests(object),
    schedule: undefined,
    nextHaltAt: undefined,
    machineConflict: undefined,
    apiKeyHash: 'hash-of-the-key',
    isKeyChanging: false,
    isDefaultKey: false,
    orphanCandidates: [],
    namespaceLimit: undefined,
    accountLimits: undefined,
    pausedBy: undefined,
    isPauseKnown: true,
    mayOrphan: true,
    deletesHeldFor: 0,
    recreation: undefined,
    duplicates: [],
    limits: {
      stuckAfter: 600_000,
      visibilityWindow: 30_000,
      recreateAfter: 300_000,
      callDeadline: 35_000,
      orphanCandidates: 'Hold',
    },
    ...options.observed,
  };
}

function machineObservation(machine: ObservedOptions['machine'] = 'Absent'): Observed['machine'] {
  if (machine === 'Absent') return { kind: 'Absent' };
  if (typeof machine === 'string') return { kind: 'Present', machine: machineIn(machine) };
  return 'kind' in machine ? { kind: 'Unknown', reason: machine } : { kind: 'Present', machine };
}
