import { providerName } from '../../../src/api/v1alpha1/identity.ts';
import { annotations } from '../../../src/api/v1alpha1/constants.ts';
import type { VirtualMachine } from '../../../src/api/v1alpha1/types.ts';
import { change } from '../world/cluster.ts';
import { can, later, type Action, spend } from './action.ts';
import type { Misfortune, Secret, State } from '../state.ts';
import { toIso } from '../time.ts';

/** What people do to the object and its Secret. A new dimension of the object is one more entry of `changes`. */
export function userActions(state: State): readonly Action[] {
  const { object } = state.cluster;
  return [...(object === undefined ? [] : changesOf(state, object)), ...secret(state)];
}

function changesOf(state: State, object: VirtualMachine): Action[] {
  const { cluster, now } = state;
  return changes.flatMap(({ kind, label, isPossible = () => true, make, undo }) => {
    const actions: Action[] = [];
    if (can(state, kind) && isPossible(object)) {
      const to = later(spend(state, kind), { cluster: change(cluster, make(object, now)) });
      actions.push({ kind, label: label(object), to, phase: undefined });
    }
    const undone = undo?.(object);
    if (undone !== undefined) {
      const to = later(state, { cluster: change(cluster, undone) });
      actions.push({ kind: 'repair', label: `a user reverts: ${kind}`, to, phase: 'repair' });
    }
    return actions;
  });
}

interface Change {
  readonly kind: Misfortune;
  readonly label: (object: VirtualMachine) => string;
  readonly isPossible?: (object: VirtualMachine) => boolean;
  readonly make: (object: VirtualMachine, now: number) => VirtualMachine;
  /** The object without the change, if it is made: in a world without faults a user reverts it in the end. */
  readonly undo?: (object: VirtualMachine) => VirtualMachine | undefined;
}

const changes: readonly Change[] = [
  {
    kind: 'powerState',
    label: ({ spec }) => `a user sets powerState to ${otherState(spec.powerState)}`,
    make: (object) => withSpec(object, { powerState: otherState(object.spec.powerState) }),
  },
  {
    kind: 'mode',
    label: ({ spec }) => `a user sets powerOff.mode to ${otherMode(spec.powerOff.mode)}`,
    make: (object) =>
      withSpec(object, { powerOff: { ...object.spec.powerOff, mode: otherMode(object.spec.powerOff.mode) } }),
  },
  {
    kind: 'restart',
    label: () => 'a user requests a restart',
    make: (object) => withSpec(object, { restartRequest: `of generation ${object.metadata.generation}` }),
  },
  {
    kind: 'pause',
    label: () => 'a user pauses the object',
    isPossible: ({ metadata }) => metadata.annotations?.[annotations.paused] === undefined,
    make: (object) => withAnnotations(object, { [annotations.paused]: 'true' }),
    undo: (object) =>
      object.metadata.annotations?.[annotations.paused] === undefined
        ? undefined
        : withAnnotations(object, { [annotations.paused]: undefined }),
  },
  {
    kind: 'observe',
    label: () => 'a user sets managementPolicy to Observe',
    isPossible: ({ spec }) => spec.managementPolicy === 'Manage',
    make: (object) => withSpec(object, { managementPolicy: 'Observe' }),
    undo: (object) =>
      object.spec.managementPolicy === 'Manage' ? undefined : withSpec(object, { managementPolicy: 'Manage' }),
  },
  {
    kind: 'protection',
    label: () => 'a user protects the VM from deletion',
    isPossible: ({ spec }) => !spec.deletionProtection,
    make: (object) => withSpec(object, { deletionProtection: true }),
    undo: (object) => (object.spec.deletionProtection ? withSpec(object, { deletionProtection: false }) : undefined),
  },
  {
    kind: 'retention',
    label: () => 'a user sets deletionPolicy Retain',
    make: (object) => withSpec(object, { deletionPolicy: 'Retain' }),
  },
  {
    kind: 'deletion',
    label: () => 'a user deletes the object',
    // Without the finalizer a recorded VM is lost with the object before the finalizer can be restored.
    isPossible: ({ metadata: { deletionTimestamp, finalizers = [] }, status }) =>
      deletionTimestamp === undefined && (finalizers.length > 0 || status?.id === undefined),
    make: (object, now) => withMeta(object, { deletionTimestamp: toIso(now) }),
  },
  {
    kind: 'replace',
    label: () => 'an update takes finalizers and annotations away',
    // Before the status has the id, only the annotations record the VM, and a user who removes them removes the evidence.
    isPossible: ({ metadata, status }) => metadata.deletionTimestamp === undefined && status?.id !== undefined,
    make: (object) => withMeta(object, { finalizers: [], annotations: {} }),
  },
  {
    kind: 'tampering',
    label: () => "a user writes the neighbor's id into the object",
    make: (object) =>
      withAnnotations(object, {
        [annotations.machine]: JSON.stringify({ id: neighborId, uid: object.metadata.uid, name: neighborName }),
      }),
  },
  {
    kind: 'tampering',
    label: () => 'a user writes a create intent into the object',
    make: (object) =>
      withAnnotations(object, {
        [annotations.createPending]: JSON.stringify({ uid: object.metadata.uid, name: providerName(object) }),
      }),
  },
];

function withSpec(object: VirtualMachine, spec: Partial<VirtualMachine['spec']>): VirtualMachine {
  return { ...object, spec: { ...object.spec, ...spec } };
}

function withMeta(object: VirtualMachine, metadata: Partial<VirtualMachine['metadata']>): VirtualMachine {
  return { ...object, metadata: { ...object.metadata, ...metadata } };
}

/** Undefined: without that one. */
function withAnnotations(
  object: VirtualMachine,
  changed: Readonly<Record<string, string | undefined>>,
): VirtualMachine {
  const all = Object.entries({ ...object.metadata.annotations, ...changed });
  const left = all.flatMap(([name, text]) => (text === undefined ? [] : [[name, text] as const]));
  return withMeta(object, { annotations: Object.fromEntries(left) });
}

/** An unmanaged machine of the same account. */
export const neighborId = 50;
export const neighborName = 'neighbor';
/** Another one, to be adopted, or not. */
export const strayName = 'stray';
/** Of the VMs that are made while the model runs. */
export const firstId = 90;

function otherState(state: VirtualMachine['spec']['powerState']): VirtualMachine['spec']['powerState'] {
  return state === 'Running' ? 'Halted' : 'Running';
}

function otherMode(mode: VirtualMachine['spec']['powerOff']['mode']): VirtualMachine['spec']['powerOff']['mode'] {
  return mode === 'TrySoft' ? 'Soft' : 'TrySoft';
}

/** Helm and kubectl delete Secrets before custom resources. */
function deleteNext(state: State): Action[] {
  const { cluster, now } = state;
  const { object } = cluster;
  if (object === undefined || object.metadata.deletionTimestamp !== undefined) return [];
  const to = later(state, { cluster: change(cluster, withMeta(object, { deletionTimestamp: toIso(now) })) });
  return [{ kind: 'repair', label: 'a user deletes the object after its Secret', to, phase: 'repair' }];
}

/** The Secret is watched: a change of it wakes the object at once. */
function secret(state: State): Action[] {
  const { cluster, operator } = state;
  const put = (from: State, keyOf: Secret['keyOf']): State => {
    const next = { keyOf, version: cluster.secret.version + 1 };
    const isDue = operator.cache !== undefined;
    return later(from, { cluster: { ...cluster, secret: next }, operator: { ...operator, isDue } });
  };
  // The one that the object's machine was made with, if one was.
  const right = state.providerState.createdWith ?? 'own';
  if (cluster.secret.isUninstalled === true) return deleteNext(state);
  const gone = put(spend(state, 'uninstall'), undefined);
  const uninstalled = {
    ...gone,
    cluster: { ...gone.cluster, secret: { ...gone.cluster.secret, isUninstalled: true } },
  } as const;
  const uninstall: Action[] = can(state, 'uninstall')
    ? [
        {
          kind: 'uninstall',
          label: 'a user deletes the Secret, to delete the object next',
          to: uninstalled,
          phase: undefined,
        },
      ]
    : [];
  if (cluster.secret.keyOf !== right)
    return [{ kind: 'repair', label: 'a user restores the right key', to: put(state, right), phase: 'repair' }];
  if (!can(state, 'otherKey')) return uninstall;
  const from = spend(state, 'otherKey');
  return [
    { kind: 'otherKey', label: 'a user writes a key of another account', to: put(from, 'other'), phase: undefined },
    { kind: 'otherKey', label: 'a user deletes the Secret', to: put(from, undefined), phase: undefined },
  ];
}
