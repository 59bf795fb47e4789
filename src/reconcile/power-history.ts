import { type Machine, type MachineState, isTaskBusy } from '../domain/machine.ts';

/** What reads have shown of one VM over time. Times are monotonic. Each read returns a new value. */
export interface PowerHistory {
  readonly state?: MachineState;
  readonly stateSince: number;
  /** Since when the provider shows a task in progress. */
  readonly busySince?: number | undefined;
  readonly lastUpAt?: number;
  readonly lastDownAt?: number;
  /** The provider's time of the last action: at present, and while the VM last ran. */
  readonly updatedAt?: string | undefined;
  readonly updatedAtWhenUp?: string | undefined;
}

export const unseen: PowerHistory = { stateSince: 0 };

/** A read that showed the VM: the read started at `startedAt`, and its result was used at `at`. */
export interface MachineRead {
  readonly machine: Machine;
  readonly startedAt: number;
  readonly at: number;
}

/** The history with another read. Pure. */
export function withRead(before: PowerHistory, { machine, startedAt, at }: MachineRead): PowerHistory {
  const { state, updatedAt } = machine;
  const isUp = state === 'Starting' || state === 'Running';
  const isDown = state === 'Halting' || state === 'Halted' || state === 'Starting';
  return {
    ...before,
    state,
    stateSince: state === before.state ? before.stateSince : at,
    busySince: isTaskBusy(machine.lastTask) ? (before.busySince ?? at) : undefined,
    updatedAt,
    ...(isUp ? { lastUpAt: startedAt, updatedAtWhenUp: updatedAt } : {}),
    ...(isDown ? { lastDownAt: startedAt } : {}),
  };
}
