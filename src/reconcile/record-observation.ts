import type { MachineObservation } from '../plan/observed.ts';
import type { Account } from '../provider/account/account.ts';
import type { Credentials } from './credentials.ts';
import type { ObjectState } from './object-state.ts';
import type { MachineFinding } from './observe/machine-lookup.ts';
import type { Observation } from './observe/observe.ts';
import type { Preparation } from './prepare.ts';

export interface RecordObservationDeps {
  readonly credentials: Pick<Credentials, 'distrust'>;
}

/** Records the findings of an observation, whatever the decision, and requests the reads that it lacks. */
export function recordObservation(
  { credentials }: RecordObservationDeps,
  { subject: { key, object }, account }: Preparation,
  { observed, finding }: Observation,
  objectState: ObjectState,
): void {
  recordFinding(key, account, finding, objectState);
  const { machine, recreation } = observed;
  if (recreation !== undefined) account?.recreations.reserve(key);
  // While evidence is read again, the object keeps its slot.
  else if (machine.kind !== 'Unknown') account?.recreations.forget(key);
  if (account?.credentialStatus === 'Rejected' || isOtherAccount(observed.machine)) credentials.distrust(object);
}

export function recordFinding(
  key: string,
  account: Pick<Account, 'requestList' | 'requestMachine'> | null,
  { requests, lastRead, absentSince, listLag }: MachineFinding,
  objectState: ObjectState,
): void {
  if (absentSince !== undefined) objectState.recordAbsence(absentSince);
  if (lastRead !== undefined) objectState.recordMachine(lastRead);
  if (listLag === 'CaughtUp') objectState.listCaughtUp();
  else if (listLag !== undefined) objectState.listLags(listLag.since);
  for (const { type, after } of requests) {
    if (type === 'List') account?.requestList(key, after);
    else account?.requestMachine(key, after);
  }
}

function isOtherAccount(machine: MachineObservation): boolean {
  return machine.kind === 'Unknown' && machine.reason.kind === 'OtherAccount';
}
