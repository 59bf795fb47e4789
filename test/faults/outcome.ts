import fc from 'fast-check';
import type { VirtualMachineSpec } from '../../src/api/v1alpha1/types.ts';
import { createFaultyWorld, type FaultyWorld, hour, keys, minute } from './world.ts';

/** All of a spec that may be changed. */
export type PowerSpec = Pick<VirtualMachineSpec, 'powerState' | 'powerOff'>;

export const powerSpecs: fc.Arbitrary<PowerSpec> = fc.record({
  powerState: fc.constantFrom('Running', 'Halted'),
  powerOff: fc.record({
    mode: fc.constantFrom('TrySoft', 'Soft', 'Hard'),
    gracePeriodSeconds: fc.constantFrom(1, 30, 60),
  }),
});

/** What lives begin with. */
export const initial: PowerSpec = { powerState: 'Running', powerOff: { mode: 'TrySoft', gracePeriodSeconds: 60 } };

/** Everything that shows where a life has come to, but for times. */
export function outcomeOf(world: FaultyWorld) {
  const object = world.cluster.machine('web');
  const { id, state, ownerId, addresses, operation, startFailure, conditions = [] } = object?.status ?? {};
  return {
    machine: world.machineOf('web')?.state,
    spec: object?.spec,
    annotations: Object.keys(object?.metadata.annotations ?? {}),
    finalizers: object?.metadata.finalizers,
    status: { id, state, ownerId, addresses, operation, startFailure },
    conditions: conditions.map(({ type, status, reason, message }) => ({
      type,
      status,
      reason,
      message: withoutTask(message),
    })),
  };
}

/** A task that failed at the provider stays its last one until the next, and is mentioned until then. */
function withoutTask(message: string): string {
  return message.replace(/; its last task at the provider failed .*$/, '');
}

/** The end of all trouble, and time enough to get over it. */
export async function calm(world: FaultyWorld): Promise<void> {
  world.emulator.clearFaults();
  world.emulator.setSwitches({ listLag: 0, getLag: 0, deletedListLag: 0, ignoresShutdownNames: '' });
  world.wire.isRefusing = false;
  world.useKey(keys.ours);
  await world.clock.advance(hour);
}

const expected = new Map<string, Promise<ReturnType<typeof outcomeOf>>>();

/** What the last of the specs comes to in a world where nothing else ever happened: always the same, so lived once. */
export function expectedOf(spec: PowerSpec): Promise<ReturnType<typeof outcomeOf>> {
  const key = JSON.stringify([spec.powerState, spec.powerOff.mode, spec.powerOff.gracePeriodSeconds]);
  const known = expected.get(key) ?? liveUndisturbed(spec);
  expected.set(key, known);
  return known;
}

async function liveUndisturbed(spec: PowerSpec) {
  const world = await createFaultyWorld();
  world.apply('web', { powerState: 'Running', powerOff: spec.powerOff });
  await world.clock.advance(minute);
  world.cluster.change('web', { spec });
  await world.clock.advance(hour);
  return outcomeOf(world);
}
