import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import { readiness } from '../../hack/kit/cluster.ts';
import type { Stage } from '../integration/operator/stage.ts';
import type { Calls } from './oracle.ts';

/** The object whose life is lived. */
export const subject = 'web';

/** A part of an object's life: what a person does, and when what they want has come about. */
export interface Phase {
  readonly name: string;
  begin(stage: Stage): Promise<unknown>;
  /** Judged by the object as it is stored; undefined when it is gone. */
  isReached(object: VirtualMachine | undefined): boolean;
  /** The changing calls that it takes, exactly so many, however often the operator dies. */
  readonly calls: Calls;
}

/** The machine is as asked, by a status that knows the newest spec. */
function isSettled(object: VirtualMachine | undefined, state: 'Running' | 'Halted'): boolean {
  return (
    readiness(object) === 'True/Available' &&
    object?.status?.state === state &&
    object.status.observedGeneration === object.metadata.generation
  );
}

function patch(spec: Readonly<Record<string, unknown>>) {
  return ({ cluster, namespace }: Stage) => cluster.patch(namespace, subject, { spec });
}

/** A whole life. A further phase is a further row. */
export const phases: readonly Phase[] = [
  {
    name: 'create',
    begin: (stage) => stage.create(subject),
    isReached: (object) => isSettled(object, 'Running'),
    calls: { CreateMachine: 1 },
  },
  {
    name: 'address',
    // Until now no machine has shown one.
    begin: async ({ emulator }) => emulator.setSwitches({ addressLag: 0 }),
    isReached: (object) => (object?.status?.addresses?.length ?? 0) > 0,
    calls: {},
  },
  {
    name: 'stop',
    begin: patch({ powerState: 'Halted' }),
    isReached: (object) => isSettled(object, 'Halted'),
    calls: { StopMachine: 1 },
  },
  {
    name: 'start',
    begin: patch({ powerState: 'Running' }),
    isReached: (object) => isSettled(object, 'Running'),
    calls: { StartMachine: 1 },
  },
  {
    name: 'kill',
    begin: patch({ powerState: 'Halted', powerOff: { mode: 'Hard' } }),
    isReached: (object) => isSettled(object, 'Halted'),
    calls: { KillMachine: 1 },
  },
  {
    name: 'start again',
    begin: patch({ powerState: 'Running', powerOff: { mode: 'TrySoft' } }),
    isReached: (object) => isSettled(object, 'Running'),
    calls: { StartMachine: 1 },
  },
  {
    name: 'delete',
    begin: ({ cluster, namespace }) => cluster.delete(namespace, subject),
    isReached: (object) => object === undefined,
    calls: { StopMachine: 1, DeleteMachine: 1 },
  },
];
