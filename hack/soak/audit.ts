import { providerName, readIntent } from '../../src/api/v1alpha1/identity.ts';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import type { Emulator } from '../../emulator/emulator.ts';
import type { Ledger } from '../../emulator/ledger.ts';
import type { MachineView } from '../../emulator/machine.ts';
import { isWrite } from '../../emulator/operations.ts';
import { objectOf } from '../../test/support/machine-name.ts';

/** Unmanaged VMs in the account: no call may ever change one. Some have the bare name of an object. */
export function placeUnmanaged({ panel, machines }: Emulator, objects: readonly string[]): readonly MachineView[] {
  const names = ['legacy-1', 'legacy-2', ...objects.slice(0, 3)];
  for (const [index, name] of names.entries()) panel.create({ name, state: index % 2 === 0 ? 'running' : 'halted' });
  return machines();
}

/** Calls with an effect that named one of these VMs, whatever their result. */
export function writesTo(ledger: Ledger, machines: readonly MachineView[]): number {
  const ids = new Set(machines.map(({ id }) => id));
  return ledger.calls.filter(
    ({ operation, machineId }) => isWrite(operation) && machineId !== undefined && ids.has(machineId),
  ).length;
}

/** VMs that changed since they were placed. */
export function changed({ machines }: Emulator, before: readonly MachineView[]): number {
  const now = new Map(machines().map((machine) => [machine.id, JSON.stringify(machine)]));
  return before.filter((machine) => now.get(machine.id) !== JSON.stringify(machine)).length;
}

/** The largest number of VMs that any object had at the same time, created by calls. */
export function maxAtOnce(ledger: Ledger): number {
  const live = new Map<string, number>();
  const made = new Set<number>();
  let most = 0;
  for (const { kind, cause, machineId, machineName } of ledger.effects) {
    if (kind === 'created' && cause !== 'panel') made.add(machineId);
    if (!made.has(machineId) || (kind !== 'created' && kind !== 'deleted')) continue;
    const object = objectOf(machineName);
    const count = (live.get(object) ?? 0) + (kind === 'created' ? 1 : -1);
    live.set(object, count);
    most = Math.max(most, count);
  }
  return most;
}

/**
 * Provider names that an object accounts for: while it exists, a VM of such a name counts as managed and not as leaked.
 */
export function providerNamesOf(object: VirtualMachine): readonly string[] {
  const { metadata, status } = object;
  const intent = readIntent(metadata.annotations?.[annotations.createPending], metadata.uid);
  return [
    providerName(object),
    ...(status?.providerName === undefined ? [] : [status.providerName]),
    ...(intent?.name === undefined ? [] : [intent.name]),
  ];
}
