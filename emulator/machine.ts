import type { Random } from './random.ts';
import type { State, Task } from './transitions.ts';

/** What a create asks for; ids are those of the catalogue. */
export interface CreateRequest {
  readonly name: string;
  readonly regionId: number;
  readonly packageId: number;
  readonly osTemplateId: number;
  readonly hasIpv6: boolean;
  readonly hasPrivateNetworking: boolean;
}

/** A machine as the emulator keeps it. Times are milliseconds since the epoch. */
export interface Machine extends Omit<CreateRequest, 'packageId'> {
  readonly id: number;
  /** Changes only in the provider's control panel. */
  packageId: number;
  readonly ownerId: number;
  readonly createdAt: number;
  readonly password: string;
  /** Each machine draws from chance of its own, so that the order in which calls arrive changes nothing for others. */
  readonly random: Random;
  state: State;
  task: Task;
  /** The last action. */
  updatedAt: number;
  /** Since when it runs, and how long it ran before. */
  upSince: number | undefined;
  upFor: number;
  /** How often its guest fell back to halted. */
  bootLoops: number;
  deletedAt: number | undefined;
  /** Cancels the next step that the clock has in store for it. */
  cancel: () => void;
}

/** A machine as in-process users and the control API see it: without its password. */
export interface MachineView extends CreateRequest {
  readonly id: number;
  readonly ownerId: number;
  readonly state: State;
  readonly task: Task;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly ignoresShutdown: boolean;
}

/** Milliseconds the machine has run. */
export function uptime(machine: Machine, now: number): number {
  return machine.upFor + (machine.upSince === undefined ? 0 : now - machine.upSince);
}
