import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import { readiness } from '../support/control-plane.ts';
import type { OperatorFixture } from '../integration/operator/fixture.ts';
import type { Calls } from './oracle.ts';

/** The object whose life is lived. */
export const subject = 'web';

/** A phase of an object's life: what the user does, and when the result is reached. */
export interface Phase {
  readonly name: string;
  /** The object it is about, if not the one whose life is lived. */
  readonly object?: string;
  begin(stage: OperatorFixture): Promise<unknown>;
  /** Judged by the object as it is stored; undefined when it is gone. */
  isReached(object: VirtualMachine | undefined): boolean;
  /** The changing calls that it takes, exactly so many, however often the operator dies. */
  readonly calls: Calls;
  /** What else must be so once it is reached: a sentence for each thing that is not. */
  check?(stage: OperatorFixture): Promise<readonly string[]>;
}

/** The VM matches the spec, by a status of the newest generation. */
function isSettled(object: VirtualMachine | undefined, state: 'Running' | 'Halted'): boolean {
  return (
    readiness(object) === 'True/Available' &&
    object?.status?.state === state &&
    object.status.observedGeneration === object.metadata.generation
  );
}

function patch(spec: Readonly<Record<string, unknown>>) {
  return ({ cluster, namespace }: OperatorFixture) => cluster.patch(namespace, subject, { spec });
}

const adopted = 'adopted';

/** There before the object that takes it over, under a name that an object of an earlier life might have given it. */
function placeLegacy({ emulator }: OperatorFixture): number {
  return emulator.panel.create({ name: `${adopted}-0badc0de` });
}

/** The Secret is there, once and with the right password, however often its writer died. */
async function checkPassword({ cluster, namespace, emulator, object }: OperatorFixture): Promise<readonly string[]> {
  const id = (await object(subject))?.status?.id ?? 0;
  const name = `${subject}-initial-password`;
  const secret = await cluster.read({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace } });
  // A Secret's values are base64.
  const { data } = (secret ?? {}) as { data?: { password?: string } };
  const password = Buffer.from(data?.password ?? '', 'base64').toString('utf8');
  return password === emulator.passwordOf(id) ? [] : [`Secret ${name} does not hold the password of machine ${id}`];
}

/** A whole life. A further phase is a further row. */
export const phases: readonly Phase[] = [
  {
    name: 'create',
    begin: (stage) => stage.create(subject),
    isReached: (object) => isSettled(object, 'Running'),
    calls: { CreateMachine: 1 },
    check: checkPassword,
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
    name: 'restart',
    begin: patch({ restartRequest: 'once' }),
    isReached: (object) => isSettled(object, 'Running') && object?.status?.lastRestartRequest === 'once',
    calls: { RestartMachine: 1 },
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
    name: 'adopt',
    object: adopted,
    begin: (stage) =>
      stage.create(adopted, { adoption: { policy: 'MustExist', id: placeLegacy(stage) }, deletionPolicy: 'Delete' }),
    isReached: (object) => isSettled(object, 'Running') && object?.status?.origin === 'Adopted',
    calls: {},
    check: checkPassword,
  },
  {
    name: 'delete the adopted',
    object: adopted,
    begin: ({ cluster, namespace }) => cluster.delete(namespace, adopted),
    isReached: (object) => object === undefined,
    calls: { StopMachine: 1, DeleteMachine: 1 },
  },
  {
    name: 'delete',
    begin: ({ cluster, namespace }) => cluster.delete(namespace, subject),
    isReached: (object) => object === undefined,
    calls: { StopMachine: 1, DeleteMachine: 1 },
  },
];
