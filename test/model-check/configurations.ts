import { annotations, finalizer } from '../../src/api/v1alpha1/constants.ts';
import type { VirtualMachine, VirtualMachineSpec } from '../../src/api/v1alpha1/types.ts';
import { newCluster, newObject } from './world/cluster.ts';
import { newMachine } from './world/fake-provider.ts';
import { settle } from './model.ts';
import { newOperator } from './actions/operator.ts';
import { firstId, neighborId, neighborName, strayName } from './actions/users.ts';
import type { Budget, State } from './state.ts';
import type { Subject } from './subject.ts';
import { dawn } from './time.ts';

/** Where a world begins, and what may go wrong in it. */
export interface Configuration {
  readonly name: string;
  /**
   * `Applied`: the object was just applied. `Settled`: its VM exists and matches the spec. `Restored`: it was applied from
   * the backup of another object, which had the neighbor's machine.
   */
  readonly from: 'Applied' | 'Settled' | 'Restored';
  readonly left: Budget;
  readonly spec?: Partial<VirtualMachineSpec>;
  /** Whether the provider keeps names unique; a worse one does not. */
  readonly refusesTwins?: boolean;
  /** Whether both accounts have other VMs, so that their lists always tell the owner. */
  readonly hasNeighbor?: boolean;
  /** Whether there is a VM that the object may mean. */
  readonly hasStray?: boolean;
}

/** Configurations that one test file explores, each small enough to be explored to its end. */
export interface Group {
  /** The kinds of step, besides misfortunes, that at least one of them takes. */
  readonly takes: string;
  readonly configurations: readonly Configuration[];
}

export const created: Group = {
  takes:
    'intent record hint status reread read release CreateMachine reconciliation watch conflict list machine catchUp lands sinks clock',
  configurations: [
    {
      name: 'created, by a process that crashes and loses answers',
      from: 'Applied',
      left: { crash: 2, lostAnswer: 1, lag: 1 },
    },
    {
      name: 'created and deleted, with a crash and a lost answer',
      from: 'Applied',
      left: { deletion: 1, crash: 1, lostAnswer: 1 },
    },
    {
      name: 'created while the API server fails, with a crash and a lost answer',
      from: 'Applied',
      left: { kubeFault: 1, crash: 1, lostAnswer: 1 },
    },
    {
      name: 'created and deleted while the API server fails again and again',
      from: 'Applied',
      left: { kubeFault: 2, deletion: 1 },
    },
    {
      name: 'created while a list leaves it out, with a crash and a lost answer',
      from: 'Applied',
      left: { gap: 1, crash: 1, lostAnswer: 1 },
    },
    {
      name: 'created by a slow operator that reads slow lists',
      from: 'Applied',
      left: { stall: 1, slowList: 1, lostAnswer: 1, lag: 1 },
    },
  ],
};

export const refused: Group = {
  takes: 'withdrawal repair',
  configurations: [
    {
      name: 'created under a chosen name, with refusals, crashes and answers without an id',
      from: 'Applied',
      spec: { providerName: 'plain' },
      refusesTwins: true,
      left: { refusal: 1, noId: 1, lostAnswer: 1, crash: 1 },
    },
    {
      name: 'created under a chosen name that a console user takes',
      from: 'Applied',
      spec: { providerName: 'plain' },
      left: { namesake: 1, refusal: 1, deletion: 1 },
    },
    {
      name: 'created by a call that is refused and carried out, and deleted',
      from: 'Applied',
      spec: { providerName: 'plain' },
      left: { refusedEffect: 1, deletion: 1, kubeFault: 1 },
    },
    {
      name: 'created under policies that alter and refuse what is stored, and deleted',
      from: 'Applied',
      left: { policy: 2, deletion: 1 },
    },
    {
      name: 'created while the key is exchanged for one of another account',
      from: 'Applied',
      left: { otherKey: 1, lostAnswer: 1 },
    },
    {
      name: 'uninstalled while it is created',
      from: 'Applied',
      left: { uninstall: 1, lostAnswer: 1 },
    },
    {
      name: 'created under the name of an unmanaged VM, with annotations that claim it',
      from: 'Applied',
      hasStray: true,
      spec: { providerName: strayName },
      left: { tampering: 2, deletion: 1, crash: 1 },
    },
  ],
};

export const powered: Group = {
  takes: 'StartMachine StopMachine RestartMachine',
  configurations: [
    {
      name: 'switched off and restarted under a policy that alters and refuses what is stored',
      from: 'Settled',
      left: { policy: 1, restart: 1, powerState: 1 },
    },
    {
      name: 'switched off and on, with a crash and a lost answer',
      from: 'Settled',
      left: { powerState: 2, crash: 1, lostAnswer: 1 },
    },
    {
      name: 'switched off, by a guest that does not obey',
      from: 'Settled',
      left: { powerState: 1, guest: 1, slow: 2, crash: 1 },
    },
    {
      name: 'switched off while the mode changes',
      from: 'Settled',
      left: { powerState: 1, mode: 1, guest: 1, slow: 2 },
    },
    {
      name: 'switched on, by a guest that falls back',
      from: 'Settled',
      spec: { powerState: 'Halted' },
      left: { powerState: 1, guest: 2, lag: 1 },
    },
    {
      name: 'switched off while no key is accepted',
      from: 'Settled',
      left: { powerState: 1, rejection: 1, failedRead: 1 },
    },
    {
      name: 'restarted, with a crash and a lost answer while lists lag',
      from: 'Settled',
      left: { restart: 1, crash: 1, lostAnswer: 1, lag: 1 },
    },
    {
      name: 'restarted twice, also too quickly to be seen',
      from: 'Settled',
      left: { restart: 2, guest: 1 },
    },
    {
      name: 'restarted and switched off',
      from: 'Settled',
      left: { restart: 1, powerState: 1, crash: 1 },
    },
    {
      name: 'paused for a while, and deleted',
      from: 'Settled',
      left: { pause: 1, deletion: 1, crash: 1 },
    },
    {
      name: 'only observed for a while, and switched off',
      from: 'Settled',
      left: { observe: 1, powerState: 1, crash: 1 },
    },
  ],
};

export const replaced: Group = {
  takes: 'CreateMachine record hint',
  configurations: [
    {
      name: 'adopted, by a process that crashes while the API server fails',
      from: 'Applied',
      hasStray: true,
      spec: { providerName: strayName, adoption: { policy: 'IfExists' } },
      left: { crash: 1, kubeFault: 1, deletion: 1 },
    },
    {
      name: 'adopted, and deleted because the object requests it',
      from: 'Settled',
      hasStray: true,
      spec: { providerName: strayName, adoption: { policy: 'MustExist' }, deletionPolicy: 'Delete' },
      left: { crash: 1, lostAnswer: 1, deletion: 1 },
    },
    {
      name: 'recreated after a deletion outside the operator, with a crash and a lost answer',
      from: 'Settled',
      left: { person: 1, crash: 1, lostAnswer: 1 },
    },
    {
      name: 'recreated by a process that ends before it reports, while lists lag',
      from: 'Settled',
      left: { person: 1, crash: 1, lag: 1 },
    },
    {
      name: 'recreated repeatedly while lists lag',
      from: 'Settled',
      left: { person: 2, lag: 1 },
    },
    {
      name: 'denied by the provider twice, with a crash',
      from: 'Settled',
      left: { denial: 2, crash: 1 },
    },
    {
      name: 'denied by the provider when others delete its successor',
      from: 'Settled',
      left: { denial: 1, person: 1, lag: 1 },
    },
    {
      name: 'denied by the provider while it is switched off',
      from: 'Settled',
      left: { denial: 1, powerState: 1, lostAnswer: 1 },
    },
    {
      name: 'denied by the provider, which refuses to recreate it, with a crash and a lost answer',
      from: 'Settled',
      spec: { providerName: 'plain' },
      refusesTwins: true,
      left: { denial: 1, longDenial: 3, crash: 1, lostAnswer: 1 },
    },
    {
      name: 'deleted by others, and its name taken',
      from: 'Settled',
      spec: { providerName: 'plain' },
      left: { person: 1, namesake: 1, deletion: 1 },
    },
    {
      name: 'restored from the backup of another object',
      from: 'Restored',
      left: { deletion: 1, powerState: 1, crash: 1 },
    },
    {
      name: 'deprived of its annotations, or given those of another VM',
      from: 'Settled',
      left: { replace: 1, tampering: 1, deletion: 1, crash: 1 },
    },
  ],
};

export const deleted: Group = {
  takes: 'StopMachine KillMachine DeleteMachine',
  configurations: [
    {
      name: 'deleted under policies that alter and refuse what is stored, by a guest that does not obey',
      from: 'Settled',
      left: { policy: 2, deletion: 1, guest: 1 },
    },
    {
      name: 'only observed for a while, and deleted',
      from: 'Settled',
      left: { observe: 1, deletion: 1 },
    },
    {
      name: 'deleted, while others act on the VM and the process crashes',
      from: 'Settled',
      left: { deletion: 1, person: 1, crash: 1 },
    },
    {
      name: 'deleted, while others act on the VM and lists lag',
      from: 'Settled',
      left: { deletion: 1, person: 1, lag: 1 },
    },
    {
      name: 'deleted while a list leaves it out',
      from: 'Settled',
      left: { deletion: 1, gap: 1, crash: 1 },
    },
    {
      name: 'deleted by a slow operator that reads slow lists',
      from: 'Settled',
      left: { deletion: 1, stall: 1, slowList: 1, lag: 1 },
    },
    {
      name: 'deleted from an account without other VMs, by calls that are refused and lost',
      from: 'Settled',
      hasNeighbor: false,
      left: { deletion: 1, refusal: 1, lostAnswer: 1, slow: 1 },
    },
    {
      name: 'deleted while the key is of another account without machines',
      from: 'Settled',
      hasNeighbor: false,
      left: { deletion: 1, otherKey: 1 },
    },
    {
      name: 'uninstalled: its Secret is deleted first',
      from: 'Settled',
      left: { uninstall: 1, lostAnswer: 1, kubeFault: 1 },
    },
    {
      name: 'deleted, but protected for a while, and switched',
      from: 'Settled',
      left: { deletion: 1, protection: 1, powerState: 1 },
    },
    {
      name: 'deleted, but to be retained',
      from: 'Settled',
      left: { deletion: 1, retention: 1, crash: 1 },
    },
    {
      name: 'deleted, and its VM kept',
      from: 'Settled',
      spec: { deletionPolicy: 'Retain' },
      left: { deletion: 1, crash: 1, kubeFault: 1 },
    },
  ],
};

/** Together they take every kind of step. */
export const groups: readonly Group[] = [created, refused, powered, replaced, deleted];

export async function startOf(subject: Subject, configuration: Configuration): Promise<State> {
  const { from, left, spec, refusesTwins = false, hasNeighbor = true, hasStray = false } = configuration;
  const object = from === 'Restored' ? restored(spec) : newObject(spec);
  const theirs = { ...newMachine(firstId - 1, 'theirs', dawn), owner: 'other' } as const;
  const applied: State = {
    now: dawn,
    cluster: newCluster(object, 'own'),
    providerState: {
      machines: [
        ...(hasNeighbor ? [newMachine(neighborId, neighborName, dawn)] : []),
        ...(hasStray ? [newMachine(neighborId + 1, strayName, dawn)] : []),
        ...(hasNeighbor ? [theirs] : []),
      ],
      adrift: [],
      nextId: firstId,
      isRejecting: false,
      createdWith: undefined,
      restarts: [],
      refusesTwins,
    },
    operator: newOperator(object, dawn),
    left: {},
    doubtSince: undefined,
    sent: undefined,
  };
  const state = from === 'Settled' ? await settle(subject, applied) : applied;
  return { ...state, left };
}

function restored(spec: Configuration['spec']): VirtualMachine {
  const identity = JSON.stringify({ id: neighborId, uid: 'of another object' });
  const object = newObject(
    { ...spec, providerName: neighborName },
    { finalizers: [finalizer], annotations: { [annotations.machine]: identity } },
  );
  const record = {
    id: neighborId,
    origin: 'Created',
    providerName: neighborName,
    internal: { objectUID: 'of another object' },
  } as const;
  return { ...object, status: { observedGeneration: 1, ...record } };
}
