import type { Random } from './random.ts';
import type { State, Task } from './transitions.ts';

/** The body of a create; ids are those of the catalog. */
export interface CreateRequest {
  readonly name: string;
  readonly regionId: number;
  readonly packageId: number;
  readonly osTemplateId: number;
  readonly hasIpv6: boolean;
  readonly hasPrivateNetworking: boolean;
}

/** A VM in the emulator. Times are milliseconds since the epoch. */
export interface Machine extends Omit<CreateRequest, 'packageId'> {
  readonly id: number;
  /** Changes only in the provider's control panel. */
  packageId: number;
  readonly ownerId: number;
  readonly createdAt: number;
  readonly password: string;
  /** Each VM has its own random numbers, so that the order of calls doesn't affect other VMs. */
  readonly random: Random;
  state: State;
  task: Task;
  /** The time of the last action. */
  updatedAt: number;
  /** When the VM started running, and how long it ran before that. */
  upSince: number | undefined;
  upFor: number;
  /** How often its guest halted again after booting. */
  bootLoops: number;
  deletedAt: number | undefined;
  /** Cancels the next scheduled step of the VM. */
  cancel: () => void;
}

/** A VM as tests and the control API see it: without its password. */
export interface MachineView extends CreateRequest {
  readonly id: number;
  readonly ownerId: number;
  readonly state: State;
  readonly task: Task;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly ignoresShutdown: boolean;
}

/** Milliseconds that the VM has run. */
export function uptime(machine: Machine, now: number): number {
  return machine.upFor + (machine.upSince === undefined ? 0 : now - machine.upSince);
}
