import type { Failure } from '../domain/failure.ts';
import { type Machine, type MachineState, isTaskBusy } from '../domain/machine.ts';
import type { StatusReason } from '../plan/action.ts';
import type { ObservedHistory } from '../plan/observed.ts';

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

/** One moment by both clocks: epoch milliseconds, and monotonic milliseconds. */
export interface Moment {
  readonly now: number;
  readonly monotonic: number;
}

export interface PasswordConflict {
  readonly statusReason: StatusReason;
  readonly outdated: string | undefined;
}

/** The fields that the history is computed from. Times are monotonic. */
interface HistorySource {
  readonly power: PowerHistory;
  readonly firstSeenAt: number;
  readonly refusedSince: number | undefined;
  readonly refusedWords: string | undefined;
  readonly notBefore: number | undefined;
  readonly deleteAcceptedAt: number | undefined;
  readonly deletes: number;
  readonly refusal: Failure | undefined;
  readonly writeRefusal: ObservedHistory['writeRefusal'];
  readonly passwordSecret: string | undefined;
  readonly passwordConflict: PasswordConflict | undefined;
  readonly queueing: 'Unreported' | 'Reported' | undefined;
  readonly operation: SentOperation | undefined;
}

/** The operation in the status, and when (monotonic) it was sent. */
export interface SentOperation {
  readonly startTime: string;
  readonly sentAt: number;
}

/** The history for `plan`, in epoch milliseconds, including a read that isn't recorded yet. Pure. */
export function historyOf(source: HistorySource, { now, monotonic }: Moment, lastRead?: MachineRead): ObservedHistory {
  const {
    deleteAcceptedAt,
    deletes,
    refusal,
    writeRefusal: write,
    passwordSecret,
    passwordConflict: conflict,
    operation,
  } = source;
  const power = lastRead === undefined ? source.power : withRead(source.power, lastRead);
  // A new state of the VM ends deferrals because of the previous one.
  const isSameState = power.state === source.power.state;
  const [refusedSince, refusedWords, notBefore] = isSameState
    ? [source.refusedSince, source.refusedWords, source.notBefore]
    : [];
  const epochOf = (moment: number): number => now - (monotonic - moment);
  const since = (moment: number | undefined): number => (moment === undefined ? 0 : monotonic - moment);
  return {
    knownFor: since(source.firstSeenAt),
    stateFor: power.state === undefined ? 0 : since(power.stateSince),
    taskBusyFor: since(power.busySince),
    ...(power.lastUpAt === undefined ? {} : { lastUpAt: epochOf(power.lastUpAt) }),
    ...(power.lastDownAt === undefined ? {} : { lastDownAt: epochOf(power.lastDownAt) }),
    refusedFor: since(refusedSince),
    ...(refusedWords === undefined ? {} : { refusedWords }),
    ...(operation === undefined
      ? {}
      : { operation: { startTime: operation.startTime, age: monotonic - operation.sentAt } }),
    wasActedOn: power.lastUpAt !== undefined && power.updatedAt !== power.updatedAtWhenUp,
    ...(deleteAcceptedAt === undefined ? {} : { deleteAcceptedAt: epochOf(deleteAcceptedAt) }),
    deletes,
    ...(refusal === undefined ? {} : { refusal }),
    ...(write === undefined
      ? {}
      : { writeRefusal: { action: write.action, message: write.message, until: epochOf(write.until) } }),
    ...(passwordSecret === undefined ? {} : { passwordSecret }),
    ...(conflict === undefined ? {} : { passwordConflict: conflict.statusReason }),
    ...(conflict?.outdated === undefined ? {} : { outdatedPasswordSecret: conflict.outdated }),
    ...(source.queueing === 'Unreported' ? { isQueued: true } : {}),
    ...(notBefore === undefined ? {} : { notBefore: epochOf(notBefore) }),
  };
}
